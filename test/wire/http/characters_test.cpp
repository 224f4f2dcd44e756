#include "proxy/wire/http/characters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace bascule::wire::http {
namespace {

TEST(Characters, AreThoseOfRfc9110) {
  constexpr std::string_view delimiters = "\"(),/:;<=>?@[\\]{}";  // section 5.6.2: the visible ones no token has
  for (unsigned byte = 0; byte <= 0xff; ++byte) {
    const char c = static_cast<char>(byte);
    const bool visible = byte > 0x20 && byte < 0x7f;
    EXPECT_EQ(is_in(token_characters, c), visible && delimiters.find(c) == std::string_view::npos) << byte;
    EXPECT_EQ(is_in(target_characters, c), visible) << byte;
    EXPECT_EQ(is_in(value_characters, c), visible || c == ' ' || c == '\t' || byte >= 0x80) << byte;
  }
}

TEST(Characters, MakeATokenWhenThereIsAtLeastOne) {
  EXPECT_TRUE(is_token("v12.stomp"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("a,b"));
  EXPECT_FALSE(is_token("\xc3\xa4"));
}

}  // namespace
}  // namespace bascule::wire::http
