// `listen`: who may come, and whom it believes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Listener;
using testing::ElementsAre;

const std::string routes = "\nroutes: {name: a, path: /, auth: none, to: \"echo:\"}\n";

Listener listener_of(std::string_view keys) {
  const policy::Rules rules = rules_of("listen: {name: a, " + std::string(keys) + "}" + routes);
  return rules.listeners.size() == 1 ? rules.listeners.front() : Listener();
}

// The mistakes of a listener whose keys begin in column 10.
std::vector<std::string> of_listener(std::string_view keys) {
  return mistakes("listen: {" + std::string(keys) + "}" + routes);
}

TEST(ReadListener, LetsEverybodyInAndBelievesNobodyUnlessToldSo) {
  const Listener listener = listener_of("address: \":1\"");
  EXPECT_FALSE(listener.allow.has_value());
  EXPECT_FALSE(listener.proxy_protocol.has_value());
  EXPECT_FALSE(listener.trusted_proxies.has_value());
  EXPECT_FALSE(listener.public_url.has_value());
}

TEST(ReadListener, SharesItsPortOnlyWhereItSaysSo) {
  EXPECT_FALSE(listener_of("address: \":1\"").share_port);
  EXPECT_TRUE(listener_of("address: \":1\", share_port: true").share_port);
  EXPECT_FALSE(listener_of("address: \":1\", share_port: false").share_port);
  EXPECT_THAT(of_listener("address: unix:/s, share_port: true"),
              ElementsAre("1:40: 'share_port' of a listener: a Unix socket has no port"));
  EXPECT_THAT(of_listener("address: \":0\", share_port: true"),
              ElementsAre("1:37: 'share_port': with port 0 every process has a port of its own"));
}

TEST(ReadListener, ReadsWhoMayTalkToIt) {
  const auto allow = listener_of("address: \":1\", allow: {addresses: [10.0.0.0/8, \"::1\"]}").allow;
  ASSERT_TRUE(allow.has_value());
  EXPECT_EQ(allow->networks, (std::vector<Network>{*Network::parse("10.0.0.0/8"), *Network::parse("::1")}));
  EXPECT_FALSE(allow->unix_sockets);
  // One may stand alone.
  EXPECT_EQ(listener_of("address: \":1\", allow: {addresses: 10.0.0.0/8}").allow->networks.size(), 1U);
}

TEST(ReadListener, ReadsWhoSendsAProxyHeader) {
  const Listener socket = listener_of("address: unix:/s, proxy_protocol: {addresses: [unix]}");
  ASSERT_TRUE(socket.proxy_protocol.has_value());
  EXPECT_TRUE(socket.proxy_protocol->unix_sockets);
  EXPECT_TRUE(socket.proxy_protocol->networks.empty());
}

TEST(ReadListener, ReadsWhoseWordCounts) {
  const auto nginx =
      listener_of("address: \":1\", trusted_proxies: {addresses: [127.0.0.0/8], header: x-forwarded-for}")
          .trusted_proxies;
  ASSERT_TRUE(nginx.has_value());
  EXPECT_EQ(nginx->field, wire::http::ForwardingField::x_forwarded_for);
  EXPECT_EQ(nginx->addresses.networks.size(), 1U);
  EXPECT_EQ(
      listener_of("address: \":1\", trusted_proxies: {addresses: 10.0.0.7, header: forwarded}").trusted_proxies->field,
      wire::http::ForwardingField::forwarded);
}

TEST(ReadListener, ReadsWhatTheVisitorsBrowserSees) {
  EXPECT_EQ(listener_of("address: \":1\", public_url: https://desk.example.org").public_url,
            (policy::Origin{"https", "desk.example.org", 443}));
}

// Behind the PROXY header of a local HAProxy stands an address of any family.
TEST(ReadListener, TakesProxyHeadersAndTrustedProxiesTogether) {
  const Listener both = listener_of(
      "address: unix:/s, proxy_protocol: {addresses: unix}, "
      "trusted_proxies: {addresses: [10.0.0.0/8], header: forwarded}");
  EXPECT_TRUE(both.proxy_protocol.has_value());
  EXPECT_TRUE(both.trusted_proxies.has_value());
}

TEST(ReadListener, SaysWhatIsWrong) {
  struct Row {
    std::string keys;
    std::string mistake;
  };
  const std::string at = "address: \":1\", ";
  const std::vector<Row> rows{
      {at + "allow: 10.0.0.0/8", "1:32: 'allow' of a listener is a map: allow: {addresses: [10.0.0.0/8]}"},
      {at + "allow: {}", "1:32: 'allow' of a listener has no 'addresses'; whose? 'addresses: [10.0.0.0/8]', or 'unix'"},
      {at + "allow: {addresses: []}",
       "1:44: 'addresses' of 'allow' of a listener is empty; networks, addresses or 'unix'"},
      {at + "allow: {addresses: [10.0.0.1/8]}",
       "1:45: 'addresses' of 'allow' of a listener: '10.0.0.1/8' has bits behind its first 8; is '10.0.0.0/8' meant?"},
      {at + "allow: {addresses: unix}",
       "1:44: 'addresses' of 'allow' of a listener: 'unix' are the peers of a Unix socket, and this listener is none"},
      {"address: unix:/s, proxy_protocol: {addresses: 10.0.0.0/8}",
       "1:56: 'addresses' of 'proxy_protocol' of a listener: the peers of a Unix socket are called 'unix'"},
      {at + "proxy_protocol: v2",
       "1:41: 'proxy_protocol' of a listener is a map: proxy_protocol: {addresses: [10.0.0.7]}"},
      {at + "trusted_proxies: {addresses: 10.0.0.7}",
       "1:42: 'trusted_proxies' of a listener has no 'header'; x-forwarded-for or forwarded, the one that your proxy "
       "writes"},
      {at + "trusted_proxies: {addresses: 10.0.0.7, header: X-Forwarded-For}",
       "1:72: 'header' of 'trusted_proxies' of a listener: unknown word 'X-Forwarded-For'; did you mean "
       "'x-forwarded-for'?"},
      {at + "trusted_proxies: {addresses: 10.0.0.7, header: cf-connecting-ip}",
       "1:72: 'header' of 'trusted_proxies' of a listener: unknown word 'cf-connecting-ip'; there are "
       "x-forwarded-for, forwarded"},
      {at + "public_url: desk.example.org",
       "1:37: 'public_url' of a listener: a public URL begins with its scheme: 'https://desk.example.org'"},
      {at + "public_url: https://desk.example.org/vnc",
       "1:37: 'public_url' of a listener: a public URL has no path, for paths are the routes'; write "
       "'https://desk.example.org'"},
  };
  for (const Row& row : rows) { EXPECT_THAT(of_listener(row.keys), ElementsAre(row.mistake)) << row.keys; }
  EXPECT_THAT(of_listener(at + "allow: {users: [ada]}"),
              ElementsAre("1:32: 'allow' of a listener has no 'addresses'; whose? 'addresses: [10.0.0.0/8]', or 'unix'",
                          "1:33: unknown key 'users' in 'allow' of a listener; it is a key of 'allow' of a route"));
  EXPECT_THAT(of_listener(at + "proxy_protocol: {adresses: [10.0.0.7]}"),
              ElementsAre("1:41: 'proxy_protocol' of a listener has no 'addresses'; whose? 'addresses: [10.0.0.0/8]', "
                          "or 'unix'",
                          "1:42: unknown key 'adresses' in 'proxy_protocol' of a listener; did you mean 'addresses'?"));
}

}  // namespace
}  // namespace bascule::config
