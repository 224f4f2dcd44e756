#include "proxy/policy/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

TEST(Place, ReadsAsEditorsAndCompilersWriteIt) {
  EXPECT_EQ((Place{.file = "rules/web.yaml", .line = 12, .column = 5}).text(), "rules/web.yaml:12:5");
}

TEST(Place, IsTheFileAloneWhereThereIsNoLine) {
  EXPECT_EQ((Place{.file = "rules/web.yaml"}).text(), "rules/web.yaml");
}

TEST(Route, IsClosedUntilItIsOpened) {
  const Route route;
  EXPECT_EQ(route.host.kind, HostRule::Kind::addresses_and_localhost);
  EXPECT_TRUE(route.origins.same);
  EXPECT_TRUE(route.origins.missing);
  EXPECT_FALSE(route.origins.opaque);
  EXPECT_FALSE(route.origins.any);
  EXPECT_FALSE(route.session.frames.text_from_client);
}

TEST(Rules, FindsListenersAndRoutesByTheirNames) {
  const Rules rules = test::rules_of({test::route("one", "/a"), test::route("two", "/b")});
  ASSERT_NE(rules.listener("public"), nullptr);
  EXPECT_EQ(rules.listener("public")->name, "public");
  EXPECT_EQ(rules.listener("other"), nullptr);
  ASSERT_NE(rules.route("two"), nullptr);
  EXPECT_EQ(rules.route("two")->name, "two");
  EXPECT_EQ(rules.route("three"), nullptr);
}

TEST(Rules, NamesEachTableOnce) {
  const Service looked_up = test::service_looked_up("{query.token}", "a: x:1");
  const auto table = std::get<Lookup>(looked_up.where).table;
  const Service another = test::service_looked_up("{query.token}", "a: x:1");
  Route pages = test::route("pages", "/p");
  pages.to = Files{.folder = "/nowhere"};
  const Rules rules = test::rules_of({test::route("one", "/a", looked_up), test::route("two", "/b", looked_up), pages,
                                      test::route("three", "/c", another), test::route("four", "/d")});
  EXPECT_THAT(rules.tables(), testing::ElementsAre(table, std::get<Lookup>(another.where).table));
}

// --- client certificates ---------------------------------------------------------------------------------------------

proof::Wanted certificate() {
  auto proof = std::make_shared<proof::Proof>();
  proof->how = proof::ClientCertificate();
  return {.kind = proof::Wanted::Kind::one, .proof = std::move(proof)};
}

proof::Wanted password() {
  auto proof = std::make_shared<proof::Proof>();
  proof->how = proof::Basic();
  return {.kind = proof::Wanted::Kind::one, .proof = std::move(proof)};
}

Route asking(HostRule host, proof::Wanted auth = certificate()) {
  Route route = test::route("asking", "/");
  route.host = std::move(host);
  route.auth = std::move(auth);
  return route;
}

tls::NameSet asked_at(const std::vector<Route>& routes) {
  return test::rules_of(routes).names_that_ask(test::listener("public"));
}

TEST(NamesThatAsk, AreThoseOfRoutesThatWantACertificate) {
  EXPECT_EQ(asked_at({}), tls::NameSet());
  EXPECT_EQ(asked_at({asking(test::hosts({"b.example", "a.example"}, {"d.example", "c.example"})),
                      asking(test::hosts({"a.example"}))}),
            (tls::NameSet{.names = {"a.example", "b.example"}, .parents = {"c.example", "d.example"}}));
  EXPECT_EQ(asked_at({asking(test::hosts({"open.example"}), {}), asking(test::hosts({"staff.example"}), password())}),
            tls::NameSet());
}

TEST(NamesThatAsk, LookIntoAllThatIsAskedFor) {
  using Kind = proof::Wanted::Kind;
  const proof::Wanted both{.kind = Kind::all, .of = {password(), certificate()}};
  const proof::Wanted any{.kind = Kind::any, .of = {password(), both}};
  for (const proof::Wanted& auth : {both, any}) {
    EXPECT_EQ(asked_at({asking(test::hosts({"a.example"}), auth)}), (tls::NameSet{.names = {"a.example"}}));
  }
}

// Who comes to an address names none by TLS.
TEST(NamesThatAsk, AreNoneWhereARouteIsForAddresses) {
  EXPECT_EQ(asked_at({asking({})}), (tls::NameSet{.unnamed = true}));
  EXPECT_EQ(asked_at({asking(test::hosts({"192.0.2.7", "2001:db8::7", "a.example"}))}),
            (tls::NameSet{.unnamed = true, .names = {"a.example"}}));
}

