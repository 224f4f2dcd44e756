// A loop over epoll, level-triggered: the cheapest shape for work that always has a next step.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>

#include "test/bench/socket.hpp"

namespace bascule::bench {

using Clock = std::chrono::steady_clock;

// One end of one session. It may be told that it is ready when it no longer is, so all its calls must not block.
class Handler {
 public:
  Handler() = default;
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  virtual ~Handler() = default;

  virtual void on_ready() = 0;
};

class Loop {
 public:
  Loop();

  // The handler must outlive the loop or the socket. `interest`: EPOLLIN, EPOLLOUT or both.
  void add(const Socket& socket, Handler& handler, std::uint32_t interest);
  void change(const Socket& socket, Handler& handler, std::uint32_t interest);

  void run_for(std::chrono::milliseconds duration);

  // Runs until `done`; throws when that takes longer than `limit`. `what` names the wait in that error.
  void run_until(const std::function<bool()>& done, std::chrono::milliseconds limit, const char* what);

 private:
  void turn(Clock::duration longest);

  Socket epoll_;
};

}  // namespace bascule::bench
