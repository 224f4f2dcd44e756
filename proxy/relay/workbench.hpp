// What all sessions of one worker share while they work.
//
// A step of a relay cannot suspend, so one buffer per thread serves every session and an idle session holds none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>

#include "proxy/base/budget.hpp"
#include "proxy/base/bytes.hpp"
#include "proxy/base/pipe.hpp"

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

  // Reads of this size in a row are a bulk: it goes by the pipe, where sockets are plain. To wait for full reads misses
  // most of it, for with many sessions what is there is one segment of 64 KiB (test/bench/README.md).
  static constexpr std::size_t usual_bulk_bytes_min = std::size_t{32} * 1024;

  explicit Workbench(std::uint32_t seed = std::random_device()(), std::size_t bulk_bytes_min = usual_bulk_bytes_min)
      : bulk_bytes_min_(bulk_bytes_min), random_(seed) {}
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  // Where to read to: at most `bytes_max` bytes, with the headroom before it. Good until the step ends.
  MutableBytes scratch(std::size_t bytes_max = read_bytes) {
    return {scratch_.get() + headroom_bytes, std::min(bytes_max, at_once())};
  }
  // As much is read at a time, now.
  std::size_t at_once() const { return budget_.tight() ? read_bytes_when_tight : read_bytes; }

  std::size_t bulk_bytes_min() const { return bulk_bytes_min_; }

  // Empty whenever nobody is at work with it.
  Pipe& pipe() { return pipe_; }

  // What all sessions of the worker hold counts here.
  Budget& budget() { return budget_; }

  std::uint32_t random() { return static_cast<std::uint32_t>(random_()); }

 private:
  const std::size_t bulk_bytes_min_;
  // Not a page of it is touched before bytes come, and no more than come at a time.
  std::unique_ptr<std::uint8_t[]> scratch_ =
      std::make_unique_for_overwrite<std::uint8_t[]>(headroom_bytes + read_bytes);
  // A slot of it takes a page or a packet, so that it is full long before it holds so much where packets are small.
  Pipe pipe_{std::size_t{1024} * 1024};
  Budget budget_;
  std::minstd_rand random_;  // for the payload of pings: unlikely to repeat is enough
};

}  // namespace bascule::relay
