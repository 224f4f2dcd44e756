// Bulk in one direction, as cheap for us as the kernel allows: the sender's pages come from a memory file, the receiver
// has them dropped unread. Whether the bytes are right is for verify.cpp to say. With TLS the client has to seal what
// it sends, but what it gets is dropped all the same, sealed: the records' own bytes count as well then, some 0.15 %.
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
  Source(Connection connection, const MemoryFile& content) : connection_(std::move(connection)), content_(content) {}

  void on_ready() override {
    const std::size_t sent = connection_.send_file_some(content_, offset_);
    sent_ += sent;
    offset_ = (offset_ + sent) % content_.size();
  }

  [[nodiscard]] const Socket& socket() const { return connection_.socket(); }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  Connection connection_;
  const MemoryFile& content_;
  std::size_t offset_ = 0;
  std::uint64_t sent_ = 0;
};

class Sink final : public Handler {
 public:
  explicit Sink(Connection connection) : connection_(std::move(connection)) {}

  void on_ready() override {
    const auto dropped = discard_some(connection_.socket());
    if (!dropped) { throw std::runtime_error("the proxy ended a session under load"); }
    received_ += *dropped;
  }

  [[nodiscard]] const Socket& socket() const { return connection_.socket(); }
  [[nodiscard]] std::uint64_t received() const { return received_; }

 private:
  Connection connection_;
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
    Connection service(std::move(session.service));
    sinks.push_back(std::make_unique<Sink>(std::move(up ? service : session.client)));
    sources.push_back(std::make_unique<Source>(std::move(up ? session.client : service), content));
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
