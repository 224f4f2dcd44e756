// Taking turns: one a round of the loop, and by name.
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

  Turns turns{loop};
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
