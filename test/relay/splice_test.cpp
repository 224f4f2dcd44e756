// The splice, and the table of how a session ends, row by row:
//
//   what happens                          toward the service             toward the client          recorded as
//   client sends Close                    everything before it, FIN      Close back at once         client_closed
//   service sends FIN                     the client's bytes, until its  all its bytes, then        service_closed
//                                         Close or half_close            Close 1000
//   client's TCP ends without Close       what was read, then RST        -                          client_vanished
//   client breaks the protocol            what was before, then RST      Close 1002, 1003, 1007 client_protocol_error
//   service resets                        -                              what was there, Close 1011 service_error
//   idle, silent, stalled, expired        FIN                            Close 1001 or 1008         which of them
//   drain, stop                           FIN                            Close 1001                 draining, stopped
//   new rules: no longer, elsewhere       FIN                            Close 1008, 1012           revoked, moved
#include "proxy/relay/splice.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "test/relay/desk.hpp"

namespace bascule::test {
namespace {

using relay::Cause;

std::string some_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) { bytes[i] = static_cast<char>(i * 7 + i / 251); }
  return bytes;
}

// --- carrying --------------------------------------------------------------------------------------------------------

TEST(Splice, GivesTheServiceThePayloadsOfAllFramesInOneWrite) {
  Desk desk;
  desk.client.arrive(client_frame(op_binary, "Hel") + client_frame(op_binary, "", true) +
                     client_frame(op_binary, "lo"));
  desk.turn();
  EXPECT_EQ(desk.service.written(), "Hello");
  EXPECT_EQ(desk.splice->counters().from_client_messages, 3U);
  EXPECT_EQ(desk.splice->counters().from_client_bytes, 5U);
}

TEST(Splice, ForgetsBordersOfFragmentsTowardsTheService) {
  Desk desk;
  desk.client.arrive(client_frame(op_binary, "He", false) + client_frame(op_ping, "now") +
                     client_frame(op_continuation, "l", false) + client_frame(op_continuation, "lo"));
  desk.turn();
  EXPECT_EQ(desk.service.written(), "Hello");
  EXPECT_EQ(desk.splice->counters().from_client_messages, 1U);
  ASSERT_EQ(desk.frames().size(), 1U);
  EXPECT_EQ(desk.frames()[0].opcode, op_pong);
  EXPECT_EQ(desk.frames()[0].payload, "now");
}

TEST(Splice, PassesBytesOnHoweverTheFramesAreCut) {
  const std::string frames = client_frame(op_binary, some_bytes(300)) + client_frame(op_ping, "p") +
                             client_frame(op_binary, "abc", false) + client_frame(op_continuation, "def");
  for (std::size_t cut = 0; cut <= frames.size(); ++cut) {
    Desk desk;
    if (cut > 0) { desk.client.arrive(frames.substr(0, cut)); }
    desk.turn();
    if (cut < frames.size()) { desk.client.arrive(frames.substr(cut)); }
    desk.turn();
    ASSERT_EQ(desk.service.written(), some_bytes(300) + "abcdef") << "cut at " << cut;
  }
}

TEST(Splice, SendsWhatOneReadGaveAsOneMessage) {
  Desk desk;
  desk.service.arrive(some_bytes(70000));
  desk.service.arrive("second");
  desk.turn();
  const auto frames = desk.frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].opcode, op_binary);
  EXPECT_TRUE(frames[0].fin);
  EXPECT_EQ(frames[0].payload, some_bytes(70000));
  EXPECT_EQ(frames[1].payload, "second");
}

TEST(Splice, KeepsFramesTowardsTheClientWithinTheRoutesLimit) {
  Desk desk;
  desk.rule.frames.max_bytes = 1024;
  desk.service.arrive(some_bytes(5000));
  desk.turn();
  for (const ServerFrame& frame : desk.frames()) { EXPECT_LE(frame.payload.size(), 1024U); }
  EXPECT_EQ(desk.data_to_client(), some_bytes(5000));
}

