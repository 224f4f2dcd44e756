// Sessions that live for one message: connect, upgrade, the proxy's dial, one echo of 64 bytes, a clean close.
//
// `sessions` of them are on their way at any time; each that ends is followed by the next.
#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include "test/bench/echo_end.hpp"
#include "test/bench/framing.hpp"
#include "test/bench/loop.hpp"
#include "test/bench/measure.hpp"
#include "test/bench/payload.hpp"
#include "test/bench/sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {
namespace {

constexpr std::size_t message_bytes = 64;

class Visitor final : public Handler {
 public:
  Visitor(Loop& loop, const Options& options, const std::string& message)
      : loop_(loop), options_(options), message_(message) {}

  void start() {
    head_.clear();
    frames_ = ServerFrames();
    answered_ = 0;
    socket_ = start_connecting_to(options_.proxy_port);
    const bool upgrades = options_.framing == Framing::websocket;
    stage_ = upgrades ? Stage::upgrading : Stage::echoing;
    unsent_ = upgrades ? request_ : message_;
    // On loopback the connection usually stands already, and the request leaves at once.
    unsent_.erase(0, send_some(socket_, unsent_));
    loop_.add(socket_, *this, unsent_.empty() ? EPOLLIN : EPOLLOUT);
  }

  void on_ready() override {
    if (!unsent_.empty()) {
      unsent_.erase(0, send_some(socket_, unsent_));
      if (unsent_.empty()) { loop_.change(socket_, *this, EPOLLIN); }
      return;
    }
    std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const auto received = receive_some(socket_, buffer.data(), buffer.size());
    if (received) {
      take({buffer.data(), *received});
      return;
    }
    if (stage_ != Stage::closing) { throw std::runtime_error("the proxy ended a session before its echo"); }
    ++completed_;
    start();
  }

  [[nodiscard]] std::uint64_t completed() const { return completed_; }

 private:
  enum class Stage { upgrading, echoing, closing };

  void take(std::string_view bytes) {
    if (stage_ == Stage::upgrading) {
      head_ += bytes;
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) { return; }
      if (end + 4 != head_.size()) {
        throw std::runtime_error("something came behind the 101 before anything was said");
      }
      check_upgrade_answer(head_);
      stage_ = Stage::echoing;
      say(message_);
    } else if (options_.framing == Framing::plain) {
      answered_ += bytes.size();
    } else {
      frames_.take(bytes, [this](std::string_view piece) { answered_ += piece.size(); });
    }
    if (stage_ == Stage::echoing && answered_ == message_bytes) { leave(); }
  }

  // Then the proxy's FIN is awaited, as RFC 6455, section 7.1.1, asks of a client.
  void leave() {
    stage_ = Stage::closing;
    if (options_.framing == Framing::plain) {
      socket_.finish_writing();
    } else {
      say(goodbye_);
    }
  }

  void say(const std::string& message) {
    if (send_some(socket_, message) != message.size()) { throw std::runtime_error("a small message did not fit"); }
  }

  Loop& loop_;
  const Options& options_;
  const std::string& message_;
  const std::string request_ = upgrade_request();
  const std::string goodbye_ = client_close_frame({'b', 'y', 'e', '!'});
  Socket socket_;
  Stage stage_ = Stage::upgrading;
  std::string unsent_;
  std::string head_;
  ServerFrames frames_;
  std::size_t answered_ = 0;
  std::uint64_t completed_ = 0;
};

// Gives an EchoEnd to whatever the proxy dials, and lets ends that are through serve again.
class Door final : public Handler {
 public:
  Door(Loop& loop, Socket& listener) : loop_(loop), listener_(listener) {
    listener_.set_non_blocking();
    loop_.add(listener_, *this, EPOLLIN);
  }

  void on_ready() override {
    while (auto socket = accept_some(listener_)) { free_end().serve(std::move(*socket)); }
  }

 private:
  EchoEnd& free_end() {
    const auto free = std::find_if(ends_.begin(), ends_.end(), [](const auto& end) { return end->ended(); });
    if (free != ends_.end()) { return **free; }
    return *ends_.emplace_back(std::make_unique<EchoEnd>(loop_));
  }

  Loop& loop_;
  Socket& listener_;
  std::vector<std::unique_ptr<EchoEnd>> ends_;  // never more than the sessions on their way, and never destroyed early
};

}  // namespace

std::string measure_setups(const Options& options) {
  Random random(options.seed);
  const std::string message = client_messages(options.framing, 1, message_bytes, random);

  Sessions sessions(options);
  Loop loop;
  Door door(loop, sessions.listener());
  std::vector<std::unique_ptr<Visitor>> visitors;
  while (visitors.size() < options.sessions) {
    visitors.push_back(std::make_unique<Visitor>(loop, options, message));
    visitors.back()->start();
  }

  const auto completed = [&] {
    std::uint64_t count = 0;
    for (const auto& visitor : visitors) { count += visitor->completed(); }
    return count;
  };
  return to_json(measure(loop, options, completed));
}

}  // namespace bascule::bench
