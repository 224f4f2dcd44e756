// Messages to the service and back: so many on their way in each session, and the next ones when all of them are back.
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

class Asker final : public Handler {
 public:
  // `messages` is what `options` asks for, as they are sent.
  Asker(Connection connection, const Options& options, const std::string& messages)
      : connection_(std::move(connection)), options_(options), messages_(messages) {}

  void ask() {
    if (!connection_.say(messages_)) { throw std::runtime_error("small messages did not fit"); }
  }

  void on_ready() override {
    std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const auto take = [this](std::string_view bytes) {
      if (options_.framing == Framing::plain) {
        answered_ += bytes.size();
      } else {
        frames_.take(bytes, [this](std::string_view piece) { answered_ += piece.size(); });
      }
    };
    if (!connection_.receive(buffer, take)) { throw std::runtime_error("the proxy ended a session under load"); }
    const std::size_t asked = options_.at_once * options_.message_bytes;
    if (answered_ < asked) { return; }
    if (answered_ > asked) { throw std::runtime_error("an echo is longer than its message"); }
    answered_ = 0;
    round_trips_ += options_.at_once;
    ask();
  }

  [[nodiscard]] const Socket& socket() const { return connection_.socket(); }
  [[nodiscard]] std::uint64_t round_trips() const { return round_trips_; }

 private:
  Connection connection_;
  const Options& options_;
  const std::string& messages_;
  ServerFrames frames_;
  std::size_t answered_ = 0;
  std::uint64_t round_trips_ = 0;
};

}  // namespace

std::string measure_echo(const Options& options) {
  Random random(options.seed);
  const std::string messages = client_messages(options.framing, options.at_once, options.message_bytes, random);

  Sessions sessions(options);
  const std::vector<Session> resting = sessions.open(options.resting);
  Loop loop;
  std::vector<std::unique_ptr<EchoEnd>> services;
  std::vector<std::unique_ptr<Asker>> clients;
  for (Session& session : sessions.open(options.sessions)) {
    services.push_back(std::make_unique<EchoEnd>(loop));
    services.back()->serve(std::move(session.service));
    clients.push_back(std::make_unique<Asker>(std::move(session.client), options, messages));
    loop.add(clients.back()->socket(), *clients.back(), EPOLLIN);
  }
  for (const auto& client : clients) { client->ask(); }

  const auto round_trips = [&] {
    std::uint64_t count = 0;
    for (const auto& client : clients) { count += client->round_trips(); }
    return count;
  };
  return to_json(measure(loop, options, round_trips));
}

}  // namespace bascule::bench
