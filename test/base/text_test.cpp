#include "proxy/base/text.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace bascule {
namespace {

TEST(Text, LowersAsciiLettersOnly) {
  EXPECT_EQ(lowered("Sec-WebSocket-Key @[`{ \xc3\x84"), "sec-websocket-key @[`{ \xc3\x84");
  EXPECT_TRUE(same_ignoring_case("WebSocket", "websocket"));
  EXPECT_TRUE(same_ignoring_case("", ""));
  EXPECT_FALSE(same_ignoring_case("websocket", "websockets"));
  EXPECT_FALSE(same_ignoring_case("@", "`"));
  EXPECT_FALSE(same_ignoring_case("\xc3\x84", "\xc3\xa4"));
}

TEST(Text, TrimsSpacesAndTabs) {
  EXPECT_EQ(trimmed(" \t a b\t "), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed("\na"), "\na");
}

TEST(Text, ReadsPlainDecimalsUpToTheirLimit) {
  constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  EXPECT_FALSE(parse_decimal("2", 1));
  EXPECT_EQ(parse_decimal("0", 0), 0U);
  EXPECT_EQ(parse_decimal("007", 7), 7U);
  EXPECT_EQ(parse_decimal("65535", 65535), 65535U);
  EXPECT_EQ(parse_decimal("18446744073709551615", all), all);
  for (const std::string_view digits : {"65536", "655350", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_decimal(digits, 65535)) << digits;
  }
  EXPECT_FALSE(parse_decimal("18446744073709551616", all));
  for (const std::string_view digits : {"", "+1", "-1", " 1", "1 ", "0x1", "1e3", "1,000", "1.", "\xd9\xa1"}) {
    EXPECT_FALSE(parse_decimal(digits, all)) << digits;
  }
}

TEST(Text, AppendsDecimalsWithZerosUpToTheDigitsWanted) {
  const auto appended = [](std::uint64_t number, std::size_t digits_min) {
    std::string text = "n=";
    append_decimal(text, number, digits_min);
    return text;
  };
  EXPECT_EQ(appended(0, 1), "n=0");
  EXPECT_EQ(appended(7, 3), "n=007");
  EXPECT_EQ(appended(1234, 3), "n=1234");
  EXPECT_EQ(appended(std::numeric_limits<std::uint64_t>::max(), 1), "n=18446744073709551615");
  EXPECT_EQ(appended(5, 25), "n=0000000000000000000000005");
}

TEST(Text, ShowsForeignTextWithoutLettingItAct) {
  EXPECT_EQ(shown("plain text"), "plain text");
  EXPECT_EQ(shown("a\r\nb\x1b[2J\x7f"), "a\\x0d\\x0ab\\x1b[2J\\x7f");
  EXPECT_EQ(shown("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(shown("C:\\x41"), "C:\\x5cx41");
  EXPECT_EQ(shown(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(shown("12345", 5), "12345");
  EXPECT_EQ(shown("123456", 5), "12345...");
}

TEST(Text, CountsTheEditsBetweenTwoWords) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("origins", "origins"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("orgins", "origins"), 1U);
  EXPECT_EQ(edit_distance("orgiins", "origins"), 1U);  // two neighbours swapped
  EXPECT_EQ(edit_distance("upsteram", "upstream"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

}  // namespace
}  // namespace bascule
