// The ledger; the stories of this room are told over real sockets in test/integration.
#include "proxy/session/ledger.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace bascule::session {
namespace {

using namespace std::chrono_literals;
using policy::Limits;

const TimePoint now = TimePoint() + 1h;

Address client(const char* text) {
  return *Address::parse_ip(text, 4711);
}

const Address ada = client("192.0.2.1");

TEST(Ledger, GivesSeatsUpToTheRoutesLimitAndTakesThemBack) {
  Ledger ledger(100);
  const Limits two{.sessions = 2};
  auto first = ledger.take("desk", two, ada, "", now);
  auto second = ledger.take("desk", two, ada, "", now);
  EXPECT_TRUE(first.seat);
  EXPECT_TRUE(second.seat);
  const auto third = ledger.take("desk", two, ada, "", now);
  EXPECT_FALSE(third.seat);
  EXPECT_EQ(third.full, Ledger::Full::route);
  EXPECT_TRUE(ledger.take("other", two, ada, "", now).seat) << "another route has its own count";
  first.seat.reset();
  EXPECT_TRUE(ledger.take("desk", two, ada, "", now).seat);
}

TEST(Ledger, HasALimitForTheProcessOverAllRoutes) {
  Ledger ledger(2);
  auto one = ledger.take("a", {}, ada, "", now);
  auto two = ledger.take("b", {}, ada, "", now);
  const auto three = ledger.take("c", {}, ada, "", now);
  EXPECT_FALSE(three.seat);
  EXPECT_EQ(three.full, Ledger::Full::process);
  EXPECT_EQ(ledger.sessions(), 2U) << "who was refused does not count";
}

TEST(Ledger, CountsAnAddressByItself) {
  Ledger ledger(100);
  const Limits one{.sessions_per_address = 1};
  const auto first = ledger.take("desk", one, ada, "", now);
  EXPECT_TRUE(first.seat);
  const auto again = ledger.take("desk", one, client("192.0.2.1"), "", now);
  EXPECT_FALSE(again.seat);
  EXPECT_EQ(again.full, Ledger::Full::address);
  EXPECT_TRUE(ledger.take("desk", one, client("192.0.2.2"), "", now).seat);
  EXPECT_TRUE(ledger.take("other", one, ada, "", now).seat) << "the limit is the route's";
}

TEST(Ledger, CountsAMappedAddressAsItself) {
  Ledger ledger(100);
  const Limits one{.sessions_per_address = 1};
  const auto first = ledger.take("desk", one, client("::ffff:192.0.2.1"), "", now);
  EXPECT_FALSE(ledger.take("desk", one, ada, "", now).seat);
}

// RFC 6177: one customer has at least a /64, so its addresses are one visitor.
TEST(Ledger, CountsAnIpv6VisitorByHisNetwork) {
  Ledger ledger(100);
  const Limits one{.sessions_per_address = 1};
  const auto first = ledger.take("desk", one, client("2001:db8:1:2::1"), "", now);
  EXPECT_FALSE(ledger.take("desk", one, client("2001:db8:1:2:ffff::9"), "", now).seat);
  EXPECT_TRUE(ledger.take("desk", one, client("2001:db8:1:3::1"), "", now).seat);
}

TEST(Ledger, CountsAUserWhereverHeComesFrom) {
  Ledger ledger(100);
  const Limits one{.sessions_per_user = 1};
  const auto first = ledger.take("desk", one, ada, "ada", now);
  const auto again = ledger.take("desk", one, client("198.51.100.7"), "ada", now);
  EXPECT_FALSE(again.seat);
  EXPECT_EQ(again.full, Ledger::Full::user);
  EXPECT_TRUE(ledger.take("desk", one, ada, "grace", now).seat);
}

TEST(Ledger, CountsWhoHasNoNameByHisAddress) {
  Ledger ledger(100);
  const Limits one{.sessions_per_user = 1};
  const auto first = ledger.take("desk", one, ada, "", now);
  EXPECT_EQ(ledger.take("desk", one, ada, "", now).full, Ledger::Full::user);
  EXPECT_TRUE(ledger.take("desk", one, client("192.0.2.2"), "", now).seat);
}

TEST(Ledger, LetsNewSessionsComeAsFastAsTheRouteSays) {
  Ledger ledger(1000);
  const Limits rate{.new_sessions = policy::Rate{.count = 10, .per = 1s}};
  const auto admitted_at = [&](TimePoint at, int tries) {
    int admitted = 0;
    for (int i = 0; i < tries; ++i) { admitted += ledger.take("desk", rate, ada, "", at).seat ? 1 : 0; }
    return admitted;
  };
  EXPECT_EQ(admitted_at(now, 100), 10) << "a second's worth at once";
  EXPECT_EQ(admitted_at(now + 100ms, 100), 1);
  EXPECT_EQ(admitted_at(now + 1100ms, 100), 10);
  const auto no = ledger.take("desk", rate, ada, "", now + 1100ms);
  EXPECT_EQ(no.full, Ledger::Full::route_rate);
  EXPECT_EQ(no.retry_after, 1s);
}

// An operator who raises a rate that locks people out means it now.
TEST(Ledger, AnotherRateBeginsAnew) {
  Ledger ledger(100);
  const Limits slow{.new_sessions = policy::Rate{.count = 1, .per = 1h}};
  const Limits fast{.new_sessions = policy::Rate{.count = 1000, .per = 1s}};
  auto first = ledger.take("desk", slow, ada, "", now);
  ASSERT_TRUE(first.seat);
  EXPECT_FALSE(ledger.take("desk", slow, ada, "", now).seat);
  EXPECT_TRUE(ledger.take("desk", fast, ada, "", now).seat);
  first.seat->not_his_fault();
  first.seat.reset();
  EXPECT_TRUE(ledger.take("desk", slow, ada, "", now).seat);
  EXPECT_FALSE(ledger.take("desk", slow, ada, "", now).seat) << "what was paid by another rate is not given back";
}

TEST(Ledger, GivesATurnBackThatWasLostByOurFault) {
  Ledger ledger(100);
  const Limits rate{.new_sessions = policy::Rate{.count = 1, .per = 1min}};
  {
    auto taken = ledger.take("desk", rate, ada, "", now);
    ASSERT_TRUE(taken.seat);
    taken.seat->not_his_fault();
  }
  EXPECT_TRUE(ledger.take("desk", rate, ada, "", now).seat);
  const auto no = ledger.take("desk", rate, ada, "", now);
  EXPECT_FALSE(no.seat);
  EXPECT_EQ(no.retry_after, 61s);
}

TEST(Ledger, ASeatThatMovesIsGivenBackOnce) {
  Ledger ledger(10);
  {
    auto taken = ledger.take("a", {.sessions_per_address = 5, .sessions_per_user = 5}, ada, "ada", now);
    Seat first = std::move(*taken.seat);
    const Seat second = std::move(first);
    EXPECT_EQ(ledger.sessions(), 1U);
  }
  EXPECT_EQ(ledger.sessions(), 0U);
}

TEST(Ledger, RemembersARouteForAsLongAsSomebodySitsThere) {
  Ledger ledger(10);
  const Limits one{.sessions = 1};
  auto sitting = ledger.take("desk", one, ada, "", now);
  ledger.keep_only({});
  EXPECT_FALSE(ledger.take("desk", one, ada, "", now).seat) << "the route has come back with another reload";
  sitting.seat.reset();
  ledger.keep_only({});
  EXPECT_TRUE(ledger.take("desk", one, ada, "", now).seat);
}

TEST(Ledger, CountsExactlyWhenManyAskAtOnce) {
  constexpr std::size_t places = 3;
  Ledger ledger(1000);
  std::atomic<std::size_t> admitted = 0;
  std::vector<std::vector<Ledger::Taken>> held(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : held) {
      threads.emplace_back([&ledger, &admitted, &mine] {
        for (int i = 0; i < 250; ++i) {
          mine.push_back(ledger.take("desk", {.sessions_per_user = places}, ada, "ada", now));
          if (mine.back().seat) { ++admitted; }
        }
      });
    }
  }
  EXPECT_EQ(admitted, places);
  EXPECT_EQ(ledger.sessions(), places);
  held.clear();
  EXPECT_EQ(ledger.sessions(), 0U);
}

