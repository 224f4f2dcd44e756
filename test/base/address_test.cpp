#include "proxy/base/address.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace bascule {
namespace {

std::string text_of_literal(std::string_view literal) {
  const auto address = Address::parse_ip(literal, 80);
  return address ? address->text() : "none";
}

TEST(Address, ReadsIpLiteralsAndWritesThemInTheirShortestForm) {
  EXPECT_EQ(text_of_literal("192.0.2.1"), "192.0.2.1:80");
  EXPECT_EQ(text_of_literal("0.0.0.0"), "0.0.0.0:80");
  EXPECT_EQ(text_of_literal("2001:db8::1"), "[2001:db8::1]:80");
  EXPECT_EQ(text_of_literal("[2001:DB8:0:0:0:0:0:1]"), "[2001:db8::1]:80");
  EXPECT_EQ(text_of_literal("::"), "[::]:80");
  EXPECT_EQ(text_of_literal("::ffff:192.0.2.1"), "[::ffff:192.0.2.1]:80");
}

TEST(Address, RefusesWhatIsNoPlainLiteral) {
  for (const std::string_view literal : {"", "localhost", "192.0.2", "192.0.2.1.", "192.0.2.256", "0177.0.0.1", "127.1",
                                         "2130706433", "0x7f.0.0.1", " 192.0.2.1", "192.0.2.1 ", "[192.0.2.1]", "[]",
                                         "[::1", "::1]", ":::", "1:2:3:4:5:6:7:8:9", "fe80::1%lo", "192.0.2.1:80"}) {
    EXPECT_EQ(text_of_literal(literal), "none") << literal;
  }
  EXPECT_EQ(text_of_literal(std::string_view("192.0.2.1\0.evil", 15)), "none");
}

TEST(Address, WritesEveryOctetWithoutZerosBeforeIt) {
  for (int octet = 0; octet < 256; ++octet) {
    const auto last = static_cast<std::uint8_t>(octet);
    EXPECT_EQ(Address::ipv4({10, last, 0, last}, 80).host_text(), fmt::format("10.{0}.0.{0}", octet));
  }
  EXPECT_EQ(Address::ipv4({255, 255, 255, 255}, 65535).text(), "255.255.255.255:65535");
  EXPECT_EQ(Address::ipv6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0).text(), "[fe80::1]:0");
}

TEST(Address, KnowsTheLoopback) {
  for (const std::string_view literal : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(Address::parse_ip(literal, 0)->is_loopback()) << literal;
  }
  for (const std::string_view literal :
       {"128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "1::1", "::127.0.0.1"}) {
    EXPECT_FALSE(Address::parse_ip(literal, 0)->is_loopback()) << literal;
  }
  EXPECT_TRUE(Address::unix_path("/run/x.sock").is_loopback());
  EXPECT_FALSE(Address().is_loopback());
}

TEST(Address, ShowsAnIpv4VisitorOfASocketForBothFamiliesAsWhatItIs) {
  EXPECT_EQ(Address::parse_ip("::ffff:192.0.2.1", 80)->unmapped(), *Address::parse_ip("192.0.2.1", 80));
  for (const std::string_view literal : {"192.0.2.1", "::1", "::192.0.2.1", "2001:db8::ffff:192.0.2.1"}) {
    EXPECT_EQ(Address::parse_ip(literal, 80)->unmapped(), *Address::parse_ip(literal, 80)) << literal;
  }
  EXPECT_EQ(Address::unix_path("/s").unmapped(), Address::unix_path("/s"));
}

TEST(Address, WritesUnixSocketsAndNothing) {
  EXPECT_EQ(Address::unix_path("/run/x.sock").text(), "unix:/run/x.sock");
  EXPECT_EQ(Address::unix_path("").text(), "unix:");
  EXPECT_EQ(Address::unix_path("/run/x.sock").host_text(), "");
  EXPECT_EQ(Address().text(), "-");
}

TEST(Address, ComparesFamilyPortOctetsAndScope) {
  EXPECT_EQ(*Address::parse_ip("::1", 80), *Address::parse_ip("[0:0::1]", 80));
  EXPECT_NE(*Address::parse_ip("::1", 80), *Address::parse_ip("::1", 81));
  EXPECT_NE(*Address::parse_ip("127.0.0.1", 80), *Address::parse_ip("::ffff:127.0.0.1", 80));
  const std::array<std::uint8_t, 16> link_local{0xfe, 0x80};
  EXPECT_NE(Address::ipv6(link_local, 80, 1), Address::ipv6(link_local, 80, 2));
}

}  // namespace
}  // namespace bascule
