#include "proxy/policy/match.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bascule::policy {
namespace {

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
  const HostRule written{.kind = HostRule::Kind::exact, .names = {"desk.example.org", "2001:db8::1", "192.0.2.7"}};
  for (const char* host :
       {"desk.example.org", "DESK.example.org:8443", "desk.example.org.", "[2001:DB8:0::1]", "192.0.2.7:1"}) {
    EXPECT_TRUE(host_is_taken(written, host)) << host;
  }
  for (const char* host :
       {"example.org", "x.desk.example.org", "desk.example.org.evil.com", "localhost", "127.0.0.1", "[2001:db8::2]"}) {
    EXPECT_FALSE(host_is_taken(written, host)) << host;
  }
}

TEST(HostMatches, TakesEveryHostWhereAnyIsWritten) {
  const HostRule any{.kind = HostRule::Kind::any, .names = {}};
  for (const char* host : {"evil.example", "127.0.0.1", "[::1]"}) { EXPECT_TRUE(host_is_taken(any, host)) << host; }
}

// --- paths -----------------------------------------------------------------------------------------------------------

PathRule exact(std::vector<PathRule::Segment> segments) {
  return {.written = "test", .segments = std::move(segments), .prefix = false};
}

PathRule prefix(std::vector<PathRule::Segment> segments) {
  return {.written = "test", .segments = std::move(segments), .prefix = true};
}

PathRule::Segment literal(std::string text) {
  return {.literal = std::move(text), .capture = {}};
}
PathRule::Segment capture(std::string name) {
  return {.literal = {}, .capture = std::move(name)};
}

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
  const PathRule root = exact({literal("")});
  const PathRule vnc = exact({literal("vnc")});
  const PathRule deep = exact({literal("a"), literal("b c")});
  const PathRule folder = exact({literal("a"), literal("")});
  const PathRule everything = prefix({});
  const PathRule novnc = prefix({literal("novnc")});
  const PathRule desk = exact({literal("desk"), capture("id")});
  const PathRule desk_below = prefix({literal("desk"), capture("id")});
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
  };
  for (const PathRow& row : rows) {
    const PathMatch found = match(row.rule, row.path);
    EXPECT_EQ(found.matches, row.matches) << row.path;
    EXPECT_EQ(found.below, row.below) << row.path;
    EXPECT_EQ(found.captures, row.captures) << row.path;
  }
}

// --- routes ----------------------------------------------------------------------------------------------------------

Route named(std::string name, PathRule path) {
  Route route;
  route.name = std::move(name);
  route.path = std::move(path);
  return route;
}

Rules rules_of(std::vector<Route> routes) {
  Rules rules;
  for (Route& route : routes) { rules.routes.push_back(std::make_shared<const Route>(std::move(route))); }
  return rules;
}

RouteMatch find(const Rules& rules, std::string_view listener, std::string_view host, std::string_view path) {
  return find_route(rules, listener, *wire::http::parse_authority(host), *wire::http::parse_target(path));
}

TEST(FindRoute, TakesTheFirstThatMatches) {
  const Rules rules = rules_of({named("one", exact({literal("a")})), named("two", prefix({}))});
  EXPECT_EQ(find(rules, "x", "127.0.0.1", "/a").route->name, "one");
  EXPECT_EQ(find(rules, "x", "127.0.0.1", "/b").route->name, "two");
}

TEST(FindRoute, KnowsAHostWhoseRoutesHaveAnotherPath) {
  const Rules rules = rules_of({named("one", exact({literal("a")}))});
  const RouteMatch found = find(rules, "x", "127.0.0.1", "/b");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_TRUE(found.host_known);
}

TEST(FindRoute, DoesNotKnowAHostThatNobodyWrote) {
  const Rules rules = rules_of({named("one", prefix({}))});
  const RouteMatch found = find(rules, "x", "evil.example", "/a");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_FALSE(found.host_known);
}

TEST(FindRoute, LooksAtTheRoutesOfItsListenerOnly) {
  Route inner = named("inner", prefix({}));
  inner.listeners = {"inside"};
  const Rules rules = rules_of({inner, named("outer", prefix({}))});
  EXPECT_EQ(find(rules, "inside", "127.0.0.1", "/").route->name, "inner");
  EXPECT_EQ(find(rules, "outside", "127.0.0.1", "/").route->name, "outer");
  EXPECT_FALSE(find(rules_of({inner}), "outside", "127.0.0.1", "/").host_known);
}

TEST(HeadLimit, IsTheLongestOfTheRoutesOfItsListener) {
  Route quick = named("quick", prefix({}));
  quick.session.timeouts.head = 2s;
  Route slow = named("slow", prefix({}));
  slow.session.timeouts.head = 20s;
  slow.listeners = {"inside"};
  EXPECT_EQ(head_limit(rules_of({quick, slow}), "inside"), Limit(20s));
  EXPECT_EQ(head_limit(rules_of({quick, slow}), "outside"), Limit(2s));
  slow.session.timeouts.head = std::nullopt;
  EXPECT_EQ(head_limit(rules_of({quick, slow}), "inside"), Limit());
  EXPECT_EQ(head_limit(rules_of({}), "inside"), Limit(10s));
}

}  // namespace
}  // namespace bascule::policy
