#include "proxy/policy/pattern.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <regex>
#include <string>
#include <vector>

namespace bascule::policy {
namespace {

using testing::HasSubstr;

bool matches(std::string_view pattern, std::string_view text) {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) {
    ADD_FAILURE() << pattern << ": " << parsed.error().text;
    return false;
  }
  return parsed->matches(text);
}

std::string complaint(std::string_view pattern) {
  const auto parsed = Pattern::parse(pattern);
  EXPECT_FALSE(parsed.ok()) << pattern;
  return parsed ? "" : parsed.error().text;
}

struct Row {
  std::string_view pattern;
  std::vector<std::string_view> yes;
  std::vector<std::string_view> no;
};

TEST(Pattern, FollowsTheTable) {
  const std::vector<Row> rows{
      {"a", {"a"}, {"", "b", "aa", "A"}},
      {"abc", {"abc"}, {"ab", "abcd", "xabc"}},
      {".", {"a", "\xff", "."}, {"", "ab"}},
      {"[0-9]+", {"0", "42"}, {"", "4x", "x4"}},
      {"[a-z0-9_]*", {"", "a_1"}, {"A", "a-1"}},
      {"[^.]+", {"abc"}, {"a.c", "."}},
      {"[a-]", {"a", "-"}, {"b"}},
      {"[-a]", {"a", "-"}, {"b"}},
      {R"([\]\-\\])", {"]", "-", "\\"}, {"a"}},
      {R"([\d_]+)", {"1_2"}, {"a"}},
      {"[.*+?(|]+", {".*+?(|"}, {"a"}},
      {R"(\d{4}-\d{2})", {"2024-05"}, {"2024-5", "024-05"}},
      {R"(\w+)", {"aZ_9"}, {"a-b", ""}},
      {R"(a\.b)", {"a.b"}, {"axb"}},
      {R"(\{\}\[\]\(\)\*)", {"{}[]()*"}, {""}},
      {"a|b|cd", {"a", "b", "cd"}, {"c", "ab", ""}},
      {"a|", {"a", ""}, {"b"}},
      {"(a|b)c", {"ac", "bc"}, {"a", "c", "abc"}},
      {"(ab)+", {"ab", "abab"}, {"", "aba"}},
      {"(a*)*", {"", "aaa"}, {"b"}},
      {"(|a)+b", {"b", "aab"}, {"a"}},
      {"()", {""}, {"a"}},
      {"a?b", {"b", "ab"}, {"aab"}},
      {"a{0}", {""}, {"a"}},
      {"a{2}", {"aa"}, {"a", "aaa"}},
      {"a{2,}", {"aa", "aaaaa"}, {"a"}},
      {"a{0,}", {"", "a"}, {"b"}},
      {"a{1,3}", {"a", "aa", "aaa"}, {"", "aaaa"}},
      {"(a{1,2}b){2}", {"abab", "aabab"}, {"ab", "aaabab"}},
      {"\xc3\xa4+", {"\xc3\xa4", "\xc3\xa4\xc3\xa4"}, {"\xc3\xa4\xa4", "\xc3"}},
      {"desk-[a-f0-9]{8}", {"desk-00c0ffee"}, {"desk-00c0ffe", "desk-00C0FFEE"}},
  };
  for (const Row& row : rows) {
    for (const std::string_view text : row.yes) {
      EXPECT_TRUE(matches(row.pattern, text)) << row.pattern << " " << text;
    }
    for (const std::string_view text : row.no) {
      EXPECT_FALSE(matches(row.pattern, text)) << row.pattern << " " << text;
    }
  }
}

TEST(Pattern, CountsToAThousand) {
  EXPECT_TRUE(matches("a{1000}", std::string(1000, 'a')));
  EXPECT_FALSE(matches("a{1000}", std::string(999, 'a')));
  EXPECT_FALSE(matches("a{1,1000}", std::string(1001, 'a')));
}

TEST(Pattern, SaysWhatIsWrongAndHowItIsWritten) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows{
      {"", "empty pattern"},
      {"*", R"(write '\*')"},
      {"a|+", R"(write '\+')"},
      {"(?)", "'('"},
      {"(?:a)", "groups are written '(' and ')'"},
      {"a**", "two repeats"},
      {"a+?", "two repeats"},
      {"a{2}{3}", "two repeats"},
      {"^a$", "leave '^' out"},
      {"a$", "leave '$' out"},
      {"(a", R"(write '\(')"},
      {"a)", R"(write '\)')"},
      {"[a", R"(write '\[')"},
      {"[a-", R"(write '\[')"},
      {"[]", R"(write '\]')"},
      {"[]a]", R"(write '\]')"},
      {"[^]", "nothing in it"},
      {"]", R"(write '\]')"},
      {"{2}", R"(write '\{')"},
      {"}", R"(write '\}')"},
      {"a{", "'{n}'"},
      {"a{}", "'{n}'"},
      {"a{,3}", "'{n}'"},
      {"a{x}", "'{n}'"},
      {"a{3,2}", "'{n}'"},
      {"a{1001}", "up to 1000"},
      {"a{-1}", "'{n}'"},
      {"[z-a]", "upwards"},
      {R"([\d-z])", "from one character to another"},
      {"[\xc3\xa4]", "ASCII"},
      {R"(\)", R"(behind '\')"},
      {R"(\s)", R"(behind '\')"},
      {R"(\b)", R"(behind '\')"},
      {R"(\1)", R"(behind '\')"},
      {R"(\x41)", R"(behind '\')"},
      {R"([\n])", R"(behind '\')"},
      {R"([\)", R"(behind '\')"},
  };
  for (const auto& [pattern, wanted] : rows) { EXPECT_THAT(complaint(pattern), HasSubstr(wanted)) << pattern; }
}

