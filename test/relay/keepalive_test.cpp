// Signs of life: whom we ping, when, and what a missing answer means.
#include <gtest/gtest.h>

#include "test/relay/desk.hpp"

namespace bascule::test {
namespace {

using relay::Cause;

std::size_t pings(const Desk& desk) {
  std::size_t count = 0;
  for (const ServerFrame& frame : desk.frames()) { count += frame.opcode == op_ping ? 1U : 0U; }
  return count;
}

TEST(Keepalive, PingsOnlyAClientThatIsSilent) {
  Desk desk;
  desk.turn();
  for (int i = 0; i < 10; ++i) {
    desk.live(29s);
    desk.client.arrive(client_frame(op_binary, "alive"));
    desk.turn();
  }
  EXPECT_EQ(pings(desk), 0U);
  desk.live(31s);
  EXPECT_EQ(pings(desk), 1U);
}

TEST(Keepalive, AnyByteIsASignOfLife) {
  Desk desk;
  desk.turn();
  desk.live(31s);
  ASSERT_EQ(pings(desk), 1U);
  desk.client.arrive("\x82");  // the first byte of a frame, no pong
  desk.turn();
  desk.live(29s);
  EXPECT_FALSE(desk.ending().decided());
}

TEST(Keepalive, EndsASessionWithoutAnySignOfLife) {
  Desk desk;
  desk.turn();
  desk.live(59s);
  EXPECT_FALSE(desk.ending().decided());
  desk.live(2s);
  EXPECT_EQ(desk.ending().cause, Cause::client_silent);
  EXPECT_EQ(desk.close_frame().close_code(), 1001);
  EXPECT_TRUE(desk.service.shut());
  desk.service.end();
  EXPECT_TRUE(desk.live(11s).done);
}

TEST(Keepalive, ASendQueueThatMovesIsASignOfLifeToo) {
  Desk desk;
  desk.client.set_unsent(1000);
  desk.turn();
  desk.live(31s);
  for (std::size_t unsent = 900; unsent > 0; unsent -= 100) {
    desk.client.set_unsent(unsent);
    desk.live(29s);
    ASSERT_FALSE(desk.ending().decided()) << unsent;
  }
}

TEST(Keepalive, SaysNothingAboutAClientThatWeDoNotReadFrom) {
  Desk desk;
  desk.rule.timeouts.stall.reset();
  desk.service.take_nothing();
  desk.client.arrive(client_frame(op_binary, "held up"));
  desk.turn();
  desk.live(600s);
  EXPECT_FALSE(desk.ending().decided());
  EXPECT_EQ(pings(desk), 0U);
}

TEST(Keepalive, IsSilentWhereItIsSwitchedOff) {
  Desk desk;
  desk.rule.timeouts.ping.reset();
  desk.turn();
  EXPECT_EQ(desk.last.wake_at, never) << "an idle session without deadlines wakes nobody";
}

TEST(Pongs, AnswerEveryPingWhileTheClientReads) {
  Desk desk;
  std::string many;
  for (int i = 0; i < 10; ++i) { many += client_frame(op_ping, std::to_string(i)); }
  desk.client.arrive(many);
  desk.turn();
  const auto frames = desk.frames();
  ASSERT_EQ(frames.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) { EXPECT_EQ(frames[i].payload, std::to_string(i)); }
}

TEST(Pongs, CoalesceToTheNewestForAClientThatDoesNotRead) {
  Desk desk;
  desk.rule.pace.control_frames.reset();
  desk.client.take_nothing();
  for (int i = 0; i < 2000; ++i) {
    desk.client.arrive(client_frame(op_ping, std::string(100, 'p') + std::to_string(i)));
  }
  desk.turn();
  EXPECT_LE(desk.bench.budget().bytes(), 17U * 1024);
  desk.client.take_all();
  desk.turn();
  EXPECT_EQ(desk.frames().back().payload, std::string(100, 'p') + "1999");
}

TEST(Pongs, OfAnOlderPingDoNotComeBehindThatOfANewerOne) {
  Desk desk;
  desk.client.take_nothing();
  desk.service.arrive(std::string(20'000, 'x'));
  desk.turn();
  desk.client.arrive(client_frame(op_ping, "older"));
  desk.turn();
  desk.client.take(10'000);  // what waits is short again, and not gone
  desk.turn();
  desk.client.arrive(client_frame(op_ping, "newer"));
  desk.turn();
  desk.client.take_all();
  desk.turn();
  std::vector<std::string> pongs;
  for (const ServerFrame& frame : desk.frames()) {
    if (frame.opcode == op_pong) { pongs.push_back(frame.payload); }
  }
  EXPECT_EQ(pongs, std::vector<std::string>{"newer"});
}

TEST(Pongs, EnterOnlyAtFrameBorders) {
  Desk desk;
  desk.client.take(5);
  desk.service.arrive("a frame that is sent in two parts");
  desk.turn();
  desk.client.arrive(client_frame(op_ping, "?"));
  desk.turn();
  desk.client.take_all();
  desk.turn();
  const auto frames = desk.frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].payload, "a frame that is sent in two parts");
  EXPECT_EQ(frames[1].opcode, op_pong);
}

// Faults 41 and 46: SIGSTOP, a machine that was suspended.
TEST(Keepalive, AStandstillOfOursIsNobodysSilence) {
  Desk desk;
  desk.turn();
  desk.live(*desk.rule.timeouts.ping + 1s);
  ASSERT_EQ(pings(desk), 1U);
  desk.now += 24h;
  desk.splice->excuse(desk.now);
  desk.turn();
  EXPECT_FALSE(desk.ending().decided()) << desk.ending().detail;
  desk.live(*desk.rule.timeouts.ping + 1s);
  EXPECT_EQ(pings(desk), 2U) << "asked once more";
  desk.live(*desk.rule.timeouts.pong + 1s);
  EXPECT_EQ(desk.ending().cause, Cause::client_silent) << "and held to it";
}

TEST(Keepalive, AStandstillProlongsNoLifetime) {
  Desk desk;
  desk.rule.timeouts.lifetime = 1h;
  desk.turn();
  desk.now += 2h;
  desk.splice->excuse(desk.now);
  desk.turn();
  EXPECT_EQ(desk.ending().cause, Cause::expired);
}

}  // namespace
}  // namespace bascule::test