TEST(Splice, ReadsFirstWhatWasGivenBackToTheClientsStream) {
  Desk desk;
  desk.client.arrive(client_frame(op_binary, "second"));
  desk.client.unread(bytes_of(client_frame(op_binary, "first ")));
  desk.turn();
  EXPECT_EQ(desk.service.written(), "first second");
}

TEST(Splice, DoesABoundedAmountOfWorkInOneTurn) {
  Desk desk;
  for (int i = 0; i < 100; ++i) { desk.service.arrive("x"); }
  desk.start();
  const relay::Turn turn = desk.splice->turn(desk.now);
  EXPECT_TRUE(turn.again);
  EXPECT_FALSE(desk.service.all_read());
  desk.turn();
  EXPECT_EQ(desk.data_to_client().size(), 100U);
}

// --- backpressure ----------------------------------------------------------------------------------------------------

TEST(Splice, DoesNotReadFromTheServiceWhileTheClientTakesNothing) {
  Desk desk;
  desk.client.take(100);
  desk.service.arrive(some_bytes(300000));
  desk.service.arrive(some_bytes(300000));
  desk.turn();
  const std::size_t waiting = desk.bench.budget().bytes();
  EXPECT_LE(waiting, relay::Workbench::read_bytes + 10);
  EXPECT_FALSE(desk.service.all_read());
  desk.turn();
  EXPECT_EQ(desk.bench.budget().bytes(), waiting) << "a turn more read on";

  desk.client.take_all();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), some_bytes(300000) + some_bytes(300000));
  EXPECT_EQ(desk.bench.budget().bytes(), 0U);
}

TEST(Splice, DoesNotReadFromTheClientWhileTheServiceTakesNothing) {
  Desk desk;
  desk.service.take(10);
  desk.client.arrive(client_frame(op_binary, some_bytes(1000)));
  desk.client.arrive(client_frame(op_binary, "next"));
  desk.turn();
  EXPECT_EQ(desk.bench.budget().bytes(), 990U);
  EXPECT_FALSE(desk.client.all_read());
  desk.service.take_all();
  desk.turn();
  EXPECT_EQ(desk.service.written(), some_bytes(1000) + "next");
}

TEST(Splice, KeepsOneDirectionFlowingWhileTheOtherIsBlocked) {
  Desk desk;
  desk.client.take_nothing();
  desk.service.arrive("for a client that does not read");
  desk.client.arrive(client_frame(op_binary, "up"));
  desk.turn();
  desk.client.arrive(client_frame(op_binary, " and up"));
  desk.turn();
  EXPECT_EQ(desk.service.written(), "up and up");

  Desk mirrored;
  mirrored.service.take_nothing();
  mirrored.client.arrive(client_frame(op_binary, "for a service that does not read"));
  mirrored.turn();
  mirrored.service.arrive("down");
  mirrored.turn();
  EXPECT_EQ(mirrored.data_to_client(), "down");
}

// --- how a session ends ----------------------------------------------------------------------------------------------

TEST(SpliceEnding, ClientCloseDeliversEverythingBeforeItThenFin) {
  Desk desk;
  desk.client.arrive(client_frame(op_binary, "last words") + client_close(1000, "bye"));
  desk.turn();
  EXPECT_EQ(desk.service.written(), "last words");
  EXPECT_TRUE(desk.service.shut());
  EXPECT_FALSE(desk.service.aborted());
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
  EXPECT_TRUE(desk.client.shut());
  EXPECT_FALSE(desk.last.done) << "both ends are drained before they are closed";

  desk.service.arrive("too late for anybody");
  desk.service.end();
  desk.client.end();
  EXPECT_TRUE(desk.turn().done);
  EXPECT_EQ(desk.ending().cause, Cause::client_closed);
  EXPECT_EQ(desk.ending().close_received, 1000);
  EXPECT_EQ(desk.data_to_client(), "");
}