TEST(NamesThatAsk, AreAllWhereARouteIsForAnyHost) {
  EXPECT_EQ(asked_at({asking(test::hosts({"a.example"})), asking({.kind = HostRule::Kind::any})}),
            (tls::NameSet{.any = true}));
}

TEST(NamesThatAsk, AreThoseOfTheListenersOwnRoutes) {
  Route here = asking(test::hosts({"here.example"}));
  here.listeners = {"inner", "public"};
  Route there = asking(test::hosts({"there.example"}));
  there.listeners = {"inner"};
  EXPECT_EQ(asked_at({here, there}), (tls::NameSet{.names = {"here.example"}}));
}

// --- saying the same -------------------------------------------------------------------------------------------------

TEST(RouteEquality, ComparesWhatIsSaidAndNotWhereItStands) {
  Route a = test::route("one", "/desk/{id:[0-9]+}");
  Route b = test::route("one", "/desk/{id:[0-9]+}");
  a.place = {.file = "a.yaml", .line = 1, .column = 1};
  b.place = {.file = "b.yaml", .line = 2, .column = 2};
  EXPECT_EQ(a, b);
  EXPECT_EQ(a, a);
}

TEST(RouteEquality, SeesADifferenceAnywhere) {
  const std::vector<std::function<void(Route&)>> changes{
      [](Route& r) { r.name = "two"; },
      [](Route& r) { r.listeners = {"public"}; },
      [](Route& r) { r.host = test::hosts({"a.example"}); },
      [](Route& r) { r.host = test::hosts({}, {"a.example"}); },
      [](Route& r) { r.path = test::path_rule("/other"); },
      [](Route& r) { r.path = test::path_rule("/desk/{id:[0-8]+}"); },
      [](Route& r) { r.conditions = {{.of = Condition::Of::query, .name = "a", .values = {"1"}}}; },
      [](Route& r) { r.origins.missing = false; },
      [](Route& r) {
        r.origins.below = {{"https", "example.org", 443}};
      },
      [](Route& r) { r.allow = {{.users = {"ada"}}}; },
      [](Route& r) { r.protocol = "vnc"; },
      [](Route& r) {
        r.subprotocols = {"binary", "x"};
      },
      [](Route& r) { r.session.timeouts.idle = 3s; },
      [](Route& r) { r.session.frames.text_from_client = true; },
      [](Route& r) { r.session.pace.frames = Rate{.count = 1}; },
      [](Route& r) { r.limits.sessions = 3; },
      [](Route& r) { r.refuse = RefuseBy::close; },
      [](Route& r) { r.on_reload = OnReload::close; },
      [](Route& r) { r.to = std::make_shared<const Service>(test::service_at("127.0.0.1", 5901)); },
      [](Route& r) { r.to = Files{.folder = "/nowhere"}; },
      [](Route& r) { r.to = Answer{}; },
  };
  const Route same = test::route("one", "/desk/{id:[0-9]+}");
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Route changed = test::route("one", "/desk/{id:[0-9]+}");
    ASSERT_EQ(changed, same);
    changes[i](changed);
    EXPECT_FALSE(changed == same) << "change " << i;
  }
}

TEST(RouteEquality, SeesADifferenceAnywhereInAService) {
  const std::vector<std::function<void(Service&)>> changes{
      [](Service& s) { s.within = test::networks({"10.0.0.0/8"}); },
      [](Service& s) { s.balance = Balance::hash; },
      [](Service& s) { s.health = Health(); },
      [](Service& s) { s.retry = 0; },
      [](Service& s) { s.proxy_protocol = wire::ProxyVersion::v2; },
      [](Service& s) { s.tls.emplace(); },
      [](Service& s) { s.tls.emplace().server_name = "broker"; },
      [](Service& s) { s.where = EchoBack(); },
      [](Service& s) { s.where = MadeAddress{.host = test::words("{user}"), .port = test::words("1"), .written = {}}; },
  };
  const Service same = test::service_at("127.0.0.1", 5900);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Service changed = same;
    ASSERT_EQ(test::route("r", "/", changed), test::route("r", "/", same));
    changes[i](changed);
    EXPECT_FALSE(test::route("r", "/", changed) == test::route("r", "/", same)) << "change " << i;
  }
}

// What is in a table changes all day long, and changes no rule.
TEST(RouteEquality, ComparesTablesByTheirPaths) {
  EXPECT_EQ(test::route("r", "/", test::service_looked_up("{query.t}", "a: x:1")),
            test::route("r", "/", test::service_looked_up("{query.t}", "a: x:2")));
}

}  // namespace
}  // namespace bascule::policy
