#include "test/bench/handshake_flood.hpp"

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "test/bench/connection.hpp"
#include "test/bench/loop.hpp"
#include "test/bench/tls_client.hpp"

namespace bascule::bench {
namespace {

constexpr std::uint32_t attacker = 0x7f'00'00'02;  // 127.0.0.2

// RFC 8446, section 5.1: the first byte of a record says what is in it.
constexpr char alert = 21;

// One connection after the other.
class Attacker final : public Handler {
 public:
  Attacker(Loop& loop, const Options& options, TlsClient& tls, const std::string& hello, FloodedHandshakes& count)
      : loop_(loop), options_(options), tls_(tls), hello_(hello), count_(count) {}

  void start() {
    const bool whole = options_.flood_handshake == Handshake::whole;
    connection_ = Connection(start_connecting_to(options_.proxy_port, attacker), whole ? &tls_ : nullptr);
    said_ = false;
    loop_.add(connection_.socket(), *this, EPOLLOUT);
  }

  void on_ready() override {
    try {
      if (!said_) {
        speak();
      } else if (const auto answered = has_been_answered()) {
        ++(*answered ? count_.answered : count_.refused);
        start();
      }
    } catch (const std::exception&) {
      // A reset, or an alert: whatever the proxy does against a flood.
      ++count_.refused;
      start();
    }
  }

 private:
  void speak() {
    if (options_.flood_handshake == Handshake::whole) {
      connection_.shake_hands();
    } else {
      connection_.say(hello_);
    }
    said_ = connection_.flush();
    if (said_) { loop_.change(connection_.socket(), *this, EPOLLIN); }
  }

  // Empty: not yet. The proxy's part of a handshake is done when its first bytes come, for it sends all of them
  // together.
  std::optional<bool> has_been_answered() {
    if (options_.flood_handshake == Handshake::whole) {
      return connection_.shake_hands() ? std::optional(true) : std::nullopt;
    }
    std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const auto received = connection_.receive_some(buffer.data(), buffer.size());
    if (!received) { return false; }
    if (*received == 0) { return std::nullopt; }
    return buffer[0] != alert;
  }

  Loop& loop_;
  const Options& options_;
  TlsClient& tls_;
  const std::string& hello_;
  FloodedHandshakes& count_;
  Connection connection_;
  bool said_ = false;
};

}  // namespace

FloodedHandshakes flood_with_handshakes(const Options& options, const std::atomic<bool>& over) {
  FloodedHandshakes count;
  TlsClient tls(Tls::full);
  const std::string hello = client_hello(tls);
  Loop loop;
  std::vector<std::unique_ptr<Attacker>> attackers;
  const auto begin = Clock::now();
  while (attackers.size() < options.flood_under_way) {
    attackers.push_back(std::make_unique<Attacker>(loop, options, tls, hello, count));
    attackers.back()->start();
  }
  while (!over) { loop.run_for(std::chrono::milliseconds(10)); }
  count.elapsed = Clock::now() - begin;
  count.under_way = attackers.size();
  return count;
}

}  // namespace bascule::bench
