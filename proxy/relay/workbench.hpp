// What all sessions of one worker share while they work.
//
// A step of a relay cannot suspend, so one buffer per thread serves every session and an idle session holds none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "proxy/base/budget.hpp"
#include "proxy/base/bytes.hpp"

namespace bascule::relay {

class Workbench {
 public:
  // Bytes read at once. Read size is the main lever on CPU per GB: 256 KiB cost less than half of what 16 KiB do
  // (test/bench/README.md).
  static constexpr std::size_t read_bytes = std::size_t{256} * 1024;
  // What remains of it when many sessions have a side that takes nothing.
  static constexpr std::size_t read_bytes_when_tight = std::size_t{16} * 1024;
  // In front of what is read there is room for the header of a frame (10 bytes) and the first bytes of a character that
  // the last read cut apart (3 bytes).
  static constexpr std::size_t headroom_bytes = 16;

  explicit Workbench(std::uint32_t seed = std::random_device()()) : random_(seed) {}
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  // Where to read to: at most `bytes_max` bytes, with the headroom before it. Good until the step ends.
  MutableBytes scratch(std::size_t bytes_max = read_bytes) {
    const std::size_t wanted = std::min(bytes_max, budget_.tight() ? read_bytes_when_tight : read_bytes);
    return MutableBytes(scratch_).subspan(headroom_bytes, wanted);
  }

  // What all sessions of the worker hold counts here.
  Budget& budget() { return budget_; }

  std::uint32_t random() { return static_cast<std::uint32_t>(random_()); }

 private:
  std::vector<std::uint8_t> scratch_ = std::vector<std::uint8_t>(headroom_bytes + read_bytes);
  Budget budget_;
  std::minstd_rand random_;  // for the payload of pings: unlikely to repeat is enough
};

}  // namespace bascule::relay
