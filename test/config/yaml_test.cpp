#include "proxy/config/yaml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bascule::config {
namespace {

Document parsed(std::string_view text) {
  auto document = parse_yaml(text);
  if (!document) {
    ADD_FAILURE() << document.error().line << ":" << document.error().column << ": " << document.error().text;
    return {};
  }
  return std::move(*document);
}

const YamlNode& root_of(const Document& document) {
  static const YamlNode none;
  EXPECT_NE(document.root, nullptr);
  return document.root == nullptr ? none : *document.root;
}

// "line:column: what is wrong"
std::string broken(std::string_view text) {
  const auto document = parse_yaml(text);
  if (document) { return "(nothing wrong)"; }
  const BrokenYaml& why = document.error();
  return std::to_string(why.line) + ":" + std::to_string(why.column) + ": " + why.text;
}

TEST(ParseYaml, KeepsThePlaceOfEverything) {
  const Document document = parsed("a: b\nlist:\n  - x\n  - {k: \"v\"}\n");
  ASSERT_EQ(root_of(document).entries.size(), 2U);
  const auto& [key, list] = root_of(document).entries[1];
  EXPECT_EQ(key->line, 2);
  EXPECT_EQ(key->column, 1);
  ASSERT_EQ(list->items.size(), 2U);
  EXPECT_EQ(list->items[1]->line, 4);
  EXPECT_EQ(list->items[1]->column, 5);
  const YamlNode& value = *list->items[1]->entries[0].second;
  EXPECT_EQ(value.text, "v");
  EXPECT_TRUE(value.quoted);
  EXPECT_EQ(value.column, 9);
}

TEST(ParseYaml, KeepsBothOfTwoKeys) {
  EXPECT_EQ(root_of(parsed("a: 1\na: 2\n")).entries.size(), 2U);
}

TEST(ParseYaml, TellsNothingFromTheWordNull) {
  const Document document = parsed("a:\nb: null\nc: ~\nd: \"null\"\n");
  const auto& entries = root_of(document).entries;
  EXPECT_EQ(entries[0].second->kind, YamlNode::Kind::nothing);
  EXPECT_EQ(entries[0].second->text, "");
  EXPECT_EQ(entries[0].second->line, 1) << "what is not written stands at its key";
  EXPECT_EQ(entries[1].second->text, "null");
  EXPECT_EQ(entries[2].second->text, "~");
  EXPECT_EQ(entries[3].second->kind, YamlNode::Kind::text);
}

TEST(ParseYaml, KeepsEveryWordAsItIsWritten) {
  const Document document = parsed("[on, 010, 0x1F, 1e3, yes, .nan]");
  std::vector<std::string> words;
  for (const YamlNode* item : root_of(document).items) { words.push_back(item->text); }
  EXPECT_EQ(words, (std::vector<std::string>{"on", "010", "0x1F", "1e3", "yes", ".nan"}));
}

TEST(ParseYaml, LeadsAnAliasToItsNode) {
  const Document document = parsed("a: &x {k: v}\nb: *x\n");
  EXPECT_EQ(root_of(document).entries[0].second, root_of(document).entries[1].second);
}

TEST(ParseYaml, TakesTheLineEndsAndTheMarkOfOtherSystems) {
  const Document document = parsed(
      "\xef\xbb\xbf"
      "a: b\r\nc: d\r\n");
  EXPECT_EQ(root_of(document).entries[0].first->text, "a");
  EXPECT_EQ(root_of(document).entries[1].first->line, 2);
  EXPECT_EQ(root_of(document).entries[1].second->text, "d");
}

TEST(ParseYaml, FindsNothingInAnEmptyFile) {
  for (const char* text : {"", "\n", "# only a comment\n"}) { EXPECT_EQ(parsed(text).root, nullptr) << text; }
}

struct BrokenRow {
  std::string_view text;
  std::string_view place_and_sentence;
};

TEST(ParseYaml, ExplainsTheTrapsOfYaml) {
  const std::vector<BrokenRow> rows{
      {"host: *.example.org\n",
       "1:7: YAML reads '*.example.org' as an alias, for it begins with '*'; put quotes around "
       "it: \"*.example.org\""},
      {"host: [a, *.b.c]\n",
       "1:11: YAML reads '*.b.c' as an alias, for it begins with '*'; put quotes around it: \"*.b.c\""},
      {"host: *\n", "1:7: YAML reads '*' as an alias; the word for all of them is 'any'"},
      {"listen: [::]:443\n", "1:9: YAML reads '[...]' as a list; put quotes around it: \"[::]:443\""},
      {"- [::]:443  # all\n", "1:3: YAML reads '[...]' as a list; put quotes around it: \"[::]:443\""},
      {"listen: {address: [::1]:443}\n", "1:19: YAML reads '[...]' as a list; put quotes around it: \"[::1]:443\""},
      {"to: {path.id}:5900\n", "1:5: YAML reads '{...}' as a map; put quotes around it: \"{path.id}:5900\""},
      {"r: {path: /desk/{id}, x: y}\n", "1:11: YAML reads '{...}' as a map; put quotes around it: \"/desk/{id}\""},
      {"to: echo:\n",
       "1:5: YAML reads a ':' at the end of a value, or before a space, as the end of a key; put quotes "
       "around it: \"echo:\""},
      {"- {to: echo:}\n",
       "1:8: YAML reads a ':' at the end of a value, or before a space, as the end of a key; put "
       "quotes around it: \"echo:\""},
      {"- {to: echo:, a: b}\n",
       "1:8: YAML reads a ':' at the end of a value, or before a space, as the end of a key; "
       "put quotes around it: \"echo:\""},
      {"a: @x\n", "1:4: no value begins with '@' in YAML; put quotes around it: \"@x\""},
      {"a: `x`\n", "1:4: no value begins with '`' in YAML; put quotes around it: \"`x`\""},
      {"a: !x y\n", "1:4: YAML reads a word that begins with '!' as a tag, and rules have none; put quotes around it"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(broken(text), sentence) << text; }
}

TEST(ParseYaml, SaysWhereTheSyntaxIsWrong) {
  const std::vector<BrokenRow> rows{
      {"a: b\n  c: d\n", "2:4: a key where YAML expects none; is the indentation right?"},
      {"a:\n  - b\n c: d\n", "3:2: this fits in neither with what stands before nor above; is the indentation right?"},
      {"a: [b, c\nd: e\n", "2:2: ']' or ',' expected here"},
      {"a: {b: c\nd: e\n", "2:2: '}' or ',' expected here"},
      {"a: }\n", "1:4: '}' closes what nothing opened"},
      {"a: \"b\" c\n", "1:8: something follows the closing quote; the quotes go around the whole value"},
      {"a: \"b\nc: d\n", "1:4: this quote is never closed"},
      {"a: 'it''s\nc: d\n", "1:4: this quote is never closed"},
      {"a: b\n---\nc: d\n", "2:1: a second document begins here; a rules file is one (is the indentation right?)"},
      {"- a\nb: c\n", "2:1: a second document begins here; a rules file is one (is the indentation right?)"},
      {"a: &x [*x]\n", "1:8: this alias stands inside of what it stands for"},
      {"%YAML 2.0\n---\na: b\n", "1:1: not YAML: YAML major version too large"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(broken(text), sentence) << text; }
}

TEST(ParseYaml, RefusesBytesThatAreNoText) {
  EXPECT_EQ(broken("a: b\n\tc: d\n"), "2:1: a tab in the indentation; YAML wants spaces");
  EXPECT_EQ(broken("a: b\n  \tc: d\n"), "2:3: a tab in the indentation; YAML wants spaces");
  EXPECT_EQ(broken(std::string_view("a: b\0c\n", 7)), "1:5: control byte 0x00; is this a text file?");
  EXPECT_EQ(broken("a: \x1b[31m\n"), "1:4: control byte 0x1b; is this a text file?");
  EXPECT_EQ(broken("a: b\nc: \xff\n"), "2:4: not UTF-8; save the file as UTF-8 text");
  EXPECT_EQ(broken("a: caf\xe9\n"), "1:8: not UTF-8; save the file as UTF-8 text");
  EXPECT_EQ(broken("a: \xc3"), "1:4: not UTF-8; save the file as UTF-8 text");
  EXPECT_EQ(broken(std::string_view("\xff\xfe"
                                    "a\0",
                                    4)),
            "1:1: not UTF-8; save the file as UTF-8 text");
}

TEST(ParseYaml, TakesATabBehindAValue) {
  const Document document = parsed("a: b\t# comment\n");
  EXPECT_EQ(root_of(document).entries[0].second->text, "b");
}

TEST(ParseYaml, RefusesWhatIsNestedTooDeeply) {
  EXPECT_NE(parsed(std::string(32, '[') + std::string(32, ']')).root, nullptr);
  EXPECT_EQ(broken(std::string(33, '[') + std::string(33, ']')), "1:33: nested too deeply: more than 32 levels");
}

// Where nothing is closed, yaml-cpp's guesses nest too, so the place is a little earlier.
TEST(ParseYaml, RefusesWhatIsNestedEndlessly) {
  for (const std::string opening : {"[", "{a: ", "- ", "? ", "[{a: "}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) { text += opening; }
    EXPECT_THAT(broken(text), testing::MatchesRegex("1:[0-9]+: nested too deeply: more than 32 levels")) << opening;
  }
}

// Nine lines of nine aliases each: 9^9 values, if somebody were to follow them all.
TEST(ParseYaml, RefusesAliasesThatMultiply) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int j = 1; j < 9; ++j) { text += ", " + alias; }
    text += "]\n";
  }
  EXPECT_EQ(broken(text), "6:10: aliases multiply to more than 100000 values");
}

// Any bytes at all give a document or a mistake with a place, and never more.
TEST(ParseYaml, SurvivesEveryPrefixAndEveryReplacedByte) {
  const std::string text = "a: &x [\"b\", 'c', {d: *.e}]\nf: !g |\n  h\n? [i]\n: - j\n--- \nk: ]\n";
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char replaced : std::string_view("\0\t\n\xff:*&[]{}\"'#%-? ", 18)) {
      std::string mutant = text;
      mutant[at] = replaced;
      for (const std::string& input : {text.substr(0, at), mutant}) {
        const auto document = parse_yaml(input);
        if (!document) {
          EXPECT_GE(document.error().line, 1) << input;
          EXPECT_GE(document.error().column, 1) << input;
          EXPECT_FALSE(document.error().text.empty()) << input;
        }
      }
    }
  }
}

}  // namespace
}  // namespace bascule::config
