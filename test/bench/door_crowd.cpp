#include "test/bench/door_crowd.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "test/bench/loop.hpp"
#include "test/bench/metronome.hpp"
#include "test/bench/socket.hpp"

namespace bascule::bench {
namespace {

constexpr std::uint32_t crowd_address = 0x7f'00'00'02;  // 127.0.0.2

// Whoever is sent away sooner was not let wait; whoever is sent away later was, and has waited too long.
constexpr std::chrono::seconds soon{1};

// Bytes that are due for longer than this are left out: there is no time for them, and none for connections meanwhile.
constexpr std::chrono::milliseconds late{100};

// How a connection of the crowd begins, and what it says from then on, over and over.
struct Script {
  std::string_view at_once;
  std::string_view over_and_over;
};

Script script_of(const Options& options) {
  switch (options.flood_crowd) {
    case CrowdKind::heads: return {.at_once = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", .over_and_over = "a"};
    // A form with user and password, as large as it may be, for the page of crowds.py that asks for one.
    case CrowdKind::bodies:
      return {.at_once =
                  "POST /pages/ HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
                  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4096\r\n\r\nuser=",
              .over_and_over = "a"};
    case CrowdKind::none:
    case CrowdKind::silent: break;
  }
  return {};
}

// One connection after the other.
class Loiterer final : public Handler {
 public:
  Loiterer(Loop& loop, std::uint16_t port, Script script, Crowding& crowding)
      : loop_(loop), port_(port), script_(script), crowding_(crowding) {}

  void start() {
    stands_since_.reset();
    socket_ = start_connecting_to(port_, crowd_address);
    loop_.add(socket_, *this, EPOLLOUT);
  }

  void on_ready() override {
    try {
      if (!stands_since_) {
        begin();
      } else if (!discard_some(socket_)) {
        come_again();
      }
    } catch (const std::system_error&) {
      come_again();  // a reset
    }
  }

  // The next byte, if the connection stands.
  void speak() {
    if (!stands_since_) { return; }
    try {
      crowding_.bytes += send_some(socket_, script_.over_and_over);
    } catch (const std::system_error&) { come_again(); }
  }

  // To be called when the crowd is over, too.
  void count_time() {
    if (stands_since_) { crowding_.held += Clock::now() - *stands_since_; }
  }

 private:
  void begin() {
    if (!script_.at_once.empty()) { send_some(socket_, script_.at_once); }  // an empty socket takes it whole
    stands_since_ = Clock::now();
    loop_.change(socket_, *this, EPOLLIN);
  }

  void come_again() {
    const bool refused = !stands_since_ || Clock::now() - *stands_since_ < soon;
    ++(refused ? crowding_.refused : crowding_.ended);
    count_time();
    start();
  }

  Loop& loop_;
  const std::uint16_t port_;
  const Script script_;
  Crowding& crowding_;
  Socket socket_;
  std::optional<Clock::time_point> stands_since_;
};

}  // namespace

Crowding crowd_the_door(const Options& options, const std::atomic<bool>& over) {
  Crowding crowding;
  const Script script = script_of(options);
  Loop loop;
  std::vector<std::unique_ptr<Loiterer>> crowd;
  const auto begin = Clock::now();
  while (crowd.size() < options.flood_under_way) {
    crowd.push_back(std::make_unique<Loiterer>(loop, options.proxy_port, script, crowding));
    crowd.back()->start();
  }
  std::optional<Metronome> metronome;
  std::size_t turn = 0;
  if (!script.over_and_over.empty() && options.flood_a_second > 0) {
    metronome.emplace(loop, options.flood_a_second, [&](Clock::time_point due) {
      if (Clock::now() - due > late) { return; }
      crowd[turn]->speak();
      turn = (turn + 1) % crowd.size();
    });
  }
  while (!over) { loop.run_for(std::chrono::milliseconds(10)); }
  for (const auto& loiterer : crowd) { loiterer->count_time(); }
  crowding.elapsed = Clock::now() - begin;
  crowding.under_way = crowd.size();
  return crowding;
}

}  // namespace bascule::bench