TEST(SpliceEnding, TheEndGoesWithTheCloseThatAnswersTheClients) {
  Desk desk;
  desk.client.arrive(client_close(1000));
  desk.turn();
  EXPECT_TRUE(desk.client.ended_with_last_bytes());
}

TEST(SpliceEnding, ACloseThatAwaitsItsAnswerIsNotTheEnd) {
  Desk desk;
  desk.service.end();
  desk.turn();
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
  EXPECT_FALSE(desk.client.shut());
}

TEST(SpliceEnding, ClientCloseIsAnsweredEvenIfTheServiceIsSlowToTakeTheRest) {
  Desk desk;
  desk.service.take(4);
  desk.client.arrive(client_frame(op_binary, "last words") + client_close(1001));
  desk.turn();
  EXPECT_EQ(desk.close_frame().close_code(), 1001);
  EXPECT_FALSE(desk.service.shut());
  desk.live(50s);  // far beyond `close`: what a service is owed is waited for as long as `stall`
  EXPECT_FALSE(desk.last.done);
  desk.service.take_all();
  desk.turn();
  EXPECT_EQ(desk.service.written(), "last words");
  EXPECT_TRUE(desk.service.shut());
}

TEST(SpliceEnding, ACloseWithoutCodeIsAnsweredWithoutOne) {
  Desk desk;
  desk.client.arrive(client_frame(op_close, ""));
  desk.turn();
  EXPECT_EQ(desk.close_frame().payload, "");
  EXPECT_EQ(desk.ending().close_received, 1005);
}

TEST(SpliceEnding, NothingOfTheClientCountsBehindItsClose) {
  Desk desk;
  desk.client.arrive(client_close(1000) + client_frame(op_binary, "more") + client_frame(op_ping, "?"));
  desk.client.arrive(client_frame(op_ping, "??"));
  desk.turn();
  EXPECT_EQ(desk.service.written(), "");
  ASSERT_EQ(desk.frames().size(), 1U);
}

TEST(SpliceEnding, ServiceFinGivesTheClientAllItsBytesThenClose1000) {
  Desk desk;
  desk.client.take(3);
  desk.service.arrive("goodbye");
  desk.service.end();
  desk.turn();
  desk.client.take_all();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), "goodbye");
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
  EXPECT_FALSE(desk.service.shut()) << "the client may go on";

  desk.client.arrive(client_frame(op_binary, "one more thing") + client_close(1000));
  desk.client.end();
  EXPECT_TRUE(desk.turn().done);
  EXPECT_EQ(desk.service.written(), "one more thing");
  EXPECT_TRUE(desk.service.shut());
  EXPECT_EQ(desk.ending().cause, Cause::service_closed);
}

TEST(SpliceEnding, AfterServiceFinAClientThatNeverClosesIsLeftAfterHalfClose) {
  Desk desk;
  desk.service.end();
  desk.turn();
  desk.live(29s);
  EXPECT_FALSE(desk.client.shut());
  desk.live(10s);
  EXPECT_TRUE(desk.last.done);
  EXPECT_TRUE(desk.client.shut());
  EXPECT_EQ(desk.ending().cause, Cause::service_closed);
}

TEST(SpliceEnding, ClientVanishingResetsTheServiceOnceItHasWhatWasRead) {
  Desk desk;
  desk.service.set_unsent(500);
  desk.client.arrive(client_frame(op_binary, "half a command"));
  desk.client.end();
  desk.turn();
  EXPECT_EQ(desk.service.written(), "half a command");
  EXPECT_FALSE(desk.service.aborted()) << "its kernel has not acknowledged everything yet";
  EXPECT_FALSE(desk.service.shut()) << "a cut-off stream must not look like one that ended";
  desk.service.set_unsent(0);
  EXPECT_TRUE(desk.live(1s).done);
  EXPECT_TRUE(desk.service.aborted());
  EXPECT_EQ(desk.ending().cause, Cause::client_vanished);
  EXPECT_EQ(desk.client.written(), "");
}

