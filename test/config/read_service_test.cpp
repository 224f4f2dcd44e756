// `services`, and the `to` of a route that is a map: which addresses, and how one is chosen.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Balance;
using policy::Service;
using testing::ElementsAre;
using namespace std::chrono_literals;

std::string endpoints_of(const Service& service) {
  std::string text;
  const auto* endpoints = std::get_if<std::vector<policy::Endpoint>>(&service.where);
  if (endpoints == nullptr) { return "(no addresses)"; }
  for (const policy::Endpoint& endpoint : *endpoints) { text += (text.empty() ? "" : " ") + endpoint.text(); }
  return text;
}

// The service of a route with `to: {keys}`.
Service service_of(std::string_view keys, std::string_view path = "/vnc") {
  const policy::Rules rules =
      rules_of(one_route(fmt::format("  path: \"{}\"\n  auth: none\n  to: {{{}}}\n", path, keys)));
  const Service* service = rules.routes.empty() ? nullptr : rules.routes.front()->service();
  return service == nullptr ? Service() : *service;
}

// The mistakes of a route with `to: {keys}`; the keys begin in 6:8.
std::vector<std::string> of_to(std::string_view keys) {
  return mistakes(one_route(fmt::format("  path: \"/{{id}}\"\n  auth: none\n  to: {{{}}}\n", keys)));
}

TEST(ReadService, HasTheDefaultsOfThePage) {
  const Service service = service_of("address: \"a.b:1\"");
  EXPECT_EQ(endpoints_of(service), "a.b:1");
  EXPECT_EQ(service.name, "desk");
  EXPECT_FALSE(service.shared);
  EXPECT_EQ(service.written, "a.b:1");
  EXPECT_TRUE(service.within.empty());
  EXPECT_EQ(service.balance, Balance::first);
  EXPECT_FALSE(service.health.has_value());
  EXPECT_EQ(service.retry, 2U);
  EXPECT_FALSE(service.proxy_protocol.has_value());
}

TEST(ReadService, ReadsEveryKey) {
  const Service service = service_of(
      "addresses: [\"a.b:1\", \"[::1]:2\", \"unix:/s\", tcp://c:3], within: [10.0.0.0/8, \"::1\"], balance: "
      "least_sessions, retry: 5, proxy_protocol: v2, health: {every: 10s, timeout: 1s, down_after: 3, up_after: 4}");
  EXPECT_EQ(endpoints_of(service), "a.b:1 [::1]:2 unix:/s c:3");
  EXPECT_EQ(service.written, "a.b:1, [::1]:2, unix:/s, c:3");
  EXPECT_EQ(service.within, (std::vector<Network>{*Network::parse("10.0.0.0/8"), *Network::parse("::1")}));
  EXPECT_EQ(service.balance, Balance::least_sessions);
  EXPECT_EQ(service.retry, 5U);
  EXPECT_EQ(service.proxy_protocol, wire::ProxyVersion::v2);
  EXPECT_EQ(service.health, (policy::Health{.every = 10s, .timeout = 1s, .down_after = 3, .up_after = 4}));
}

TEST(ReadService, ReadsEachWord) {
  EXPECT_EQ(service_of("address: \"a:1\", balance: first").balance, Balance::first);
  EXPECT_EQ(service_of("address: \"a:1\", balance: round_robin").balance, Balance::round_robin);
  EXPECT_EQ(service_of("address: \"a:1\", balance: hash").balance, Balance::hash);
  EXPECT_EQ(service_of("address: \"a:1\", proxy_protocol: v1").proxy_protocol, wire::ProxyVersion::v1);
  EXPECT_EQ(service_of("address: \"a:1\", proxy_protocol: none").proxy_protocol, std::nullopt);
  EXPECT_EQ(service_of("address: \"a:1\", retry: none").retry, 0U);
  EXPECT_EQ(service_of("address: \"a:1\", retry: 0").retry, 0U);
  EXPECT_EQ(service_of("address: \"a:1\", retry: 16").retry, 16U);
  EXPECT_EQ(service_of("address: \"a:1\", health: {}").health, policy::Health());
}

// A spelling is no part of what rules say: what `show` prints reads as the same.
TEST(ReadService, IsTheSameHoweverItIsSpelled) {
  const Service map = service_of("address: \"tcp://A.b:1\"");
  const Service text = *route_of("  to: a.b:1\n").service();
  EXPECT_EQ(map, text);
  EXPECT_EQ(text.written, "a.b:1");
}

