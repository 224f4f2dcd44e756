// Taking turns at work that costs much, a TLS handshake: one a round of the loop, so that between two of them everybody
// else is served, and by address, so that whoever comes a thousand times waits for himself. A crowd from one address
// does not get all the time that is left either: else every answer to anybody would stand behind one of its turns.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>

#include "proxy/net/loop.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::net {

class Turns final : private Timer {
 public:
  // More than so many of one address that wait at once are a crowd. All crowds together get one part in so many of the
  // time: 5,000 who come back at once through one NAT or proxy take some seconds instead of two.
  static constexpr std::size_t crowd_min = 32;
  static constexpr int crowd_share = 4;

  using Now = TimePoint (*)();
  explicit Turns(Loop& loop, Now clock = Clock::now) : loop_(loop), clock_(clock) {}

  // Returns `ready` when it is one's turn: do one piece of work, and do not wait within it. `timeout` and `stopped` as
  // a waiter has them. `who`: in whose name; outlives the call.
  Async<Wake> come(Waiter& waiter, const std::string& who, TimePoint deadline);

 private:
  struct Guest {
    Waiter* waiter = nullptr;
    bool called = false;
  };
  using Queue = std::deque<Guest*>;
  using Queues = std::map<std::string, Queue, std::less<>>;

  void on_time(TimePoint now) override;
  Queues::iterator next_of(TimePoint now);
  void leave(Guest& guest, const std::string& who);

  static bool is_crowd(const Queue& queue) { return queue.size() > crowd_min; }

  Loop& loop_;
  Now clock_;
  Queues queues_;            // by who; none is empty
  std::string last_;         // whose turn it was
  TimePoint crowds_rest_{};  // until then
};

}  // namespace bascule::net
