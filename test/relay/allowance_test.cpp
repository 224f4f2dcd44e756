#include "proxy/relay/allowance.hpp"

#include <gtest/gtest.h>

#include "proxy/relay/workbench.hpp"

namespace bascule::relay {
namespace {

using namespace std::chrono_literals;
using policy::Rate;

constexpr std::size_t most = Workbench::read_bytes;
const TimePoint start{1000h};

std::optional<Rate> a_second(std::uint64_t count) {
  return Rate{.count = count, .per = 1s};
}

// Reads whenever it may, for `span`; `bytes_each`: what one of what is counted comes to on the wire.
struct Reader {
  Allowance allowance;
  std::optional<Rate> rate;
  std::size_t bytes_each = 1;
  TimePoint now = start;
  std::uint64_t taken = 0;
  std::uint64_t reads = 0;

  void read_for(Duration span) {
    const TimePoint until = now + span;
    while (now < until) {
      if (!allowance.open(rate, now)) {
        now = std::min(until, allowance.opens_at(rate, now));
        continue;
      }
      const std::size_t bytes = allowance.read_bytes(rate, most, now);
      const std::size_t count = std::max<std::size_t>(bytes / bytes_each, 1);
      allowance.take(rate, count, count * bytes_each, now);
      taken += count;
      ++reads;
    }
  }
};

TEST(Allowance, WithoutARateIsAlwaysOpen) {
  Allowance allowance(Allowance::Of::bytes);
  allowance.take(std::nullopt, most, most, start);
  EXPECT_TRUE(allowance.open(std::nullopt, start));
  EXPECT_EQ(allowance.read_bytes(std::nullopt, most, start), most);
  EXPECT_EQ(allowance.opens_at(std::nullopt, start), never);
}

TEST(Allowance, GivesWhatItSaysOnAverageAndNoMoreThanThatAtOnce) {
  for (const std::uint64_t rate : {1024ULL, 65536ULL, 2ULL << 20U, 20ULL << 20U, 1ULL << 30U}) {
    Reader reader{.allowance = Allowance(Allowance::Of::bytes), .rate = a_second(rate)};
    reader.read_for(0s + 1ns);
    const std::uint64_t batch = std::min<std::uint64_t>(rate, 16384);
    EXPECT_GE(reader.taken, rate - rate / 1000) << "a second's worth at the start";
    EXPECT_LE(reader.taken, rate + batch) << rate;
    reader.taken = 0;
    reader.read_for(10s);
    EXPECT_NEAR(static_cast<double>(reader.taken), 10.0 * static_cast<double>(rate),
                static_cast<double>(rate / 100 + batch));
  }
}

TEST(Allowance, KeepsTheRateOfFramesHoweverSmallTheyAre) {
  for (const std::uint64_t rate : {1ULL, 10ULL, 100ULL, 10'000ULL}) {
    for (const std::size_t bytes_each : {6U, 100U, 5'000U, 200'000U}) {
      Reader reader{.allowance = Allowance(Allowance::Of::frames), .rate = a_second(rate), .bytes_each = bytes_each};
      reader.read_for(5s);
      // The first read had to guess how large they are: 64 bytes, where the smallest have 6.
      EXPECT_LE(reader.taken, (11 + 5) * rate) << rate << " of " << bytes_each;
      reader.taken = 0;
      reader.read_for(10s);
      EXPECT_NEAR(static_cast<double>(reader.taken), 10.0 * static_cast<double>(rate),
                  static_cast<double>(rate) / 10 + 1)
          << rate << " of " << bytes_each;
    }
  }
}

TEST(Allowance, DoesNotWakeForEveryByte) {
  Reader slow{.allowance = Allowance(Allowance::Of::bytes), .rate = a_second(1024)};
  slow.read_for(100s);
  EXPECT_LE(slow.reads, 102U);
  Reader faster{.allowance = Allowance(Allowance::Of::bytes), .rate = a_second(160 * 1024)};
  faster.read_for(10s);
  EXPECT_LE(faster.reads, 112U) << "16 KiB at a time";
}

TEST(Allowance, IsPatientWithOneWhoTypes) {
  Allowance allowance(Allowance::Of::bytes);
  const auto rate = a_second(1024);
  TimePoint now = start;
  allowance.take(rate, 1000, 1000, now);  // something was pasted
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(allowance.open(rate, now)) << "what is left may be small, but there is some";
    allowance.take(rate, 10, 17, now);
    now += 20ms;
  }
}

TEST(Allowance, SavesNoMoreThanWhatMayComeAtOnce) {
  Reader reader{.allowance = Allowance(Allowance::Of::bytes), .rate = a_second(100'000)};
  reader.read_for(1s);
  reader.now += 24h;
  reader.taken = 0;
  reader.read_for(1ns);
  EXPECT_LE(reader.taken, 100'000U + 16'384U);
}

TEST(Allowance, PaysADebtBeforeItOpensAgain) {
  Allowance allowance(Allowance::Of::frames);
  const auto rate = a_second(100);
  allowance.take(rate, 250, 1500, start);
  EXPECT_FALSE(allowance.open(rate, start + 1500ms));
  EXPECT_EQ(allowance.opens_at(rate, start), start + 1500ms + 10ms);
  EXPECT_TRUE(allowance.open(rate, start + 1500ms + 10ms));
}

TEST(Allowance, IsNeverMoreThanTwoSecondsInDebt) {
  Allowance allowance(Allowance::Of::frames);
  const auto rate = a_second(100);
  TimePoint now = start;
  for (int i = 0; i < 3; ++i) {
    allowance.take(rate, most / 6, most, now);
    ASSERT_EQ(allowance.opens_at(rate, now), now + 2s + 10ms);
    now = allowance.opens_at(rate, now);
  }
  EXPECT_LE(allowance.read_bytes(rate, most, now), 12U) << "what is forgiven once is not read again";
}

TEST(Allowance, CountsAMinuteOrAnHourLikeASecond) {
  Reader minute{.allowance = Allowance(Allowance::Of::frames), .rate = Rate{.count = 120, .per = 60s}};
  minute.bytes_each = 64;
  minute.read_for(600s);
  EXPECT_NEAR(static_cast<double>(minute.taken), 1320.0, 2.0);
  Reader hour{.allowance = Allowance(Allowance::Of::frames), .rate = Rate{.count = 3600, .per = 3'600s}};
  hour.bytes_each = 64;
  hour.read_for(10h);
  EXPECT_NEAR(static_cast<double>(hour.taken), 39'600.0, 40.0);
}

TEST(Allowance, OfVeryMuchIsNoLimitAtAllAndOverflowsNothing) {
  const std::optional<Rate> rate = Rate{.count = std::uint64_t{1} << 62U, .per = 3'600s};
  Allowance allowance(Allowance::Of::bytes);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(allowance.open(rate, start));
    ASSERT_EQ(allowance.read_bytes(rate, most, start), most);
    allowance.take(rate, most, most, start);
  }
}

TEST(Allowance, ReadsALargeFrameInLargeReadsThoughAllBeforeItWereSmall) {
  Allowance allowance(Allowance::Of::frames);
  const auto rate = a_second(10);
  TimePoint now = start;
  for (int i = 0; i < 20; ++i) {
    now = std::max(now + 100ms, allowance.open(rate, now) ? now : allowance.opens_at(rate, now));
    allowance.take(rate, 1, 7, now);
  }
  int reads = 0;
  for (std::size_t left = std::size_t{10} << 20U; left > 0; ++reads) {
    const std::size_t bytes = std::min(left, allowance.read_bytes(rate, most, now));
    allowance.take(rate, 0, bytes, now);
    left -= bytes;
  }
  EXPECT_LE(reads, 60);
}

}  // namespace
}  // namespace bascule::relay