TEST(ReadService, IsSharedByTheRoutesThatNameIt) {
  const policy::Rules rules = rules_of(
      "listen: :1\n"
      "routes:\n"
      "- {name: a, path: /a, auth: none, to: broker}\n"
      "- {name: b, path: /b, auth: none, to: broker}\n"
      "services:\n"
      "  x-note: not a service\n"
      "  broker: {addresses: [\"a:1\", \"b:1\"]}\n"
      "  spare: {address: \"c:1\"}\n");
  ASSERT_EQ(rules.services.size(), 2U);
  const Service* broker = rules.services.at("broker").get();
  EXPECT_EQ(rules.routes[0]->service(), broker);
  EXPECT_EQ(rules.routes[1]->service(), broker);
  EXPECT_TRUE(broker->shared);
  EXPECT_EQ(broker->name, "broker");
  EXPECT_EQ(broker->written, "broker");
  EXPECT_EQ(broker->place.text(), "test.yaml:7:3");
}

TEST(ReadService, MakesAnAddressFromTheVisitorsWords) {
  const Service service = service_of("address: \"desk-{path.id}.lan:5900\", within: [10.20.0.0/16]", "/desk/{id}");
  ASSERT_TRUE(std::holds_alternative<policy::MadeAddress>(service.where));
  EXPECT_EQ(std::get<policy::MadeAddress>(service.where).host.text(), "desk-{path.id}.lan");
  EXPECT_EQ(service.written, "desk-{path.id}.lan:5900");
  EXPECT_EQ(service.within.size(), 1U);
}

TEST(ReadService, SaysWhatIsWrongWithAMap) {
  struct Row {
    std::string keys;
    std::string mistake;
  };
  const std::string to = " of 'to' of route 'desk'";
  const std::vector<Row> rows{
      {"balance: first", "6:7: 'to' of route 'desk' has no 'address'; where is the service? 'address: host:port'"},
      {"address: \"a:1\", addresses: [\"b:1\"]",
       "6:35: 'to' of route 'desk' has both 'address' and 'addresses'; it needs one of them"},
      {"addresses: [\"b:1\"], lookup: {table: t, key: \"{host}\"}",
       "6:36: 'to' of route 'desk' has both 'addresses' and 'lookup'; it needs one of them"},
      {"addresses: []", "6:19: 'addresses'" + to +
                            " is empty; where is the service? 'addresses: [broker-a:61613, "
                            "broker-b:61613]'"},
      {"addresses: [\"b:1\", \"B:1\"]", "6:27: 'addresses'" + to + ": 'b:1' stands there twice"},
      {"address: broker", "6:17: 'address'" + to + ": 'broker' has no port; write 'host:port'"},
      {"address: \"echo:\"", "6:17: the built-in echo has no map; write 'to: \"echo:\"'"},
      {"address: [\"a:1\"]", "6:17: 'address'" + to + " takes one word, not a list"},
      {"address: \"a:1\", within: []",
       "6:32: 'within'" + to + " is empty, so no address would be in it; leave it out for all of them"},
      {"address: \"a:1\", within: unix",
       "6:32: 'within'" + to + ": 'unix' is no network; here stand networks and IP addresses"},
      {"address: \"192.0.2.7:1\", within: 10.0.0.0/8", "6:40: 'within'" + to + ": 192.0.2.7 is in none of them"},
      {"address: \"a:1\", balance: roundrobin",
       "6:33: 'balance'" + to + ": unknown word 'roundrobin'; did you mean 'round_robin'?"},
      {"address: \"a:1\", balance: random",
       "6:33: 'balance'" + to + ": unknown word 'random'; there are first, round_robin, least_sessions, hash"},
      {"address: \"a:1\", retry: 17", "6:31: 'retry'" + to + ": '17' is not a whole number from 0 to 16"},
      {"address: \"a:1\", retry: -1", "6:31: 'retry'" + to + ": '-1' is not a whole number from 0 to 16"},
      {"address: \"a:1\", proxy_protocol: true",
       "6:40: 'proxy_protocol'" + to + ": unknown word 'true'; there are v1, v2, none"},
      {"address: \"a:1\", health: 5s", "6:32: 'health'" + to + " is a map: health: {every: 5s}"},
      {"address: \"a:1\", health: {every: 5}",
       "6:40: 'every' of 'health'" + to + ": '5' has no unit; write '5s' for seconds"},
      {"address: \"a:1\", health: {timeout: none}",
       "6:42: 'timeout' of 'health'" + to + ": 'none' is no time here; without 'health' nothing is asked"},
      {"address: \"a:1\", health: {down_after: 0}",
       "6:45: 'down_after' of 'health'" + to + ": '0' is not a whole number from 1 to 100"},
      {"address: \"a:1\", health: {interval: 5s}",
       "6:33: unknown key 'interval' in 'health'" + to + "; did you mean 'every'?"},
      // --- made from words
      {"address: \"{path.id}:1\"",
       "6:17: 'address'" + to +
           " is made from the visitor's words, so 'within' must say where it may lead to: within: "
           "[10.20.0.0/16]"},
      {"address: \"{path.x}:1\", within: 10.0.0.0/8",
       "6:7: 'to' of route 'desk': there is no '{x}' in the path '/{id}'"},
      {"address: \"{user}:1\", within: 10.0.0.0/8",
       "6:7: 'to' of route 'desk': '{user}' is nobody where 'auth' is none"},
      {"address: \"{path.id}:1\", within: 10.0.0.0/8, retry: 1",
       "6:59: 'retry'" + to + " does nothing, for the address is found for each visitor anew"},
      {"address: \"{path.id}:1\", within: 10.0.0.0/8, balance: hash",
       "6:61: 'balance'" + to + " does nothing, for the address is found for each visitor anew"},
      {"address: \"{path.id}:1\", within: 10.0.0.0/8, health: {}",
       "6:60: 'health'" + to + " does nothing, for the address is found for each visitor anew"},
      {"addresses: [\"{path.id}:1\"], within: 10.0.0.0/8",
       "6:20: 'addresses'" + to + ": an address that is made from the visitor's words stands alone, in 'address'"},
      {"address: \"unix:/run/{path.id}\", within: 10.0.0.0/8",
       "6:17: 'address'" + to +
           ": the path of a Unix socket is not made from a visitor's words; use 'lookup', with a "
           "table of sockets"},
  };
  for (const Row& row : rows) { EXPECT_THAT(of_to(row.keys), ElementsAre(row.mistake)) << row.keys; }
}

