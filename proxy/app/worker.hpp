// A worker: one thread, one loop, the sessions on it. A session never leaves its worker, so nothing in it is locked.
#pragma once

#include <memory>
#include <thread>

#include "proxy/net/loop.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/session/connection.hpp"
#include "proxy/session/floor.hpp"

namespace bascule::app {

class Worker {
 public:
  // What is shared outlives the worker.
  Worker(const session::Shared& shared, const std::shared_ptr<const policy::Rules>& rules);
  ~Worker();  // stops the thread, if it runs
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();

  // From any thread.
  std::size_t load() const { return floor_.load(); }
  void hand_over(OwnedFd socket, session::Visitor visitor);
  void drain(std::function<void()> on_empty);
  void clear();
  void stop();

  net::Loop& loop() { return loop_; }
  // On the worker's own thread.
  session::Floor& floor() { return floor_; }

 private:
  net::Loop loop_;
  session::Floor floor_;
  std::thread thread_;
};

}  // namespace bascule::app
