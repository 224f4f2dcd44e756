#include "test/bench/steady_sessions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <stdexcept>

#include "test/bench/echo_end.hpp"
#include "test/bench/framing.hpp"
#include "test/bench/loop.hpp"
#include "test/bench/metronome.hpp"
#include "test/bench/payload.hpp"
#include "test/bench/sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {
namespace {

constexpr std::size_t message_bytes = 64;

// Asks whether or not the last answer has come.
class SteadyAsker final : public Handler {
 public:
  SteadyAsker(Connection connection, const Options& options, const std::string& message, Latencies& latencies)
      : connection_(std::move(connection)), framing_(options.framing), message_(message), latencies_(latencies) {}

  void ask(Clock::time_point due) {
    if (!connection_.say(message_)) { throw std::runtime_error("a small message did not fit"); }
    asked_.push_back(due);
  }

  void on_ready() override {
    std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const auto take = [this](std::string_view bytes) {
      if (framing_ == Framing::plain) {
        answered_ += bytes.size();
      } else {
        frames_.take(bytes, [this](std::string_view piece) { answered_ += piece.size(); });
      }
    };
    if (!connection_.receive(buffer, take)) { throw std::runtime_error("the proxy ended a session under load"); }
    const auto now = Clock::now();
    for (; answered_ >= message_bytes; answered_ -= message_bytes) {
      if (asked_.empty()) { throw std::runtime_error("more came back than was sent"); }
      latencies_.push_back(now - asked_.front());
      asked_.pop_front();
    }
  }

  [[nodiscard]] const Socket& socket() const { return connection_.socket(); }

 private:
  Connection connection_;
  Framing framing_;
  const std::string& message_;
  Latencies& latencies_;
  ServerFrames frames_;
  std::deque<Clock::time_point> asked_;  // when the messages were due that are on their way
  std::size_t answered_ = 0;             // bytes of payload, of the oldest of them
};

// That below which `part` of them lie.
double quantile(const Latencies& sorted, double part) {
  const auto place = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return sorted.at(std::min(place, sorted.size() - 1)).count();
}

}  // namespace

Steady measure_steady_sessions(const Options& options, const std::function<void()>& begin) {
  Random random(options.seed);
  const std::string message = client_messages(options.framing, 1, message_bytes, random);

  Sessions sessions(options);
  Loop loop;
  Steady steady;
  std::vector<std::unique_ptr<EchoEnd>> services;
  std::vector<std::unique_ptr<SteadyAsker>> clients;
  for (Session& session : sessions.open(options.sessions)) {
    services.push_back(std::make_unique<EchoEnd>(loop));
    services.back()->serve(std::move(session.service));
    clients.push_back(std::make_unique<SteadyAsker>(std::move(session.client), options, message, steady.latencies));
    loop.add(clients.back()->socket(), *clients.back(), EPOLLIN);
  }

  begin();
  std::size_t turn = 0;
  Metronome metronome(loop, options.messages_a_second * clients.size(), [&](Clock::time_point due) {
    clients[turn]->ask(due);
    turn = (turn + 1) % clients.size();
  });
  steady.cost = measure(loop, options, [&] { return steady.latencies.size(); });

  // What came before the window was the warm-up's.
  const auto in_window = static_cast<std::ptrdiff_t>(steady.cost.units);
  steady.latencies.erase(steady.latencies.begin(), steady.latencies.end() - in_window);
  std::sort(steady.latencies.begin(), steady.latencies.end());
  return steady;
}

std::string to_json(const Latencies& sorted) {
  return fmt::format(R"({{"p50": {:.1f}, "p99": {:.1f}, "p999": {:.1f}, "max": {:.1f}}})", quantile(sorted, 0.5),
                     quantile(sorted, 0.99), quantile(sorted, 0.999), sorted.back().count());
}

std::string measure_steady(const Options& options) {
  const Steady steady = measure_steady_sessions(options, [] {});
  std::string text = to_json(steady.cost);
  text.pop_back();
  return fmt::format(R"({}, "latency_us": {}}})", text, to_json(steady.latencies));
}

}  // namespace bascule::bench
