// What a session takes of our own memory, with as many as one process never holds by sockets, whose
// descriptors would run out.
//
//     resting SESSIONS [BYTES]      BYTES: more for each of them is a failure
//
// The sessions are the real ones, on one floor, with their records, seats and timers; only the streams are memory, each
// as large as the one of a socket. Every session moves a message of 64 KiB each way, with a stall in either direction,
// and rests; afterwards each must answer once more.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/config/read_rules.hpp"
#include "proxy/net/socket_stream.hpp"
#include "proxy/session/live_session.hpp"
#include "test/support/bare_floor.hpp"
#include "test/support/frames.hpp"

namespace {

using namespace bascule;

constexpr std::size_t message_bytes = std::size_t{64} * 1024;
constexpr std::size_t greeting_bytes = 64;

void check(bool holds, const char* what) {
  if (!holds) { throw std::runtime_error(what); }
}

// What has come for a session lies in one place for all of them: it is gone once it is read.
class MemoryStream final : public net::PolledStream {
 public:
  void watched_by(net::Watcher* watcher) override { watcher_ = watcher; }
  int descriptor() const override { return -1; }

  void give(std::string_view bytes) {
    coming_ = bytes;
    pass_on();
  }
  // As far as the other side takes it.
  void pass_on() {
    for (std::size_t before = 0; before != coming_.size();) {
      before = coming_.size();
      watcher_->on_ready();
    }
  }
  void block() { open_ = false; }
  void unblock() {
    open_ = true;
    watcher_->on_ready();
  }
  std::size_t taken() const { return taken_; }

  IoResult read(MutableBytes into) override {
    if (coming_.empty()) { return IoResult::wait_readable(); }
    const std::size_t count = std::min(into.size(), coming_.size());
    std::memcpy(into.data(), coming_.data(), count);
    coming_.remove_prefix(count);
    return IoResult::moved(count);
  }
  bool may_give() const override { return !coming_.empty(); }
  IoResult write(Bytes from) override {
    if (!open_) { return IoResult::wait_writable(); }
    taken_ += from.size();
    return IoResult::moved(from.size());
  }
  void shutdown_write() override {}
  void abort() override {}
  std::size_t unsent() const override { return 0; }
  int broken() const override { return 0; }

 private:
  net::Watcher* watcher_ = nullptr;
  std::string_view coming_;
  std::size_t taken_ = 0;
  bool open_ = true;
  char room_[32] = {};  // what a socket's stream has besides
};
static_assert(sizeof(MemoryStream) >= sizeof(net::SocketStream), "or the figure would flatter");

std::size_t memory_bytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string word; file >> word;) {
    std::size_t kib = 0;
    if (word == "Pss:" && file >> kib) { return kib * 1024; }
  }
  throw std::runtime_error("/proc/self/smaps_rollup says nothing");
}

class House {
 public:
  House() : reading_(config::read_rules(rules_text, "rules.yaml")) {
    if (!reading_) { throw std::runtime_error(reading_.error().front().text); }
    rules_ = std::make_shared<const policy::Rules>(std::move(reading_->rules));
    bare_.floor.rule_by(rules_);
  }

  struct Ends {
    MemoryStream* client;
    MemoryStream* service;
  };

  Ends open() {
    auto client = std::make_unique<MemoryStream>();
    auto service = std::make_unique<MemoryStream>();
    const Ends ends{.client = client.get(), .service = service.get()};
    const auto& route = rules_->routes.front();
    observe::SessionRecord record;
    record.id = bare_.ledger.next_id();
    record.listener = "127.0.0.1:6080";
    record.route = route->name;
    record.client = *Address::parse_ip("192.0.2.1", 40000);
    record.service = "127.0.0.1:5900";
    record.host = "desk.example.org";
    record.path = "/websockify";
    record.origin = "https://desk.example.org";
    record.began = std::chrono::system_clock::now();
    record.began_at = bare_.floor.loop.now();
    auto seat = bare_.ledger.take(route->name, route->limits, record.client, "", bare_.floor.loop.now()).seat;
    check(seat.has_value(), "no seat");
    session::Floor::Sessions session;
    session.emplace_back(bare_.floor, route, std::move(client),
                         session::Reached{.stream = std::move(service), .address = {}, .use = {}}, std::move(*seat),
                         session::KeptRecord(record), nullptr, never);
    bare_.floor.begin(std::move(session), rules_);
    return ends;
  }