TEST(SpliceEnding, ClientResetIsRecordedWithItsError) {
  Desk desk;
  desk.client.reset(ECONNRESET);
  EXPECT_TRUE(desk.turn().done);
  EXPECT_EQ(desk.ending().cause, Cause::client_vanished);
  EXPECT_EQ(desk.ending().error, ECONNRESET);
  EXPECT_TRUE(desk.service.aborted());
}

TEST(SpliceEnding, AWriteErrorEndsOnlyThatDirectionAndTheClientsLastBytesStillArrive) {
  Desk desk;
  desk.client.fail_writes(ECONNRESET);
  desk.service.arrive("into the void");
  desk.client.arrive(client_frame(op_binary, "still readable"));
  desk.client.end();  // as measured: after the reset reading says 0, like a clean end
  EXPECT_TRUE(desk.turn().done);
  EXPECT_EQ(desk.service.written(), "still readable");
  EXPECT_EQ(desk.ending().cause, Cause::client_vanished) << "the first error decides, a later 0 never cleans it";
  EXPECT_TRUE(desk.service.aborted());
}

TEST(SpliceEnding, ATabClosedUnderAFloodIsACloseAllTheSame) {
  Desk desk;
  desk.client.fail_writes(ECONNRESET);
  desk.service.arrive("flood");
  desk.turn();
  desk.client.arrive(client_close(1001));
  desk.client.reset(ECONNRESET);
  desk.service.end();
  EXPECT_TRUE(desk.turn().done);
  EXPECT_EQ(desk.ending().cause, Cause::client_closed);
  EXPECT_TRUE(desk.service.shut());
  EXPECT_FALSE(desk.service.aborted());
}

struct Breach {
  const char* name;
  std::string frames;
  std::uint16_t code;
};

TEST(SpliceEnding, BreachesOfTheProtocolCloseWithTheirCodeAndResetTheService) {
  const std::vector<Breach> breaches{
      {"unmasked", std::string("\x82\x01x", 3), 1002},
      {"reserved bit", std::string("\xc2\x80\0\0\0\0", 6), 1002},
      {"unknown opcode", client_frame(0x3, "?"), 1002},
      {"continuation of nothing", client_frame(op_continuation, "?"), 1002},
      {"text where only binary is taken", client_frame(op_text, "?"), 1003},
      {"malformed close", client_frame(op_close, "x"), 1002},
      {"forbidden close code", client_close(1005), 1002},
  };
  for (const Breach& breach : breaches) {
    Desk desk;
    desk.client.arrive(client_frame(op_binary, "before") + breach.frames + client_frame(op_binary, "behind"));
    desk.turn();
    EXPECT_EQ(desk.close_frame().close_code(), breach.code) << breach.name;
    EXPECT_EQ(desk.ending().cause, Cause::client_protocol_error) << breach.name;
    EXPECT_EQ(desk.service.written(), "before") << breach.name;
    EXPECT_TRUE(desk.service.aborted()) << breach.name;
    EXPECT_TRUE(desk.client.shut()) << breach.name;
    desk.client.end();
    EXPECT_TRUE(desk.turn().done) << breach.name;
  }
}

TEST(SpliceEnding, ServiceResetGivesTheClientWhatWasThereThenClose1011) {
  Desk desk;
  desk.service.arrive("so far");
  desk.service.reset(ECONNRESET);
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), "so far");
  EXPECT_EQ(desk.close_frame().close_code(), 1011);
  EXPECT_EQ(desk.close_frame().close_reason(), "the service reset the connection");
  EXPECT_EQ(desk.ending().cause, Cause::service_error);
  EXPECT_EQ(desk.ending().error, ECONNRESET);
  desk.client.arrive(client_close(1011));
  desk.client.end();
  EXPECT_TRUE(desk.turn().done);
}

TEST(SpliceEnding, AServiceThatEndedProperlyIsNoErrorThoughItTakesNoMore) {
  Desk desk;
  desk.service.fail_writes(EPIPE);  // a Unix socket whose other end has been closed
  desk.client.arrive(client_frame(op_binary, "too late"));
  desk.service.arrive("last bytes");
  desk.service.end();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), "last bytes");
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
  EXPECT_EQ(desk.ending().cause, Cause::service_closed);
  desk.client.arrive(client_close(1000));
  desk.client.end();
  EXPECT_TRUE(desk.turn().done);
}

