// A crowd of connections from one address that are at the door and get no further, so many at a time: whoever the proxy
// ends comes again at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "test/bench/options.hpp"

namespace bascule::bench {

struct Crowding {
  std::chrono::duration<double> elapsed{};
  std::chrono::duration<double> held{};  // of all connections together: how long each stood
  std::uint64_t under_way = 0;           // connections at a time
  std::uint64_t refused = 0;             // ended by the proxy within a second
  std::uint64_t ended = 0;               // ended by the proxy later
  std::uint64_t bytes = 0;               // that were said one at a time
};

// For GivingWay.
Crowding crowd_the_door(const Options& options, const std::atomic<bool>& over);

}  // namespace bascule::bench