  std::size_t sessions() const { return bare_.floor.load(); }

 private:
  static constexpr std::string_view rules_text =
      "listen: 127.0.0.1:0\n"
      "routes: {name: desk, path: /, auth: none, to: \"127.0.0.1:5900\", limits: {sessions: none, new_sessions: "
      "none}}\n";

  Result<config::Reading, config::Mistakes> reading_;
  std::shared_ptr<const policy::Rules> rules_;
  test::BareFloor bare_{std::numeric_limits<std::size_t>::max()};
};

// A message each way; the other side takes nothing at first.
void work(const House::Ends& ends, std::string_view from_client, std::string_view from_service) {
  ends.service->block();
  ends.client->give(from_client);
  ends.service->unblock();
  ends.client->pass_on();
  ends.client->block();
  ends.service->give(from_service);
  ends.client->unblock();
  ends.service->pass_on();
  check(ends.service->taken() == message_bytes && ends.client->taken() > message_bytes, "bytes are missing");
}

void greet(const House::Ends& ends, std::string_view from_client, std::string_view from_service) {
  const std::size_t before = ends.client->taken();
  ends.client->give(from_client);
  ends.service->give(from_service);
  check(ends.service->taken() == message_bytes + greeting_bytes, "a session that rested did not pass a message on");
  check(ends.client->taken() > before + greeting_bytes, "a session that rested did not answer");
}

int run(std::size_t wanted, std::size_t bytes_max) {
  const std::string message = test::client_frame(test::op_binary, std::string(message_bytes, 'x'));
  const std::string greeting = test::client_frame(test::op_binary, std::string(greeting_bytes, 'x'));
  const std::string answer(message_bytes, 'y');
  constexpr std::size_t few = 100;

  House house;
  std::vector<House::Ends> sessions(wanted);  // all of it is there before anything is measured
  std::size_t opened = 0;
  const auto grow_to = [&](std::size_t count) {
    for (; opened < count; ++opened) {
      sessions[opened] = house.open();
      work(sessions[opened], message, answer);
    }
    return memory_bytes();
  };
  const std::size_t with_few = grow_to(few);
  const std::size_t with_all = grow_to(wanted);
  for (const House::Ends& ends : sessions) {
    greet(ends, greeting, std::string_view(answer).substr(0, greeting_bytes));
  }
  check(house.sessions() == wanted, "sessions have ended");

  const double each = static_cast<double>(with_all - with_few) / static_cast<double>(wanted - few);
  fmt::print(R"({{"sessions": {}, "bytes_a_session": {:.1f}, "bytes_in_all": {}}})"
             "\n",
             wanted, each, with_all);
  check(each <= static_cast<double>(bytes_max), "a session takes more than it may");
  return 0;
}

// 0: it is no number.
std::size_t number(std::string_view word) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc{} && end == word.data() + word.size() ? value : 0;
}

}  // namespace

int main(int count, char** words) {
  const std::size_t sessions = count > 1 ? number(words[1]) : 0;
  const std::size_t bytes_max = count > 2 ? number(words[2]) : std::numeric_limits<std::size_t>::max();
  if (count > 3 || sessions < 1000 || bytes_max == 0) {
    std::fputs("usage: resting SESSIONS [BYTES]; of sessions 1000 or more\n", stderr);
    return 2;
  }
  try {
    return run(sessions, bytes_max);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "resting: %s\n", error.what());
    return 1;
  }
}
