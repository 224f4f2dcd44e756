// How a coroutine waits: for a stream to become ready, for somebody to wake it, for its time to be over, or to be told
// to stop.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/use_awaitable.hpp>
#include <optional>

#include "proxy/net/loop.hpp"
#include "proxy/net/timers.hpp"

namespace bascule::net {

template <typename T>
using Async = asio::awaitable<T, Executor>;

// Told when a stream that it watches may have become ready.
class Watcher {
 public:
  virtual void on_ready() = 0;

 protected:
  ~Watcher() = default;
};

enum class Wake : std::uint8_t { ready, timeout, stopped };

// One coroutine waits here at a time; it owns the waiter and outlives no wait. May watch any number of streams.
class Waiter final : public Watcher, private Timer {
 public:
  explicit Waiter(Loop& loop) : loop_(loop) {}

  // `ready`: something that is watched may have become ready (try it, then wait again). What happened since the last
  // wait counts, so nothing is missed between trying and waiting. `timeout`: `deadline` has come.
  Async<Wake> wait(TimePoint deadline);

  // Lets everyone else on the loop have their turn, then goes on; so few at a time (Timers::calls_max) that others have
  // theirs in between. What becomes ready meanwhile is for the next wait.
  Async<void> pass();

  void wake() { on_ready(); }
  void on_ready() override;

  // Every wait from now on says `stopped`: the coroutine ends in its own way.
  void stop();

  Loop& loop() { return loop_; }

 private:
  using Handler = asio::async_result<asio::use_awaitable_t<Executor>, void(Wake)>::handler_type;

  void on_time(TimePoint now) override;
  Async<Wake> suspended();
  void resume(Wake wake);

  Loop& loop_;
  TimePoint deadline_ = never;
  std::optional<Handler> handler_;
  bool ready_ = false;
  bool stopped_ = false;
  bool passing_ = false;
};

}  // namespace bascule::net
