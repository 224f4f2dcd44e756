// A crowd of connections from one address that are at the door and get no further, so many at a time: whoever the proxy
// ends comes again at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>

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

// In a thread of its own that gives way to everybody else on its core, as Flood.
class DoorCrowd {
 public:
  explicit DoorCrowd(const Options& options);
  ~DoorCrowd();
  DoorCrowd(const DoorCrowd&) = delete;
  DoorCrowd& operator=(const DoorCrowd&) = delete;

  Crowding end();  // throws what went wrong in there

 private:
  std::atomic<bool> over_ = false;
  std::future<Crowding> thread_;
};

}  // namespace bascule::bench
