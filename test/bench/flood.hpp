// Handshakes with wrong passwords, so many a second, whatever becomes of them: each from another address, most of them
// for another user.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>

#include "test/bench/options.hpp"

namespace bascule::bench {

struct FloodAnswers {
  std::chrono::duration<double> elapsed{};
  std::uint64_t started = 0;
  std::uint64_t unanswered = 0;            // when it was over
  std::map<int, std::uint64_t> by_status;  // 0: the connection ended without an answer
};

// For GivingWay.
FloodAnswers flood_with_guesses(const Options& options, const std::atomic<bool>& over);

}  // namespace bascule::bench
