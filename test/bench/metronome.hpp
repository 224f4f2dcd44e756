// A beat that does not wait for anybody: whoever is slow hears the missed ones at once, one after the other.
#pragma once

#include <functional>

#include "test/bench/loop.hpp"

namespace bascule::bench {

class Metronome final : public Handler {
 public:
  // `due`: when this beat should have come. It lives as long as the loop runs.
  using OnBeat = std::function<void(Clock::time_point due)>;

  Metronome(Loop& loop, std::size_t beats_a_second, OnBeat on_beat);

  void on_ready() override;

 private:
  const std::chrono::nanoseconds interval_;
  const OnBeat on_beat_;
  Socket timer_;
  Clock::time_point next_;
};

}  // namespace bascule::bench
