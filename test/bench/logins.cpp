// What others' wrong passwords do to sessions that are in: 64 bytes to the service and back, so many messages a second
// and session, beside a flood of handshakes that are refused, or beside none.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "test/bench/echo_end.hpp"
#include "test/bench/flood.hpp"
#include "test/bench/framing.hpp"
#include "test/bench/loop.hpp"
#include "test/bench/measure.hpp"
#include "test/bench/metronome.hpp"
#include "test/bench/payload.hpp"
#include "test/bench/sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {
namespace {

using Latencies = std::vector<std::chrono::duration<double, std::micro>>;

constexpr std::size_t message_bytes = 64;

// Asks whether or not the last answer has come.
class SteadyAsker final : public Handler {
 public:
  SteadyAsker(Socket socket, const Options& options, const std::string& message, Latencies& latencies)
      : socket_(std::move(socket)), framing_(options.framing), message_(message), latencies_(latencies) {}

  void ask(Clock::time_point due) {
    if (send_some(socket_, message_) != message_.size()) { throw std::runtime_error("a small message did not fit"); }
    asked_.push_back(due);
  }

  void on_ready() override {
    std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const auto received = receive_some(socket_, buffer.data(), buffer.size());
    if (!received) { throw std::runtime_error("the proxy ended a session under load"); }
    const std::string_view bytes(buffer.data(), *received);
    if (framing_ == Framing::plain) {
      answered_ += bytes.size();
    } else {
      frames_.take(bytes, [this](std::string_view piece) { answered_ += piece.size(); });
    }
    const auto now = Clock::now();
    for (; answered_ >= message_bytes; answered_ -= message_bytes) {
      if (asked_.empty()) { throw std::runtime_error("more came back than was sent"); }
      latencies_.push_back(now - asked_.front());
      asked_.pop_front();
    }
  }

  [[nodiscard]] const Socket& socket() const { return socket_; }

 private:
  Socket socket_;
  Framing framing_;
  const std::string& message_;
  Latencies& latencies_;
  ServerFrames frames_;
  std::deque<Clock::time_point> asked_;  // when the messages were due that are on their way
  std::size_t answered_ = 0;             // bytes of payload, of the oldest of them
};

// Of the latencies in order: that below which `part` of them lie.
double quantile(const Latencies& sorted, double part) {
  const auto place = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return sorted.at(std::min(place, sorted.size() - 1)).count();
}

std::string to_json(const Cost& cost, Latencies sorted, const FloodAnswers& flood) {
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> answers;
  for (const auto& [status, count] : flood.by_status) { answers.push_back(fmt::format(R"("{}": {})", status, count)); }
  return fmt::format(R"({{"cost": {}, "latency_us": {{"p50": {:.1f}, "p99": {:.1f}, "p999": {:.1f}, "max": {:.1f}}}, )"
                     R"("flood": {{"seconds": {:.6f}, "started": {}, "unanswered": {}, "answers": {{{}}}}}}})",
                     to_json(cost), quantile(sorted, 0.5), quantile(sorted, 0.99), quantile(sorted, 0.999),
                     sorted.back().count(), flood.elapsed.count(), flood.started, flood.unanswered,
                     fmt::join(answers, ", "));
}

}  // namespace

std::string measure_beside_logins(const Options& options) {
  Random random(options.seed);
  const std::string message = client_messages(options.framing, 1, message_bytes, random);

  Sessions sessions(options);
  Loop loop;
  Latencies latencies;
  std::vector<std::unique_ptr<EchoEnd>> services;
  std::vector<std::unique_ptr<SteadyAsker>> clients;
  for (Session& session : sessions.open(options.sessions)) {
    services.push_back(std::make_unique<EchoEnd>(loop));
    services.back()->serve(std::move(session.service));
    clients.push_back(std::make_unique<SteadyAsker>(std::move(session.client), options, message, latencies));
    loop.add(clients.back()->socket(), *clients.back(), EPOLLIN);
  }

  std::optional<Flood> flood;
  if (options.flood_a_second > 0) { flood.emplace(options); }
  std::size_t turn = 0;  // the sessions speak one after the other, evenly spread
  Metronome metronome(loop, options.messages_a_second * clients.size(), [&](Clock::time_point due) {
    clients[turn]->ask(due);
    turn = (turn + 1) % clients.size();
  });
  const Cost cost = measure(loop, options, [&] { return latencies.size(); });
  const FloodAnswers answers = flood ? flood->end() : FloodAnswers{};

  // What came before the window was the warm-up's.
  latencies.erase(latencies.begin(), latencies.end() - static_cast<std::ptrdiff_t>(cost.units));
  return to_json(cost, std::move(latencies), answers);
}

}  // namespace bascule::bench
