// Sessions that say 64 bytes now and then and look how long the echo takes, whatever else happens to the proxy.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "test/bench/measure.hpp"
#include "test/bench/options.hpp"

namespace bascule::bench {

using Latencies = std::vector<std::chrono::duration<double, std::micro>>;

struct Steady {
  Cost cost;            // the unit is a round trip
  Latencies latencies;  // of the window, shortest first
};

// Opens the sessions, then calls `begin`, and lets each of them speak `options.messages_a_second` times a second,
// evenly spread, whether or not the last answer has come.
Steady measure_steady_sessions(const Options& options, const std::function<void()>& begin);

// {"p50": ..., "p99": ..., "p999": ..., "max": ...}, in microseconds
std::string to_json(const Latencies& sorted);

}  // namespace bascule::bench
