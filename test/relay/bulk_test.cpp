// Service to client past our own memory, by the worker's pipe: when that happens, and that nobody can tell.
#include <gtest/gtest.h>

#include <cerrno>
#include <new>

#include "test/relay/desk.hpp"

namespace bascule::test {
namespace {

using relay::Cause;

// Two plain sockets; the desk takes a read of a hundred bytes for a large one.
class Bulk : public ::testing::Test {
 protected:
  Bulk() {
    desk.client.be_plain();
    desk.service.be_plain();
  }

  // What the service sends comes in pieces of this size.
  void arrive(std::size_t pieces, std::size_t bytes_each) {
    for (std::size_t i = 0; i < pieces; ++i) {
      std::string piece(bytes_each, '\0');
      for (char& byte : piece) { byte = static_cast<char>(++counter_ % 251); }
      desk.service.arrive(piece);
      sent += piece;
    }
  }

  Desk desk;
  std::string sent;

 private:
  unsigned counter_ = 0;
};

TEST_F(Bulk, GoesByThePipeAfterFourLargeReads) {
  arrive(4, 1000);
  desk.turn();
  EXPECT_EQ(desk.service.piped(), 0U);
  arrive(10, 1000);
  desk.turn();
  EXPECT_EQ(desk.service.piped(), 10'000U);
  EXPECT_EQ(desk.client.piped(), 10'000U);
  EXPECT_EQ(desk.data_to_client(), sent);
  EXPECT_EQ(desk.frames().size(), 14U);  // what one read gave is one message
  EXPECT_EQ(desk.splice->counters().to_client_messages, 14U);
  EXPECT_EQ(desk.splice->counters().to_client_bytes, sent.size());
}

TEST_F(Bulk, IsOverWithTheFirstSmallPiece) {
  arrive(5, 1000);
  arrive(1, 99);
  desk.turn();
  EXPECT_EQ(desk.service.piped(), 1099U);
  arrive(4, 1000);
  desk.turn();
  EXPECT_EQ(desk.service.piped(), 1099U);
  EXPECT_EQ(desk.data_to_client(), sent);
}

TEST_F(Bulk, PassesThePlaceWhereNothingComesForAMoment) {
  arrive(5, 1000);
  desk.turn();
  arrive(1, 1000);
  desk.turn();
  EXPECT_EQ(desk.service.piped(), 2000U);
}

TEST(BulkByTls, NeverGoesByThePipe) {
  for (ScriptedStream Desk::*const plain : {&Desk::client, &Desk::service}) {
    Desk desk;
    (desk.*plain).be_plain();
    for (int i = 0; i < 10; ++i) { desk.service.arrive(std::string(1000, 'x')); }
    desk.turn();
    EXPECT_EQ(desk.service.piped() + desk.client.piped(), 0U);
    EXPECT_EQ(desk.data_to_client().size(), 10'000U);
  }
}

// Text must be looked at.
TEST_F(Bulk, NeverGoesByThePipeAsText) {
  desk.rule.frames.to_client = policy::ToClient::text;
  for (int i = 0; i < 10; ++i) { desk.service.arrive(std::string(1000, 'x')); }
  desk.turn();
  EXPECT_EQ(desk.service.piped(), 0U);
  EXPECT_EQ(desk.data_to_client().size(), 10'000U);
}

TEST_F(Bulk, HasNoFrameThatIsTooLong) {
  desk.rule.frames.max_bytes = 3000;
  arrive(20, 10'000);
  desk.turn();
  EXPECT_GT(desk.service.piped(), 0U);
  for (const ServerFrame& frame : desk.frames()) { EXPECT_LE(frame.payload.size(), 3000U); }
  EXPECT_EQ(desk.data_to_client(), sent);
}

// Wherever the client stops to take: within the header, behind it, within the payload, at its end.
TEST(BulkInParts, WaitsAndArrives) {
  constexpr std::size_t frame_bytes = 4 + 1000;
  for (std::size_t taken = 0; taken <= frame_bytes; ++taken) {
    SCOPED_TRACE(taken);
    Desk desk;
    desk.client.be_plain();
    desk.service.be_plain();
    std::string sent;
    for (char letter = 'a'; letter <= 'e'; ++letter) {
      desk.service.arrive(std::string(1000, letter));
      sent += std::string(1000, letter);
    }
    desk.client.take(4 * frame_bytes + taken);
    desk.turn();
    EXPECT_EQ(desk.service.piped(), 1000U);
    EXPECT_EQ(desk.bench.budget().bytes(), frame_bytes - taken);
    EXPECT_EQ(desk.bench.pipe().holds(), 0U);
    desk.client.take_all();
    desk.turn();
    ASSERT_EQ(desk.data_to_client(), sent);
    EXPECT_EQ(desk.bench.budget().bytes(), 0U);
  }
}

// The first error decides, as everywhere.
TEST_F(Bulk, ThatMeetsAClientWhoIsGoneEndsTheSession) {
  arrive(4, 1000);
  desk.turn();
  desk.client.fail_writes(ECONNRESET);
  arrive(3, 1000);
  desk.turn();
  EXPECT_EQ(desk.ending().cause, Cause::client_vanished);
  EXPECT_EQ(desk.bench.pipe().holds(), 0U);
  EXPECT_EQ(desk.bench.budget().bytes(), 0U);
}

// There is one pipe for all of a worker's sessions.
TEST_F(Bulk, ThatFailsLeavesNothingInThePipeForTheNextSession) {
  arrive(4, 1000);
  desk.turn();
  desk.client.run_out_of_memory();
  arrive(1, 1000);
  EXPECT_THROW(desk.turn(), std::bad_alloc);

  ScriptedStream client;
  ScriptedStream service;
  client.be_plain();
  service.be_plain();
  relay::Splice next(client, service, desk.rule, desk.bench, desk.now);
  for (int i = 0; i < 6; ++i) { service.arrive(std::string(200, 'n')); }
  while (next.turn(desk.now).again) {}
  EXPECT_EQ(service.piped(), 400U);
  std::string data;
  for (const ServerFrame& frame : server_frames(client.written())) { data += frame.payload; }
  EXPECT_EQ(data, std::string(1200, 'n'));
}

TEST_F(Bulk, EndsAsAnythingEnds) {
  arrive(9, 1000);
  desk.service.end();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), sent);
  EXPECT_EQ(desk.ending().cause, Cause::service_closed);
  EXPECT_EQ(desk.close_frame().close_code(), 1000);
}

TEST_F(Bulk, ThatBreaksOffIsNoCleanEnd) {
  arrive(9, 1000);
  desk.service.reset(ECONNRESET);
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), sent);
  EXPECT_EQ(desk.ending().cause, Cause::service_error);
  EXPECT_EQ(desk.close_frame().close_code(), 1011);
}

}  // namespace
}  // namespace bascule::test
