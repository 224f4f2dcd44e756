// The window in which a proxy is measured, and what it cost in there.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "test/bench/loop.hpp"
#include "test/bench/options.hpp"

namespace bascule::bench {

struct Cost {
  std::uint64_t units = 0;  // bytes, messages or set-ups, as the work says
  std::chrono::duration<double> elapsed{};
  std::chrono::duration<double> proxy_cpu{};
  std::chrono::duration<double> own_cpu{};
  std::chrono::duration<double> others_cpu{};  // neither idle nor ours: other programs, interrupts, the hypervisor
};

// Lets the loop run for the warm-up, then for the window, and reads `units` and all clocks at both ends of the window.
Cost measure(Loop& loop, const Options& options, const std::function<std::uint64_t()>& units);

std::string to_json(const Cost& cost);

}  // namespace bascule::bench
