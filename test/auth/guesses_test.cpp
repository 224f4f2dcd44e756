#include "proxy/auth/guesses.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace bascule::auth {
namespace {

using namespace std::chrono_literals;

class GuessesTest : public ::testing::Test {
 protected:
  // What is advised before each of so many attempts, which all fail as early as they are allowed to.
  std::vector<std::string> advice_while_failing(int attempts, const std::string& address, const std::string& name) {
    std::vector<std::string> told;
    for (int i = 0; i < attempts; ++i) {
      Guesses::Advice advice = guesses.before(address, name, now);
      std::string text;
      if (advice.go_away > 0s) {
        text = fmt::format("away {} s, ", advice.go_away.count());
        now += advice.go_away;
        advice = guesses.before(address, name, now);
        EXPECT_EQ(advice.go_away, 0s) << "who comes again when he was told to is heard";
      }
      told.push_back(fmt::format("{}{} ms", text, advice.wait.count()));
      now += advice.wait;
      guesses.failed(address, name, now);
    }
    return told;
  }

  std::string told(const std::string& address, const std::string& name) const {
    const Guesses::Advice advice = guesses.before(address, name, now);
    return advice.go_away > 0s ? "go away" : advice.wait > 0ms ? "wait" : "come in";
  }

  void fail(int times, const std::string& address, const std::string& name) {
    for (int i = 0; i < times; ++i) { guesses.failed(address, name, now); }
  }

