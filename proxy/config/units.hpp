// Numbers with their units: times, sizes, counts and rates. A bare number where a unit belongs is a mistake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/time.hpp"
#include "proxy/config/parsed.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

// "30s", "500ms", "10m", "24h", "7d"; "none" for no limit. At least 1ms, at most 365d.
Parsed<Limit> parse_duration(std::string_view text);

// The same for what others remember: whole seconds, at most 1000d.
Parsed<Limit> parse_long_duration(std::string_view text);

// "64KiB", "1MiB", "1024B". `least` and `most` are bytes, both allowed.
Parsed<std::size_t> parse_size(std::string_view text, std::size_t least, std::size_t most);
std::string size_text(std::size_t bytes);  // "256KiB"

// "500"; "none" for no limit.
Parsed<std::optional<std::size_t>> parse_count(std::string_view text);

// "3": a whole number from `least` to `most`.
Parsed<unsigned> parse_whole(std::string_view text, unsigned least, unsigned most);

// "20/s", "100/min", "1000/h"; "none" for no limit.
Parsed<std::optional<policy::Rate>> parse_rate(std::string_view text);

// "20MiB/s", at least 1KiB/s; "none" for no limit. A rate of bytes.
Parsed<std::optional<policy::Rate>> parse_bandwidth(std::string_view text);

}  // namespace bascule::config