TEST(ReadService, SaysWhatIsWrongWithServices) {
  const auto of_services = [](const std::string& services) {
    return mistakes("services: " + services + "\nlisten: :1\nroutes: {name: a, path: /, auth: none, to: \"echo:\"}\n");
  };
  EXPECT_THAT(of_services("[broker]"),
              ElementsAre("1:11: 'services' is a map of names: services: {broker: {address: \"broker:61613\"}}"));
  EXPECT_THAT(of_services("{broker: \"a:1\"}"),
              ElementsAre("1:20: service 'broker' is a map: broker: {address: \"broker:61613\"}"));
  EXPECT_THAT(of_services("{broker}"),
              ElementsAre("1:12: service 'broker' is a map: broker: {address: \"broker:61613\"}"));
  EXPECT_THAT(of_services("{echo: {address: \"a:1\"}}"),
              ElementsAre("1:12: 'services': 'echo' is taken, by the built-in \"echo:\""));
  EXPECT_THAT(of_services("{a.b: {address: \"a:1\"}}"),
              ElementsAre("1:12: 'services': 'a.b' looks like a host; the name of a service has no '.'"));
  EXPECT_THAT(of_services("{\"70\": {address: \"a:1\"}}"),
              ElementsAre("1:12: 'services': '70' looks like a port; the name of a service is more than digits"));
  EXPECT_THAT(of_services("{s: {lookup: {table: t, key: \"{host}\"}}}"),
              ElementsAre("1:15: service 's' has no 'address'; where is the service? 'address: host:port'",
                          "1:16: unknown key 'lookup' in service 's'; it is a key of 'to'"));
  EXPECT_THAT(of_services("{<<: {}}"), ElementsAre("1:12: merge keys ('<<') are not supported; write the keys out"));
}

// Words in a shared service are those of the route that leads there.
TEST(ReadService, LooksForTheWordsOfASharedServiceInThePathOfItsRoute) {
  EXPECT_THAT(mistakes("listen: :1\n"
                       "services: {desks: {address: \"d-{path.id}:1\", within: [10.0.0.0/8]}}\n"
                       "routes:\n"
                       "- {name: a, path: \"/a/{id}\", auth: none, to: desks}\n"
                       "- {name: b, path: \"/b/{nr}\", auth: none, to: desks}\n"),
              ElementsAre("5:46: 'to' of route 'b': there is no '{id}' in the path '/b/{nr}'"));
}

}  // namespace
}  // namespace bascule::config
