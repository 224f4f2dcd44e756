// What a process and all its children cost: some proxies fork for every session.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace bascule::bench {

class ProcessTree {
 public:
  explicit ProcessTree(pid_t root) : root_(root) {}

  // CPU time of all that live, to the nanosecond, and of the children they have already reaped, in clock ticks.
  [[nodiscard]] std::chrono::nanoseconds cpu() const;

  // Proportional set size in bytes: pages shared with others are counted in parts, so that forks are not counted twice.
  [[nodiscard]] std::uint64_t memory() const;

 private:
  [[nodiscard]] std::vector<pid_t> members() const;

  pid_t root_;
};

}  // namespace bascule::bench
