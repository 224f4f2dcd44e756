#include "proxy/net/resolver.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace bascule::net {
namespace {

using namespace std::chrono_literals;

Resolved one_address(const std::string& literal) {
  return {.how = Resolved::How::found, .addresses = {*Address::parse_ip(literal, 0)}, .reason = {}};
}

Resolved ask(Resolver& resolver, const std::string& name, const Lane& lane = {}) {
  std::promise<Resolved> promise;
  resolver.resolve(name, lane, [&promise](const Resolved& resolved) { promise.set_value(resolved); });
  return promise.get_future().get();
}

TEST(Resolver, KnowsLocalhostWithoutTheNetwork) {
  Resolver resolver{Resolver::Options{}};
  const Resolved resolved = ask(resolver, "localhost");
  ASSERT_EQ(resolved.how, Resolved::How::found);
  for (const Address& address : resolved.addresses) { EXPECT_TRUE(address.is_loopback()); }
}

TEST(Resolver, AsksOnceForWhatItStillKnows) {
  std::atomic<int> asked = 0;
  Resolver resolver(Resolver::Options{.keep_found = 1h}, [&asked](const std::string&) {
    ++asked;
    return one_address("192.0.2.1");
  });
  EXPECT_EQ(ask(resolver, "a").addresses, ask(resolver, "a").addresses);
  EXPECT_EQ(asked, 1);
  ask(resolver, "b");
  EXPECT_EQ(asked, 2);
}

TEST(Resolver, AsksAgainWhenWhatItKnowsIsTooOld) {
  std::atomic<int> asked = 0;
  Resolver resolver(Resolver::Options{.keep_found = 0ms, .keep_failed = 0ms}, [&asked](const std::string&) {
    ++asked;
    return one_address("192.0.2.1");
  });
  ask(resolver, "a");
  ask(resolver, "a");
  EXPECT_EQ(asked, 2);
}

TEST(Resolver, LetsAllWhoAskForANameShareOneLookUp) {
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::atomic<int> asked = 0;
  Resolver resolver(Resolver::Options{}, [&asked, gate](const std::string&) {
    ++asked;
    gate.wait();
    return one_address("192.0.2.1");
  });
  std::atomic<int> answered = 0;
  std::promise<void> all;
  for (int i = 0; i < 10; ++i) {
    resolver.resolve("a", {}, [&answered, &all](const Resolved&) {
      if (++answered == 10) { all.set_value(); }
    });
  }
  go.set_value();
  all.get_future().get();
  EXPECT_EQ(asked, 1);
}

TEST(Resolver, OneDeadNameDelaysNoOther) {
  std::promise<void> never_mind;
  std::shared_future<void> gate = never_mind.get_future().share();
  {
    Resolver resolver(Resolver::Options{.threads = 2}, [gate](const std::string& name) {
      if (name == "dead") { gate.wait(); }
      return one_address("192.0.2.1");
    });
    resolver.resolve("dead", {}, [](const Resolved&) {});
    EXPECT_EQ(ask(resolver, "alive").how, Resolved::How::found);
  }  // and the end does not wait for the stuck thread
  never_mind.set_value();
}

// What visitors of the route `key` made up.
Lane made_by(std::string key) {
  return {.kind = Lane::Kind::visitor, .key = std::move(key)};
}

// Look-ups that hang until they are released, all but those of `alive`.
struct DeadNames {
  explicit DeadNames(const Resolver::Options& options)
      : resolver(options, [gate = released.get_future().share()](const std::string& name) {
          if (name != "alive") { gate.wait(); }
          return one_address("192.0.2.1");
        }) {}
  ~DeadNames() { released.set_value(); }

  // Asks for so many names; gives how many of them were refused on the spot.
  int ask_for(int count, const Lane& lane) {
    int busy = 0;
    for (int i = 0; i < count; ++i) {
      const std::string name = "dead-" + lane.key + "-" + std::to_string(i);
      // The answers of those that are looked up come when the test is over; nobody is left to look at them.
      const auto answered_at_once = std::make_shared<std::atomic<bool>>(false);
      resolver.resolve(name, lane, [answered_at_once](const Resolved& resolved) {
        *answered_at_once = resolved.how == Resolved::How::busy;
      });
      busy += *answered_at_once ? 1 : 0;
    }
    return busy;
  }

