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
  Visitor(Loop& loop, const Options& options, TlsClient* tls, const std::string& message)
      : loop_(loop), options_(options), tls_(tls), message_(message) {}

  void start() {
    head_.clear();
    frames_ = ServerFrames();
    answered_ = 0;
    connection_ = Connection(start_connecting_to(options_.proxy_port), tls_);
    stage_ = Stage::shaking_hands;
    // On loopback the connection usually stands already, and what is said first leaves at once.
    shake_hands();
    has_left_ = connection_.flush();
    loop_.add(connection_.socket(), *this, has_left_ ? EPOLLIN : EPOLLOUT);
  }

  void on_ready() override {
    if (!has_left_) {
      has_left_ = connection_.flush();
      if (has_left_) { loop_.change(connection_.socket(), *this, EPOLLIN); }
      return;
    }
    if (stage_ == Stage::shaking_hands) {
      shake_hands();
      return;
    }
    std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    if (connection_.receive(buffer, [this](std::string_view bytes) { take(bytes); })) { return; }
    if (stage_ != Stage::closing) { throw std::runtime_error("the proxy ended a session before its echo"); }
    connection_.say_end();
    ++completed_;
    start();
  }

  [[nodiscard]] std::uint64_t completed() const { return completed_; }

 private:
  enum class Stage { shaking_hands, upgrading, echoing, closing };

  void shake_hands() {
    if (!connection_.shake_hands()) { return; }
    if (connection_.resumes() && !connection_.resumed()) { throw std::runtime_error("a ticket was not taken"); }
    const bool upgrades = options_.framing == Framing::websocket;
    stage_ = upgrades ? Stage::upgrading : Stage::echoing;
    connection_.say(upgrades ? request_ : message_);
  }

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
      connection_.finish_writing();
    } else {
      say(goodbye_);
    }
  }

  void say(const std::string& message) {
    if (!connection_.say(message)) { throw std::runtime_error("a small message did not fit"); }
  }

  Loop& loop_;
  const Options& options_;
  TlsClient* const tls_;
  const std::string& message_;
  const std::string request_ = upgrade_request();
  const std::string goodbye_ = client_close_frame({'b', 'y', 'e', '!'});
  Connection connection_;
  Stage stage_ = Stage::shaking_hands;
  bool has_left_ = false;  // what was said first
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
    visitors.push_back(std::make_unique<Visitor>(loop, options, sessions.tls(), message));
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
