#include "proxy/config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"

namespace bascule::config {

using policy::Rate;

namespace {

using namespace std::chrono_literals;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "30s" cut into its number and its unit. The number is empty where the text does not begin with a digit.
struct Quantity {
  std::string_view number;
  std::string_view unit;
};

Quantity cut_quantity(std::string_view text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = static_cast<std::size_t>(end - text.begin());
  return {.number = text.substr(0, digits), .unit = text.substr(digits)};
}

template <typename Meaning, std::size_t size>
const Meaning* find_unit(const std::array<std::pair<std::string_view, Meaning>, size>& table, std::string_view unit) {
  const auto* const found =
      std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.first == unit; });
  return found == table.end() ? nullptr : &found->second;
}

using Milliseconds = std::chrono::milliseconds;

constexpr std::array<std::pair<std::string_view, Milliseconds>, 5> time_units{
    {{"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}, {"d", 24h}}};

// Spellings people try, and the one that is ours.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> time_spellings{{{"sec", "s"},
                                                                                        {"secs", "s"},
                                                                                        {"second", "s"},
                                                                                        {"seconds", "s"},
                                                                                        {"min", "m"},
                                                                                        {"mins", "m"},
                                                                                        {"minute", "m"},
                                                                                        {"minutes", "m"},
                                                                                        {"hour", "h"},
                                                                                        {"hours", "h"},
                                                                                        {"hr", "h"},
                                                                                        {"day", "d"},
                                                                                        {"days", "d"},
                                                                                        {"msec", "ms"}}};

constexpr Milliseconds day = 24h;
constexpr Milliseconds duration_max = 365 * day;
constexpr Milliseconds long_duration_max = 1000 * day;

constexpr std::array<std::pair<std::string_view, std::size_t>, 4> size_units{
    {{"B", 1}, {"KiB", std::size_t{1} << 10U}, {"MiB", std::size_t{1} << 20U}, {"GiB", std::size_t{1} << 30U}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> size_spellings{{{"b", "B"},
                                                                                       {"k", "KiB"},
                                                                                       {"kb", "KiB"},
                                                                                       {"kib", "KiB"},
                                                                                       {"m", "MiB"},
                                                                                       {"mb", "MiB"},
                                                                                       {"mib", "MiB"},
                                                                                       {"g", "GiB"},
                                                                                       {"gb", "GiB"}}};

constexpr std::array<std::pair<std::string_view, Milliseconds>, 3> rate_units{{{"s", 1s}, {"min", 1min}, {"h", 1h}}};

// A time's "m" among them: a rate says "min", so that nobody reads it as a month.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> rate_spellings{{{"sec", "s"},
                                                                                       {"second", "s"},
                                                                                       {"m", "min"},
                                                                                       {"minute", "min"},
                                                                                       {"mins", "min"},
                                                                                       {"hour", "h"},
                                                                                       {"hr", "h"},
                                                                                       {"hours", "h"}}};

constexpr std::uint64_t count_max = 1'000'000'000;
constexpr std::size_t bandwidth_min = std::size_t{1} << 10U;
constexpr std::size_t bandwidth_max = std::size_t{1} << 40U;

Parsed<Limit> parse_duration_up_to(std::string_view text, Milliseconds longest) {
  if (text == "none") { return Limit(); }
  const Quantity quantity = cut_quantity(text);
  const std::string_view unit = trimmed(quantity.unit);
  if (quantity.number.empty()) {
    return Wrong{fmt::format("'{}' is not a time; write '30s', '500ms', '10m', '24h' or 'none'", shown(text, 40))};
  }
  if (unit.empty()) {
    return Wrong{fmt::format("'{}' has no unit; write '{}s' for seconds", shown(text, 40), quantity.number)};
  }
  if (unit.front() == '.') {
    return Wrong{
        fmt::format("'{}' is not a whole number of a unit; write '1500ms' instead of '1.5s'", shown(text, 40))};
  }
  const Milliseconds* length = find_unit(time_units, quantity.unit);
  if (length == nullptr) {
    const std::string small = lowered(unit);
    const std::string_view* meant = find_unit(time_spellings, small);
    const bool spelling = meant != nullptr || find_unit(time_units, small) != nullptr;
    if (!spelling) {
      return Wrong{
          fmt::format("unknown unit '{}' in '{}'; there are ms, s, m, h and d", shown(unit, 20), shown(text, 40))};
    }
    return Wrong{fmt::format("'{}' is written '{}{}'", shown(text, 40), quantity.number,
                             meant != nullptr ? *meant : std::string_view(small))};
  }
  const auto most = static_cast<std::uint64_t>(longest / *length);
  const auto number = parse_decimal(quantity.number, most);
  if (!number) { return Wrong{fmt::format("'{}' is more than {}d; is 'none' meant?", shown(text, 40), longest / day)}; }
  if (*number == 0) { return Wrong{fmt::format("'{}' is over before it begins; 'none' switches it off", text)}; }
  return Limit(*length * static_cast<Milliseconds::rep>(*number));
}

}  // namespace

Parsed<Limit> parse_duration(std::string_view text) {
  return parse_duration_up_to(text, duration_max);
}

Parsed<Limit> parse_long_duration(std::string_view text) {
  auto time = parse_duration_up_to(text, long_duration_max);
  if (time && *time && **time % 1s != 0ms) {
    return Wrong{fmt::format("'{}' is not a whole number of seconds", shown(text, 40))};
  }
  return time;
}

std::string size_text(std::size_t bytes) {
  for (auto row = size_units.rbegin(); row != size_units.rend(); ++row) {
    if (bytes >= row->second && bytes % row->second == 0) {
      return fmt::format("{}{}", bytes / row->second, row->first);
    }
  }
  return "0B";
}

