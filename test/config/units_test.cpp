#include "proxy/config/units.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/parsing.hpp"

namespace bascule::config {
namespace {

using namespace std::chrono_literals;
using policy::Rate;

TEST(ParseDuration, ReadsEachUnit) {
  EXPECT_EQ(value(parse_duration("500ms")), Limit(500ms));
  EXPECT_EQ(value(parse_duration("30s")), Limit(30s));
  EXPECT_EQ(value(parse_duration("10m")), Limit(10min));
  EXPECT_EQ(value(parse_duration("24h")), Limit(24h));
  EXPECT_EQ(value(parse_duration("1ms")), Limit(1ms));
  EXPECT_EQ(value(parse_duration("8760h")), Limit(8760h));
  EXPECT_EQ(value(parse_duration("365d")), Limit(8760h));
  EXPECT_EQ(value(parse_duration("none")), Limit());
}

TEST(ParseDuration, ShowsTheRightSpelling) {
  const std::vector<WrongRow> rows{
      {"30", "'30' has no unit; write '30s' for seconds"},
      {"30 s", "'30 s' is written '30s'"},
      {"5sec", "'5sec' is written '5s'"},
      {"5 minutes", "'5 minutes' is written '5m'"},
      {"10M", "'10M' is written '10m'"},
      {"2hours", "'2hours' is written '2h'"},
      {"1.5s", "'1.5s' is not a whole number of a unit; write '1500ms' instead of '1.5s'"},
      {"2 days", "'2 days' is written '2d'"},
      {"1w", "unknown unit 'w' in '1w'; there are ms, s, m, h and d"},
      {"1h30m", "unknown unit 'h30m' in '1h30m'; there are ms, s, m, h and d"},
      {"0s", "'0s' is over before it begins; 'none' switches it off"},
      {"8761h", "'8761h' is more than 365d; is 'none' meant?"},
      {"99999999999999999999s", "'99999999999999999999s' is more than 365d; is 'none' meant?"},
      {"", "'' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
      {"-5s", "'-5s' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
      {"soon", "'soon' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
      {"s", "'s' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_duration(text)), sentence); }
}

TEST(ParseLongDuration, TakesWholeSecondsOfUpToAThousandDays) {
  EXPECT_EQ(value(parse_long_duration("730d")), Limit(24h * 730));
  EXPECT_EQ(value(parse_long_duration("2000ms")), Limit(2s));
  EXPECT_EQ(value(parse_long_duration("none")), Limit());
  EXPECT_EQ(wrong(parse_long_duration("1500ms")), "'1500ms' is not a whole number of seconds");
  EXPECT_EQ(wrong(parse_long_duration("1001d")), "'1001d' is more than 1000d; is 'none' meant?");
}

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

TEST(ParseSize, ReadsEachUnit) {
  EXPECT_EQ(value(parse_size("1024B", kib, 16 * mib)), kib);
  EXPECT_EQ(value(parse_size("64KiB", kib, 16 * mib)), 64 * kib);
  EXPECT_EQ(value(parse_size("16MiB", kib, 16 * mib)), 16 * mib);
  EXPECT_EQ(value(parse_size("1GiB", kib, 1024 * mib)), 1024 * mib);
}

TEST(ParseSize, ShowsTheRightSpelling) {
  const std::vector<WrongRow> rows{
      {"64", "'64' has no unit; write '64B' for bytes, or '64KiB'"},
      {"64KB", "'64KB' is written '64KiB'"},
      {"64k", "'64k' is written '64KiB'"},
      {"1 MiB", "'1 MiB' is written '1MiB'"},
      {"1mb", "'1mb' is written '1MiB'"},
      {"1.5MiB", "'1.5MiB' is not a whole number of a unit; write '1536KiB' instead of '1.5MiB'"},
      {"64X", "unknown unit 'X' in '64X'; there are B, KiB, MiB and GiB"},
      {"1023B", "'1023B' is less than 1KiB"},
      {"17MiB", "'17MiB' is more than 16MiB"},
      {"18446744073709551616B", "'18446744073709551616B' is more than 16MiB"},
      {"none", "'none' is not a size; write '64KiB' or '1MiB'"},
      {"-1KiB", "'-1KiB' is not a size; write '64KiB' or '1MiB'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_size(text, kib, 16 * mib)), sentence); }
  EXPECT_EQ(wrong(parse_size("2MiB", kib, mib)), "'2MiB' is more than 1MiB");
}

TEST(SizeText, UsesTheLargestWholeUnit) {
  EXPECT_EQ(size_text(256 * kib), "256KiB");
  EXPECT_EQ(size_text(kib + 1), "1025B");
  EXPECT_EQ(size_text(16 * mib), "16MiB");
  EXPECT_EQ(size_text(0), "0B");
}

TEST(ParseCount, TakesWholeNumbersAndNone) {
  EXPECT_EQ(value(parse_count("500")), std::optional<std::size_t>(500));
  EXPECT_EQ(value(parse_count("none")), std::optional<std::size_t>());
  EXPECT_EQ(wrong(parse_count("0")), "0 would let nobody in; 'none' switches the limit off");
  for (const char* text : {"", "-1", "1e3", "0x10", "010", "5.0", "many", "1000000001"}) {
    EXPECT_EQ(wrong(parse_count(text)),
              "'" + std::string(text) + "' is not a count; write a whole number such as '500', or 'none'");
  }
}

TEST(ParseWhole, TakesWholeNumbersWithinBounds) {
  EXPECT_EQ(value(parse_whole("0", 0, 16)), 0U);
  EXPECT_EQ(value(parse_whole("16", 0, 16)), 16U);
  for (const char* text : {"", "17", "-1", "01", "1.0", "none", "0x1", "99999999999999999999"}) {
    EXPECT_EQ(wrong(parse_whole(text, 0, 16)), "'" + std::string(text) + "' is not a whole number from 0 to 16");
  }
  EXPECT_EQ(wrong(parse_whole("0", 1, 3)), "'0' is not a whole number from 1 to 3");
  EXPECT_EQ(wrong(parse_whole("9", 1, 3)), "'9' is not a whole number from 1 to 3");
}

// --- rates -----------------------------------------------------------------------------------------------------------

TEST(ParseRate, ReadsEachUnit) {
  EXPECT_EQ(value(parse_rate("20/s")), (Rate{.count = 20, .per = 1s}));
  EXPECT_EQ(value(parse_rate("100/min")), (Rate{.count = 100, .per = 1min}));
  EXPECT_EQ(value(parse_rate("1000/h")), (Rate{.count = 1000, .per = 1h}));
  EXPECT_EQ(value(parse_rate("1000000000/s")), (Rate{.count = 1'000'000'000, .per = 1s}));
  EXPECT_EQ(value(parse_rate("none")), std::nullopt);
}

TEST(ParseRate, ShowsTheRightSpelling) {
  const std::vector<WrongRow> rows{
      {"20", "'20' has no unit; write '20/s' for so many a second"},
      {"20/", "'20/' has no unit; write '20/s' for so many a second"},
      {"20/m", "'20/m' is written '20/min'"},
      {"20/minute", "'20/minute' is written '20/min'"},
      {"20/sec", "'20/sec' is written '20/s'"},
      {"20 / s", "'20 / s' is written '20/s'"},
      {"20/S", "'20/S' is written '20/s'"},
      {"20/d", "unknown unit 'd' in '20/d'; there are s, min and h"},
      {"20/5s", "unknown unit '5s' in '20/5s'; there are s, min and h"},
      {"1.5/s", "'1.5/s' is not a rate; write '20/s', '100/min', '1000/h' or 'none'"},
      {"-1/s", "'-1/s' is not a rate; write '20/s', '100/min', '1000/h' or 'none'"},
      {"/s", "'/s' is not a rate; write '20/s', '100/min', '1000/h' or 'none'"},
      {"", "'' is not a rate; write '20/s', '100/min', '1000/h' or 'none'"},
      {"fast", "'fast' is not a rate; write '20/s', '100/min', '1000/h' or 'none'"},
      {"20KiB/s", "'20KiB/s' is not a rate; write '20/s', '100/min', '1000/h' or 'none'"},
      {"0/s", "'0/s' would let nothing pass; 'none' switches the limit off"},
      {"1000000001/s", "'1000000001/s' is more than 1000000000/s; is 'none' meant?"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_rate(text)), sentence); }
}

TEST(ParseBandwidth, ReadsBytesInASecond) {
  EXPECT_EQ(value(parse_bandwidth("20MiB/s")), (Rate{.count = 20 * mib, .per = 1s}));
  EXPECT_EQ(value(parse_bandwidth("1KiB/s")), (Rate{.count = kib, .per = 1s}));
  EXPECT_EQ(value(parse_bandwidth("1500B/s")), (Rate{.count = 1500, .per = 1s}));
  EXPECT_EQ(value(parse_bandwidth("2GiB/s")), (Rate{.count = 2048 * mib, .per = 1s}));
  EXPECT_EQ(value(parse_bandwidth("none")), std::nullopt);
}

TEST(ParseBandwidth, ShowsTheRightSpelling) {
  const std::vector<WrongRow> rows{
      {"20MiB", "'20MiB' has no unit of time; write '20MiB/s'"},
      {"20MB/s", "'20MB' is written '20MiB'"},
      {"20/s", "'20' has no unit; write '20B' for bytes, or '64KiB'"},
      {"20Mbit/s", "'20Mbit/s' is not a bandwidth: it counts bytes, not bits; write '20MiB/s'"},
      {"20Mbps", "'20Mbps' is not a bandwidth: it counts bytes, not bits; write '20MiB/s'"},
      {"20MiB/min", "'20MiB/min' is not a bandwidth: it is counted in a second: '20MiB/s'"},
      {"1023B/s", "'1023B' is less than 1KiB"},
      {"1025GiB/s", "'1025GiB' is more than 1024GiB"},
      {"fast", "'fast' is not a bandwidth; write '20MiB/s', '64KiB/s' or 'none'"},
      {"", "'' is not a bandwidth; write '20MiB/s', '64KiB/s' or 'none'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_bandwidth(text)), sentence); }
}

}  // namespace
}  // namespace bascule::config