TEST(SpliceEnding, AServiceWhoseResetWeMetWhileWritingNeverLooksClean) {
  Desk desk;
  desk.service.fail_writes(ECONNRESET);
  desk.client.arrive(client_frame(op_binary, "?"));
  desk.service.arrive("last bytes");
  desk.service.end();  // as measured: after the error reading gives what was there, then 0
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), "last bytes");
  EXPECT_EQ(desk.close_frame().close_code(), 1011);
  EXPECT_EQ(desk.ending().cause, Cause::service_error);
}

TEST(SpliceEnding, ACutTlsConnectionOfTheServiceIsAnErrorToo) {
  Desk desk;
  desk.service.truncate();
  desk.turn();
  EXPECT_EQ(desk.close_frame().close_code(), 1011);
  EXPECT_EQ(desk.ending().cause, Cause::service_error);
}

TEST(SpliceEnding, ABreakIsSeenAlsoWhileNothingIsReadOrWritten) {
  Desk desk;
  desk.service.take_nothing();
  desk.client.arrive(client_frame(op_binary, "held up"));
  desk.turn();
  desk.service.set_broken(ECONNRESET);
  desk.service.end();
  desk.turn();
  EXPECT_EQ(desk.ending().cause, Cause::service_error);
  EXPECT_EQ(desk.close_frame().close_code(), 1011);
}

TEST(SpliceEnding, AClientThatTakesNothingEndsTheSessionAtStallAndNotBefore) {
  Desk desk;
  desk.client.take(2);
  desk.service.arrive("more than two");
  desk.turn();
  desk.client.arrive(client_frame(op_pong, ""));
  desk.live(59s);
  EXPECT_FALSE(desk.ending().decided());
  desk.live(2s);
  EXPECT_EQ(desk.ending().cause, Cause::client_stalled);
  EXPECT_TRUE(desk.service.shut());
  EXPECT_FALSE(desk.last.done) << "the Close may still fit behind the frame until `close`";
  desk.service.end();
  EXPECT_TRUE(desk.live(6s).done);
  EXPECT_TRUE(desk.client.aborted());
}

TEST(SpliceEnding, AStalledClientThatWakesUpInTimeGetsItsFrameAndTheClose) {
  Desk desk;
  desk.client.take(2);
  desk.service.arrive("more than two");
  desk.live(61s);
  ASSERT_EQ(desk.ending().cause, Cause::client_stalled);
  desk.client.take_all();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), "more than two");
  EXPECT_EQ(desk.close_frame().close_code(), 1008);
}

TEST(SpliceEnding, ASlowClientIsNotAStalledOneAsLongAsTheKernelsQueueMoves) {
  Desk desk;
  desk.client.set_unsent(1'000'000);
  desk.client.take_nothing();
  desk.service.arrive("waiting");
  desk.turn();
  for (std::size_t unsent = 900'000; unsent > 0; unsent -= 100'000) {
    desk.client.set_unsent(unsent);
    desk.client.arrive(client_frame(op_pong, ""));
    desk.live(59s);
    ASSERT_FALSE(desk.ending().decided()) << unsent;
  }
}

TEST(SpliceEnding, AServiceThatTakesNothingEndsTheSessionAndNeverLooksClean) {
  Desk desk;
  desk.service.take(2);
  desk.client.arrive(client_frame(op_binary, "more than two"));
  desk.live(61s);
  EXPECT_EQ(desk.ending().cause, Cause::service_stalled);
  EXPECT_EQ(desk.close_frame().close_code(), 1008);
  desk.client.arrive(client_close(1008));
  desk.client.end();
  EXPECT_TRUE(desk.live(6s).done);
  EXPECT_TRUE(desk.service.aborted()) << "it did not get all, so no FIN";
  EXPECT_FALSE(desk.service.shut());
}

