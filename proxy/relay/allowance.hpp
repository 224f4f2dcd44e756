// What one direction of a session may still be read at the pace of its route. Whoever is faster is not read from for a
// while; nothing is lost and nobody is cut off.
//
// A bucket of tokens in which no tokens are kept, only the moment until which everything taken so far has been paid
// for: in debt while that lies ahead, full when it lies a whole `per` back (the virtual scheduling of ITU-T I.371). A
// debt is never more than two seconds, so that the end of a session behind it is seen soon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/time.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::relay {

// The rate belongs to the route and is handed in, always the same; without one nothing is held up and nothing counted.
class Allowance {
 public:
  enum class Of : std::uint8_t { frames, bytes };

  explicit Allowance(Of of) : bytes_each_(of == Of::frames ? small_frame_bytes : 1), of_(of) {}

  // May be read. Once all is used up: not before enough has come together to be worth a read.
  bool open(const std::optional<policy::Rate>& rate, TimePoint now) const {
    return !used_up_ || now >= worth_reading_at(*rate);
  }

  // When it opens; `never` while it is open.
  TimePoint opens_at(const std::optional<policy::Rate>& rate, TimePoint now) const {
    return open(rate, now) ? never : worth_reading_at(*rate);
  }

  // How much to read, `most` at most. What a read brings too much puts us into debt, so it is no more than a reasonable
  // amount. REQUIRES: open().
  std::size_t read_bytes(const std::optional<policy::Rate>& rate, std::size_t most, TimePoint now) const {
    return rate ? read_bytes_at(*rate, most, now) : most;
  }

  // A read of so many bytes has brought so many.
  void take(const std::optional<policy::Rate>& rate, std::size_t count, std::size_t bytes, TimePoint now) {
    if (rate) { take_at(*rate, count, bytes, now); }
  }

 private:
  static constexpr std::uint32_t small_frame_bytes = 64;

  std::size_t read_bytes_at(const policy::Rate& rate, std::size_t most, TimePoint now) const;
  void take_at(const policy::Rate& rate, std::size_t count, std::size_t bytes, TimePoint now);
  TimePoint worth_reading_at(const policy::Rate& rate) const;
  TimePoint paid_until(const policy::Rate& rate, TimePoint now) const;
  std::size_t batch(const policy::Rate& rate) const;

  TimePoint paid_until_ = TimePoint::min();  // a session begins with a full bucket
  // What a frame came to in bytes of late, for a read is to bring about as many as may come; of bytes 1.
  std::uint32_t bytes_each_;
  Of of_;
  bool used_up_ = false;
};

}  // namespace bascule::relay
