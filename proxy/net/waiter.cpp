#include "proxy/net/waiter.hpp"

#include <utility>

namespace bascule::net {

Async<Wake> Waiter::wait(TimePoint deadline) {
  if (stopped_) { co_return Wake::stopped; }
  if (std::exchange(ready_, false)) { co_return Wake::ready; }
  if (deadline <= loop_.now()) { co_return Wake::timeout; }
  deadline_ = deadline;
  loop_.timers().wake_by(*this, deadline);
  const Wake wake = co_await suspended();
  co_return wake;
}

Async<void> Waiter::pass() {
  if (stopped_) { co_return; }
  deadline_ = loop_.now();
  loop_.timers().wake_soon(*this);
  passing_ = true;
  co_await suspended();
  passing_ = false;
}

Async<Wake> Waiter::suspended() {
  auto keep = [this](Handler handler) { handler_.emplace(std::move(handler)); };
  asio::use_awaitable_t<Executor> token;
  const Wake wake = co_await asio::async_initiate<asio::use_awaitable_t<Executor>, void(Wake)>(keep, token);
  co_return wake;
}

void Waiter::on_ready() {
  if (handler_ && !passing_) {
    resume(Wake::ready);
  } else {
    ready_ = true;  // the next wait is to know of it
  }
}

void Waiter::stop() {
  stopped_ = true;
  if (handler_) { resume(Wake::stopped); }
}

void Waiter::on_time(TimePoint now) {
  if (!handler_) { return; }
  if (now < deadline_) {
    loop_.timers().wake_by(*this, deadline_);
    return;
  }
  resume(Wake::timeout);
}

void Waiter::resume(Wake wake) {
  Handler handler = std::move(*handler_);
  handler_.reset();
  handler(wake);  // runs the coroutine, which may destroy this
}

}  // namespace bascule::net
