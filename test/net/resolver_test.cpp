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

Resolved ask(Resolver& resolver, const std::string& name) {
  std::promise<Resolved> promise;
  resolver.resolve(name, [&promise](const Resolved& resolved) { promise.set_value(resolved); });
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
    resolver.resolve("a", [&answered, &all](const Resolved&) {
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
    resolver.resolve("dead", [](const Resolved&) {});
    EXPECT_EQ(ask(resolver, "alive").how, Resolved::How::found);
  }  // and the end does not wait for the stuck thread
  never_mind.set_value();
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
  resolver.resolve("first", done);
  begun.get_future().get();
  resolver.resolve("second", done);
  resolver.resolve("third", done);
  EXPECT_EQ(ask(resolver, "fourth").how, Resolved::How::busy);
  go.set_value();
  all.get_future().get();
}

}  // namespace
}  // namespace bascule::net
