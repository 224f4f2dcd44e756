#include "proxy/app/worker.hpp"

#include <utility>

namespace bascule::app {

Worker::Worker(const session::Shared& shared, const std::shared_ptr<const policy::Rules>& rules)
    : floor_(loop_, shared, rules) {}

Worker::~Worker() {
  if (thread_.joinable()) {
    stop();
    thread_.join();
  }
}

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::hand_over(OwnedFd socket, session::Visitor visitor) {
  loop_.post([this, socket = std::move(socket), visitor = std::move(visitor)]() mutable {
    session::receive(floor_, std::move(socket), std::move(visitor));
  });
}

void Worker::drain(std::function<void()> on_empty) {
  loop_.post([this, on_empty = std::move(on_empty)]() mutable { floor_.drain(std::move(on_empty)); });
}

void Worker::clear() {
  loop_.post([this] { floor_.clear(); });
}

void Worker::stop() {
  loop_.post([this] { loop_.stop(); });
}

}  // namespace bascule::app
