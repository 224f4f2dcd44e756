// TLS handshakes from one address, as many as its core has time for: whoever is refused comes again at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "test/bench/options.hpp"

namespace bascule::bench {

struct FloodedHandshakes {
  std::chrono::duration<double> elapsed{};
  std::uint64_t answered = 0;   // so often the proxy has done its part of a full handshake
  std::uint64_t refused = 0;    // hung up on before that, or told no by an alert
  std::uint64_t under_way = 0;  // when it was over
};

// For GivingWay.
FloodedHandshakes flood_with_handshakes(const Options& options, const std::atomic<bool>& over);

}  // namespace bascule::bench
