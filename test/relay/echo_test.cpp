#include "proxy/relay/echo.hpp"

#include <gtest/gtest.h>

#include "test/support/frames.hpp"
#include "test/support/scripted_stream.hpp"

namespace bascule::test {
namespace {

using namespace std::chrono_literals;
using relay::Cause;

struct EchoDesk {
  policy::SessionRule rule{.frames = {.binary_from_client = true, .text_from_client = true}, .timeouts = {}};
  relay::Workbench bench{1};
  ScriptedStream client;
  TimePoint now{1000h};
  relay::Echo echo{client, rule, bench, now};
  relay::Turn last;

  std::vector<ServerFrame> turn() {
    do { last = echo.turn(now); } while (last.again && !last.done);
    return server_frames(client.written());
  }
};

// Puts fragments together; `text:` or `binary:` before each message.
std::vector<std::string> messages(const std::vector<ServerFrame>& frames) {
  std::vector<std::string> result;
  std::string open;
  for (const ServerFrame& frame : frames) {
    if (frame.opcode >= 8) { continue; }
    if (frame.opcode != op_continuation) { open = frame.opcode == op_text ? "text:" : "binary:"; }
    open += frame.payload;
    if (frame.fin) { result.push_back(open); }
  }
  return result;
}

TEST(Echo, ReturnsEveryMessageWithItsKindAndItsBorders) {
  EchoDesk desk;
  desk.client.arrive(client_frame(op_text, "h\xc3\xa9llo") + client_frame(op_binary, "") +
                     client_frame(op_binary, "a", false) + client_frame(op_ping, "p") +
                     client_frame(op_continuation, "", false) + client_frame(op_continuation, "b"));
  EXPECT_EQ(messages(desk.turn()), (std::vector<std::string>{"text:h\xc3\xa9llo", "binary:", "binary:ab"}));
}

TEST(Echo, ReturnsTheSameMessagesHoweverTheInputIsCut) {
  const std::string input = client_frame(op_text, "one") + client_frame(op_binary, "tw", false) +
                            client_frame(op_continuation, "o") + client_frame(op_text, "");
  for (std::size_t cut = 1; cut < input.size(); ++cut) {
    EchoDesk desk;
    desk.client.arrive(input.substr(0, cut));
    desk.client.arrive(input.substr(cut));
    ASSERT_EQ(messages(desk.turn()), (std::vector<std::string>{"text:one", "binary:two", "text:"})) << cut;
  }
}

TEST(Echo, FailsTextAtTheFirstByteThatIsNotUtf8) {
  EchoDesk desk;
  desk.client.arrive(client_frame(op_text, "ok", false) + client_frame(op_continuation, "\xc0", false));
  const auto frames = desk.turn();
  EXPECT_EQ(frames.back().close_code(), 1007);
  EXPECT_EQ(desk.echo.ending().cause, Cause::client_protocol_error);
}

TEST(Echo, ReadsNoFurtherWhileItsAnswersAreNotTaken) {
  EchoDesk desk;
  desk.client.take(10);
  for (int i = 0; i < 100; ++i) { desk.client.arrive(client_frame(op_binary, std::string(10000, 'x'))); }
  do { desk.last = desk.echo.turn(desk.now); } while (desk.last.again);
  EXPECT_LE(desk.bench.budget().bytes(), 20000U);
  EXPECT_FALSE(desk.client.all_read());
  desk.client.take_all();
  EXPECT_EQ(messages(desk.turn()).size(), 100U);
}

TEST(Echo, AnswersCloseAndIsDoneWhenTheClientHasEnded) {
  EchoDesk desk;
  desk.client.arrive(client_frame(op_text, "bye") + client_close(1000));
  desk.client.end();
  const auto frames = desk.turn();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[1].close_code(), 1000);
  EXPECT_TRUE(desk.last.done);
  EXPECT_EQ(desk.echo.ending().cause, Cause::client_closed);
}

TEST(Echo, EndsWhenDrainedStoppedOrLeftAlone) {
  EchoDesk drained;
  drained.echo.end(Cause::draining, drained.now);
  EXPECT_EQ(drained.turn().back().close_code(), 1001);

  EchoDesk stopped;
  stopped.echo.end(Cause::stopped, stopped.now);
  stopped.turn();
  EXPECT_TRUE(stopped.last.done);

  EchoDesk silent;
  silent.turn();
  for (int i = 0; i < 20 && !silent.last.done; ++i) {
    silent.now = std::max(silent.now, silent.last.wake_at);
    silent.turn();
  }
  EXPECT_TRUE(silent.last.done);
  EXPECT_EQ(silent.echo.ending().cause, Cause::client_silent);
}

}  // namespace
}  // namespace bascule::test
