// What every route has: `allow`, and what `defaults` give it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Rate;
using policy::Route;
using testing::ElementsAre;
using namespace std::chrono_literals;

// --- allow -----------------------------------------------------------------------------------------------------------

TEST(ReadRoute, ReadsWhoIsAllowed) {
  const Route one = route_of("  to: a.b:1\n  allow: {addresses: [10.0.0.0/8, unix]}\n");
  ASSERT_EQ(one.allow.size(), 1U);
  ASSERT_TRUE(one.allow[0].addresses.has_value());
  EXPECT_TRUE(one.allow[0].addresses->unix_sockets);
  EXPECT_EQ(one.allow[0].addresses->networks.size(), 1U);

  const Route two = route_of("  to: a.b:1\n  allow: [{addresses: 10.0.0.0/8}, {addresses: \"::1\"}]\n");
  EXPECT_EQ(two.allow.size(), 2U);
  EXPECT_TRUE(route_of("  to: a.b:1\n").allow.empty());
  // A page has it too.
  EXPECT_EQ(route_of("  answer: health\n  allow: {addresses: 10.0.0.0/8}\n").allow.size(), 1U);
}

TEST(ReadRoute, SaysWhatIsWrongWithAllow) {
  struct Row {
    std::string line;
    std::string mistake;
  };
  const std::vector<Row> rows{
      {"allow: 10.0.0.0/8",
       "7:10: 'allow' of route 'desk' is a map, or a list of them: allow: {addresses: [10.0.0.0/8]}"},
      {"allow: []", "7:10: 'allow' of route 'desk' is empty, so nobody could come in; leave it out for everybody"},
      {"allow: {}", "7:10: 'allow' of route 'desk' is empty; users, groups, claims or addresses"},
      {"allow: [ada]", "7:11: 'allow' of route 'desk' is a list of maps: [{addresses: [10.0.0.0/8]}, {users: [ada]}]"},
      {"allow: {address: 10.0.0.0/8}",
       "7:11: unknown key 'address' in 'allow' of route 'desk'; did you mean 'addresses'?"},
      {"allow: {addresses: [10.0.0.0/8, lan]}",
       "7:35: 'addresses' of 'allow' of route 'desk': 'lan' is no network; write '10.0.0.0/8', '2001:db8::/32' or an "
       "address; names are not looked up"},
      {"allow: {users: [ada]}",
       "7:18: 'users' of 'allow' of route 'desk': nobody has a name where 'auth' is none; 'addresses' work without "
       "one"},
      {"allow: [{groups: support, addresses: 10.0.0.0/8}]",
       "7:20: 'groups' of 'allow' of route 'desk': nobody has a name where 'auth' is none; 'addresses' work without "
       "one"},
  };
  for (const Row& row : rows) {
    const auto said = mistakes(one_route("  path: /\n  auth: none\n  to: a.b:1\n  " + row.line + "\n"));
    EXPECT_THAT(said, testing::Contains(row.mistake)) << row.line;
    EXPECT_LE(said.size(), 2U) << row.line;
  }
}

// --- defaults --------------------------------------------------------------------------------------------------------

// The routes of a file with these defaults, each route a line of keys besides its path and auth.
policy::Rules with_defaults(const std::string& defaults, const std::vector<std::string>& routes) {
  std::string text =
      "listen: [{name: in, address: \":1\"}, {name: out, address: \":2\"}]\ndefaults: " + defaults + "\nroutes:\n";
  for (std::size_t i = 0; i < routes.size(); ++i) {
    text += fmt::format("- {{name: r{0}, path: /r{0}, auth: none, {1}}}\n", i, routes[i]);
  }
  policy::Rules rules = rules_of(text);
  if (rules.routes.size() != routes.size()) { ADD_FAILURE() << "all routes expected"; }
  return rules;
}

