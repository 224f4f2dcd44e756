// Compares every byte, both ways at once, with messages, writes and reads cut at random; then both kinds of a clean
// end.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "test/bench/framing.hpp"
#include "test/bench/loop.hpp"
#include "test/bench/payload.hpp"
#include "test/bench/sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {
namespace {

constexpr std::uint64_t stream_bytes = std::uint64_t{8} * 1024 * 1024;  // each way, each session

constexpr int abnormal_closure = 1006;  // there was no Close frame
constexpr int normal_closure = 1000;    // RFC 6455, section 7.4.1

enum class Role { client, service };

// One end of a session: sends one pattern while it checks that the other arrives.
class CheckedEnd final : public Handler {
 public:
  CheckedEnd(Loop& loop, Connection connection, Role role, Framing framing, const Pattern& sends,
             const Pattern& expects, Random& random)
      : loop_(loop),
        connection_(std::move(connection)),
        role_(role),
        framing_(framing),
        sends_(sends),
        expects_(expects),
        random_(random) {
    loop_.add(connection_.socket(), *this, EPOLLIN | EPOLLOUT);
  }

  void on_ready() override {
    send_more();
    receive_more();
  }

  // Says that nothing more will come: a Close frame where there are frames, else a FIN.
  void say_goodbye() {
    if (said_goodbye_) { return; }
    said_goodbye_ = true;
    if (framing_ == Framing::websocket) {
      unsent_ += client_close_frame({'b', 'y', 'e', '!'});
      sending_ = true;
      loop_.change(connection_.socket(), *this, EPOLLIN | EPOLLOUT);
    } else {
      connection_.finish_writing();
    }
  }

  [[nodiscard]] bool has_all() const { return received_ == stream_bytes; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool was_reset() const { return was_reset_; }

  // What the client was told of a clean end.
  [[nodiscard]] int close_code() const {
    if (framing_ != Framing::websocket) { return normal_closure; }
    return frames_.closed() ? frames_.close_code() : abnormal_closure;
  }

 private:
  std::size_t up_to(std::size_t most) { return 1 + random_() % most; }

  std::size_t message_size() {
    constexpr std::array<std::size_t, 6> around_length_encodings{1, 125, 126, 127, 65535, 65536};
    if (random_() % 2 == 0) { return around_length_encodings.at(random_() % around_length_encodings.size()); }
    return up_to(200'000);
  }

  void send_more() {
    if (unsent_.empty() && produced_ < stream_bytes) {
      const std::size_t wanted = std::min<std::uint64_t>(message_size(), stream_bytes - produced_);
      const std::string_view message = sends_.at(produced_, wanted);
      produced_ += message.size();
      const std::string key = random_bytes(4, random_);
      unsent_ = framing_ == Framing::websocket ? client_frame(message, {key[0], key[1], key[2], key[3]}) : message;
    }
    if (!unsent_.empty()) {
      const std::string_view piece = std::string_view(unsent_).substr(0, up_to(unsent_.size()));
      unsent_.erase(0, connection_.send_some(piece));
    }
    if (sending_ && unsent_.empty() && produced_ == stream_bytes && connection_.flush()) {
      sending_ = false;
      loop_.change(connection_.socket(), *this, EPOLLIN);
    }
  }

  void receive_more() {
    if (ended_) { return; }
    static std::array<char, std::size_t{64} * 1024> buffer;
    do {
      const auto received = receive_unless_reset(buffer);
      if (!received) {
        ended_ = true;
        if (framing_ == Framing::plain) { say_goodbye(); }
        loop_.change(connection_.socket(), *this, 0);
        return;
      }
      if (*received == 0) { return; }
      take({buffer.data(), *received});
    } while (connection_.has_buffered());
  }

  void take(std::string_view bytes) {
    if (framing_ == Framing::plain) {
      check(bytes);
    } else {
      frames_.take(bytes, [this](std::string_view piece) { check(piece); });
      if (frames_.closed()) { say_goodbye(); }
    }
  }

  // Some proxies close right behind their Close frame, without reading ours: nothing is lost, but the end is a reset.
  template <std::size_t size>
  std::optional<std::size_t> receive_unless_reset(std::array<char, size>& buffer) {
    try {
      return connection_.receive_some(buffer.data(), up_to(size));
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::connection_reset || !frames_.closed()) { throw; }
      was_reset_ = true;
      return std::nullopt;
    }
  }

  void check(std::string_view bytes) {
    if (received_ + bytes.size() > stream_bytes || !expects_.matches(received_, bytes)) {
      throw std::runtime_error(fmt::format("wrong bytes at the {}, somewhere from byte {} to {}",
                                           role_ == Role::client ? "client" : "service", received_,
                                           received_ + bytes.size()));
    }
    received_ += bytes.size();
  }

  Loop& loop_;
  Connection connection_;
  Role role_;
  Framing framing_;
  const Pattern& sends_;
  const Pattern& expects_;
  Random& random_;
  ServerFrames frames_;
  std::string unsent_;
  std::uint64_t produced_ = 0;
  std::uint64_t received_ = 0;
  bool sending_ = true;
  bool said_goodbye_ = false;
  bool ended_ = false;
  bool was_reset_ = false;
};

}  // namespace

std::string verify(const Options& options) {
  Random random(options.seed);
  const Pattern from_client(random);
  const Pattern from_service(random);

  Sessions sessions(options);
  Loop loop;
  std::vector<std::unique_ptr<CheckedEnd>> clients;
  std::vector<std::unique_ptr<CheckedEnd>> services;
  for (Session& session : sessions.open(options.sessions)) {
    clients.push_back(std::make_unique<CheckedEnd>(loop, std::move(session.client), Role::client, options.framing,
                                                   from_client, from_service, random));
    services.push_back(std::make_unique<CheckedEnd>(loop, Connection(std::move(session.service)), Role::service,
                                                    Framing::plain, from_service, from_client, random));
  }

  const auto all = [&](bool (CheckedEnd::*holds)() const) {
    const auto one = [holds](const auto& end) { return ((*end).*holds)(); };
    return std::all_of(clients.begin(), clients.end(), one) && std::all_of(services.begin(), services.end(), one);
  };
  loop.run_until([&] { return all(&CheckedEnd::has_all); }, std::chrono::seconds(30), "moving the bytes to verify");
  for (std::size_t i = 0; i < clients.size(); ++i) { (i % 2 == 0 ? clients : services)[i]->say_goodbye(); }
  loop.run_until([&] { return all(&CheckedEnd::ended); }, std::chrono::seconds(15), "the end of all sessions");

  const auto other_codes = std::count_if(clients.begin(), clients.end(),
                                         [](const auto& end) { return end->close_code() != normal_closure; });
  const auto resets = std::count_if(clients.begin(), clients.end(), [](const auto& end) { return end->was_reset(); });
  return fmt::format(R"({{"sessions": {}, "bytes_each_way": {}, "resets_after_close": {}, "other_close_codes": {}}})",
                     options.sessions, options.sessions * stream_bytes, resets, other_codes);
}

}  // namespace bascule::bench
