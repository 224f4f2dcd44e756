// A server on loopback as a test scripts it: each visitor is served by a story, on a thread of his own.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "test/support/sockets.hpp"

namespace bascule::test {

class LoopbackServer {
 public:
  // Returns when the visitor has been served; then he is hung up on. What it throws ends it in silence: tests look at
  // what came of it on the other side.
  using Story = std::function<void(Socket& visitor)>;

  explicit LoopbackServer(Story story) : story_(std::move(story)), doorman_([this] { let_in(); }) {}

  // Ends all stories: their sockets are shut down.
  ~LoopbackServer() {
    leaving_ = true;
    Socket::connect(port());  // the doorman wakes
    doorman_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const Socket& visitor : visitors_) { ::shutdown(visitor.fd(), SHUT_RDWR); }
    }
    for (std::thread& thread : threads_) { thread.join(); }
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::uint16_t port() const { return listener_.port(); }
  int visits() const { return visits_; }

 private:
  void let_in() {
    for (;;) {
      Socket visitor;
      try {
        visitor = listener_.accept();
      } catch (const std::exception&) {
        if (leaving_) { return; }
        continue;  // nobody came for a long time
      }
      if (leaving_) { return; }
      ++visits_;
      const std::lock_guard lock(mutex_);
      const auto place = visitors_.insert(visitors_.end(), std::move(visitor));
      threads_.emplace_back([this, place] { serve(place); });
    }
  }

  void serve(std::list<Socket>::iterator visitor) {
    try {
      story_(*visitor);
    } catch (const std::exception&) {}
    const std::lock_guard lock(mutex_);
    visitors_.erase(visitor);  // closes
  }

  const Story story_;
  Listener listener_;
  std::atomic<bool> leaving_ = false;
  std::atomic<int> visits_ = 0;
  std::mutex mutex_;
  std::list<Socket> visitors_;
  std::list<std::thread> threads_;  // the doorman's, until he is joined
  std::thread doorman_;             // last: it uses the others
};

}  // namespace bascule::test
