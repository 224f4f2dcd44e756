#include "test/work/paths.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/read_rules.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/relay/splice.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/ws/frame_decoder.hpp"
#include "proxy/wire/ws/mask.hpp"
#include "test/support/frames.hpp"

namespace bascule::work {
namespace {

void check(bool holds) {
  if (!holds) { throw std::runtime_error("this path led elsewhere"); }
}

std::string frame(std::size_t payload_bytes) {
  return test::client_frame(test::op_binary, std::string(payload_bytes, 'x'));
}

std::string frames(std::size_t count, std::size_t payload_bytes) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) { text += frame(payload_bytes); }
  return text;
}

std::vector<std::uint8_t> bytes_in(std::string_view text) {
  return {text.begin(), text.end()};
}

// --- wire ------------------------------------------------------------------------------------------------------------

// 64 KiB unmasked in place.
void unmask(std::size_t times) {
  constexpr wire::ws::MaskKey key{0x37, 0xfa, 0x21, 0x3d};
  std::vector<std::uint8_t> payload(std::size_t{64} * 1024, 'x');
  for (; times > 0; --times) { wire::ws::apply_mask(payload, key, 0); }
}

// The headers of 64 frames of 128 bytes, as one read gives them.
void decode(std::size_t times) {
  const std::vector<std::uint8_t> read = bytes_in(frames(64, 128));
  wire::ws::FrameDecoder decoder(wire::ws::Role::server);
  for (; times > 0; --times) {
    Bytes rest(read);
    std::size_t pieces = 0;
    while (decoder.next(rest).is == wire::ws::Piece::Is::data) { ++pieces; }
    check(pieces == 64);
  }
}

// The head that Chromium 130 sends for a WebSocket, with 600 bytes.
const std::string browsers_head =
    "GET /service/7 HTTP/1.1\r\n"
    "Host: tenant-0.example.org\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Safari/537.36\r\n"
    "Upgrade: websocket\r\n"
    "Origin: http://tenant-0.example.org\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: theme=dark; session=0123456789abcdef0123456789abcdef\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    "\r\n";

wire::http::RequestHead parsed() {
  wire::http::HeadParser parser{wire::http::HeadLimits{}};
  parser.feed(bytes_of(browsers_head));
  check(parser.state() == wire::http::HeadParser::State::complete);
  return parser.take();
}

void head(std::size_t times) {
  for (; times > 0; --times) { check(parsed().fields.size() == 13); }
}

// --- policy ----------------------------------------------------------------------------------------------------------

// Ten routes, by their paths; the visitor is let in.
void judge(std::size_t times) {
  std::string text = "listen: 127.0.0.1:0\nroutes:\n";
  for (int i = 0; i < 10; ++i) {
    text += fmt::format("  - {{name: r{}, host: tenant-0.example.org, path: /service/{}, auth: none, ", i, i) +
            fmt::format("to: \"10.0.0.{}:5900\"}}\n", i + 1);
  }
  const auto reading = config::read_rules(text, "rules.yaml");
  check(static_cast<bool>(reading));
  const policy::Rules& rules = reading->rules;
  const policy::Visit visit{.listener = rules.listeners.front().name, .peer = *Address::parse_ip("192.0.2.1", 4711)};
  const wire::http::RequestHead request = parsed();
  for (; times > 0; --times) {
    check(std::holds_alternative<policy::Admitted>(policy::judge(rules, visit, request).verdict));
  }
}

// --- relay -----------------------------------------------------------------------------------------------------------

// Takes all, and gives what it is told to once for each turn.
class Memory final : public Stream {
 public:
  explicit Memory(std::string gives) : gives_(std::move(gives)) {}

  void arrive() { there_ = true; }
  std::size_t taken() const { return taken_; }

  IoResult read(MutableBytes into) override {
    if (!there_) { return IoResult::wait_readable(); }
    there_ = false;
    std::memcpy(into.data(), gives_.data(), gives_.size());
    return IoResult::moved(gives_.size());
  }
  bool may_give() const override { return there_; }
  IoResult write(Bytes from) override {
    taken_ += from.size();
    return IoResult::moved(from.size());
  }
  void unread(Bytes) override {}
  void shutdown_write() override {}
  void abort() override {}
  std::size_t unsent() const override { return 0; }
  int broken() const override { return 0; }

 private:
  std::string gives_;
  std::size_t taken_ = 0;
  bool there_ = false;
};

// A session's turns: this from the client, that from the service.
void relayed(std::size_t times, const std::string& from_client, std::size_t payload_bytes, std::size_t from_service) {
  const policy::SessionRule rule;
  relay::Workbench bench(1);
  Memory client(from_client);
  Memory service(std::string(from_service, 'y'));
  TimePoint now{std::chrono::hours(1)};
  relay::Splice splice(client, service, rule, bench, now);
  const std::size_t wanted = times * payload_bytes;
  for (; times > 0; --times) {
    now += std::chrono::milliseconds(100);
    client.arrive();
    splice.turn(now);
    service.arrive();
    splice.turn(now);
  }
  check(service.taken() == wanted);
}

void echo(std::size_t times) {
  relayed(times, frame(64), 64, 64);
}

void pipelined(std::size_t times) {
  relayed(times, frames(64, 128), std::size_t{64} * 128, std::size_t{64} * 128);
}

constexpr Path all[] = {{"unmask", unmask}, {"decode", decode}, {"head", head},
                        {"judge", judge},   {"echo", echo},     {"pipelined", pipelined}};

}  // namespace

std::span<const Path> paths() {
  return all;
}

}  // namespace bascule::work
