#include "proxy/policy/endpoint.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bascule::policy {
namespace {

struct Row {
  std::string_view text;
  std::string_view host;
  std::uint16_t port;
  std::string_view again;
};

TEST(ParseHostAndPort, TakesNamesAndAddressesWithAPort) {
  for (const Row& row :
       {Row{"broker:61613", "broker", 61613, "broker:61613"},
        Row{"Broker-A.Example.org:1", "broker-a.example.org", 1, "broker-a.example.org:1"},
        Row{"broker.:61613", "broker.", 61613, "broker.:61613"},
        Row{"desk_7.lan:5900", "desk_7.lan", 5900, "desk_7.lan:5900"},
        Row{"192.0.2.7:65535", "192.0.2.7", 65535, "192.0.2.7:65535"}, Row{"[::1]:5900", "::1", 5900, "[::1]:5900"},
        Row{"[2001:DB8:0:0::1]:80", "2001:db8::1", 80, "[2001:db8::1]:80"}}) {
    const auto endpoint = parse_host_and_port(row.text);
    ASSERT_TRUE(endpoint.has_value()) << row.text;
    EXPECT_EQ(endpoint->kind, Endpoint::Kind::tcp);
    EXPECT_EQ(endpoint->host, row.host);
    EXPECT_EQ(endpoint->port, row.port);
    EXPECT_EQ(endpoint->text(), row.again);
  }
}

TEST(ParseHostAndPort, RefusesEverythingElse) {
  for (const char* text : {"",
                           ":",
                           "broker",
                           "broker:",
                           ":5900",
                           "broker:0",
                           "broker:65536",
                           "broker:+1",
                           "broker:0x50",
                           "broker: 80",
                           " broker:80",
                           "broker:80 ",
                           "a b:80",
                           "a:b:80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[::1:80",
                           "[fe80::1%1]:80",
                           "[127.0.0.1]:80",
                           "127.1:80",
                           "0177.0.0.1:80",
                           "0x7f.0.0.1:80",
                           "2130706433:80",
                           "0x7f000001:80",
                           "127.0.0.1.:80",
                           "1.2.3:80",
                           "desk.7:80",
                           "ada@broker:80",
                           "broker/x:80",
                           "broker%2e:80",
                           "b\xc3\xbc\x63her:80",
                           "a..b:80",
                           ".broker:80",
                           "-:",
                           "unix:/run/x.sock",
                           "tcp://broker:80"}) {
    EXPECT_FALSE(parse_host_and_port(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_host_and_port(std::string("bro\0ker:80", 10)).has_value());
}

TEST(Endpoint, WritesAUnixSocketAsItsPath) {
  EXPECT_EQ((Endpoint{.kind = Endpoint::Kind::unix_socket, .path = "/run/x.sock"}).text(), "unix:/run/x.sock");
}

}  // namespace
}  // namespace bascule::policy
