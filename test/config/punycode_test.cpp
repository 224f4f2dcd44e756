#include "proxy/config/punycode.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bascule::config {
namespace {

TEST(AsciiHost, EncodesEachLabelThatNeedsIt) {
  EXPECT_EQ(ascii_host("b\xc3\xbc\x63her.example"), "xn--bcher-kva.example");
  EXPECT_EQ(ascii_host("B\xc3\xbc\x63her.Example"), "xn--bcher-kva.example");
  EXPECT_EQ(ascii_host("m\xc3\xbcnchen.stra\xc3\x9f\x65.example"), "xn--mnchen-3ya.xn--strae-oqa.example");
  EXPECT_EQ(ascii_host("desk.example.org"), "desk.example.org");
  EXPECT_EQ(ascii_host("\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.example"), "xn--e1afmkfd.example");
  EXPECT_EQ(ascii_host("\xe4\xbe\x8b\xe3\x81\x88.example"), "xn--r8jz45g.example");
}

// Browsers would change these before they encode them.
TEST(AsciiHost, IsSilentWhereItIsNotCertain) {
  EXPECT_EQ(ascii_host("\xc3\x9c\x62\x65r.example"), std::nullopt);        // an upper case letter
  EXPECT_EQ(ascii_host("u\xcc\x88\x62\x65r.example"), std::nullopt);       // a letter and its accent
  EXPECT_EQ(ascii_host("\xe2\x92\xb6.example"), std::nullopt);             // a circled letter
  EXPECT_EQ(ascii_host(std::string(64, 'x') + ".example"), std::nullopt);  // no label is so long
  EXPECT_EQ(ascii_host("\xc3"), std::nullopt);
  EXPECT_EQ(ascii_host("\xff"), std::nullopt);
  EXPECT_EQ(ascii_host("b\xc3\xbc\r.example"), std::nullopt);  // nothing that a name has
  EXPECT_EQ(ascii_host("b\xc3\xbc her.example"), std::nullopt);
}

}  // namespace
}  // namespace bascule::config
