#include "proxy/policy/match.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/policy/index.hpp"
#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using test::Fields;
using test::path_rule;
using test::route;
using test::rules_of;

using Captures = std::vector<std::pair<std::string, std::string>>;

// --- hosts -----------------------------------------------------------------------------------------------------------

bool host_is_taken(const HostRule& rule, std::string_view host) {
  const auto authority = wire::http::parse_authority(host);
  EXPECT_TRUE(authority.has_value()) << host;
  return authority && host_matches(rule, *authority);
}

TEST(HostMatches, TakesAddressesAndLocalhostWhereNoneIsWritten) {
  const HostRule unwritten;
  for (const char* host : {"127.0.0.1", "127.0.0.1:6080", "192.0.2.7", "[::1]", "[2001:db8::1]:443", "localhost",
                           "LOCALHOST", "localhost.", "localhost:80"}) {
    EXPECT_TRUE(host_is_taken(unwritten, host)) << host;
  }
}

// DNS rebinding: a name that somebody points at us is not ours.
TEST(HostMatches, TakesNoOtherNameWhereNoneIsWritten) {
  const HostRule unwritten;
  for (const char* host :
       {"evil.example", "localhost.evil.example", "evil.localhost", "127.0.0.1.evil.example", "localhos", "desk"}) {
    EXPECT_FALSE(host_is_taken(unwritten, host)) << host;
  }
}

TEST(HostMatches, TakesTheWrittenNamesOnly) {
  const HostRule written{.kind = HostRule::Kind::named, .names = {"desk.example.org", "2001:db8::1", "192.0.2.7"}};
  for (const char* host :
       {"desk.example.org", "DESK.example.org:8443", "desk.example.org.", "[2001:DB8:0::1]", "192.0.2.7:1"}) {
    EXPECT_TRUE(host_is_taken(written, host)) << host;
  }
  for (const char* host :
       {"example.org", "x.desk.example.org", "desk.example.org.evil.com", "localhost", "127.0.0.1", "[2001:db8::2]"}) {
    EXPECT_FALSE(host_is_taken(written, host)) << host;
  }
}

TEST(HostMatches, TakesTheNamesBelowAParentAtAnyDepth) {
  const HostRule below{.kind = HostRule::Kind::named, .names = {}, .parents = {"example.org"}};
  for (const char* host : {"a.example.org", "A.B.example.org:8443", "a.example.org."}) {
    EXPECT_TRUE(host_is_taken(below, host)) << host;
  }
  for (const char* host :
       {"example.org", "evilexample.org", "a.example.org.evil.com", "org", "localhost", "127.0.0.1"}) {
    EXPECT_FALSE(host_is_taken(below, host)) << host;
  }
}

TEST(HostMatches, TakesEveryHostWhereAnyIsWritten) {
  const HostRule any{.kind = HostRule::Kind::any, .names = {}};
  for (const char* host : {"evil.example", "127.0.0.1", "[::1]"}) { EXPECT_TRUE(host_is_taken(any, host)) << host; }
}

// --- paths -----------------------------------------------------------------------------------------------------------

PathMatch match(const PathRule& rule, std::string_view path) {
  const auto target = wire::http::parse_target(path);
  EXPECT_TRUE(target.has_value()) << path;
  return target ? match_path(rule, *target) : PathMatch();
}

struct PathRow {
  PathRule rule;
  std::string_view path;
  bool matches;
  std::string_view below = {};
  Captures captures = {};
};

TEST(MatchPath, FollowsTheTable) {
  const PathRule root = path_rule("/");
  const PathRule vnc = path_rule("/vnc");
  const PathRule deep = path_rule("/a/b c");
  const PathRule folder = path_rule("/a/");
  const PathRule everything = path_rule("/*");
  const PathRule novnc = path_rule("/novnc/*");
  const PathRule desk = path_rule("/desk/{id}");
  const PathRule desk_below = path_rule("/desk/{id}/*");
  const PathRule numbered = path_rule("/desk/{id:[0-9]+}/{part:(a|b)}");
  const std::vector<PathRow> rows{
      {root, "/", true},
      {root, "/x", false},
      {root, "//", false},
      {root, "/?a=b", true},
      {vnc, "/vnc", true},
      {vnc, "/vnc?token=1", true},
      {vnc, "/%76nc", true},
      {vnc, "/VNC", false},
      {vnc, "/vnc/", false},
      {vnc, "/vnc/x", false},
      {vnc, "//vnc", false},
      {vnc, "/vncx", false},
      {vnc, "/", false},
      {vnc, "http://host/vnc", true},
      {deep, "/a/b%20c", true},
      {deep, "/a/b", false},
      {deep, "/a//b%20c", false},
      {folder, "/a/", true},
      {folder, "/a", false},
      {everything, "/", true, ""},
      {everything, "/vnc.html", true, "vnc.html"},
      {everything, "/app/", true, "app/"},
      {everything, "/app/ui.js", true, "app/ui.js"},
      {everything, "//etc/passwd", false},
      {everything, "/app//ui.js", false},
      {everything, "//", false},
      {novnc, "/novnc/", true, ""},
      {novnc, "/novnc", false},
      {novnc, "/novnc/a/b%20c", true, "a/b c"},
      {novnc, "/novnc//a", false},
      {novnc, "/novncx/a", false},
      {novnc, "/", false},
      {desk, "/desk/7", true, "", {{"id", "7"}}},
      {desk, "/desk/a%20b", true, "", {{"id", "a b"}}},
      {desk, "/desk/", false},
      {desk, "/desk", false},
      {desk, "/desk/7/8", false},
      {desk_below, "/desk/7/", true, "", {{"id", "7"}}},
      {desk_below, "/desk/7/x", true, "x", {{"id", "7"}}},
      {desk_below, "/desk//x", false},
      {numbered, "/desk/42/a", true, "", {{"id", "42"}, {"part", "a"}}},
      {numbered, "/desk/%34%32/b", true, "", {{"id", "42"}, {"part", "b"}}},
      {numbered, "/desk/42/c", false},
      {numbered, "/desk/4x/a", false},
      {numbered, "/desk/x42/a", false},
      {numbered, "/desk//a", false},
  };
  for (const PathRow& row : rows) {
    const PathMatch found = match(row.rule, row.path);
    EXPECT_EQ(found.matches, row.matches) << row.path;
    EXPECT_EQ(found.below, row.below) << row.path;
    EXPECT_EQ(found.captures, row.captures) << row.path;
  }
}