TEST(Ledger, LetsSoManyOfOneAddressWaitAtTheDoorAndNoMore) {
  Ledger ledger(100, 2);
  auto first = ledger.wait_at_the_door(ada);
  auto second = ledger.wait_at_the_door(client("::ffff:192.0.2.1"));
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_FALSE(ledger.wait_at_the_door(ada));
  EXPECT_TRUE(ledger.wait_at_the_door(client("192.0.2.2"))) << "another address has a count of its own";
  first.reset();
  const auto moved = std::move(*ledger.wait_at_the_door(ada));
  EXPECT_FALSE(ledger.wait_at_the_door(ada)) << "a place that moves is not given back";
}

TEST(Ledger, CountsNobodyOfAUnixSocketAtTheDoor) {
  Ledger ledger(100, 1);
  const auto first = ledger.wait_at_the_door(Address::unix_path("/run/front.sock"));
  EXPECT_TRUE(ledger.wait_at_the_door(Address::unix_path("/run/front.sock")));
}

TEST(Ledger, TellsOfACrowdOnceInAWhile) {
  Ledger ledger(100);
  EXPECT_TRUE(ledger.tells_of_crowd(now));
  EXPECT_FALSE(ledger.tells_of_crowd(now + 4s));
  EXPECT_TRUE(ledger.tells_of_crowd(now + 6s));
}

}  // namespace
}  // namespace bascule::session
