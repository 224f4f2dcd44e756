#include "test/bench/metronome.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bascule::bench {
namespace {

timespec timespec_of(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

}  // namespace

Metronome::Metronome(Loop& loop, std::size_t beats_a_second, OnBeat on_beat)
    : interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / beats_a_second),
      on_beat_(std::move(on_beat)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      next_(Clock::now() + interval_) {
  if (!timer_.is_open()) { fail("timerfd_create"); }
  // Clock is CLOCK_MONOTONIC, so a beat is due when its timer says so.
  const itimerspec beat{.it_interval = timespec_of(interval_), .it_value = timespec_of(next_.time_since_epoch())};
  if (timerfd_settime(timer_.fd(), TFD_TIMER_ABSTIME, &beat, nullptr) != 0) { fail("timerfd_settime"); }
  loop.add(timer_, *this, EPOLLIN);
}

void Metronome::on_ready() {
  std::uint64_t beats = 0;
  if (::read(timer_.fd(), &beats, sizeof beats) < 0 && errno != EAGAIN) { fail("read of a timer"); }
  for (; beats > 0; --beats) { on_beat_(std::exchange(next_, next_ + interval_)); }
}

}  // namespace bascule::bench
