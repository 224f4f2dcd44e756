#include "proxy/base/utf8.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bascule {
namespace {

using namespace std::string_literals;

enum class Verdict { valid, unfinished, wrong };

Verdict verdict_in_pieces(const std::vector<Bytes>& pieces) {
  Utf8Check check;
  for (const Bytes piece : pieces) {
    if (!check.accept(piece)) { return Verdict::wrong; }
  }
  EXPECT_EQ(check.complete(), check.unfinished() == 0);
  return check.complete() ? Verdict::valid : Verdict::unfinished;
}

Verdict verdict(const std::string& text) {
  return verdict_in_pieces({bytes_of(text)});
}

// The text alone, and in the middle of ASCII, where the check goes eight bytes at a step; each at every cut.
void expect_however_cut(const std::string& text, Verdict alone, Verdict before_ascii) {
  for (const std::string& ahead : {""s, "1234567"s, "12345678"s, "a longer line of plain text"s}) {
    for (const std::string& behind : {""s, "and more than eight bytes"s}) {
      std::string whole = ahead;
      whole.append(text).append(behind);
      const Verdict expected = behind.empty() ? alone : before_ascii;
      const Bytes bytes = bytes_of(whole);
      std::vector<Bytes> single;
      for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        EXPECT_EQ(verdict_in_pieces({bytes.first(cut), bytes.subspan(cut)}), expected)
            << testing::PrintToString(whole) << " cut at " << cut;
        if (cut < bytes.size()) { single.push_back(bytes.subspan(cut, 1)); }
      }
      EXPECT_EQ(verdict_in_pieces(single), expected) << testing::PrintToString(whole) << " byte by byte";
    }
  }
}

// Code points written as UTF-8 would write them, whether they are allowed or not.
std::string encoded(std::uint32_t code_point) {
  std::string text;
  const auto put = [&text](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto follow = [&](unsigned shift) { put(0x80U | (code_point >> shift & 0x3fU)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0U | code_point >> 6U);
    follow(0);
  } else if (code_point < 0x10000) {
    put(0xe0U | code_point >> 12U);
    follow(6);
    follow(0);
  } else {
    put(0xf0U | code_point >> 18U);
    follow(12);
    follow(6);
    follow(0);
  }
  return text;
}

TEST(Utf8Check, AcceptsTheFirstAndLastOfEachLengthAndWhatIsNoCharacter) {
  for (const std::uint32_t code_point :
       {0x0U,    0x7fU,   0x80U,    0x7ffU,   0x800U,   0xfffU,   0x1000U,  0xd7ffU,   0xe000U,   0xfdd0U,  0xfffdU,
        0xfffeU, 0xffffU, 0x10000U, 0x1fffeU, 0x3ffffU, 0x40000U, 0xfffffU, 0x100000U, 0x10fffeU, 0x10ffffU}) {
    expect_however_cut(encoded(code_point), Verdict::valid, Verdict::valid);
  }
  expect_however_cut("", Verdict::valid, Verdict::valid);
  expect_however_cut("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", Verdict::valid, Verdict::valid);
}

TEST(Utf8Check, AcceptsEveryCodePointAndNoSurrogate) {
  for (std::uint32_t code_point = 0; code_point <= 0x10ffff; ++code_point) {
    const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    ASSERT_EQ(verdict(encoded(code_point)), surrogate ? Verdict::wrong : Verdict::valid) << std::hex << code_point;
  }
}

TEST(Utf8Check, AsksForTheRestOfEveryBeginning) {
  for (const std::uint32_t code_point : {0x80U, 0x7ffU, 0x800U, 0xd7ffU, 0xffffU, 0x10000U, 0x10ffffU}) {
    const std::string text = encoded(code_point);
    for (std::size_t size = 1; size < text.size(); ++size) {
      expect_however_cut(text.substr(0, size), Verdict::unfinished, Verdict::wrong);
      Utf8Check check;
      ASSERT_TRUE(check.accept(bytes_of("12345678 " + text.substr(0, size))));
      EXPECT_EQ(check.unfinished(), size);
    }
  }
}

TEST(Utf8Check, RefusesWhatIsNotUtf8) {
  const std::vector<std::string> wrong{
      "\x80",
      "\xbf",
      "\x80\xbf",
      "a\x80",  // continuations of nothing
      "\xc2 ",
      "\xdf ",
      "\xe1 ",
      "\xef ",
      "\xf1 ",
      "\xf4 ",  // lonely starts
      "\xe1\x80 ",
      "\xf1\x80 ",
      "\xf1\x80\x80 ",
      "\xc2\xc2",
      "\xe1\x80\xe1\x80\x80",  // the last byte missing
      "\xfe",
      "\xff",
      "\xfe\xfe\xff\xff",
      "\xf5",
      "\xf8\x88\x80\x80\x80",
      "\xfc\x84\x80\x80\x80\x80",
      "\xc0\xaf",
      "\xc1\xbf",
      "\xe0\x80\xaf",
      "\xe0\x9f\xbf",
      "\xf0\x80\x80\xaf",
      "\xf0\x8f\xbf\xbf",  // overlong
      "\xc0\x80",
      "\xe0\x80\x80",
      "\xf0\x80\x80\x80",
      "\xed\xa0\x80",
      "\xed\xad\xbf",
      "\xed\xae\x80",
      "\xed\xbf\xbf",  // surrogates, alone and in pairs
      "\xed\xa0\x80\xed\xb0\x80",
      "\xed\xaf\xbf\xed\xbf\xbf",
      "\xf4\x90\x80\x80",
      "\xf4\xbf\xbf\xbf",
      "\xf7\xbf\xbf\xbf",  // above U+10FFFF
      "\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80\x65",
  };
  for (const std::string& text : wrong) { expect_however_cut(text, Verdict::wrong, Verdict::wrong); }
}

// RFC 6455, section 8.1, as strict as it can be: the byte that nothing can mend is the one that is refused.
TEST(Utf8Check, FailsAtTheFirstByteThatCannotBelongToAnyCharacter) {
  for (const std::string& text :
       {"\xf4\x90"s, "\xed\xa0"s, "\xe0\x9f"s, "\xf0\x8f"s, "\xc0"s, "\xf5"s, "\xf4\x8f\xc0"s}) {
    Utf8Check check;
    const Bytes bytes = bytes_of(text);
    EXPECT_TRUE(check.accept(bytes.first(bytes.size() - 1)));
    EXPECT_FALSE(check.accept(bytes.last(1))) << testing::PrintToString(text);
  }
}

TEST(Utf8Check, BeginsAnewAfterAReset) {
  Utf8Check check;
  EXPECT_TRUE(check.accept(bytes_of("\xe2\x82")));
  check.reset();
  EXPECT_TRUE(check.complete());
  EXPECT_TRUE(check.accept(bytes_of("a")));
}

TEST(IsCleanText, TakesWholeTextWithoutControlBytes) {
  for (const std::string& text :
       {""s, "ada"s, "a b ~"s, "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80"s, std::string(100'000, 'x')}) {
    EXPECT_TRUE(is_clean_text(text)) << text;
  }
  for (const std::string& text :
       {"\0"s, "a\nb"s, "a\tb"s, "\x1b[0m"s, "\x7f"s, "\xff"s, "\xc3"s, "a\xe6\xbc"s, "\xed\xa0\x80"s}) {
    EXPECT_FALSE(is_clean_text(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace bascule
