#include "proxy/net/timers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace bascule::net {
namespace {

using namespace std::chrono_literals;

class Alarm final : public Timer {
 public:
  explicit Alarm(std::function<void(TimePoint)> does = [](TimePoint) {}) : does_(std::move(does)) {}
  void on_time(TimePoint now) override {
    ++rung;
    does_(now);
  }
  int rung = 0;

 private:
  std::function<void(TimePoint)> does_;
};

TEST(Timers, FireAtTheirMomentAndNotBefore) {
  const TimePoint start{1000h};
  Timers timers(start);
  Alarm alarm;
  timers.wake_by(alarm, start + 55ms);
  timers.advance(start + 54ms);
  EXPECT_EQ(alarm.rung, 0);
  timers.advance(start + 55ms + Timers::tick);
  EXPECT_EQ(alarm.rung, 1);
  timers.advance(start + 10s);
  EXPECT_EQ(alarm.rung, 1) << "once";
}

TEST(Timers, KeepTheEarlierOfTwoMoments) {
  const TimePoint start{1000h};
  Timers timers(start);
  Alarm alarm;
  timers.wake_by(alarm, start + 50ms);
  timers.wake_by(alarm, start + 5s);
  timers.advance(start + 60ms);
  EXPECT_EQ(alarm.rung, 1);
  timers.wake_by(alarm, start + 5s);
  timers.wake_by(alarm, start + 1s);
  timers.advance(start + 1010ms);
  EXPECT_EQ(alarm.rung, 2);
}

TEST(Timers, NeverAsksForNothing) {
  Timers timers(TimePoint{});
  Alarm alarm;
  timers.wake_by(alarm, never);
  EXPECT_EQ(timers.next(), never);
}

TEST(Timers, FarMomentsWakeInBetweenAndAreNeverMissed) {
  const TimePoint start{1000h};
  Timers timers(start);
  const TimePoint goal = start + 1h;
  int early = 0;
  Alarm* self = nullptr;
  Alarm alarm([&](TimePoint now) {
    if (now < goal) {
      ++early;
      timers.wake_by(*self, goal);
    }
  });
  self = &alarm;
  timers.wake_by(alarm, goal);
  TimePoint now = start;
  while (timers.next() != never) {
    ASSERT_GT(timers.next(), now);
    now = timers.next();
    timers.advance(now);
  }
  EXPECT_GE(now, goal);
  EXPECT_LE(now, goal + Timers::tick);
  EXPECT_LT(early, 400);
}

TEST(Timers, SoonMeansTheNextRoundNotThisOne) {
  Timers timers(TimePoint{1000h});
  Alarm* self = nullptr;
  Alarm again([&](TimePoint) { timers.wake_soon(*self); });
  self = &again;
  timers.wake_soon(again);
  EXPECT_EQ(timers.next(), TimePoint::min());
  timers.advance(TimePoint{1000h});
  EXPECT_EQ(again.rung, 1);
  timers.advance(TimePoint{1000h});
  EXPECT_EQ(again.rung, 2);
}

TEST(Timers, ACrowdThatIsDueAtOnceIsCalledInRounds) {
  const TimePoint start{1000h};
  Timers timers(start);
  std::vector<std::unique_ptr<Alarm>> crowd;
  for (std::size_t i = 0; i < 2 * Timers::calls_max + 2; ++i) {
    crowd.push_back(std::make_unique<Alarm>());
    timers.wake_by(*crowd.back(), start + 10ms);
  }
  const auto rung = [&crowd] {
    return static_cast<std::size_t>(
        std::count_if(crowd.begin(), crowd.end(), [](const auto& alarm) { return alarm && alarm->rung == 1; }));
  };
  timers.advance(start + 1s);
  EXPECT_EQ(rung(), Timers::calls_max);
  EXPECT_EQ(timers.next(), TimePoint::min()) << "the next round is now";
  crowd.back().reset();  // one who has gone meanwhile is not called
  timers.advance(start + 1s);
  EXPECT_EQ(rung(), 2 * Timers::calls_max);
  timers.advance(start + 1s);
  EXPECT_EQ(rung(), 2 * Timers::calls_max + 1);
  EXPECT_EQ(timers.next(), never);
}

TEST(Timers, ATimerMayDestroyOthersThatAreDueWithIt) {
  const TimePoint start{1000h};
  Timers timers(start);
  auto victim = std::make_unique<Alarm>();
  Alarm killer([&](TimePoint) { victim.reset(); });
  timers.wake_by(killer, start + 10ms);
  timers.wake_by(*victim, start + 10ms);
  timers.advance(start + 1s);
  EXPECT_EQ(victim, nullptr);
  EXPECT_EQ(timers.next(), never);
}

TEST(Timers, NextIsNeverLaterThanTheFirstThatIsDue) {
  std::mt19937 random(7);
  const TimePoint start{1000h};
  Timers timers(start);
  std::vector<std::unique_ptr<Alarm>> alarms;
  TimePoint now = start;
  for (int round = 0; round < 2000; ++round) {
    const auto delay = std::chrono::milliseconds(1 + random() % 9000);
    alarms.push_back(std::make_unique<Alarm>());
    timers.wake_by(*alarms.back(), now + delay);
    EXPECT_LE(timers.next(), now + delay + Timers::tick);
    now += std::chrono::milliseconds(random() % 30);
    timers.advance(now);
  }
  now += 20s;
  while (timers.next() <= now) { timers.advance(now); }
  for (const auto& alarm : alarms) { EXPECT_EQ(alarm->rung, 1); }
}

}  // namespace
}  // namespace bascule::net
