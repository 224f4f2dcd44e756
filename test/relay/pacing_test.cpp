// The pace of a session: who is faster than its route allows is not read from for a while. Nothing is lost, nobody is
// cut off, and no clock takes our own pause for somebody else's silence.
#include <gtest/gtest.h>

#include <cerrno>

#include "proxy/relay/echo.hpp"
#include "test/relay/desk.hpp"

namespace bascule::test {
namespace {

using policy::Pace;
using policy::Rate;
using relay::Cause;

constexpr std::size_t KiB = 1024;
const Pace unlimited{.frames = {}, .control_frames = {}, .to_client_bytes = {}, .from_client_bytes = {}};

std::string letters(std::size_t count) {
  std::string text(count, '\0');
  for (std::size_t i = 0; i < count; ++i) { text[i] = static_cast<char>('a' + i % 26); }
  return text;
}

std::size_t count_of(const Desk& desk, std::uint8_t opcode) {
  std::size_t count = 0;
  for (const ServerFrame& frame : desk.frames()) { count += frame.opcode == opcode ? 1U : 0U; }
  return count;
}

// --- rates -----------------------------------------------------------------------------------------------------------

TEST(Pacing, KeepsTheClientsBytesToTheirRate) {
  Desk desk;
  desk.rule.pace = unlimited;
  desk.rule.pace.from_client_bytes = Rate{.count = 100 * KiB};
  const std::string all = letters(4096 * KiB);
  desk.client.arrive(client_frame(op_binary, all));
  desk.turn();
  for (std::size_t second = 0; second <= 10; ++second) {
    EXPECT_NEAR(static_cast<double>(desk.service.written().size()), static_cast<double>((second + 1) * 100 * KiB),
                17.0 * KiB)
        << second;
    desk.live(1s);
  }
  desk.live(60s);
  EXPECT_TRUE(desk.service.written() == all);
  EXPECT_FALSE(desk.ending().decided());
}

TEST(Pacing, KeepsTheServicesBytesToTheirRate) {
  Desk desk;
  desk.rule.pace = unlimited;
  desk.rule.pace.to_client_bytes = Rate{.count = 200 * KiB};
  desk.rule.timeouts.ping.reset();
  const std::string all = letters(2'400 * KiB);
  for (std::size_t at = 0; at < all.size(); at += 48 * KiB) { desk.service.arrive(all.substr(at, 48 * KiB)); }
  desk.turn();
  for (std::size_t second = 0; second <= 10; ++second) {
    EXPECT_NEAR(static_cast<double>(desk.splice->counters().to_client_bytes),
                static_cast<double>((second + 1) * 200 * KiB), 17.0 * KiB)
        << second;
    desk.live(1s);
  }
  desk.live(60s);
  EXPECT_TRUE(desk.data_to_client() == all);
  for (const ServerFrame& frame : desk.frames()) { EXPECT_GE(frame.payload.size(), 16 * KiB) << "no splinters"; }
}

TEST(Pacing, CountsEveryFrameOfDataAndNoOther) {
  Desk desk;
  desk.rule.pace = unlimited;
  desk.rule.pace.frames = Rate{.count = 50};
  std::string wire;
  for (int i = 0; i < 1000; ++i) {
    wire += client_frame(op_binary, "a", false) + client_frame(op_ping, "") + client_frame(op_continuation, "b");
  }
  desk.client.arrive(wire);
  desk.turn();
  // How large the frames are had to be guessed: the first read brings too many.
  desk.live(5s);
  const std::size_t before = desk.service.written().size();
  EXPECT_LE(before, 50U * 64U / 10U + 5U * 50U);
  desk.live(10s);
  EXPECT_NEAR(static_cast<double>(desk.service.written().size() - before), 500.0, 10.0);
  desk.live(60s);
  EXPECT_EQ(desk.service.written().size(), 2000U);
  EXPECT_EQ(count_of(desk, op_pong), 1000U);
}

TEST(Pacing, IsNotForgottenWhileNothingComes) {
  Desk desk;
  desk.rule.pace = unlimited;
  desk.rule.pace.frames = Rate{.count = 10};
  for (int i = 0; i < 20; ++i) {
    desk.client.arrive(client_frame(op_binary, "x"));
    desk.turn_after(1s);
  }
  for (int i = 0; i < 20; ++i) { desk.turn(); }
  std::string wire;
  for (int i = 0; i < 1000; ++i) { wire += client_frame(op_binary, "x"); }
  desk.client.arrive(wire);
  desk.turn();
  EXPECT_NEAR(static_cast<double>(desk.service.written().size()), 30.0, 2.0);
}

TEST(Pacing, CountsEveryControlFrame) {
  Desk desk;
  desk.rule.pace = unlimited;
  desk.rule.pace.control_frames = Rate{.count = 20};
  std::string wire;
  for (int i = 0; i < 500; ++i) { wire += client_frame(op_ping, "?") + client_frame(op_pong, "!"); }
  desk.client.arrive(wire + client_frame(op_binary, "behind them"));
  desk.turn();
  desk.live(5s);  // for what the first read brought too much
  const std::size_t before = count_of(desk, op_pong);
  desk.live(20s);
  EXPECT_NEAR(static_cast<double>(count_of(desk, op_pong) - before), 200.0, 5.0);
  desk.live(60s);
  EXPECT_EQ(count_of(desk, op_pong), 500U);
  EXPECT_EQ(desk.service.written(), "behind them");
}

TEST(Pacing, IsOfNoConcernWhereThereIsNone) {
  Desk desk;
  desk.rule.pace = unlimited;
  std::string wire;
  for (int i = 0; i < 50'000; ++i) { wire += client_frame(op_binary, "x") + client_frame(op_pong, ""); }
  desk.client.arrive(wire);
  desk.service.arrive(letters(4'000 * KiB));
  desk.turn();
  EXPECT_TRUE(desk.client.all_read());
  EXPECT_TRUE(desk.service.all_read());
  EXPECT_EQ(desk.service.written().size(), 50'000U);
}

TEST(Pacing, OfARouteThatSaysNothingLetsOrdinaryClientsPass) {
  Desk desk;
  for (int i = 0; i < 64; ++i) { desk.client.arrive(client_frame(op_binary, letters(64 * KiB))); }
  desk.turn();
  EXPECT_TRUE(desk.client.all_read());
  EXPECT_EQ(desk.last.wake_at, desk.now + 30s) << "only the next ping is waited for";
}

TEST(Pacing, HoldsEachDirectionByItself) {
  Desk desk;
  desk.rule.pace = unlimited;
  desk.rule.pace.from_client_bytes = Rate{.count = KiB};
  desk.client.arrive(client_frame(op_binary, letters(64 * KiB)));
  desk.service.arrive(letters(900 * KiB));
  desk.turn();
  EXPECT_EQ(desk.splice->counters().to_client_bytes, 900 * KiB);
  EXPECT_LE(desk.service.written().size(), 2 * KiB);

  Desk mirrored;
  mirrored.rule.pace = unlimited;
  mirrored.rule.pace.to_client_bytes = Rate{.count = KiB};
  mirrored.client.arrive(client_frame(op_binary, letters(64 * KiB)));
  mirrored.service.arrive(letters(900 * KiB));
  mirrored.turn();
  EXPECT_EQ(mirrored.service.written().size(), 64 * KiB);
  EXPECT_LE(mirrored.splice->counters().to_client_bytes, 2 * KiB);
}

TEST(Pacing, WakesASlowSessionSeldom) {
  Desk desk;
  desk.rule.pace.from_client_bytes = Rate{.count = KiB};
  desk.rule.pace.to_client_bytes = Rate{.count = KiB};
  desk.client.arrive(client_frame(op_binary, letters(64 * KiB)));
  desk.service.arrive(letters(64 * KiB));
  desk.turn();
  const TimePoint until = desk.now + 10s;
  int wakes = 0;
  for (; desk.last.wake_at < until; ++wakes) { desk.turn_after(desk.last.wake_at - desk.now); }
  EXPECT_LE(wakes, 24);
  EXPECT_GE(wakes, 10);
}

// --- clocks ----------------------------------------------------------------------------------------------------------

TEST(Pacing, NoClockRunsAgainstAClientThatWeDoNotRead) {
  Desk desk;
  desk.rule.pace.frames = Rate{.count = 1, .per = 60s};
  desk.rule.timeouts.idle = 45s;
  desk.turn();
  for (int i = 0; i < 10; ++i) { desk.client.arrive(client_frame(op_binary, "")); }
  desk.client.arrive(client_frame(op_binary, "and on"));
  desk.live(590s);
  EXPECT_FALSE(desk.ending().decided()) << desk.ending().detail;
  EXPECT_EQ(count_of(desk, op_ping), 0U);
  desk.live(20s);
  EXPECT_EQ(desk.service.written(), "and on");
  desk.live(100s);
  EXPECT_EQ(desk.ending().cause, Cause::idle) << "the clocks run again when it is over";
}

// Abuse 68.
TEST(Pacing, AFloodOfPingsIsNoSignOfData) {
  Desk desk;
  desk.rule.pace.control_frames = Rate{.count = 10};
  desk.rule.timeouts.idle = 20s;
  for (int i = 0; i < 1000; ++i) { desk.client.arrive(client_frame(op_ping, "")); }
  desk.live(30s);
  EXPECT_EQ(desk.ending().cause, Cause::idle);
}

TEST(Pacing, AServiceThatWeDoNotReadIsNoIdleSession) {
  Desk desk;
  desk.rule.pace.to_client_bytes = Rate{.count = KiB, .per = 60s};
  desk.rule.timeouts.ping.reset();
  desk.rule.timeouts.idle = 20s;
  desk.service.arrive(letters(5 * KiB));
  desk.live(239s);
  EXPECT_FALSE(desk.ending().decided()) << desk.ending().detail;
  desk.live(90s);
  EXPECT_EQ(desk.data_to_client(), letters(5 * KiB));
  EXPECT_EQ(desk.ending().cause, Cause::idle);
}

TEST(Pacing, ASideThatTakesNothingIsStillFoundOut) {
  Desk desk;
  desk.rule.pace.from_client_bytes = Rate{.count = KiB};
  desk.service.take(100);
  desk.client.arrive(client_frame(op_binary, letters(64 * KiB)));
  desk.live(62s);
  EXPECT_EQ(desk.ending().cause, Cause::service_stalled);
}

// --- ends ------------------------------------------------------------------------------------------------------------

// A desk whose client has sent 64 KiB, and then its Close; most of it waits for its pace.
struct PausedDesk : Desk {
  PausedDesk() {
    rule.pace.from_client_bytes = Rate{.count = KiB};
    client.arrive(client_frame(op_binary, letters(64 * KiB)) + client_close(1000));
    client.end();
    turn();
  }
};

TEST(PacedEnding, ACloseBehindFramesComesWhenTheirPaceAllowsIt) {
  PausedDesk desk;
  desk.live(60s);
  EXPECT_FALSE(desk.ending().decided());
  desk.service.end();
  desk.live(10s);
  EXPECT_TRUE(desk.last.done);
  EXPECT_EQ(desk.service.written(), letters(64 * KiB));
  EXPECT_TRUE(desk.service.shut());
}

// After bulk a read is large, and then it may bring more frames than could be paid for in minutes.
TEST(PacedEnding, IsSeenSoonAfterAFlood) {
  for (const std::uint8_t opcode : {op_ping, op_pong, op_binary}) {
    Desk desk;
    desk.rule.pace.frames = Rate{.count = 100};
    std::string flood;
    for (int i = 0; i < 20'000; ++i) { flood += client_frame(opcode, ""); }
    for (int i = 0; i < 64; ++i) { desk.client.arrive(client_frame(op_binary, letters(64 * KiB))); }
    desk.turn();
    desk.client.arrive(flood);
    desk.client.end();
    desk.turn();
    EXPECT_FALSE(desk.ending().decided()) << "it does wait";
    desk.live(3s);
    EXPECT_EQ(desk.ending().cause, Cause::client_vanished) << int{opcode};
    EXPECT_EQ(desk.splice->counters().from_client_messages, opcode == op_binary ? 20'064U : 64U) << "nothing is lost";
  }
}

// Megabytes of pongs at the pace of a hundred a second would keep the seat of one who is gone for hours.
TEST(PacedEnding, WhoIsKnownToHaveGoneIsReadToHisEndAtOnce) {
  for (const std::uint8_t opcode : {op_ping, op_pong, op_binary}) {
    Desk desk;
    desk.rule.pace.frames = Rate{.count = 100};
    std::string flood;
    for (int i = 0; i < 1000; ++i) { flood += client_frame(opcode, "payload"); }
    desk.turn();
    for (int i = 0; i < 100; ++i) { desk.client.arrive(flood); }
    desk.client.end();
    desk.live(1s);
    EXPECT_FALSE(desk.ending().decided()) << "it does wait";
    desk.client.announce_end();
    while (desk.turn().again) {}
    EXPECT_EQ(desk.ending().cause, Cause::client_vanished) << int{opcode};
    EXPECT_EQ(desk.splice->counters().from_client_messages, opcode == op_binary ? 100'000U : 0U) << "nothing is lost";
  }
}

TEST(PacedEnding, ACloseBehindAFloodIsAnsweredSoon) {
  Desk desk;
  std::string flood;
  for (int i = 0; i < 20'000; ++i) { flood += client_frame(op_pong, ""); }
  desk.client.arrive(client_frame(op_binary, letters(4096 * KiB)));
  desk.turn();
  desk.client.arrive(flood);
  desk.client.arrive(client_close(1000));
  desk.turn();
  desk.live(3s);
  EXPECT_EQ(desk.ending().cause, Cause::client_closed);
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
}

TEST(PacedEnding, DrainAndStopEndAtOnce) {
  for (const Cause why :
       {Cause::draining, Cause::stopped, Cause::revoked, Cause::moved, Cause::credential_expired, Cause::withdrawn}) {
    PausedDesk desk;
    desk.service.end();
    desk.splice->end(why, desk.now);
    EXPECT_TRUE(desk.turn().done) << relay::word_of(why);
    EXPECT_EQ(desk.ending().cause, why);
    EXPECT_EQ(desk.close_frame().close_code(), relay::own_close_code(why));
  }
}

TEST(PacedEnding, AClientThatIsGoneIsReadToItsEndAtOnce) {
  PausedDesk desk;
  desk.client.set_broken(ECONNRESET);
  desk.turn();
  EXPECT_EQ(desk.service.written(), letters(64 * KiB));
  desk.service.end();
  EXPECT_TRUE(desk.turn().done);
}

TEST(PacedEnding, AServicesEndComesBehindAllItsBytes) {
  Desk desk;
  desk.rule.pace.to_client_bytes = Rate{.count = KiB};
  desk.service.arrive(letters(20 * KiB));
  desk.service.end();
  desk.live(17s);
  EXPECT_FALSE(desk.ending().decided());
  desk.live(4s);
  EXPECT_EQ(desk.data_to_client(), letters(20 * KiB));
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
}

// --- echo ------------------------------------------------------------------------------------------------------------

struct PacedEcho {
  policy::SessionRule rule{};
  relay::Workbench bench{1};
  ScriptedStream client;
  TimePoint now{1000h};
  relay::Echo echo{client, rule, bench, now};
  relay::Turn last;

  void live(Duration span) {
    const TimePoint until = now + span;
    for (;;) {
      do { last = echo.turn(now); } while (last.again && !last.done);
      if (last.done || last.wake_at > until) { break; }
      now = std::max(now, last.wake_at);
    }
    now = until;
  }
};

TEST(PacedEcho, KeepsToThePaceOfBothDirections) {
  for (const bool to_client : {true, false}) {
    PacedEcho desk;
    (to_client ? desk.rule.pace.to_client_bytes : desk.rule.pace.from_client_bytes) = Rate{.count = 100 * KiB};
    desk.client.arrive(client_frame(op_binary, letters(1100 * KiB)));
    for (std::size_t second = 0; second < 10; ++second) {
      desk.live(0s);
      EXPECT_NEAR(static_cast<double>(desk.echo.counters().to_client_bytes),
                  static_cast<double>((second + 1) * 100 * KiB), 17.0 * KiB)
          << second;
      desk.live(1s);
    }
    desk.live(10s);
    EXPECT_EQ(desk.echo.counters().to_client_bytes, 1100 * KiB);
    EXPECT_FALSE(desk.echo.ending().decided());
  }
}

TEST(PacedEcho, AFloodOfPingsIsNoSignOfData) {
  PacedEcho desk;
  desk.rule.pace.control_frames = Rate{.count = 10};
  desk.rule.timeouts.idle = 20s;
  for (int i = 0; i < 1000; ++i) { desk.client.arrive(client_frame(op_ping, "")); }
  desk.live(30s);
  EXPECT_EQ(desk.echo.ending().cause, Cause::idle);
}

TEST(PacedEcho, KeepsToThePaceOfFramesAndEndsAtOnceWhenTold) {
  PacedEcho desk;
  desk.rule.pace.frames = Rate{.count = 10};
  std::string wire;
  for (int i = 0; i < 1000; ++i) { wire += client_frame(op_binary, letters(58)); }
  desk.client.arrive(wire);
  desk.live(10s);
  EXPECT_NEAR(static_cast<double>(desk.echo.counters().to_client_messages), 110.0, 3.0);
  EXPECT_FALSE(desk.echo.ending().decided());
  desk.client.arrive(client_close(1001));
  desk.client.end();
  desk.echo.end(Cause::moved, desk.now);
  desk.live(0s);
  EXPECT_TRUE(desk.last.done);
  EXPECT_EQ(server_frames(desk.client.written()).back().close_code(), 1012);
}

}  // namespace
}  // namespace bascule::test
