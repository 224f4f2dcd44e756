#include "proxy/net/turns.hpp"

#include <algorithm>

namespace bascule::net {

Async<Wake> Turns::come(Waiter& waiter, const std::string& who, TimePoint deadline) {
  // Not at once, even if nobody else waits: first come all who are ready in this round.
  if (queues_.empty()) { loop_.timers().wake_soon(*this); }
  Guest guest{.waiter = &waiter};
  queues_[who].push_back(&guest);
  Wake wake = Wake::ready;
  while (!guest.called && wake == Wake::ready) { wake = co_await waiter.wait(deadline); }
  // Whoever is called has a turn to use, late or not.
  if (guest.called) { co_return Wake::ready; }
  leave(guest, who);
  co_return wake;
}

void Turns::on_time(TimePoint /*now*/) {
  if (queues_.empty()) { return; }  // whoever waited has gone
  auto next = queues_.upper_bound(last_);
  if (next == queues_.end()) { next = queues_.begin(); }
  last_ = next->first;
  Guest& guest = *next->second.front();
  next->second.pop_front();
  if (next->second.empty()) { queues_.erase(next); }
  if (!queues_.empty()) { loop_.timers().wake_soon(*this); }
  guest.called = true;
  guest.waiter->wake();  // goes on in here, and may come again
}

void Turns::leave(Guest& guest, const std::string& who) {
  const auto queue = queues_.find(who);
  if (queue == queues_.end()) { return; }
  std::erase(queue->second, &guest);
  if (queue->second.empty()) { queues_.erase(queue); }
}

}  // namespace bascule::net
