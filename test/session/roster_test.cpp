// Which address of a service a visitor is led to.
#include "proxy/session/roster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace bascule::session {
namespace {

using namespace std::chrono_literals;
using policy::Balance;
using policy::Endpoint;
using policy::Service;
using testing::ElementsAre;

const TimePoint now = TimePoint() + 1h;

Endpoint endpoint(const std::string& host) {
  return {.kind = Endpoint::Kind::tcp, .host = host, .port = 61613};
}

Service brokers(Balance balance, std::vector<std::string> hosts = {"a", "b", "c"}) {
  Service service;
  service.name = "broker";
  service.shared = true;
  std::vector<Endpoint> endpoints;
  for (const std::string& host : hosts) { endpoints.push_back(endpoint(host)); }
  service.where = endpoints;
  service.balance = balance;
  service.retry = 9;
  return service;
}

std::vector<std::string> order(Roster& roster, const Service& service, const std::string& visitor = "ada",
                               TimePoint at = now) {
  std::vector<std::string> hosts;
  for (const Endpoint& choice : roster.order(service, visitor, at)) { hosts.push_back(choice.host); }
  return hosts;
}

TEST(Roster, TakesTheFirstWhereNothingElseIsSaid) {
  Roster roster;
  const Service service = brokers(Balance::first);
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
}

TEST(Roster, GivesEachItsTurn) {
  Roster roster;
  const Service service = brokers(Balance::round_robin);
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
  EXPECT_THAT(order(roster, service), ElementsAre("b", "c", "a"));
  EXPECT_THAT(order(roster, service), ElementsAre("c", "a", "b"));
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
}

TEST(Roster, LeadsToWhoeverHasTheFewestSessions) {
  Roster roster;
  const Service service = brokers(Balance::least_sessions);
  const Use first = roster.use(service, endpoint("a"));
  {
    const Use second = roster.use(service, endpoint("b"));
    EXPECT_THAT(order(roster, service), ElementsAre("c", "a", "b"));
  }
  EXPECT_THAT(order(roster, service), ElementsAre("b", "c", "a")) << "a session that has ended counts no more";
}

TEST(Roster, LeadsTheSameVisitorToTheSameAddress) {
  Roster roster;
  const Service service = brokers(Balance::hash);
  std::map<std::string, int> first_choices;
  for (int i = 0; i < 3000; ++i) {
    const std::string visitor = "192.0.2." + std::to_string(i);
    const auto choice = order(roster, service, visitor);
    EXPECT_EQ(order(roster, service, visitor), choice);
    ++first_choices[choice.front()];
  }
  for (const auto& [host, visitors] : first_choices) {
    EXPECT_GT(visitors, 850) << host;
    EXPECT_LT(visitors, 1150) << host;
  }
}

TEST(Roster, MovesOnlyTheVisitorsOfAnAddressThatGoes) {
  Roster roster;
  const Service three = brokers(Balance::hash);
  const Service two = brokers(Balance::hash, {"a", "c"});
  for (int i = 0; i < 1000; ++i) {
    const std::string visitor = "192.0.2." + std::to_string(i);
    const std::string before = order(roster, three, visitor).front();
    if (before != "b") { EXPECT_EQ(order(roster, two, visitor).front(), before) << visitor; }
  }
}

TEST(Roster, TriesAsManyOthersAsRetrySays) {
  Roster roster;
  Service service = brokers(Balance::first);
  service.retry = 1;
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b"));
  service.retry = 0;
  EXPECT_THAT(order(roster, service), ElementsAre("a"));
}

TEST(Roster, TriesLastForAWhileWhatHasJustFailed) {
  Roster roster;
  const Service service = brokers(Balance::first);
  roster.failed(service, endpoint("a"), now);
  EXPECT_THAT(order(roster, service), ElementsAre("b", "c", "a"));
  EXPECT_THAT(order(roster, service, "ada", now + Roster::avoid_for), ElementsAre("a", "b", "c"));
  roster.failed(service, endpoint("a"), now);
  roster.reached(service, endpoint("a"));
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c")) << "somebody has reached it since";
}

TEST(Roster, StillTriesWhenAllHaveFailed) {
  Roster roster;
  const Service service = brokers(Balance::first);
  for (const char* host : {"a", "b", "c"}) { roster.failed(service, endpoint(host), now); }
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
}

TEST(Roster, BelievesHealthChecksAfterAsManyAsTheRulesSay) {
  Roster roster;
  Service service = brokers(Balance::first);
  service.health = policy::Health{.down_after = 2, .up_after = 2};
  const Endpoint a = endpoint("a");
  EXPECT_EQ(roster.checked(service, a, false), Roster::Change::none);
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
  EXPECT_EQ(roster.checked(service, a, false), Roster::Change::down);
  EXPECT_THAT(order(roster, service), ElementsAre("b", "c", "a"));
  EXPECT_EQ(roster.checked(service, a, false), Roster::Change::none) << "told once";
  EXPECT_EQ(roster.checked(service, a, true), Roster::Change::none);
  EXPECT_EQ(roster.checked(service, a, false), Roster::Change::none) << "successes count in a row";
  EXPECT_EQ(roster.checked(service, a, true), Roster::Change::none);
  EXPECT_EQ(roster.checked(service, a, true), Roster::Change::up);
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
}

TEST(Roster, ForgetsWhatChecksSaidWhereThereAreNoneAnyMore) {
  Roster roster;
  Service service = brokers(Balance::first);
  service.health = policy::Health{.down_after = 1};
  roster.checked(service, endpoint("a"), false);
  service.health.reset();
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
}

// What one route has learnt of a service counts for all; a route's own address of the same name is another matter.
TEST(Roster, KnowsAServiceByItsName) {
  Roster roster;
  const Service shared = brokers(Balance::first);
  Service own = shared;
  own.shared = false;
  roster.failed(shared, endpoint("a"), now);
  const Service again = shared;
  EXPECT_THAT(order(roster, again), ElementsAre("b", "c", "a"));
  EXPECT_THAT(order(roster, own), ElementsAre("a", "b", "c"));
}

TEST(Roster, ForgetsServicesThatAreNoMore) {
  Roster roster;
  const Service service = brokers(Balance::first);
  roster.failed(service, endpoint("a"), now);
  policy::Rules rules;
  rules.services.emplace("broker", std::make_shared<const Service>(service));
  roster.keep_only(rules);
  EXPECT_THAT(order(roster, service), ElementsAre("b", "c", "a"));
  roster.keep_only(policy::Rules());
  EXPECT_THAT(order(roster, service), ElementsAre("a", "b", "c"));
}

TEST(Roster, AUseMayOutliveWhatItWasOf) {
  Roster roster;
  const Use use = roster.use(brokers(Balance::least_sessions), endpoint("a"));
  roster.keep_only(policy::Rules());
  EXPECT_THAT(order(roster, brokers(Balance::least_sessions)), ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace bascule::session
