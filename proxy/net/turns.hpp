// Taking turns at work that costs much, a TLS handshake: one a round of the loop, so that between two of them everybody
// else is served, and by address, so that whoever comes a thousand times waits for himself.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "proxy/net/loop.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::net {

class Turns final : private Timer {
 public:
  explicit Turns(Loop& loop) : loop_(loop) {}

  // Returns `ready` when it is one's turn: do one piece of work, and do not wait within it. `timeout` and `stopped` as
  // a waiter has them. `who`: in whose name; outlives the call.
  Async<Wake> come(Waiter& waiter, const std::string& who, TimePoint deadline);

 private:
  struct Guest {
    Waiter* waiter = nullptr;
    bool called = false;
  };
  using Queue = std::deque<Guest*>;

  void on_time(TimePoint now) override;
  void leave(Guest& guest, const std::string& who);

  Loop& loop_;
  std::map<std::string, Queue, std::less<>> queues_;  // by who; none is empty
  std::string last_;                                  // whose turn it was
};

}  // namespace bascule::net