TEST(Defaults, AreWhatARouteStartsFrom) {
  const policy::Rules rules = with_defaults(
      "{listeners: in, host: a.b, origins: [\"https://a.b\"], protocol: mqtt, frames: {max: 1KiB}, timeouts: {idle: "
      "1h}, limits: {frames: 5/s}, bandwidth: {to_client: 1MiB/s}, allow: {addresses: 10.0.0.0/8}, refuse: close, "
      "on_reload: close}",
      {"to: \"a.b:1\""});
  const Route& route = *rules.routes.at(0);
  EXPECT_EQ(route.listeners, std::vector<std::string>{"in"});
  EXPECT_EQ(route.host.names, std::vector<std::string>{"a.b"});
  EXPECT_FALSE(route.origins.same);
  EXPECT_EQ(route.origins.exact.size(), 1U);
  EXPECT_EQ(route.protocol, "mqtt");
  EXPECT_EQ(route.subprotocols, (std::vector<std::string>{"mqtt", "mqttv3.1"}));
  EXPECT_EQ(route.session.frames.max_bytes, 1024U);
  EXPECT_EQ(route.session.timeouts.idle, Limit(1h));
  EXPECT_EQ(route.session.pace.frames, (Rate{.count = 5}));
  EXPECT_EQ(route.session.pace.to_client_bytes, (Rate{.count = 1024U * 1024U}));
  EXPECT_EQ(route.allow.size(), 1U);
  EXPECT_EQ(route.refuse, policy::RefuseBy::close);
  EXPECT_EQ(route.on_reload, policy::OnReload::close);
}

TEST(Defaults, MergeMapsAndReplaceTheRest) {
  const policy::Rules rules = with_defaults(
      "{host: [a.b, c.d], timeouts: {connect: 1s, idle: 1h}, limits: {sessions: 5, head_size: 2KiB}, allow: "
      "{addresses: "
      "10.0.0.0/8}, subprotocols: [x, y]}",
      {"to: \"a.b:1\", host: e.f, timeouts: {idle: none, stall: 2s}, limits: {sessions: 6}, subprotocols: z, allow: "
       "[{addresses: 192.0.2.7}]",
       "to: \"a.b:1\""});
  const Route& own = *rules.routes.at(0);
  EXPECT_EQ(own.host.names, std::vector<std::string>{"e.f"});
  EXPECT_EQ(own.session.timeouts.connect, Limit(1s));
  EXPECT_EQ(own.session.timeouts.idle, Limit());
  EXPECT_EQ(own.session.timeouts.stall, Limit(2s));
  EXPECT_EQ(own.limits.sessions, 6U);
  EXPECT_EQ(own.limits.head_bytes, 2048U);
  EXPECT_EQ(own.subprotocols, std::vector<std::string>{"z"});
  ASSERT_EQ(own.allow.size(), 1U);
  EXPECT_EQ(own.allow[0].addresses->networks, std::vector<Network>{*Network::parse("192.0.2.7")});
  const Route& other = *rules.routes.at(1);
  EXPECT_EQ(other.host.names, (std::vector<std::string>{"a.b", "c.d"}));
  EXPECT_EQ(other.limits.sessions, 5U);
  EXPECT_EQ(other.subprotocols, (std::vector<std::string>{"x", "y"}));
}

// What a route's own preset says is nearer than what the defaults write, and its own words are nearer still.
TEST(Defaults, StandBelowTheRoutesOwnPreset) {
  const policy::Rules rules = with_defaults(
      "{subprotocols: chat, frames: {from_client: text, max: 1KiB}}",
      {"to: \"a.b:1\", protocol: mqtt", "to: \"a.b:1\", protocol: mqtt, subprotocols: x", "to: \"a.b:1\""});
  EXPECT_EQ(rules.routes.at(0)->subprotocols, (std::vector<std::string>{"mqtt", "mqttv3.1"}));
  EXPECT_TRUE(rules.routes.at(0)->session.frames.binary_from_client);
  EXPECT_EQ(rules.routes.at(0)->session.frames.max_bytes, 1024U);
  EXPECT_EQ(rules.routes.at(1)->subprotocols, std::vector<std::string>{"x"});
  EXPECT_EQ(rules.routes.at(2)->subprotocols, std::vector<std::string>{"chat"});
  EXPECT_FALSE(rules.routes.at(2)->session.frames.binary_from_client);
}

