#include "test/bench/loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

namespace bascule::bench {
namespace {

void control(const Socket& epoll, int operation, const Socket& socket, Handler& handler, std::uint32_t interest) {
  epoll_event event{};
  event.events = interest;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll.fd(), operation, socket.fd(), &event) != 0) { fail("epoll_ctl"); }
}

}  // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.is_open()) { fail("epoll_create1"); }
}

void Loop::add(const Socket& socket, Handler& handler, std::uint32_t interest) {
  control(epoll_, EPOLL_CTL_ADD, socket, handler, interest);
}

void Loop::change(const Socket& socket, Handler& handler, std::uint32_t interest) {
  control(epoll_, EPOLL_CTL_MOD, socket, handler, interest);
}

void Loop::run_for(std::chrono::milliseconds duration) {
  const auto end = Clock::now() + duration;
  for (auto now = Clock::now(); now < end; now = Clock::now()) { turn(end - now); }
}

void Loop::run_until(const std::function<bool()>& done, std::chrono::milliseconds limit, const char* what) {
  const auto end = Clock::now() + limit;
  while (!done()) {
    const auto now = Clock::now();
    if (now >= end) { throw std::runtime_error(fmt::format("{}: not done after {} ms", what, limit.count())); }
    turn(end - now);
  }
}

void Loop::turn(Clock::duration longest) {
  std::array<epoll_event, 256> events{};
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(std::min<Clock::duration>(longest, std::chrono::seconds(1)));
  const int count =
      epoll_wait(epoll_.fd(), events.data(), static_cast<int>(events.size()), static_cast<int>(wait.count()));
  if (count < 0 && errno != EINTR) { fail("epoll_wait"); }
  for (int i = 0; i < count; ++i) {
    static_cast<Handler*>(events.at(static_cast<std::size_t>(i)).data.ptr)->on_ready();
  }
}

}  // namespace bascule::bench
