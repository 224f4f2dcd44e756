#include "proxy/config/hidden.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proxy/config/values.hpp"

namespace bascule::config {
namespace {

using Kind = policy::HostRule::Kind;

policy::Route at(std::string_view path, policy::HostRule host = {}, std::vector<std::string> listeners = {}) {
  policy::Route route;
  route.path = *parse_path(path);
  route.host = std::move(host);
  route.listeners = std::move(listeners);
  return route;
}

policy::HostRule exact(std::vector<std::string> names) {
  return {.kind = Kind::named, .names = std::move(names)};
}
policy::HostRule below(std::vector<std::string> parents) {
  return {.kind = Kind::named, .names = {}, .parents = std::move(parents)};
}
policy::HostRule any() {
  return {.kind = Kind::any};
}

policy::Condition query(std::string name, std::vector<std::string> values) {
  return {.of = policy::Condition::Of::query, .name = std::move(name), .values = std::move(values)};
}
policy::Route on(std::vector<policy::Condition> conditions) {
  policy::Route route = at("/x");
  route.conditions = std::move(conditions);
  return route;
}

struct Row {
  std::string_view earlier;
  std::string_view route;
  bool hidden;
};

TEST(Hides, ComparesPathsSegmentBySegment) {
  const std::vector<Row> rows{
      {"/vnc", "/vnc", true},
      {"/vnc", "/vnc/", false},
      {"/vnc", "/VNC", false},
      {"/a%20b", "/a b", true},
      {"/*", "/", true},
      {"/*", "/vnc", true},
      {"/*", "/a/b/c", true},
      {"/*", "/a/*", true},
      {"/*", "/*", true},
      {"/vnc", "/*", false},
      {"/vnc/*", "/vnc", false},
      {"/vnc/*", "/vnc/", true},
      {"/vnc/*", "/vnc/x", true},
      {"/vnc/*", "/*", false},
      {"/vnc/*", "/vnc/x/*", true},
      {"/vnc/x/*", "/vnc/*", false},
      {"/vnc/*", "/desk/x", false},
      {"/{a}", "/vnc", true},
      {"/{a}", "/{b}", true},
      {"/{a}", "/", false},
      {"/vnc", "/{a}", false},
      {"/{a}/x", "/b/x", true},
      {"/{a}/x", "/b/y", false},
      {"/{a}/*", "/b/y", true},
      {"/{a}/*", "/b", false},
      {"/{a}", "/{b:[0-9]+}", true},
      {"/{a:[0-9]+}", "/{b}", false},
      {"/{a:[0-9]+}", "/{b:[0-9]+}", true},
      {"/{a:[0-9]+}", "/{b:[0-9]}", false},  // true, but not certain
      {"/{a:[0-9]+}", "/42", true},
      {"/{a:[0-9]+}", "/x", false},
      {"/{a:[0-9]+}/*", "/42/x/y", true},
      {"/42", "/{a:[0-9]+}", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(hides(at(row.earlier), at(row.route)), row.hidden) << row.earlier << " before " << row.route;
  }
}

TEST(Hides, ComparesHosts) {
  const auto hidden = [](const policy::HostRule& earlier, const policy::HostRule& later) {
    return hides(at("/*", earlier), at("/x", later));
  };
  EXPECT_TRUE(hidden(any(), any()));
  EXPECT_TRUE(hidden(any(), exact({"a.b"})));
  EXPECT_TRUE(hidden(any(), {}));
  EXPECT_TRUE(hidden({}, {}));
  EXPECT_TRUE(hidden({}, exact({"localhost", "192.0.2.7", "2001:db8::1"})));
  EXPECT_TRUE(hidden(exact({"a.b", "c.d"}), exact({"c.d"})));
  EXPECT_FALSE(hidden({}, any()));
  EXPECT_FALSE(hidden({}, exact({"localhost", "a.b"})));
  EXPECT_FALSE(hidden(exact({"a.b"}), {}));
  EXPECT_FALSE(hidden(exact({"a.b"}), any()));
  EXPECT_FALSE(hidden(exact({"c.d"}), exact({"a.b", "c.d"})));
}

TEST(Hides, KnowsWhatIsBelowAName) {
  const auto hidden = [](const policy::HostRule& earlier, const policy::HostRule& later) {
    return hides(at("/*", earlier), at("/x", later));
  };
  EXPECT_TRUE(hidden(below({"example.org"}), exact({"desk.example.org", "a.b.example.org"})));
  EXPECT_TRUE(hidden(below({"example.org"}), below({"example.org"})));
  EXPECT_TRUE(hidden(below({"example.org"}), below({"lan.example.org"})));
  EXPECT_TRUE(hidden(any(), below({"example.org"})));
  EXPECT_FALSE(hidden(below({"example.org"}), exact({"example.org"})));
  EXPECT_FALSE(hidden(below({"example.org"}), exact({"anexample.org"})));
  EXPECT_FALSE(hidden(below({"lan.example.org"}), below({"example.org"})));
  EXPECT_FALSE(hidden(exact({"desk.example.org"}), below({"example.org"})));
  EXPECT_FALSE(hidden({}, below({"example.org"})));
  EXPECT_FALSE(hidden(below({"example.org"}), {}));
  EXPECT_FALSE(hidden(below({"example.org"}), any()));
}

// A route with a condition hides only those that ask for the same or more.
TEST(Hides, ComparesConditions) {
  const auto hidden = [](std::vector<policy::Condition> earlier, std::vector<policy::Condition> later) {
    return hides(on(std::move(earlier)), on(std::move(later)));
  };
  EXPECT_TRUE(hidden({}, {query("v", {"2"})}));
  EXPECT_TRUE(hidden({query("v", {"2"})}, {query("v", {"2"})}));
  EXPECT_TRUE(hidden({query("v", {"1", "2"})}, {query("v", {"2"})}));
  EXPECT_TRUE(hidden({query("v", {"2"})}, {query("w", {"1"}), query("v", {"2"})}));
  EXPECT_FALSE(hidden({query("v", {"2"})}, {}));
  EXPECT_FALSE(hidden({query("v", {"2"})}, {query("v", {"1", "2"})}));
  EXPECT_FALSE(hidden({query("v", {"2"})}, {query("w", {"2"})}));
  EXPECT_FALSE(hidden({query("v", {"2"})}, {{policy::Condition::Of::cookie, "v", {"2"}}}));
}

TEST(Hides, ComparesListeners) {
  const auto hidden = [](std::vector<std::string> earlier, std::vector<std::string> later) {
    return hides(at("/*", {}, std::move(earlier)), at("/x", {}, std::move(later)));
  };
  EXPECT_TRUE(hidden({}, {}));
  EXPECT_TRUE(hidden({}, {"a"}));
  EXPECT_TRUE(hidden({"a", "b"}, {"a"}));
  EXPECT_FALSE(hidden({"a"}, {}));
  EXPECT_FALSE(hidden({"a"}, {"a", "b"}));
}

// --- overlap ---------------------------------------------------------------------------------------------------------

TEST(Overlap, ComparesPaths) {
  const std::vector<Row> rows{
      {"/{a}/x", "/b/{c}", true},
      {"/{a}/x", "/b/y", false},
      {"/{a}/*", "/b/x", true},
      {"/{a}/*", "/b", false},
      {"/a/*", "/{b}/c/*", true},
      {"/a/*", "/b/*", false},
      {"/a/", "/a/{b}", false},
      {"/{a:[0-9]+}", "/42", true},
      {"/{a:[0-9]+}", "/x", false},
      {"/{a:[0-9]+}", "/{b}", true},
      {"/{a:[0-9]+}", "/{b:[0-9]+}", true},
      {"/{a:[0-9]+}", "/{b:[a-z0-9]+}", false},  // true, but not certain
  };
  for (const Row& row : rows) {
    EXPECT_EQ(overlap(at(row.earlier), at(row.route)), row.hidden) << row.earlier << " and " << row.route;
    EXPECT_EQ(overlap(at(row.route), at(row.earlier)), row.hidden) << row.route << " and " << row.earlier;
  }
}

TEST(Overlap, ComparesHosts) {
  const auto both = [](const policy::HostRule& a, const policy::HostRule& b) {
    const bool result = overlap(at("/x", a), at("/x", b));
    EXPECT_EQ(overlap(at("/x", b), at("/x", a)), result);
    return result;
  };
  EXPECT_TRUE(both(any(), exact({"a.b"})));
  EXPECT_TRUE(both(any(), {}));
  EXPECT_TRUE(both({}, exact({"a.b", "192.0.2.7"})));
  EXPECT_TRUE(both(exact({"a.b", "c.d"}), exact({"c.d", "e.f"})));
  EXPECT_TRUE(both(below({"example.org"}), exact({"desk.example.org"})));
  EXPECT_TRUE(both(below({"example.org"}), below({"lan.example.org"})));
  EXPECT_TRUE(both(below({"example.org"}), below({"example.org"})));
  EXPECT_FALSE(both(below({"example.org"}), exact({"example.org"})));
  EXPECT_FALSE(both(below({"example.org"}), below({"example.net"})));
  EXPECT_FALSE(both({}, exact({"a.b"})));
  EXPECT_FALSE(both({}, below({"example.org"})));
  EXPECT_FALSE(both(exact({"a.b"}), exact({"c.d"})));
}

TEST(Overlap, ComparesListenersAndConditions) {
  EXPECT_FALSE(overlap(at("/x", {}, {"a"}), at("/x", {}, {"b"})));
  EXPECT_TRUE(overlap(at("/x", {}, {"a", "c"}), at("/x", {}, {"b", "c"})));
  EXPECT_TRUE(overlap(at("/x", {}, {"a"}), at("/x")));
  EXPECT_FALSE(overlap(on({query("v", {"1"})}), on({query("v", {"2"})})));
  EXPECT_TRUE(overlap(on({query("v", {"1", "2"})}), on({query("v", {"2", "3"})})));
  EXPECT_TRUE(overlap(on({query("v", {"1"})}), on({query("w", {"2"})})));
}

// --- among many ------------------------------------------------------------------------------------------------------

Routes several(std::vector<policy::Route> routes) {
  Routes result;
  for (policy::Route& route : routes) { result.push_back(std::make_shared<const policy::Route>(std::move(route))); }
  return result;
}

// The index finds the same as comparing each with each, whatever the routes are.
TEST(HiddenRoutes, AreThoseThatOneBeforeThemHides) {
  const std::vector<std::string> paths{"/", "/a", "/{x}", "/*", "/a/*", "/{x:[0-9]+}", "/7", "/{x}/b", "/{x:[0-9]+}/b"};
  const std::vector<policy::HostRule> hosts{{},
                                            any(),
                                            exact({"a.b"}),
                                            exact({"a.b", "c.example.org"}),
                                            below({"example.org"}),
                                            exact({"::1"}),
                                            exact({"localhost"})};
  const std::vector<std::vector<std::string>> listeners{{}, {"in"}, {"in", "out"}};
  const std::vector<std::vector<policy::Condition>> conditions{{}, {query("v", {"1"})}, {query("v", {"1", "2"})}};
  std::mt19937 random(7);
  const auto one_of = [&](const auto& all) { return all[random() % all.size()]; };
  for (int round = 0; round < 300; ++round) {
    std::vector<policy::Route> made;
    for (int i = 0; i < 12; ++i) {
      made.push_back(at(one_of(paths), one_of(hosts), one_of(listeners)));
      made.back().conditions = one_of(conditions);
    }
    const Routes routes = several(std::move(made));
    std::vector<std::pair<std::size_t, std::size_t>> expected;
    for (std::size_t later = 0; later < routes.size(); ++later) {
      for (std::size_t earlier = 0; earlier < later; ++earlier) {
        if (!hides(*routes[earlier], *routes[later])) { continue; }
        expected.emplace_back(earlier, later);
        break;
      }
    }
    std::vector<std::pair<std::size_t, std::size_t>> found;
    for (const InTheWay& pair : hidden_routes(routes)) { found.emplace_back(pair.earlier, pair.later); }
    EXPECT_EQ(found, expected) << "round " << round;
  }
}

TEST(OverlappingRoutes, AreNotThoseOfWhichOneTakesAllOfTheOthers) {
  EXPECT_TRUE(overlapping_routes(several({at("/a"), at("/{x}"), at("/*")})).empty());
  const auto found = overlapping_routes(several({at("/{x}/vnc"), at("/other"), at("/desk/{y}")}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].earlier, 0U);
  EXPECT_EQ(found[0].later, 2U);
}

// Each pair of some thousand routes overlaps: a bounded number of them is named, and the search ends.
TEST(OverlappingRoutes, AreABoundedNumber) {
  std::vector<policy::Route> made;
  for (int i = 0; i < 3000; ++i) {
    made.push_back(at(i % 2 == 0 ? "/{x}/" + std::to_string(i) : "/" + std::to_string(i) + "/{x}"));
  }
  const auto found = overlapping_routes(several(std::move(made)));
  EXPECT_GE(found.size(), 200U);
  EXPECT_LE(found.size(), 3200U);
}

}  // namespace
}  // namespace bascule::config