TEST(Defaults, AreNotUsedWhereTheyDoNothing) {
  const policy::Rules rules = with_defaults(
      "{origins: \"https://a.b\", protocol: vnc, timeouts: {idle: 1h, head: 1s}, limits: {sessions: 1, head_fields: "
      "9}, "
      "refuse: close}",
      {"answer: health"});
  Route expected = *rules.routes.at(0);
  EXPECT_EQ(expected.limits.head_fields, 9U);
  EXPECT_EQ(expected.session.timeouts.head, Limit(1s));
  EXPECT_EQ(expected.session.timeouts.idle, Limit());
  EXPECT_FALSE(expected.limits.sessions.has_value());
  EXPECT_TRUE(expected.origins.same);
  EXPECT_EQ(expected.refuse, policy::RefuseBy::http);
}

std::vector<std::string> of_defaults(const std::string& defaults) {
  return mistakes("listen: :1\ndefaults: " + defaults +
                  "\nroutes:\n- {name: a, path: /a, auth: none, to: \"a.b:1\"}\n"
                  "- {name: b, path: /b, auth: none, to: \"a.b:1\"}\n");
}

TEST(Defaults, MayNotOpenAnything) {
  const std::string end = " in 'defaults': a default may not open anything; write it at the routes that are meant";
  EXPECT_THAT(of_defaults("{auth: none}"), ElementsAre("2:18: 'auth: none'" + end));
  EXPECT_THAT(of_defaults("{origins: any}"), ElementsAre("2:21: 'origins: any'" + end));
  EXPECT_THAT(of_defaults("{origins: [same, any]}"), ElementsAre("2:21: 'origins: any'" + end));
  EXPECT_THAT(of_defaults("{host: any}"), ElementsAre("2:18: 'host: any'" + end));
}

TEST(Defaults, AreNoPlaceForWhatEachRouteHas) {
  for (const std::string key : {"name", "path", "to", "files", "answer", "match"}) {
    EXPECT_THAT(of_defaults("{" + key + ": x}"),
                ElementsAre(fmt::format("2:12: '{}' in 'defaults': each route has its own", key)));
  }
  EXPECT_THAT(of_defaults("{tiemouts: {}}"),
              ElementsAre("2:12: unknown key 'tiemouts' in 'defaults'; did you mean 'timeouts'?"));
  EXPECT_THAT(of_defaults("vnc"), ElementsAre("2:11: 'defaults' is a map: defaults: {timeouts: {connect: 3s}}"));
}

// Two routes use them: still one mistake, one message.
TEST(Defaults, HaveTheirMistakesToldOnce) {
  EXPECT_THAT(of_defaults("{timeouts: {idle: 5}, listeners: nowhere, allow: {addresses: x}, protocol: telnet}"),
              testing::SizeIs(4));
  EXPECT_THAT(of_defaults("{timeouts: 5s}"),
              ElementsAre("2:22: 'timeouts' of 'defaults' is a map: timeouts: {connect: 5s, idle: 30m}"));
  EXPECT_THAT(of_defaults("{allow: {users: [ada]}}"),
              ElementsAre("2:27: 'users' of 'allow' of route 'a': nobody has a name where 'auth' is none; 'addresses' "
                          "work without one"));
}

TEST(Defaults, ReplaceNoMissingAuth) {
  EXPECT_THAT(mistakes("listen: :1\ndefaults: {host: a.b}\nroutes: {name: a, path: /a, to: \"a.b:1\"}\n"),
              ElementsAre("3:9: route 'a' has no 'auth'; a route that is open to everybody says 'auth: none'"));
}

}  // namespace
}  // namespace bascule::config