  std::promise<void> released;
  Resolver resolver;
};

TEST(ResolverLanes, AThousandDeadNamesOfVisitorsDelayNoNameOfTheRules) {
  DeadNames dead(Resolver::Options{});
  for (int route = 0; route < 20; ++route) {
    EXPECT_EQ(dead.ask_for(50, made_by("route-" + std::to_string(route))), 0);
  }
  EXPECT_EQ(ask(dead.resolver, "alive").how, Resolved::How::found);
}

TEST(ResolverLanes, OneRouteHasNoMoreThanItsShareOfNamesUnderWay) {
  DeadNames dead(Resolver::Options{.pending_max = 64});
  EXPECT_EQ(dead.ask_for(100, made_by("greedy")), 36);
  EXPECT_EQ(dead.ask_for(10, made_by("modest")), 0);
  const Resolved refused = ask(dead.resolver, "one more", made_by("greedy"));
  EXPECT_EQ(refused.how, Resolved::How::busy);
  EXPECT_EQ(refused.reason, "too many names of this route's visitors are being looked up");
}

TEST(ResolverLanes, ANameThatHasBeenLookedUpMakesRoomForAnother) {
  Resolver resolver(Resolver::Options{.pending_max = 1}, [](const std::string&) { return one_address("192.0.2.1"); });
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(ask(resolver, std::to_string(i), made_by("route")).how, Resolved::How::found) << i;
  }
}

TEST(ResolverLanes, ANameOfTheRulesDoesNotWaitForAVisitorsLookUpOfTheSameName) {
  std::promise<void> released;
  std::promise<void> begun;
  std::atomic<int> asked = 0;
  Resolver resolver(Resolver::Options{}, [&, gate = released.get_future().share()](const std::string&) {
    if (++asked == 1) {
      begun.set_value();
      gate.wait();
    }
    return one_address("192.0.2.1");
  });
  std::promise<void> answered;
  resolver.resolve("db", made_by("route"), [&answered](const Resolved&) { answered.set_value(); });
  begun.get_future().get();
  EXPECT_EQ(ask(resolver, "db").how, Resolved::How::found);
  released.set_value();
  answered.get_future().get();
  EXPECT_EQ(asked, 2);
}

TEST(ResolverLanes, VisitorsPushNoNameOfTheRulesOutOfTheCache) {
  std::atomic<int> asked_for_db = 0;
  Resolver resolver(Resolver::Options{.cached_max = 10, .keep_found = 1h}, [&asked_for_db](const std::string& name) {
    if (name == "db") { ++asked_for_db; }
    return one_address("192.0.2.1");
  });
  for (int i = 0; i < 100; ++i) { ask(resolver, std::to_string(i), made_by("route")); }
  ask(resolver, "db");
  for (int i = 100; i < 200; ++i) { ask(resolver, std::to_string(i), made_by("route")); }
  ask(resolver, "db");
  EXPECT_EQ(asked_for_db, 1);
  ask(resolver, "db", made_by("route"));
  EXPECT_EQ(asked_for_db, 1) << "what one lane knows the other need not ask for";
}

TEST(Resolver, SaysBusyWhenTooManyNamesWait) {
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  std::promise<void> begun;
  std::atomic<bool> told = false;
  Resolver resolver(Resolver::Options{.threads = 1, .waiting_max = 2}, [&, gate](const std::string&) {
    if (!told.exchange(true)) { begun.set_value(); }
    gate.wait();
    return one_address("192.0.2.1");
  });
  std::atomic<int> answered = 0;
  std::promise<void> all;
  const auto done = [&](const Resolved&) {
    if (++answered == 3) { all.set_value(); }
  };
  resolver.resolve("first", {}, done);
  begun.get_future().get();
  resolver.resolve("second", {}, done);
  resolver.resolve("third", {}, done);
  EXPECT_EQ(ask(resolver, "fourth").how, Resolved::How::busy);
  go.set_value();
  all.get_future().get();
}

}  // namespace
}  // namespace bascule::net
