// Deadlines of a worker: one wheel for all of its sessions, no timer a session.
//
// The wheel is lazy: a timer fires at its moment or earlier, and its owner looks at the clock and arms it again. So
// moving a deadline into the future, which happens with every byte, costs nothing here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "proxy/base/time.hpp"

namespace bascule::net {

// Whoever is called by the loop and has no memory for what he wanted to do has not done it; all others go on.
template <typename Work>
void guarded(Work work) {
  try {
    work();
  } catch (const std::bad_alloc&) {}  // NOLINT(bugprone-empty-catch): nobody is there to be told
}

// A place in a ring: the rings of the wheel, and the timers in them.
struct TimerLink {
  TimerLink* link_before = nullptr;
  TimerLink* link_behind = nullptr;
};

// Something that is called when its time has come. It takes itself out of the wheel when it is destroyed.
class Timer : private TimerLink {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  virtual void on_time(TimePoint now) = 0;

 protected:
  virtual ~Timer() { unlink(); }

 private:
  friend class Timers;

  bool linked() const { return link_behind != nullptr; }
  void unlink();

  TimePoint at_ = never;
};

class Timers {
 public:
  // Moments are met to this precision.
  static constexpr auto tick = std::chrono::milliseconds(10);

  explicit Timers(TimePoint now);
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // `timer` will be called at `at` at the latest, or earlier: a call that asks for a later moment than the one that is
  // set changes nothing. With `never` nothing is asked for.
  void wake_by(Timer& timer, TimePoint at);

  // `timer` will be called in the next round, after everything else that is ready now.
  void wake_soon(Timer& timer);

  void cancel(Timer& timer) { timer.unlink(); }

  // Until when nothing fires; `never` when nothing is set. May be early.
  TimePoint next() const;

  // Calls those who are due, `calls_max` of them: where the time of a crowd is over at once, those who have something
  // to say in the meantime do not wait for all of it. The others are called first in the next round, which is now.
  void advance(TimePoint now);
  static constexpr std::size_t calls_max = 16;

 private:
  static constexpr std::size_t slot_count = 1024;  // one round of the wheel: 10.24 s; what is later wakes in between

  struct Ring : TimerLink {
    Ring() { link_before = link_behind = this; }
    bool empty() const { return link_behind == this; }
  };

  static void link(Ring& ring, Timer& timer);
  static void move_all(Ring& from, Ring& to);
  std::uint64_t tick_of(TimePoint at) const;

  TimePoint start_;
  std::uint64_t done_tick_ = 0;  // all slots up to this tick have fired
  std::array<Ring, slot_count> slots_;
  std::array<std::uint64_t, slot_count / 64> occupied_{};  // a bit a slot; may be set for one that is empty by now
  Ring soon_;
  Ring due_;  // taken out of the wheel, and not called yet
};

}  // namespace bascule::net
