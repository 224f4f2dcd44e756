// The ledger; the stories of this room are told over real sockets in test/integration.
#include "proxy/session/ledger.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace bascule::session {
namespace {

TEST(Ledger, GivesSeatsUpToTheRoutesLimitAndTakesThemBack) {
  Ledger ledger(100);
  auto first = ledger.take("desk", 2);
  auto second = ledger.take("desk", 2);
  EXPECT_TRUE(first.seat);
  EXPECT_TRUE(second.seat);
  const auto third = ledger.take("desk", 2);
  EXPECT_FALSE(third.seat);
  EXPECT_EQ(third.full, Ledger::Full::route);
  EXPECT_TRUE(ledger.take("other", 2).seat) << "another route has its own count";
  first.seat.reset();
  EXPECT_TRUE(ledger.take("desk", 2).seat);
}

TEST(Ledger, HasALimitForTheProcessOverAllRoutes) {
  Ledger ledger(2);
  auto one = ledger.take("a", std::nullopt);
  auto two = ledger.take("b", std::nullopt);
  const auto three = ledger.take("c", std::nullopt);
  EXPECT_FALSE(three.seat);
  EXPECT_EQ(three.full, Ledger::Full::process);
}

TEST(Ledger, ASeatThatMovesIsGivenBackOnce) {
  Ledger ledger(10);
  {
    auto taken = ledger.take("a", std::nullopt);
    Seat moved = std::move(*taken.seat);
    Seat again;
    again = std::move(moved);
    EXPECT_EQ(ledger.sessions(), 1U);
  }
  EXPECT_EQ(ledger.sessions(), 0U);
}

TEST(Ledger, AdmitsExactlyAsManyAsFitWhateverTheWorkersDoAtOnce) {
  Ledger ledger(1000);
  std::atomic<int> admitted = 0;
  std::vector<std::thread> workers;
  std::vector<std::vector<Seat>> seats(4);
  for (std::size_t worker = 0; worker < seats.size(); ++worker) {
    workers.emplace_back([&ledger, &admitted, &mine = seats[worker]] {
      for (int i = 0; i < 100; ++i) {
        auto taken = ledger.take("desk", 37);
        if (!taken.seat) { continue; }
        ++admitted;
        mine.push_back(std::move(*taken.seat));
      }
    });
  }
  for (std::thread& worker : workers) { worker.join(); }
  EXPECT_EQ(admitted, 37);
  seats.clear();
  EXPECT_EQ(ledger.sessions(), 0U);
}

}  // namespace
}  // namespace bascule::session