// --- routes ----------------------------------------------------------------------------------------------------------

RouteMatch find(const Rules& rules, std::string_view listener, std::string_view host, std::string_view path,
                const Fields& fields = {}) {
  return find_route(rules, listener, test::authority(host), test::target(path),
                    test::head("GET", std::string(path), fields));
}

TEST(FindRoute, TakesTheFirstThatMatches) {
  const Rules rules = rules_of({route("one", "/a"), route("two", "/*")});
  EXPECT_EQ(find(rules, "x", "127.0.0.1", "/a").route->name, "one");
  EXPECT_EQ(find(rules, "x", "127.0.0.1", "/b").route->name, "two");
}

TEST(FindRoute, KnowsAHostWhoseRoutesHaveAnotherPath) {
  const Rules rules = rules_of({route("one", "/a")});
  const RouteMatch found = find(rules, "x", "127.0.0.1", "/b");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_TRUE(found.host_known);
}

TEST(FindRoute, DoesNotKnowAHostThatNobodyWrote) {
  const Rules rules = rules_of({route("one", "/*")});
  const RouteMatch found = find(rules, "x", "evil.example", "/a");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_FALSE(found.host_known);
}

TEST(FindRoute, LooksAtTheRoutesOfItsListenerOnly) {
  Route inner = route("inner", "/*");
  inner.listeners = {"inside"};
  const Rules rules = rules_of({inner, route("outer", "/*")});
  EXPECT_EQ(find(rules, "inside", "127.0.0.1", "/").route->name, "inner");
  EXPECT_EQ(find(rules, "outside", "127.0.0.1", "/").route->name, "outer");
  EXPECT_FALSE(find(rules_of({inner}), "outside", "127.0.0.1", "/").host_known);
}

// --- conditions ------------------------------------------------------------------------------------------------------

struct ConditionRow {
  Condition condition;
  std::string_view target;
  Fields fields;
  bool holds;
};

TEST(Conditions, FollowTheTable) {
  const Condition query{.of = Condition::Of::query, .name = "version", .values = {"2", "3 b"}};
  const Condition header{.of = Condition::Of::header, .name = "x-region", .values = {"eu"}};
  const Condition cookie{.of = Condition::Of::cookie, .name = "kind", .values = {"a"}};
  const Condition subprotocol{.of = Condition::Of::subprotocol, .name = {}, .values = {"mqtt", "stomp"}};
  const std::vector<ConditionRow> rows{
      {query, "/?version=2", {}, true},
      {query, "/?a=b&version=3+b", {}, true},
      {query, "/?version=3%20b", {}, true},
      {query, "/?version=2&version=1", {}, true},
      {query, "/?version=1&version=2", {}, false},
      {query, "/?version=22", {}, false},
      {query, "/?Version=2", {}, false},
      {query, "/?version", {}, false},
      {query, "/", {}, false},
      {header, "/", {{"x-region", "eu"}}, true},
      {header, "/", {{"x-region", "us"}, {"x-region", "eu"}}, true},
      {header, "/", {{"x-region", "us, eu"}}, false},
      {header, "/", {{"x-region", "EU"}}, false},
      {header, "/", {}, false},
      {cookie, "/", {{"cookie", "x=1; kind=a"}}, true},
      {cookie, "/", {{"cookie", "x=1"}, {"cookie", "kind=a"}}, true},
      {cookie, "/", {{"cookie", "kind=b; kind=a"}}, false},
      {cookie, "/", {}, false},
      {subprotocol, "/", {{"sec-websocket-protocol", "stomp"}}, true},
      {subprotocol, "/", {{"sec-websocket-protocol", "a , mqtt\t,b"}}, true},
      {subprotocol, "/", {{"sec-websocket-protocol", "a"}, {"sec-websocket-protocol", "mqtt"}}, true},
      {subprotocol, "/", {{"sec-websocket-protocol", "MQTT"}}, false},
      {subprotocol, "/", {{"sec-websocket-protocol", "mqttv3.1"}}, false},
      {subprotocol, "/", {{"sec-websocket-protocol", ""}}, false},
      {subprotocol, "/", {}, false},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ConditionRow& row = rows[i];
    EXPECT_EQ(conditions_hold({row.condition}, test::head("GET", std::string(row.target), row.fields),
                              test::target(row.target)),
              row.holds)
        << "row " << i;
  }
}

