// Is a side still taking what waits for it? Writing tells at first; while nothing can be written, the kernel's queue
// does: a client on a slow line needs minutes to make room for one more write, yet it takes bytes all the time.
#pragma once

#include <cstddef>
#include <limits>

#include "proxy/base/stream.hpp"
#include "proxy/base/time.hpp"

namespace bascule::relay {

class Progress {
 public:
  // Something was taken, or a wait for something begins: the clock starts anew.
  void mark(TimePoint now, const Stream& stream) {
    since_ = now;
    unsent_bytes_ = stream.unsent();
  }

  // The same for a wait in which nothing of ours waits any more: the kernel's queue is looked at only if it gets long,
  // for most partners answer at once, and then the look would have cost more than the answer.
  void mark(TimePoint now) {
    since_ = now;
    unsent_bytes_ = unknown;
  }

  TimePoint due(Limit limit) const { return after(since_, limit); }

  // True when `limit` has passed without a sign. A queue that got shorter is a sign, and starts the clock anew.
  bool overdue(TimePoint now, Limit limit, const Stream& stream) {
    if (now < due(limit)) { return false; }
    const std::size_t unsent_bytes = stream.unsent();
    const bool moves = unsent_bytes_ == unknown ? unsent_bytes > 0 : unsent_bytes < unsent_bytes_;
    if (!moves) { return true; }
    since_ = now;
    unsent_bytes_ = unsent_bytes;
    return false;
  }

 private:
  static constexpr std::size_t unknown = std::numeric_limits<std::size_t>::max();

  TimePoint since_;
  std::size_t unsent_bytes_ = 0;
};

}  // namespace bascule::relay
