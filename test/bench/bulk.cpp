// Bulk in one direction, as cheap for us as the kernel allows: the sender's pages come from a memory file, the receiver
// has them dropped unread. Whether the bytes are right is for verify.cpp to say.
#include <memory>
#include <stdexcept>
#include <vector>

#include "test/bench/loop.hpp"
#include "test/bench/measure.hpp"
#include "test/bench/payload.hpp"
#include "test/bench/sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {
namespace {

constexpr std::size_t message_bytes = std::size_t{64} * 1024;
constexpr std::size_t messages = 16;

class Source final : public Handler {
 public:
  Source(Socket socket, const MemoryFile& content) : socket_(std::move(socket)), content_(content) {}

  void on_ready() override {
    const std::size_t sent = send_file_some(socket_, content_.fd(), offset_, content_.size() - offset_);
    sent_ += sent;
    offset_ = (offset_ + sent) % content_.size();
  }

  [[nodiscard]] const Socket& socket() const { return socket_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  Socket socket_;
  const MemoryFile& content_;
  std::size_t offset_ = 0;
  std::uint64_t sent_ = 0;
};

class Sink final : public Handler {
 public:
  explicit Sink(Socket socket) : socket_(std::move(socket)) {}

  void on_ready() override {
    const auto dropped = discard_some(socket_);
    if (!dropped) { throw std::runtime_error("the proxy ended a session under load"); }
    received_ += *dropped;
  }

  [[nodiscard]] const Socket& socket() const { return socket_; }
  [[nodiscard]] std::uint64_t received() const { return received_; }

 private:
  Socket socket_;
  std::uint64_t received_ = 0;
};

}  // namespace

std::string measure_bulk(const Options& options) {
  const bool up = options.work == Work::up;
  Random random(options.seed);
  // The service speaks without frames, whatever the client does.
  const MemoryFile content(client_messages(up ? options.framing : Framing::plain, messages, message_bytes, random));

  Sessions sessions(options);
  Loop loop;
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<std::unique_ptr<Sink>> sinks;
  for (Session& session : sessions.open(options.sessions)) {
    Socket& from = up ? session.client : session.service;
    Socket& to = up ? session.service : session.client;
    sinks.push_back(std::make_unique<Sink>(std::move(to)));
    sources.push_back(std::make_unique<Source>(std::move(from), content));
  }
  for (const auto& sink : sinks) { loop.add(sink->socket(), *sink, EPOLLIN); }
  for (const auto& source : sources) { loop.add(source->socket(), *source, EPOLLOUT); }

  // A proxy pays for a byte half when it takes it in and half when it gives it out, and buffers may fill or drain
  // meanwhile: so the mean of both ends counts.
  const auto moved = [&] {
    std::uint64_t bytes = 0;
    for (const auto& source : sources) { bytes += source->sent(); }
    for (const auto& sink : sinks) { bytes += sink->received(); }
    return bytes / 2;
  };
  return to_json(measure(loop, options, moved));
}

}  // namespace bascule::bench
