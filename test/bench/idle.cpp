// Memory of sessions that rest. Each has moved 1 MiB to the service and back first, for a proxy may well be small until
// the first byte comes, and large ever after.
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

#include "test/bench/echo_end.hpp"
#include "test/bench/framing.hpp"
#include "test/bench/loop.hpp"
#include "test/bench/payload.hpp"
#include "test/bench/process_tree.hpp"
#include "test/bench/sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {
namespace {

constexpr std::size_t message_bytes = std::size_t{64} * 1024;
constexpr std::size_t messages = 16;
constexpr std::size_t messages_of_many = 1;
constexpr std::size_t greeting_bytes = 64;
constexpr std::size_t working_at_once = 64;

// Sends a file once and waits until as many bytes of payload have come back.
class Mover final : public Handler {
 public:
  Mover(Loop& loop, Connection connection, Framing framing)
      : loop_(loop), connection_(std::move(connection)), framing_(framing) {
    loop_.add(connection_.socket(), *this, EPOLLIN);
  }

  void move(const MemoryFile& content, std::size_t payload_bytes) {
    content_ = &content;
    offset_ = 0;
    all_sent_ = false;
    missing_ = payload_bytes;
    loop_.change(connection_.socket(), *this, EPOLLIN | EPOLLOUT);
  }

  void on_ready() override {
    if (content_ == nullptr) { return; }
    if (!all_sent_) { send_more(); }
    static std::array<char, message_bytes> buffer;
    const auto take = [this](std::string_view bytes) {
      if (framing_ == Framing::plain) {
        came_back(bytes.size());
      } else {
        frames_.take(bytes, [this](std::string_view piece) { came_back(piece.size()); });
      }
    };
    if (!connection_.receive(buffer, take)) { throw std::runtime_error("the proxy ended a session that should stay"); }
    answer_ping();
  }

  [[nodiscard]] bool done() const { return missing_ == 0; }

 private:
  void send_more() {
    if (offset_ < content_->size()) { offset_ += connection_.send_file_some(*content_, offset_); }
    all_sent_ = offset_ == content_->size() && connection_.flush();
    if (all_sent_) { loop_.change(connection_.socket(), *this, EPOLLIN); }
  }

  void came_back(std::size_t bytes) {
    if (bytes > missing_) { throw std::runtime_error("more came back than was sent"); }
    missing_ -= bytes;
  }

  // A silent client is asked whether it lives. While a message is half sent it is not silent, and no pong may cut in.
  void answer_ping() {
    const auto ping = frames_.take_ping();
    if (ping && all_sent_) { connection_.say(client_pong_frame(*ping, {'p', 'o', 'n', 'g'})); }
  }

  Loop& loop_;
  Connection connection_;
  Framing framing_;
  ServerFrames frames_;
  const MemoryFile* content_ = nullptr;
  std::size_t offset_ = 0;
  bool all_sent_ = true;
  std::size_t missing_ = 0;
};

// All sessions that were opened so far; they stay open.
class Crowd {
 public:
  explicit Crowd(const Options& options) : options_(options), sessions_(options) {}

  [[nodiscard]] std::size_t size() const { return clients_.size(); }

  // Opens more, and lets them work together. `payload_bytes`: in `content`.
  void add(std::size_t count, const MemoryFile& content, std::size_t payload_bytes) {
    const std::size_t first = size();
    for (Session& session : sessions_.open(count)) {
      services_.push_back(std::make_unique<EchoEnd>(loop_));
      services_.back()->serve(std::move(session.service));
      clients_.push_back(std::make_unique<Mover>(loop_, std::move(session.client), options_.framing));
    }
    move(first, content, payload_bytes, "moving what each session moves first");
  }

  void greet_all(const MemoryFile& greeting) { move(0, greeting, greeting_bytes, "the greeting of all idle sessions"); }

  void rest() { loop_.run_for(options_.warm_up); }

  // Until a line comes on stdin.
  void rest_until_told() {
    Told told;
    loop_.add(told.input, told, EPOLLIN);
    loop_.run_until([&told] { return told.over; }, std::chrono::minutes(5), "the word to go on");
  }

 private:
  struct Told final : Handler {
    void on_ready() override { over = true; }
    Socket input{STDIN_FILENO};
    bool over = false;
  };

  void move(std::size_t first, const MemoryFile& content, std::size_t payload_bytes, const char* what) {
    for (std::size_t i = first; i < size(); ++i) { clients_[i]->move(content, payload_bytes); }
    std::size_t next = first;
    const auto done = [&] {
      while (next < size() && clients_[next]->done()) { ++next; }
      return next == size();
    };
    loop_.run_until(done, std::chrono::seconds(30), what);
  }

  const Options& options_;
  Sessions sessions_;
  Loop loop_;
  std::vector<std::unique_ptr<EchoEnd>> services_;
  std::vector<std::unique_ptr<Mover>> clients_;
};

}  // namespace

// Sessions that are there, for whoever measures meanwhile: says so, and waits for a line on stdin.
std::string hold(const Options& options) {
  Random random(options.seed);
  const MemoryFile content(client_messages(options.framing, messages_of_many, message_bytes, random));
  const MemoryFile greeting(client_messages(options.framing, 1, greeting_bytes, random));
  Crowd crowd(options);
  while (crowd.size() < options.sessions) {
    crowd.add(std::min(working_at_once, options.sessions - crowd.size()), content, messages_of_many * message_bytes);
  }
  fmt::print("open\n");
  std::fflush(stdout);
  crowd.rest_until_told();
  crowd.greet_all(greeting);
  return fmt::format(R"({{"sessions": {}}})", crowd.size());
}

std::string measure_idle(const Options& options) {
  if (options.sessions < 2) { throw std::runtime_error("idle needs at least 2 sessions"); }
  Random random(options.seed);
  const MemoryFile content(client_messages(options.framing, messages, message_bytes, random));
  const MemoryFile greeting(client_messages(options.framing, 1, greeting_bytes, random));
  const ProcessTree proxy(options.proxy);

  // What the first session costs is the process's; what each further one adds is the session's.
  Crowd crowd(options);
  crowd.add(1, content, messages * message_bytes);
  crowd.rest();
  const std::uint64_t with_one = proxy.memory();
  while (crowd.size() < options.sessions) {
    crowd.add(std::min(working_at_once, options.sessions - crowd.size()), content, messages * message_bytes);
  }
  crowd.rest();
  const std::uint64_t with_all = proxy.memory();
  crowd.greet_all(greeting);  // an idle session that has died is cheap, but it is no session

  const double growth = static_cast<double>(with_all) - static_cast<double>(with_one);
  return fmt::format(R"({{"sessions": {}, "bytes_with_one": {}, "bytes_with_all": {}, "bytes_a_session": {:.1f}}})",
                     options.sessions, with_one, with_all, growth / static_cast<double>(options.sessions - 1));
}

}  // namespace bascule::bench
