#include "proxy/wire/http/authority.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bascule::wire::http {
namespace {

using Kind = Authority::Kind;

TEST(ParseAuthority, ReadsNamesInLowerCaseWithoutADotAtTheEnd) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"localhost", "localhost"},
      {"Desk.Example.ORG", "desk.example.org"},
      {"desk.example.org.", "desk.example.org"},
      {"my_desk-1", "my_desk-1"},
      {"127.0.0.1.evil", "127.0.0.1.evil"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"1and1.example", "1and1.example"},
      {"a.0xg", "a.0xg"},
      {"deadbeef", "deadbeef"},
  };
  for (const auto& [text, host] : cases) {
    const auto authority = parse_authority(text);
    ASSERT_TRUE(authority) << text;
    EXPECT_EQ(authority->host, host);
    EXPECT_EQ(authority->kind, Kind::name);
    EXPECT_FALSE(authority->port);
  }
}

TEST(ParseAuthority, ReadsAddresses) {
  const auto v4 = parse_authority("192.0.2.1:6080");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->kind, Kind::ipv4);
  EXPECT_EQ(v4->host, "192.0.2.1");
  EXPECT_EQ(v4->port, 6080);

  const auto v6 = parse_authority("[2001:DB8:0:0::1]:443");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->kind, Kind::ipv6);
  EXPECT_EQ(v6->host, "2001:db8::1");
  EXPECT_EQ(v6->port, 443);

  const auto bare = parse_authority("[::1]");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->host, "::1");
  EXPECT_FALSE(bare->port);
}

TEST(ParseAuthority, ReadsPortsFrom1To65535) {
  EXPECT_EQ(parse_authority("host:1")->port, 1);
  EXPECT_EQ(parse_authority("host:65535")->port, 65535);
  EXPECT_EQ(parse_authority("host.:80")->host, "host");
  ASSERT_TRUE(parse_authority("host:"));
  EXPECT_FALSE(parse_authority("host:")->port);
  for (const std::string port :
       {"0", "65536", "99999999999999999999", "+80", "-1", "80 ", " 80", "0x50", "80:80", "http"}) {
    EXPECT_FALSE(parse_authority("host:" + port)) << port;
    EXPECT_FALSE(parse_authority("[::1]:" + port)) << port;
  }
}

TEST(ParseAuthority, RefusesWhatIsNoHost) {
  for (const std::string_view text : {"",
                                      ":80",
                                      ".",
                                      "..",
                                      ".host",
                                      "a..b",
                                      "host..",
                                      "a b",
                                      " host",
                                      "host ",
                                      "a,b",
                                      "user@host",
                                      "user:pw@host",
                                      "host/",
                                      "host?",
                                      "host#",
                                      "h%6fst",
                                      "h\xc3\xb6st",
                                      "host\t",
                                      "ho\rst",
                                      "*",
                                      "*.example.org",
                                      "a!b",
                                      "[",
                                      "[]",
                                      "[::1",
                                      "::1",
                                      "[::1]x",
                                      "[::1]80",
                                      "[127.0.0.1]",
                                      "[fe80::1%25lo]",
                                      "[v1.x]",
                                      "[::1]]",
                                      "[[::1]]",
                                      "[host]"}) {
    EXPECT_FALSE(parse_authority(text)) << text;
  }
  EXPECT_FALSE(parse_authority(std::string_view("host\0", 5)));
}

// Browsers make an address of these ("127.1" is 127.0.0.1 to them), so as names they would be something else to us than
// to the page that asked.
TEST(ParseAuthority, RefusesNamesThatBrowsersTakeForAddresses) {
  for (const std::string_view text :
       {"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.0x1", "0x7f.1", "0x", "a.0x", "1.2.3.4.5",
        "256.0.0.1", "127.0.0.1.", "127.0.0.01", "example.1", "a.0X1"}) {
    EXPECT_FALSE(parse_authority(text)) << text;
  }
}

TEST(ParseAuthority, BoundsLabelsAndNames) {
  const std::string label(63, 'a');
  EXPECT_TRUE(parse_authority(label));
  EXPECT_FALSE(parse_authority(label + "a"));
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253U);
  EXPECT_TRUE(parse_authority(longest));
  EXPECT_TRUE(parse_authority(longest + "."));
  EXPECT_FALSE(parse_authority(longest + "b"));
}

}  // namespace
}  // namespace bascule::wire::http
