#include "proxy/app/changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bascule::app {
namespace {

using policy::Endpoint;
using policy::Listener;
using policy::Route;
using policy::Rules;
using policy::Service;
using testing::ElementsAre;

std::shared_ptr<const Service> service_at(std::uint16_t port, const std::string& name, bool shared = false) {
  auto service = std::make_shared<Service>();
  service->name = name;
  service->shared = shared;
  service->where = std::vector<Endpoint>{{.host = "127.0.0.1", .port = port}};
  return service;
}

Route route_named(const std::string& name) {
  Route route;
  route.name = name;
  route.path.written = "/" + name;
  route.to = service_at(5900, name);
  return route;
}

Rules rules_with(const std::vector<std::string>& names) {
  Rules rules;
  for (const std::string& name : names) { rules.routes.push_back(std::make_shared<Route>(route_named(name))); }
  return rules;
}

Rules rules_of(Route route) {
  Rules rules;
  rules.routes.push_back(std::make_shared<Route>(std::move(route)));
  return rules;
}

std::vector<std::string> lines_between(const Rules& before, const Rules& after) {
  return changes_between(before, after).lines();
}

TEST(Changes, OfEqualRulesAreNoneWhereverTheyStand) {
  Rules elsewhere = rules_with({"desk", "live"});
  Route moved_down = route_named("desk");
  moved_down.place = {.file = "other.yaml", .line = 40, .column = 5};
  elsewhere.routes[0] = std::make_shared<Route>(moved_down);
  const Changes changes = changes_between(rules_with({"desk", "live"}), elsewhere);
  EXPECT_TRUE(changes.empty());
  EXPECT_THAT(changes.lines(), ElementsAre("nothing has changed"));
}

TEST(Changes, TellWhatCameAndWhatWent) {
  EXPECT_THAT(lines_between(rules_with({"a", "b"}), rules_with({"b", "c"})),
              ElementsAre("route 'c' added", "route 'a' removed"));
}

TEST(Changes, NameEveryKeyOfARouteThatChanged) {
  using policy::Rate;
  const std::vector<std::pair<std::string, std::function<void(Route&)>>> edits{
      {"listeners", [](Route& route) { route.listeners = {"public"}; }},
      {"host", [](Route& route) { route.host.kind = policy::HostRule::Kind::any; }},
      {"path", [](Route& route) { route.path.prefix = true; }},
      {"match",
       [](Route& route) { route.conditions = {{.of = policy::Condition::Of::query, .name = "v", .values = {"2"}}}; }},
      {"origins", [](Route& route) { route.origins.any = true; }},
      {"allow", [](Route& route) { route.allow = {{.users = {"ada"}}}; }},
      {"protocol", [](Route& route) { route.protocol = "vnc"; }},
      {"subprotocols", [](Route& route) { route.subprotocols = {"mqtt"}; }},
      {"frames", [](Route& route) { route.session.frames.text_from_client = true; }},
      {"timeouts", [](Route& route) { route.session.timeouts.idle = std::chrono::minutes(1); }},
      {"limits", [](Route& route) { route.limits.sessions = 3; }},
      {"limits", [](Route& route) { route.session.pace.frames = Rate{.count = 1}; }},
      {"limits", [](Route& route) { route.session.pace.control_frames = std::nullopt; }},
      {"bandwidth", [](Route& route) { route.session.pace.to_client_bytes = Rate{.count = 1024}; }},
      {"bandwidth", [](Route& route) { route.session.pace.from_client_bytes = Rate{.count = 1024}; }},
      {"refuse", [](Route& route) { route.refuse = policy::RefuseBy::close; }},
      {"on_reload", [](Route& route) { route.on_reload = policy::OnReload::close; }},
      {"to", [](Route& route) { route.to = service_at(5901, route.name); }},
      {"files", [](Route& route) { route.to = policy::Files{.folder = "/srv"}; }},
      {"answer", [](Route& route) { route.to = policy::Answer{}; }},
  };
  for (const auto& [key, edit] : edits) {
    Route edited = route_named("desk");
    edit(edited);
    EXPECT_THAT(lines_between(rules_with({"desk"}), rules_of(edited)), ElementsAre("route 'desk' changed: " + key));
  }
}

TEST(Changes, NameEveryKeyOfAListenerThatChanged) {
  const std::vector<std::pair<std::string, std::function<void(Listener&)>>> edits{
      {"address",
       [](Listener& listener) {
         listener.address = Address::ipv4({127, 0, 0, 1}, 1);
       }},
      {"mode", [](Listener& listener) { listener.mode = 0600; }},
      {"share_port", [](Listener& listener) { listener.share_port = true; }},
      {"allow", [](Listener& listener) { listener.allow.emplace(); }},
      {"proxy_protocol", [](Listener& listener) { listener.proxy_protocol.emplace(); }},
      {"trusted_proxies", [](Listener& listener) { listener.trusted_proxies.emplace(); }},
      {"public_url", [](Listener& listener) { listener.public_url.emplace(); }},
      {"tls", [](Listener& listener) { listener.tls.emplace(); }},
  };
  Rules before;
  before.listeners.push_back({.name = "public", .place = {}, .address = {}, .written = {}});
  for (const auto& [key, edit] : edits) {
    Rules after = before;
    edit(after.listeners[0]);
    EXPECT_THAT(lines_between(before, after), ElementsAre("listener 'public' changed: " + key));
  }
}

// Where a certificate is asked for follows from the routes, of which is told separately.
TEST(Changes, OfAListenerAreThoseThatAreWritten) {
  Rules before;
  before.listeners.push_back({.name = "public", .place = {}, .address = {}, .written = {}});
  before.listeners[0].tls.emplace();
  Rules after = before;
  after.listeners[0].tls->ask_at.names = {"kiosk.example.org"};
  EXPECT_THAT(lines_between(before, after), ElementsAre("nothing has changed"));
}

TEST(Changes, OfASharedServiceAreToldOnceAndNotOfEachRouteThatLeadsThere) {
  const auto rules_with_broker_at = [](std::uint16_t port) {
    Rules rules = rules_with({"a", "b"});
    const auto broker = service_at(port, "broker", true);
    rules.services.emplace("broker", broker);
    for (auto& route : rules.routes) {
      Route to_broker = *route;
      to_broker.to = broker;
      route = std::make_shared<Route>(to_broker);
    }
    return rules;
  };
  EXPECT_THAT(lines_between(rules_with_broker_at(61613), rules_with_broker_at(61614)),
              ElementsAre("service 'broker' changed: address"));
  EXPECT_THAT(lines_between(rules_with({"a", "b"}), rules_with_broker_at(61613)),
              ElementsAre("service 'broker' added", "route 'a' changed: to", "route 'b' changed: to"));
}

TEST(Changes, OfTheOrderNameTheFewestRoutesThatMoved) {
  EXPECT_THAT(lines_between(rules_with({"a", "b", "c", "d"}), rules_with({"d", "a", "b", "c"})),
              ElementsAre("route 'd' moved"));
  EXPECT_THAT(lines_between(rules_with({"a", "b", "c"}), rules_with({"b", "x", "c"})),
              ElementsAre("route 'x' added", "route 'a' removed"))
      << "who only made room has not moved";
  const auto reversed = lines_between(rules_with({"a", "b", "c", "d"}), rules_with({"d", "c", "b", "a"}));
  EXPECT_EQ(reversed.size(), 3U);
}

TEST(Changes, OfWorkersWaitForTheNextStart) {
  Rules after;
  after.process.workers = 3;
  after.process.watch = true;
  EXPECT_THAT(lines_between({}, after),
              ElementsAre("process changed: workers (takes effect at the next start)", "process changed: watch"));
}

}  // namespace
}  // namespace bascule::app