Parsed<std::size_t> parse_size(std::string_view text, std::size_t least, std::size_t most) {
  const Quantity quantity = cut_quantity(text);
  const std::string_view unit = trimmed(quantity.unit);
  if (quantity.number.empty()) {
    return Wrong{fmt::format("'{}' is not a size; write '64KiB' or '1MiB'", shown(text, 40))};
  }
  if (unit.empty()) {
    return Wrong{fmt::format("'{}' has no unit; write '{}B' for bytes, or '64KiB'", shown(text, 40), quantity.number)};
  }
  if (unit.front() == '.') {
    return Wrong{
        fmt::format("'{}' is not a whole number of a unit; write '1536KiB' instead of '1.5MiB'", shown(text, 40))};
  }
  const std::size_t* factor = find_unit(size_units, quantity.unit);
  if (factor == nullptr) {
    const std::string small = lowered(unit);
    const std::string_view* meant = find_unit(size_spellings, small);
    if (meant == nullptr) {
      return Wrong{
          fmt::format("unknown unit '{}' in '{}'; there are B, KiB, MiB and GiB", shown(unit, 20), shown(text, 40))};
    }
    return Wrong{fmt::format("'{}' is written '{}{}'", shown(text, 40), quantity.number, *meant)};
  }
  const auto number = parse_decimal(quantity.number, most / *factor);
  if (!number || *number > most / *factor) {
    return Wrong{fmt::format("'{}' is more than {}", shown(text, 40), size_text(most))};
  }
  const std::size_t bytes = static_cast<std::size_t>(*number) * *factor;
  if (bytes < least) { return Wrong{fmt::format("'{}' is less than {}", shown(text, 40), size_text(least))}; }
  return bytes;
}

Parsed<std::optional<std::size_t>> parse_count(std::string_view text) {
  if (text == "none") { return std::optional<std::size_t>(); }
  const auto number = parse_decimal(text, count_max);
  if (!number || (text.size() > 1 && text.front() == '0')) {
    return Wrong{fmt::format("'{}' is not a count; write a whole number such as '500', or 'none'", shown(text, 40))};
  }
  if (*number == 0) { return Wrong{"0 would let nobody in; 'none' switches the limit off"}; }
  return std::optional<std::size_t>(static_cast<std::size_t>(*number));
}

Parsed<unsigned> parse_whole(std::string_view text, unsigned least, unsigned most) {
  const auto number = parse_decimal(text, most);
  if (!number || *number < least || *number > most || (text.size() > 1 && text.front() == '0')) {
    return Wrong{fmt::format("'{}' is not a whole number from {} to {}", shown(text, 40), least, most)};
  }
  return static_cast<unsigned>(*number);
}

Parsed<std::optional<Rate>> parse_rate(std::string_view text) {
  if (text == "none") { return std::optional<Rate>(); }
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view digits = trimmed(text.substr(0, slash));
  const bool whole = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
  if (!whole) {
    return Wrong{fmt::format("'{}' is not a rate; write '20/s', '100/min', '1000/h' or 'none'", shown(text, 40))};
  }
  const std::string_view written_unit = text.substr(std::min(slash + 1, text.size()));
  const std::string unit = lowered(trimmed(written_unit));
  if (unit.empty()) {
    return Wrong{fmt::format("'{}' has no unit; write '{}/s' for so many a second", shown(text, 40), digits)};
  }
  const Milliseconds* per = find_unit(rate_units, unit);
  if (per == nullptr || unit != written_unit || digits.size() != slash) {
    const std::string_view* meant = find_unit(rate_spellings, unit);
    if (per == nullptr && meant == nullptr) {
      return Wrong{fmt::format("unknown unit '{}' in '{}'; there are s, min and h", shown(unit, 20), shown(text, 40))};
    }
    return Wrong{fmt::format("'{}' is written '{}/{}'", shown(text, 40), digits,
                             meant != nullptr ? *meant : std::string_view(unit))};
  }
  const auto count = parse_decimal(digits, count_max);
  if (!count) { return Wrong{fmt::format("'{}' is more than {}/s; is 'none' meant?", shown(text, 40), count_max)}; }
  if (*count == 0) { return Wrong{fmt::format("'{}' would let nothing pass; 'none' switches the limit off", text)}; }
  return std::optional<Rate>(Rate{.count = *count, .per = *per});
}

Parsed<std::optional<Rate>> parse_bandwidth(std::string_view text) {
  if (text == "none") { return std::optional<Rate>(); }
  if (lowered(text).find("bit") != std::string::npos || lowered(text).ends_with("bps")) {
    return Wrong{fmt::format("'{}' is not a bandwidth: it counts bytes, not bits; write '20MiB/s'", shown(text, 40))};
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto bytes = parse_size(text.substr(0, slash), bandwidth_min, bandwidth_max);
  if (!bytes) {
    if (cut_quantity(text).number.empty()) {
      return Wrong{fmt::format("'{}' is not a bandwidth; write '20MiB/s', '64KiB/s' or 'none'", shown(text, 40))};
    }
    return bytes.error();
  }
  if (slash == text.size()) { return Wrong{fmt::format("'{0}' has no unit of time; write '{0}/s'", text)}; }
  if (text.substr(slash) != "/s") {
    return Wrong{fmt::format("'{}' is not a bandwidth: it is counted in a second: '{}/s'", shown(text, 40),
                             text.substr(0, slash))};
  }
  return std::optional<Rate>(Rate{.count = *bytes, .per = 1s});
}

}  // namespace bascule::config