TEST(Conditions, HoldAllTogether) {
  const std::vector<Condition> both{{.of = Condition::Of::query, .name = "a", .values = {"1"}},
                                    {.of = Condition::Of::query, .name = "b", .values = {"2"}}};
  const auto hold = [&](std::string_view target) {
    return conditions_hold(both, test::head("GET", std::string(target), {}), test::target(target));
  };
  EXPECT_TRUE(hold("/?a=1&b=2"));
  EXPECT_FALSE(hold("/?a=1"));
  EXPECT_FALSE(hold("/?b=2"));
  EXPECT_TRUE(conditions_hold({}, test::head("GET", "/", {}), test::target("/")));
}

TEST(FindRoute, GoesOnWhereConditionsDoNotHold) {
  Route special = route("special", "/a");
  special.conditions = {{.of = Condition::Of::query, .name = "version", .values = {"2"}}};
  const Rules rules = rules_of({special, route("plain", "/a")});
  EXPECT_EQ(find(rules, "x", "127.0.0.1", "/a?version=2").route->name, "special");
  EXPECT_EQ(find(rules, "x", "127.0.0.1", "/a").route->name, "plain");
  EXPECT_EQ(find(rules, "x", "127.0.0.1", "/a").but_for_conditions, nullptr);
}

TEST(FindRoute, NamesTheRouteThatLackedItsConditionsOnly) {
  Route special = route("special", "/a");
  special.conditions = {{.of = Condition::Of::query, .name = "version", .values = {"2"}}};
  const RouteMatch found = find(rules_of({special}), "x", "127.0.0.1", "/a?version=1");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_TRUE(found.host_known);
  ASSERT_NE(found.but_for_conditions, nullptr);
  EXPECT_EQ(found.but_for_conditions->name, "special");
}

// --- how large and slow heads may be ---------------------------------------------------------------------------------

TEST(HeadSizeLimit, IsTheLargestOfTheRoutesOfItsListener) {
  Route small = route("small", "/*");
  small.limits.head_bytes = 2048;
  small.limits.head_fields = 100;
  Route large = route("large", "/*");
  large.limits.head_bytes = 65536;
  large.limits.head_fields = 10;
  large.listeners = {"inside"};
  for (const bool indexed : {false, true}) {
    Rules rules = rules_of({small, large});
    if (indexed) { rules.index = std::make_shared<const RouteIndex>(rules); }
    const auto inside = head_size_limit(rules, "inside");
    EXPECT_EQ(inside.head_bytes_max, 65536U);
    EXPECT_EQ(inside.fields_max, 100U);
    EXPECT_EQ(inside.line_bytes_max, 32768U);
    const auto outside = head_size_limit(rules, "outside");
    EXPECT_EQ(outside.head_bytes_max, 2048U);
    EXPECT_EQ(outside.line_bytes_max, 2048U);
  }
  EXPECT_EQ(head_size_limit(rules_of({}), "inside").head_bytes_max, 16384U);
  EXPECT_EQ(head_size_limit(rules_of({}), "inside").line_bytes_max, 8192U);
}

TEST(HeadLimit, IsTheLongestOfTheRoutesOfItsListener) {
  Route quick = route("quick", "/*");
  quick.session.timeouts.head = 2s;
  Route slow = route("slow", "/*");
  slow.session.timeouts.head = 20s;
  slow.listeners = {"inside"};
  Route endless = slow;
  endless.session.timeouts.head = std::nullopt;
  for (const bool indexed : {false, true}) {
    const auto limit = [&](const std::vector<Route>& routes, std::string_view listener) {
      Rules rules = rules_of(routes);
      if (indexed) { rules.index = std::make_shared<const RouteIndex>(rules); }
      return head_limit(rules, listener);
    };
    EXPECT_EQ(limit({quick, slow}, "inside"), Limit(20s));
    EXPECT_EQ(limit({quick, slow}, "outside"), Limit(2s));
    EXPECT_EQ(limit({quick, endless}, "inside"), Limit());
    EXPECT_EQ(limit({endless, quick}, "outside"), Limit(2s));
    EXPECT_EQ(limit({}, "inside"), Limit(10s));
  }
}

}  // namespace
}  // namespace bascule::policy