TEST(Pattern, RefusesWhatIsTooLarge) {
  EXPECT_THAT(complaint("(a{1000}){1000}"), HasSubstr("4096 states"));
  EXPECT_THAT(complaint("((((a{9}){9}){9}){9}){9}"), HasSubstr("4096 states"));
  EXPECT_THAT(complaint(std::string(5000, 'a')), HasSubstr("4096 bytes"));
  EXPECT_THAT(complaint(std::string(1000, '(') + "a" + std::string(1000, ')')), HasSubstr("groups within each other"));
  EXPECT_TRUE(matches("(((){1000}){1000}){1000}", ""));
}

// A backtracking engine would need longer than the world is old for each of these.
TEST(Pattern, TakesTimeInProportionToTheText) {
  const std::string row(100'000, 'a');
  EXPECT_FALSE(matches("(a*)*b", row));
  EXPECT_FALSE(matches("(a|a)*b", row));
  EXPECT_FALSE(matches("(a|aa)+b", row));
  EXPECT_FALSE(matches("((a+)+)+b", row));
  EXPECT_TRUE(matches("(a*)*b?", row));
  EXPECT_FALSE(matches("(a?){30}a{30}", row));
}

// --- against another engine ------------------------------------------------------------------------------------------

using Random = std::mt19937;

// No repeat within a repeat: the other engine backtracks, and would take its time.
enum class Repeats : bool { no, yes };

std::string random_pattern(Random& random, int depth, Repeats repeats) {
  if (depth == 0 || random() % 4 == 0) {
    const std::vector<std::string> atoms{"a", "b", ".", "[ab]", "[^a]", R"(\w)", "[b-c]", R"(\.)"};
    return atoms[random() % atoms.size()];
  }
  const std::size_t kind = random() % (repeats == Repeats::yes ? 6 : 2);
  const std::string part = random_pattern(random, depth - 1, kind < 2 ? repeats : Repeats::no);
  switch (kind) {
    case 0: return part + random_pattern(random, depth - 1, repeats);
    case 1: return "(" + part + "|" + random_pattern(random, depth - 1, repeats) + ")";
    case 2: return "(" + part + ")*";
    case 3: return "(" + part + ")+";
    case 4: return "(" + part + ")?";
    default: return "(" + part + "){1,2}";
  }
}

TEST(Pattern, AgreesWithTheStandardLibraryOnSmallOnes) {
  constexpr unsigned seed = 20240503;
  Random random(seed);
  int matched = 0;
  for (int round = 0; round < 500; ++round) {
    const std::string pattern = random_pattern(random, 4, Repeats::yes);
    const std::regex theirs(pattern);
    for (int i = 0; i < 10; ++i) {
      std::string text;
      while (random() % 5 != 0 && text.size() < 8) { text.push_back("abc."[random() % 4]); }
      const bool wanted = std::regex_match(text, theirs);
      matched += wanted ? 1 : 0;
      ASSERT_EQ(matches(pattern, text), wanted)
          << pattern << " against '" << text << "', seed " << seed << ", round " << round;
    }
  }
  EXPECT_GT(matched, 500);  // both answers came up
}

// Whatever is written, reading it ends.
TEST(Pattern, ReadsAnyText) {
  constexpr unsigned seed = 7;
  Random random(seed);
  const std::string_view letters = "ab()[]{}|*+?.\\^$-,019dw\xc3";
  int good = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    while (random() % 12 != 0) { text.push_back(letters[random() % letters.size()]); }
    const auto pattern = Pattern::parse(text);
    if (pattern) {
      ++good;
      EXPECT_EQ(pattern->matches("ab"), pattern->matches("ab")) << "seed " << seed << ", round " << round;
    } else {
      EXPECT_NE(pattern.error().text, "") << text;
    }
  }
  EXPECT_GT(good, 100);
}

TEST(Pattern, IsEqualWhereItIsWrittenAlike) {
  EXPECT_EQ(*Pattern::parse("a|b"), *Pattern::parse("a|b"));
  EXPECT_NE(*Pattern::parse("a|b"), *Pattern::parse("b|a"));
}

}  // namespace
}  // namespace bascule::policy