TEST(SpliceEnding, IdleAndLifetimeEndASessionWithTheirCodes) {
  Desk idle;
  idle.rule.timeouts.idle = 10s;
  idle.rule.timeouts.ping.reset();
  idle.turn();
  idle.live(9s);
  EXPECT_FALSE(idle.ending().decided());
  idle.client.arrive(client_frame(op_binary, "x"));
  idle.live(9s);
  EXPECT_FALSE(idle.ending().decided()) << "payload starts the clock anew";
  idle.client.arrive(client_frame(op_ping, ""));
  idle.live(2s);
  EXPECT_EQ(idle.ending().cause, Cause::idle) << "a ping is no payload";
  EXPECT_EQ(idle.close_frame().close_code(), 1001);
  EXPECT_TRUE(idle.service.shut());

  Desk expired;
  expired.rule.timeouts.lifetime = 10s;
  expired.turn();
  for (int second = 0; second < 11; ++second) {
    expired.client.arrive(client_frame(op_binary, "busy"));
    expired.live(1s);
  }
  EXPECT_EQ(expired.ending().cause, Cause::expired);
  EXPECT_EQ(expired.close_frame().close_code(), 1008);
}

TEST(SpliceEnding, DrainTellsTheClientAndEndsTheServiceProperly) {
  Desk desk;
  desk.client.arrive(client_frame(op_binary, "before"));
  desk.turn();
  desk.splice->end(Cause::draining, desk.now);
  desk.turn();
  EXPECT_EQ(desk.close_frame().close_code(), 1001);
  EXPECT_TRUE(desk.service.shut());
  desk.client.arrive(client_close(1001));
  desk.client.end();
  desk.service.end();
  EXPECT_TRUE(desk.turn().done);
  EXPECT_EQ(desk.ending().cause, Cause::draining);
}

TEST(SpliceEnding, NewRulesEndASessionWithTheirCodeAndReason) {
  for (const auto& [why, code] : {std::pair<Cause, std::uint16_t>{Cause::revoked, 1008},
                                  {Cause::credential_expired, 1008},
                                  {Cause::withdrawn, 1008},
                                  {Cause::moved, 1012}}) {
    Desk desk;
    desk.client.arrive(client_frame(op_binary, "before"));
    desk.turn();
    desk.splice->end(why, desk.now);
    desk.turn();
    EXPECT_EQ(desk.service.written(), "before");
    EXPECT_TRUE(desk.service.shut());
    EXPECT_EQ(desk.close_frame().close_code(), code);
    EXPECT_EQ(desk.close_frame().close_reason(), relay::reason_of_end(why));
    EXPECT_EQ(desk.ending().cause, why);
    desk.client.arrive(client_close(code));
    desk.client.end();
    desk.service.end();
    EXPECT_TRUE(desk.turn().done);
  }
}

TEST(SpliceEnding, StopIsDoneAtOnce) {
  Desk desk;
  desk.client.take_nothing();
  desk.service.arrive("waiting");
  desk.service.take_nothing();
  desk.client.arrive(client_frame(op_binary, "waiting"));
  desk.turn();
  desk.splice->end(Cause::stopped, desk.now);
  EXPECT_TRUE(desk.turn().done);
  EXPECT_TRUE(desk.client.aborted());
  EXPECT_TRUE(desk.service.aborted());
}

TEST(SpliceEnding, ASecondDrainOrAnEndAfterTheEndChangesNothing) {
  Desk desk;
  desk.client.arrive(client_close(1000));
  desk.turn();
  desk.splice->end(Cause::draining, desk.now);
  desk.turn();
  EXPECT_EQ(desk.ending().cause, Cause::client_closed);
  EXPECT_EQ(desk.frames().size(), 1U) << "Close is sent once";
}

