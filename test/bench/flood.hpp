// Handshakes with wrong passwords, so many a second, whatever becomes of them: each from another address, most of them
// for another user.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <map>

#include "test/bench/options.hpp"

namespace bascule::bench {

struct FloodAnswers {
  std::chrono::duration<double> elapsed{};
  std::uint64_t started = 0;
  std::uint64_t unanswered = 0;            // when it was over
  std::map<int, std::uint64_t> by_status;  // 0: the connection ended without an answer
};

// Runs in a thread of its own that gives way to everybody else on its core: what the clients of the flood cost must not
// show in the latencies that are measured beside it.
class Flood {
 public:
  explicit Flood(const Options& options);
  ~Flood();
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

  FloodAnswers end();  // throws what went wrong in there

 private:
  std::atomic<bool> over_ = false;
  std::future<FloodAnswers> thread_;
};

}  // namespace bascule::bench
