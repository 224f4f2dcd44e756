// Time as every room sees it: the steady clock, always handed in, never asked for below net/.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace bascule {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// What calendars and other machines go by; only for moments that others name.
using WallTime = std::chrono::system_clock::time_point;

// A limit in time as an operator writes it; empty is his word `none`.
using Limit = std::optional<std::chrono::milliseconds>;

inline constexpr TimePoint never = TimePoint::max();

// The moment a limit that began at `start` runs out; `never` without a limit.
inline TimePoint after(TimePoint start, Limit limit) {
  return limit ? start + *limit : never;
}

}  // namespace bascule
