#include "proxy/policy/index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "proxy/policy/match.hpp"
#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using test::hosts;
using test::route;
using test::rules_of;
using testing::ElementsAre;

std::vector<std::size_t> candidates(const Rules& rules, std::string_view host, std::string_view path,
                                    std::string_view listener = "inner") {
  return RouteIndex(rules).find(listener, test::authority(host), test::target(path)).routes;
}

TEST(RouteIndex, FindsLiteralsCapturesAndPrefixesInTheOrderOfTheRoutes) {
  const Rules rules = rules_of({route("0", "/a/*"), route("1", "/a/{x}"), route("2", "/a/b"), route("3", "/*"),
                                route("4", "/a/b/c"), route("5", "/a/{x}/c"), route("6", "/")});
  EXPECT_THAT(candidates(rules, "127.0.0.1", "/a/b"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(candidates(rules, "127.0.0.1", "/a/x"), ElementsAre(0, 1, 3));
  EXPECT_THAT(candidates(rules, "127.0.0.1", "/a/b/c"), ElementsAre(0, 3, 4, 5));
  EXPECT_THAT(candidates(rules, "127.0.0.1", "/a/"), ElementsAre(0, 3));
  EXPECT_THAT(candidates(rules, "127.0.0.1", "/a"), ElementsAre(3));
  EXPECT_THAT(candidates(rules, "127.0.0.1", "/"), ElementsAre(3, 6));
}

TEST(RouteIndex, FindsARouteOnceHoweverManyOfItsHostsFit) {
  Route both = route("0", "/a");
  both.host = hosts({"x.example.org", "y.example.org"}, {"example.org", "org.example"});
  const Rules rules = rules_of({both});
  EXPECT_THAT(candidates(rules, "x.example.org", "/a"), ElementsAre(0));
  EXPECT_THAT(candidates(rules, "z.example.org", "/a"), ElementsAre(0));
  EXPECT_THAT(candidates(rules, "example.org", "/a"), ElementsAre());
}

TEST(RouteIndex, KnowsItsHosts) {
  Route named = route("0", "/a");
  named.host = hosts({"desk.example.org"});
  named.listeners = {"public"};
  const Rules rules = rules_of({named, route("1", "/b")});
  const RouteIndex index(rules);
  const auto known = [&](std::string_view listener, std::string_view host) {
    return index.find(listener, test::authority(host), test::target("/nowhere")).host_known;
  };
  EXPECT_TRUE(known("public", "desk.example.org"));
  EXPECT_FALSE(known("inner", "desk.example.org"));
  EXPECT_TRUE(known("inner", "127.0.0.1"));
  EXPECT_TRUE(known("inner", "localhost"));
  EXPECT_FALSE(known("inner", "evil.example"));
}

// A path of twenty thousand segments neither recurses when it is looked for nor when it is forgotten.
TEST(RouteIndex, HoldsADeepPath) {
  std::string path;
  for (int i = 0; i < 20'000; ++i) { path += "/a"; }
  const Rules rules = rules_of({route("0", path)});
  EXPECT_THAT(candidates(rules, "127.0.0.1", path), ElementsAre(0));
  EXPECT_THAT(candidates(rules, "127.0.0.1", path + "/a"), ElementsAre());
}

// --- against trying every route --------------------------------------------------------------------------------------

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  template <typename T>
  const T& one_of(const std::vector<T>& items) {
    return items[random_() % items.size()];
  }
  bool one_in(unsigned n) { return random_() % n == 0; }

 private:
  std::mt19937 random_;
};

const std::vector<std::string> names{"example.org", "a.example.org", "b.a.example.org",
                                     "localhost",   "127.0.0.1",     "::1"};
const std::vector<std::string> sent_hosts{"example.org", "a.example.org:80", "b.a.example.org", "c.b.a.example.org",
                                          "localhost",   "127.0.0.1",        "[::1]:80",        "evil.example"};
const std::vector<std::string> segments{"a", "b", "{x}", "{y:[ab]+}", "{z:b}", ""};
const std::vector<std::string> sent_segments{"a", "b", "c", "", "ab"};
const std::vector<std::string> listeners{"inner", "public", "other"};

Route random_route(Dice& dice, int number) {
  std::string path;
  do { path += "/" + dice.one_of(segments); } while (!dice.one_in(3));
  if (dice.one_in(3)) { path += "/*"; }
  Route result = route("r" + std::to_string(number), path);
  if (dice.one_in(3)) { result.host.kind = HostRule::Kind::any; }
  if (dice.one_in(3)) {
    result.host = hosts({dice.one_of(names)});
    if (dice.one_in(2)) { result.host.parents.push_back("example.org"); }
    if (dice.one_in(4)) { result.host.parents.push_back("a.example.org"); }
  }
  while (dice.one_in(3)) { result.listeners.push_back(dice.one_of(listeners)); }
  if (dice.one_in(4)) { result.conditions = {{.of = Condition::Of::query, .name = "q", .values = {"1"}}}; }
  return result;
}

TEST(RouteIndex, AgreesWithTryingEveryRoute) {
  int routes_found = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    std::vector<Route> routes;
    do { routes.push_back(random_route(dice, static_cast<int>(routes.size()))); } while (!dice.one_in(12));
    const Rules plain = rules_of(routes);
    Rules indexed = plain;
    indexed.index = std::make_shared<const RouteIndex>(indexed);
    for (int i = 0; i < 100; ++i) {
      std::string path;
      do { path += "/" + dice.one_of(sent_segments); } while (!dice.one_in(3));
      if (dice.one_in(2)) { path += "?q=1"; }
      const std::string& host = dice.one_of(sent_hosts);
      const std::string& listener = dice.one_of(listeners);
      const auto head = test::head("GET", path, {});
      const RouteMatch a = find_route(plain, listener, test::authority(host), test::target(path), head);
      const RouteMatch b = find_route(indexed, listener, test::authority(host), test::target(path), head);
      ASSERT_EQ(a.route, b.route) << "seed " << seed << ": " << listener << " " << host << path;
      EXPECT_EQ(a.host_known, b.host_known) << "seed " << seed << ": " << listener << " " << host << path;
      EXPECT_EQ(a.but_for_conditions, b.but_for_conditions) << "seed " << seed;
      EXPECT_EQ(a.path.captures, b.path.captures) << "seed " << seed;
      EXPECT_EQ(a.path.below, b.path.below) << "seed " << seed;
      EXPECT_LE(b.tried, a.tried) << "seed " << seed;
      routes_found += a.route ? 1 : 0;
    }
  }
  EXPECT_GT(routes_found, 3000);
}

// --- the price -------------------------------------------------------------------------------------------------------

// Tenants with a name, a path and a capture of their own, and one wildcard for all.
Rules tenants(int count) {
  std::vector<Route> routes;
  for (int i = 0; i < count; ++i) {
    const std::string tenant = "t" + std::to_string(i);
    Route by_name = route(tenant + "-name", "/vnc");
    by_name.host = hosts({tenant + ".example.org"});
    Route by_parent = route(tenant + "-parent", "/vnc/{id}");
    by_parent.host = hosts({}, {tenant + ".example.org"});
    routes.push_back(by_name);
    routes.push_back(by_parent);
    routes.push_back(route(tenant + "-path", "/" + tenant + "/desk/{id:[0-9]+}"));
    routes.push_back(route(tenant + "-pages", "/" + tenant + "/pages/*"));
  }
  routes.push_back(route("rest", "/*"));
  Rules rules = rules_of(routes);
  rules.index = std::make_shared<const RouteIndex>(rules);
  return rules;
}

// Work is counted, not time: that of five thousand routes is that of a few.
TEST(RouteIndex, TriesAsManyRoutesOfThousandsAsOfAFew) {
  const Rules few = tenants(2);
  const Rules many = tenants(1250);
  ASSERT_EQ(many.routes.size(), 5001U);
  for (const auto& [host, path] : std::vector<std::pair<std::string, std::string>>{{"t1.example.org", "/vnc"},
                                                                                   {"x.t1.example.org", "/vnc/7"},
                                                                                   {"127.0.0.1", "/t1/desk/7"},
                                                                                   {"127.0.0.1", "/t1/pages/x"},
                                                                                   {"127.0.0.1", "/t1/desk/x"},
                                                                                   {"127.0.0.1", "/other"},
                                                                                   {"t1.example.org", "/other"},
                                                                                   {"evil.example", "/vnc"}}) {
    const auto tried = [&, wanted_host = host, wanted_path = path](const Rules& rules) {
      return find_route(rules, "inner", test::authority(wanted_host), test::target(wanted_path),
                        test::head("GET", wanted_path, {}))
          .tried;
    };
    EXPECT_EQ(tried(many), tried(few)) << host << path;
    EXPECT_LE(tried(many), 2U) << host << path;
  }
}

}  // namespace
}  // namespace bascule::policy
