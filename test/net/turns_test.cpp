// Taking turns: one a round of the loop, by name, and crowds with rests.
#include "proxy/net/turns.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "test/net/loop_fixture.hpp"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;

class TurnsTest : public LoopTest {
 protected:
  // Comes, and writes down that it was its turn.
  Async<void> guest(std::string who, TimePoint deadline) {
    Waiter waiter(loop);
    const Wake wake = co_await turns.come(waiter, who, deadline);
    clock += work;
    order.push_back(wake == Wake::ready ? who : who + " is late");
    --left;
  }

  void let_in(const std::string& who, TimePoint deadline = never) {
    ++left;
    asio::co_spawn(loop.executor(), guest(who, deadline), [](const std::exception_ptr& failure) {
      if (failure) { std::rethrow_exception(failure); }
    });
  }

  // Until all have had their turn; how many there have been in each round of the loop.
  Async<void> until_all_are_done() {
    Waiter waiter(loop);
    for (std::size_t before = 0; left > 0; before = order.size()) {
      co_await waiter.pass();
      most_in_a_round = std::max(most_in_a_round, order.size() - before);
    }
  }

  // Until nobody but crowds at rest is left: the rounds of two ticks of the wheel pass, and nobody has a turn.
  Async<void> until_all_rest() {
    Waiter waiter(loop);
    for (std::size_t before = 0;;) {
      const TimePoint two_ticks = loop.now() + 2 * Timers::tick;
      while (loop.now() < two_ticks) { co_await waiter.wait(two_ticks); }
      if (order.size() == before) { co_return; }
      before = order.size();
    }
  }

  static inline TimePoint clock{1000h};  // in the tests' hand
  Duration work = 0ms;                   // what a turn takes
  Turns turns{loop, [] { return clock; }};
  std::vector<std::string> order;
  std::size_t left = 0;
  std::size_t most_in_a_round = 0;
};

TEST_F(TurnsTest, WhoeverComesAThousandTimesWaitsForHimself) {
  for (int i = 0; i < 1000; ++i) { let_in("flood"); }
  let_in("ada");
  let_in("bob");
  run(until_all_are_done());
  ASSERT_EQ(order.size(), 1002U);
  const std::vector<std::string> first(order.begin(), order.begin() + 5);
  EXPECT_THAT(first, ::testing::Contains("ada"));
  EXPECT_THAT(first, ::testing::Contains("bob"));
}

// At most a quarter of the time for a crowd: after what it has in store, one in four.
TEST_F(TurnsTest, ACrowdRestsAndNobodyElseDoes) {
  work = 1ms;
  for (int i = 0; i < 1000; ++i) { let_in("crowd"); }
  run(until_all_rest());
  const std::size_t in_store = order.size();
  EXPECT_GE(in_store, 1U);
  EXPECT_LE(in_store, 4U) << "a quarter of a tick, and one that may go over it";

  work = 0ms;
  let_in("ada");
  let_in("bob");
  run(until_all_rest());
  EXPECT_THAT(std::vector(order.begin() + static_cast<std::ptrdiff_t>(in_store), order.end()),
              ::testing::UnorderedElementsAre("ada", "bob"));

  work = 1ms;
  order.clear();
  for (int i = 0; i < 10; ++i) {
    clock += 40ms;
    run(until_all_rest());
  }
  EXPECT_GE(order.size(), 10U) << "some get on all the time";
  EXPECT_LE(order.size(), 110U) << "a quarter of 400 ms, of 1 ms each";

  work = 0ms;  // the rest of them, for free
  clock += 1s;
  run(until_all_are_done());
}

TEST_F(TurnsTest, AFewOfOneAddressAreNoCrowd) {
  work = 1ms;
  for (std::size_t i = 0; i < Turns::crowd_min; ++i) { let_in("office"); }
  run(until_all_are_done());  // and the clock stood still but for their work
  EXPECT_EQ(order.size(), Turns::crowd_min);
}

TEST_F(TurnsTest, ThereIsOneTurnARound) {
  for (int i = 0; i < 100; ++i) { let_in("who" + std::to_string(i)); }
  run(until_all_are_done());
  EXPECT_EQ(order.size(), 100U);
  EXPECT_LE(most_in_a_round, 2U) << "a round as the test sees it may end and begin within one of the loop's";
}

TEST_F(TurnsTest, WhoeverIsLateGoesAndNobodyWaitsForHim) {
  let_in("first");
  for (int i = 0; i < 3; ++i) { let_in("late", loop.now() - 1s); }
  let_in("last");
  run(until_all_are_done());
  EXPECT_THAT(order, ::testing::UnorderedElementsAre("first", "late is late", "late is late", "late is late", "last"));
}

}  // namespace
}  // namespace bascule::net
