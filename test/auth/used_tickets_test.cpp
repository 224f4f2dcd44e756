#include "proxy/auth/used_tickets.hpp"

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "test/net/loop_fixture.hpp"

namespace bascule::auth {
namespace {

using namespace std::chrono_literals;
using net::Async;
using Said = UsedTickets::Said;

class UsedTicketsTest : public net::LoopTest {
 protected:
  UsedTickets::Taken take(const std::string& digest, std::chrono::seconds valid = 60s) {
    std::optional<UsedTickets::Taken> taken;
    run(story(digest, now + valid, taken));
    return std::move(*taken);
  }

  Async<void> story(std::string digest, WallTime until, std::optional<UsedTickets::Taken>& into) {
    auto taken = co_await used.take(std::move(digest), until, now);
    into.emplace(std::move(taken));
  }

  UsedTickets used{4};
  WallTime now = WallTime{} + 1000h;
};

TEST_F(UsedTicketsTest, TakesEachOnce) {
  auto first = take("a");
  EXPECT_EQ(first.said, Said::taken);
  EXPECT_EQ(take("a").said, Said::used_before) << "while it is held";
  first.hold.commit();
  EXPECT_EQ(take("a").said, Said::used_before) << "for good";
  EXPECT_EQ(take("b").said, Said::taken);
}

TEST_F(UsedTicketsTest, AHoldThatIsNotCommittedFreesTheTicket) {
  { EXPECT_EQ(take("a").said, Said::taken); }
  EXPECT_EQ(used.size(), 0U);
  auto taken = take("a");
  EXPECT_EQ(taken.said, Said::taken);
  taken.hold = TicketHold();
  EXPECT_EQ(used.size(), 0U);
}

TEST_F(UsedTicketsTest, AHoldMovesWithItsTicket) {
  auto taken = take("a");
  TicketHold elsewhere = std::move(taken.hold);
  taken.hold.commit();  // an empty one: to no effect
  EXPECT_EQ(take("a").said, Said::used_before);
  auto other = take("b");
  elsewhere = std::move(other.hold);
  EXPECT_EQ(take("a").said, Said::taken) << "what it held before is free";
  EXPECT_EQ(take("b").said, Said::used_before);
}

TEST_F(UsedTicketsTest, RemembersUntilTheTicketIsOver) {
  auto taken = take("a", 60s);
  taken.hold.commit();
  now += 60s;
  EXPECT_EQ(take("a", 0s).said, Said::used_before) << "a clock may be set back";
  now += 60s;
  EXPECT_EQ(take("b").said, Said::taken);
  EXPECT_EQ(take("a").said, Said::taken) << "forgotten";
}

TEST_F(UsedTicketsTest, TakesNoMoreThanItCanRemember) {
  std::vector<TicketHold> holds;
  for (const char* digest : {"a", "b", "c", "d"}) { holds.push_back(take(digest, 60s).hold); }
  EXPECT_EQ(used.size(), 4U);
  EXPECT_EQ(take("e").said, Said::full);
  EXPECT_EQ(take("a").said, Said::used_before) << "what is known stays known";
  holds.pop_back();
  EXPECT_EQ(take("e").said, Said::taken);
  for (TicketHold& hold : holds) { hold.commit(); }
  EXPECT_EQ(used.size(), 3U);
}

TEST_F(UsedTicketsTest, MakesRoomByForgettingWhatIsOver) {
  for (const char* digest : {"a", "b", "c", "d"}) {
    auto taken = take(digest, 60s);
    taken.hold.commit();
  }
  now += 60s;
  EXPECT_EQ(take("e").said, Said::full);
  now += 60s;
  EXPECT_EQ(take("e").said, Said::taken);
  EXPECT_EQ(used.size(), 0U);
}

TEST_F(UsedTicketsTest, AHoldMayOutliveItsTicket) {
  auto taken = take("a", 60s);
  now += 1h;
  EXPECT_EQ(take("b").said, Said::taken);
  taken.hold = TicketHold();
  EXPECT_EQ(used.size(), 0U);
}

// Each on a loop of its own, as workers are.
TEST(UsedTickets, OneOfAHundredAtOnceTakesIt) {
  UsedTickets used;
  std::atomic<int> ready = 0;
  std::atomic<int> taken = 0;
  std::atomic<int> used_before = 0;
  const WallTime now = WallTime{} + 1000h;
  constexpr int count = 100;
  struct Story {
    static Async<void> tell(UsedTickets& used, WallTime now, net::Loop& loop, std::atomic<int>& taken,
                            std::atomic<int>& used_before) {
      auto said = co_await used.take(std::string(32, 'x'), now + 60s, now);
      if (said.said == Said::taken) {
        ++taken;
        said.hold.commit();
      }
      if (said.said == Said::used_before) { ++used_before; }
      loop.stop();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      net::Loop loop;
      ++ready;
      while (ready < count) { std::this_thread::yield(); }
      loop.post([&] {
        asio::co_spawn(loop.executor(), Story::tell(used, now, loop, taken, used_before),
                       [](const std::exception_ptr& failure) { EXPECT_EQ(failure, nullptr); });
      });
      loop.run();
    });
  }
  for (std::thread& thread : threads) { thread.join(); }
  EXPECT_EQ(taken, 1);
  EXPECT_EQ(used_before, count - 1);
  EXPECT_EQ(used.size(), 1U);
}

}  // namespace
}  // namespace bascule::auth
