#include "proxy/net/turns.hpp"

#include <algorithm>

namespace bascule::net {

Async<Wake> Turns::come(Waiter& waiter, const std::string& who, TimePoint deadline) {
  // Not at once, even if nobody else waits: first come all who are ready in this round.
  Guest guest{.waiter = &waiter};
  Queue& queue = queues_[who];
  queue.push_back(&guest);
  if (!is_crowd(queue)) { loop_.timers().wake_soon(*this); }  // crowds may be resting, and this one must not
  Wake wake = Wake::ready;
  while (!guest.called && wake == Wake::ready) { wake = co_await waiter.wait(deadline); }
  // Whoever is called has a turn to use, late or not.
  if (guest.called) { co_return Wake::ready; }
  leave(guest, who);
  co_return wake;
}

void Turns::on_time(TimePoint /*now*/) {
  if (queues_.empty()) { return; }  // whoever waited has gone
  const TimePoint began = clock_();
  const auto next = next_of(began);
  if (next == queues_.end()) {
    // Only crowds, and they rest. The wheel is no more precise than its tick, which they have in store then.
    loop_.timers().wake_by(*this, loop_.now() + Timers::tick);
    return;
  }
  last_ = next->first;
  const bool of_crowd = is_crowd(next->second);
  Guest& guest = *next->second.front();
  next->second.pop_front();
  if (next->second.empty()) { queues_.erase(next); }
  if (!queues_.empty()) { loop_.timers().wake_soon(*this); }
  guest.called = true;
  guest.waiter->wake();  // does its work in here, and may come again
  if (of_crowd) { crowds_rest_ = std::max(crowds_rest_, began - Timers::tick) + (clock_() - began) * crowd_share; }
}

// The first behind the last who is not made to rest; the end where there is none.
Turns::Queues::iterator Turns::next_of(TimePoint now) {
  const auto may_go = [&](const Queues::value_type& queue) { return now >= crowds_rest_ || !is_crowd(queue.second); };
  const auto behind_last = queues_.upper_bound(last_);
  const auto next = std::find_if(behind_last, queues_.end(), may_go);
  if (next != queues_.end()) { return next; }
  const auto wrapped = std::find_if(queues_.begin(), behind_last, may_go);
  return wrapped != behind_last ? wrapped : queues_.end();
}

void Turns::leave(Guest& guest, const std::string& who) {
  const auto queue = queues_.find(who);
  if (queue == queues_.end()) { return; }
  std::erase(queue->second, &guest);
  if (queue->second.empty()) { queues_.erase(queue); }
}

}  // namespace bascule::net
