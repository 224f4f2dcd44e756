#include "proxy/net/timers.hpp"

#include <algorithm>
#include <bit>

namespace bascule::net {

void Timer::unlink() {
  if (!linked()) { return; }
  link_before->link_behind = link_behind;
  link_behind->link_before = link_before;
  link_before = link_behind = nullptr;
  at_ = never;
}

Timers::Timers(TimePoint now) : start_(now) {}

std::uint64_t Timers::tick_of(TimePoint at) const {
  // Rounded up, so that nothing fires before its moment.
  return at <= start_ ? 0 : static_cast<std::uint64_t>((at - start_ + tick - Duration(1)) / tick);
}

void Timers::link(Ring& ring, Timer& timer) {
  timer.link_before = ring.link_before;
  timer.link_behind = &ring;
  ring.link_before->link_behind = &timer;
  ring.link_before = &timer;
}

void Timers::move_all(Ring& from, Ring& to) {
  if (from.empty()) { return; }
  from.link_behind->link_before = to.link_before;
  to.link_before->link_behind = from.link_behind;
  from.link_before->link_behind = &to;
  to.link_before = from.link_before;
  from.link_before = from.link_behind = &from;
}

void Timers::wake_by(Timer& timer, TimePoint at) {
  if (at >= timer.at_) { return; }  // set for earlier, or nothing asked for: an unlinked timer says `never`
  timer.unlink();
  const std::uint64_t wanted = std::max(tick_of(at), done_tick_ + 1);
  const std::uint64_t slot_tick = std::min(wanted, done_tick_ + slot_count - 1);
  const std::size_t slot = slot_tick % slot_count;
  timer.at_ = at;
  link(slots_[slot], timer);
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void Timers::wake_soon(Timer& timer) {
  timer.unlink();
  timer.at_ = TimePoint::min();
  link(soon_, timer);
}

TimePoint Timers::next() const {
  if (!soon_.empty() || !due_.empty()) { return TimePoint::min(); }
  for (std::uint64_t ahead = 1; ahead < slot_count;) {
    const std::size_t slot = (done_tick_ + ahead) % slot_count;
    const std::uint64_t word = occupied_[slot / 64] >> (slot % 64);
    if (word == 0) {
      ahead += 64 - slot % 64;
      continue;
    }
    return start_ +
           static_cast<std::int64_t>(done_tick_ + ahead + static_cast<unsigned>(std::countr_zero(word))) * tick;
  }
  return never;
}

void Timers::advance(TimePoint now) {
  // Collected first: what is armed while these are called belongs to a later round.
  move_all(soon_, due_);
  const std::uint64_t now_tick = now <= start_ ? 0 : static_cast<std::uint64_t>((now - start_) / tick);
  if (now_tick > done_tick_) {
    const std::uint64_t steps = std::min<std::uint64_t>(now_tick - done_tick_, slot_count);
    for (std::uint64_t step = 1; step <= steps; ++step) {
      const std::size_t slot = (done_tick_ + step) % slot_count;
      const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
      if ((occupied_[slot / 64] & bit) == 0) { continue; }
      occupied_[slot / 64] &= ~bit;
      move_all(slots_[slot], due_);
    }
    done_tick_ = now_tick;
  }
  for (std::size_t calls = 0; calls < calls_max && !due_.empty(); ++calls) {
    Timer& timer = *static_cast<Timer*>(due_.link_behind);  // all that is in a ring but the ring itself
    timer.unlink();
    guarded([&] { timer.on_time(now); });  // may destroy it, and others that are due
  }
}

}  // namespace bascule::net