  Guesses guesses;
  TimePoint now = TimePoint{} + 1h;
};

TEST_F(GuessesTest, SlowsAnAddressDownThenTellsItToGoAway) {
  const std::vector<std::string> wanted{"0 ms",
                                        "0 ms",
                                        "0 ms",
                                        "100 ms",
                                        "200 ms",
                                        "400 ms",
                                        "800 ms",
                                        "1600 ms",
                                        "3200 ms",
                                        "away 1 s, 3200 ms",
                                        "away 2 s, 3200 ms",
                                        "away 4 s, 3200 ms",
                                        "away 8 s, 3200 ms",
                                        "away 16 s, 3200 ms",
                                        "away 32 s, 3200 ms",
                                        "away 64 s, 3200 ms",
                                        "away 128 s, 3200 ms",
                                        "away 256 s, 3200 ms",
                                        "away 512 s, 3200 ms",
                                        "away 512 s, 3200 ms"};
  EXPECT_EQ(advice_while_failing(20, "192.0.2.1", ""), wanted)
      << "one failure is forgotten in five minutes, so it comes to that";
}

TEST_F(GuessesTest, LocksNoNameForLongerThanHalfAMinute) {
  const auto told = advice_while_failing(20, "", "staff/ada");
  EXPECT_EQ(told[9], "away 1 s, 3200 ms");
  EXPECT_EQ(told[13], "away 16 s, 3200 ms");
  EXPECT_EQ(told[14], "away 30 s, 3200 ms");
  EXPECT_EQ(told[19], "away 30 s, 3200 ms");
}

TEST_F(GuessesTest, CountsTheNameOverAllAddresses) {
  for (int i = 0; i < 20; ++i) { guesses.failed(fmt::format("192.0.2.{}", i), "staff/ada", now); }
  EXPECT_EQ(told("198.51.100.1", "staff/ada"), "go away");
  EXPECT_EQ(told("198.51.100.1", "staff/bob"), "come in");
  EXPECT_EQ(told("192.0.2.1", "staff/bob"), "come in") << "one failure of his own is nothing";
}

TEST_F(GuessesTest, CountsTheAddressOverAllNames) {
  for (int i = 0; i < 20; ++i) { guesses.failed("192.0.2.1", fmt::format("staff/user{}", i), now); }
  EXPECT_EQ(told("192.0.2.1", "staff/ada"), "go away");
  EXPECT_EQ(told("192.0.2.1", ""), "go away");
  EXPECT_EQ(told("192.0.2.2", "staff/user1"), "come in");
}

TEST_F(GuessesTest, KeepsAddressesAndNamesApart) {
  fail(20, "ada", "");
  EXPECT_EQ(told("", "ada"), "come in");
  fail(20, "", "bob");
  EXPECT_EQ(told("bob", ""), "come in");
}

TEST_F(GuessesTest, LocksOutThoseWhoWaitedSideBySide) {
  fail(8, "192.0.2.1", "");
  EXPECT_EQ(told("192.0.2.1", ""), "wait");
  fail(1, "192.0.2.1", "");
  EXPECT_EQ(told("192.0.2.1", ""), "go away") << "asked again after the wait";
}

TEST_F(GuessesTest, ForgetsTheFailuresOfANameAfterASuccessButNoneOfTheAddress) {
  fail(20, "192.0.2.1", "staff/ada");
  guesses.succeeded("192.0.2.1", "staff/ada", now);
  EXPECT_EQ(told("", "staff/ada"), "come in");
  EXPECT_EQ(told("192.0.2.1", "staff/ada"), "go away") << "one password of one's own is no licence to guess";
}

TEST_F(GuessesTest, LocksNobodyOutFromWhereHeCameInLately) {
  guesses.succeeded("192.0.2.1", "staff/ada", now);
  for (int i = 0; i < 30; ++i) { guesses.failed(fmt::format("198.51.100.{}", i), "staff/ada", now); }
  EXPECT_EQ(told("192.0.2.1", "staff/ada"), "come in");
  EXPECT_EQ(told("192.0.2.2", "staff/ada"), "go away");
  now += 24h * 31;
  for (int i = 0; i < 30; ++i) { guesses.failed(fmt::format("198.51.100.{}", i), "staff/ada", now); }
  EXPECT_EQ(told("192.0.2.1", "staff/ada"), "go away") << "a month is not lately";
}

TEST_F(GuessesTest, ForgetsOneFailureEveryFiveMinutes) {
  fail(5, "192.0.2.1", "staff/ada");
  now += 15min - 1s;
  EXPECT_EQ(told("192.0.2.1", ""), "wait") << "three of five are left";
  EXPECT_EQ(told("", "staff/ada"), "wait");
  now += 1s;
  EXPECT_EQ(told("192.0.2.1", "staff/ada"), "come in");
  fail(1, "192.0.2.1", "staff/ada");
  EXPECT_EQ(told("192.0.2.1", "staff/ada"), "wait");
}

TEST_F(GuessesTest, TellsLongNamesApart) {
  const std::string long_name(5000, 'x');
  fail(20, "", long_name + "1");
  EXPECT_EQ(told("", long_name + "1"), "go away");
  EXPECT_EQ(told("", long_name + "2"), "come in");
}

TEST_F(GuessesTest, ForgetsWhoeverFailedLeastLatelyWhenThereAreTooMany) {
  fail(20, "192.0.2.1", "");
  std::size_t others = 0;
  for (; told("192.0.2.1", "") == "go away" && others <= 2 * Guesses::entries_max; ++others) {
    guesses.failed(fmt::format("other {}", others), "", now);
  }
  EXPECT_GT(others, Guesses::entries_max / 2) << "not before there are many";
  EXPECT_LE(others, 2 * Guesses::entries_max) << "but not never: memory is bounded";

  fail(20, "192.0.2.1", "");
  for (std::size_t i = 0; i < 2 * Guesses::entries_max; ++i) {
    guesses.failed(fmt::format("another {}", i), "", now);
    if (i % 1000 == 0) { guesses.failed("192.0.2.1", "", now); }
  }
  EXPECT_EQ(told("192.0.2.1", ""), "go away") << "who goes on is remembered";
}

TEST_F(GuessesTest, CountsFromManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        guesses.failed(fmt::format("192.0.2.{}", i % 20), fmt::format("user {}", t), now);
        guesses.before(fmt::format("192.0.2.{}", i % 20), "user 0", now);
        guesses.succeeded("192.0.2.19", "staff/eve", now);
      }
    });
  }
  for (std::thread& thread : threads) { thread.join(); }
  EXPECT_EQ(told("192.0.2.1", ""), "go away");
  EXPECT_EQ(told("", "user 3"), "go away");
}

}  // namespace
}  // namespace bascule::auth
