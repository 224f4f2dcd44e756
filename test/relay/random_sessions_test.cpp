// Random sessions over scripted streams: random data, random cuts, random stalls on either side. Not one byte may be
// missing, doubled or out of order, at whatever pace. The seed of a failing run is printed with it.
#include <gtest/gtest.h>

#include <random>

#include "test/relay/desk.hpp"

namespace bascule::test {
namespace {

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  std::size_t upto(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }
  std::string bytes(std::size_t count) {
    std::string text(count, '\0');
    for (char& c : text) { c = static_cast<char>(random_()); }
    return text;
  }

 private:
  std::mt19937 random_;
};

policy::Pace random_pace(Dice& dice) {
  const auto rate = [&](std::size_t least, std::size_t most) -> std::optional<policy::Rate> {
    if (dice.upto(2) == 0) { return std::nullopt; }
    return policy::Rate{.count = least + dice.upto(most)};
  };
  return {.frames = rate(1, 50),
          .control_frames = rate(1, 50),
          .to_client_bytes = rate(20000, 500000),
          .from_client_bytes = rate(20000, 500000)};
}

enum class Paced : std::uint8_t { no, yes };

// `piped` counts bytes that went past our memory.
void run_session(std::uint32_t seed, Paced paced, std::size_t& piped) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Dice dice(seed);
  Desk desk;
  if (dice.upto(1) == 0) {
    desk.client.be_plain();
    desk.service.be_plain();
  }
  if (paced == Paced::yes) {
    desk.rule.pace = random_pace(dice);
    desk.rule.timeouts.ping.reset();
    desk.rule.timeouts.half_close.reset();
  }
  // Lets pass what may pass: all of it, however slow the pace.
  const auto settle = [&] { return paced == Paced::yes ? desk.live(24h) : desk.turn(); };
  std::string for_service;
  std::string wire;  // the client's frames, not yet arrived
  bool in_message = false;
  for (std::size_t i = dice.upto(20); i > 0; --i) {
    const std::string payload = dice.bytes(dice.upto(3) == 0 ? dice.upto(70000) : dice.upto(200));
    const bool fin = dice.upto(2) != 0;
    wire += client_frame(in_message ? op_continuation : op_binary, payload, fin,
                         static_cast<std::uint32_t>(dice.upto(~0U)));
    in_message = !fin;
    for_service += payload;
    if (dice.upto(3) == 0) { wire += client_frame(op_ping, dice.bytes(dice.upto(125))); }
  }
  std::string for_client;
  std::size_t at = 0;
  std::size_t service_sends = dice.upto(20);
  while (at < wire.size() || service_sends > 0) {
    if (at < wire.size()) {
      const std::size_t count = std::min(wire.size() - at, 1 + dice.upto(dice.upto(1) == 0 ? 20 : 40000));
      desk.client.arrive(std::string_view(wire).substr(at, count));
      at += count;
    }
    if (service_sends > 0 && dice.upto(1) == 0) {
      const std::string bytes = dice.bytes(1 + dice.upto(dice.upto(3) == 0 ? 300000 : 100));
      desk.service.arrive(bytes);
      for_client += bytes;
      --service_sends;
    }
    desk.client.take(dice.upto(2) == 0 ? dice.upto(50) : dice.upto(200000));
    desk.service.take(dice.upto(2) == 0 ? dice.upto(50) : dice.upto(200000));
    desk.turn_after(paced == Paced::yes ? std::chrono::milliseconds(dice.upto(500)) : 0ms);
  }
  const bool client_ends = dice.upto(1) == 0;
  desk.client.take_all();
  desk.service.take_all();
  if (client_ends) {
    settle();  // what the service sent before the Close is for the client
    desk.client.arrive(client_close(1000));
    desk.service.end();
    desk.client.end();
  } else {
    desk.service.end();
    settle();
    desk.client.arrive(client_close(1000));
    desk.client.end();
  }
  EXPECT_TRUE(settle().done);
  EXPECT_EQ(desk.service.written() == for_service, true);
  EXPECT_EQ(desk.data_to_client() == for_client, true);
  EXPECT_EQ(desk.bench.budget().bytes(), 0U);
  EXPECT_EQ(desk.splice->counters().from_client_bytes, for_service.size());
  EXPECT_EQ(desk.splice->counters().to_client_bytes, for_client.size());
  EXPECT_EQ(desk.bench.pipe().holds(), 0U);
  piped += desk.service.piped();
}

TEST(RandomSessions, LoseNothingDoubleNothingKeepTheOrder) {
  std::size_t piped = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    run_session(seed, Paced::no, piped);
    if (HasFailure()) { return; }
  }
  EXPECT_GT(piped, 0U);
}

TEST(RandomSessions, LoseNothingAtAnyPaceEither) {
  std::size_t piped = 0;
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    run_session(seed, Paced::yes, piped);
    if (HasFailure()) { return; }
  }
  EXPECT_GT(piped, 0U);
}

}  // namespace
}  // namespace bascule::test