TEST(SpliceEnding, AServiceThatBreaksUnderTheClientsCloseIsReadToItsEnd) {
  Desk desk;
  desk.service.fail_writes(ECONNRESET);
  desk.service.arrive("unread");
  desk.service.end();
  desk.client.arrive(client_frame(op_binary, "last words") + client_close(1000));
  desk.client.end();
  EXPECT_TRUE(desk.live(1s).done);
}

TEST(SpliceEnding, ABrokenServiceAndAClientThatTakesNothingAreOverAtStall) {
  for (const bool client_leaves : {false, true}) {
    Desk desk;
    desk.client.take(2);
    desk.service.arrive("more than two");
    desk.turn();
    desk.service.arrive("unread");
    desk.service.set_broken(ECONNRESET);
    desk.service.end();
    if (client_leaves) { desk.client.end(); }
    EXPECT_TRUE(desk.live(200s).done) << client_leaves;
    EXPECT_EQ(desk.ending().cause, Cause::service_error) << client_leaves;
    EXPECT_EQ(desk.bench.budget().bytes(), 0U);
  }
}

TEST(SpliceEnding, TheErrorOfABreakIsRecordedHoweverItIsFound) {
  Desk desk;
  desk.turn();
  desk.service.set_broken(ETIMEDOUT);
  desk.service.end();
  desk.turn();
  EXPECT_EQ(desk.ending().error, ETIMEDOUT);
  EXPECT_EQ(desk.close_frame().close_reason(), "the service no longer answers");
}

TEST(SpliceEnding, AnEndOfOursIsNotPutOffByTakingByteAfterByte) {
  Desk desk;
  desk.rule.timeouts.lifetime = 10s;
  desk.client.take(2);
  desk.service.arrive(some_bytes(100000));
  desk.turn();
  desk.live(10s);
  ASSERT_EQ(desk.ending().cause, Cause::expired);
  desk.service.end();
  for (int second = 0; second < 6 && !desk.last.done; ++second) {
    desk.client.take(1);
    desk.live(1s);
  }
  EXPECT_TRUE(desk.last.done);
  EXPECT_TRUE(desk.client.aborted());
}

TEST(SpliceEnding, StopStillDeliversWhatTheKernelTakes) {
  Desk desk;
  desk.client.arrive(client_frame(op_binary, "before"));
  desk.turn();
  desk.splice->end(Cause::stopped, desk.now);
  EXPECT_TRUE(desk.turn().done);
  EXPECT_EQ(desk.close_frame().close_code(), 1001);
  EXPECT_TRUE(desk.client.shut());
  EXPECT_FALSE(desk.client.aborted()) << "a reset would destroy the Close";
  EXPECT_TRUE(desk.service.shut());
  EXPECT_FALSE(desk.service.aborted());
}

// No ending may wait for ever, whatever the other sides do: here they do nothing at all.
TEST(SpliceEnding, EveryEndingIsOverInBoundedTimeWithSilentPartners) {
  const auto begin_with = [](int which, Desk& desk) {
    switch (which) {
      case 0: desk.client.arrive(client_close(1000)); break;
      case 1: desk.client.end(); break;
      case 2: desk.client.arrive("\x01 nonsense"); break;
      case 3: desk.service.end(); break;
      case 4: desk.service.reset(ECONNRESET); break;
      case 5: desk.start().end(Cause::draining, desk.now); break;
      default: break;  // nothing ever happens: the pings find it
    }
  };
  for (int which = 0; which <= 6; ++which) {
    for (const bool client_takes : {true, false}) {
      for (const bool service_takes : {true, false}) {
        Desk desk;
        if (!client_takes) { desk.client.take(1); }
        if (!service_takes) { desk.service.take(1); }
        desk.client.arrive(client_frame(op_binary, "to the service"));
        if (which != 3 && which != 4) { desk.service.arrive("to the client"); }
        desk.service.set_unsent(10);
        desk.client.set_unsent(10);
        begin_with(which, desk);
        EXPECT_TRUE(desk.live(200s).done) << which << client_takes << service_takes;
      }
    }
  }
}

}  // namespace
}  // namespace bascule::test
