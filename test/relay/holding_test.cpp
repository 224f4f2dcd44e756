// Streams that hold what they have taken (TLS, whose records wait for the socket): taken is not sent.
#include <gtest/gtest.h>

#include "test/relay/desk.hpp"

namespace bascule::relay {
namespace {

using namespace std::chrono_literals;
using test::client_close;
using test::client_frame;
using test::Desk;
using test::op_binary;

// Something has gone each way, and is held by the streams.
struct HeldDesk : Desk {
  explicit HeldDesk(std::size_t unsent_bytes = 0) {
    client.set_unsent(unsent_bytes);
    client.hold_next(10);
    service.hold_next(10);
    client.arrive(client_frame(op_binary, "there "));
    service.arrive("back ");
    turn();
  }
};

TEST(Holding, NothingMoreIsReadForAStreamThatHoldsSomething) {
  HeldDesk desk;
  desk.service.arrive("and more");
  desk.client.arrive(client_frame(op_binary, "and more"));
  desk.turn();
  EXPECT_FALSE(desk.service.all_read());
  EXPECT_FALSE(desk.client.all_read());
  desk.client.let_go();
  desk.turn();
  EXPECT_EQ(desk.data_to_client(), "back and more");
  EXPECT_FALSE(desk.client.all_read()) << "the two directions do not wait for each other";
  desk.service.let_go();
  desk.turn();
  EXPECT_EQ(desk.service.written(), "there and more");
}

TEST(Holding, AnEndWaitsForWhatIsHeld) {
  HeldDesk desk;
  desk.client.let_go();
  desk.service.let_go();
  desk.client.hold_next(10);
  desk.service.hold_next(10);
  desk.service.arrive("the last words");
  desk.client.arrive(client_frame(op_binary, "the last words") + client_close(1000));
  desk.client.end();
  desk.turn();
  EXPECT_FALSE(desk.client.shut());
  EXPECT_FALSE(desk.service.shut());
  desk.client.let_go();
  desk.service.let_go();
  desk.turn();
  EXPECT_TRUE(desk.client.shut());
  EXPECT_TRUE(desk.service.shut());
}

TEST(Holding, WhatIsHeldForTooLongIsAStall) {
  for (const bool at_client : {true, false}) {
    HeldDesk desk;
    (at_client ? desk.service : desk.client).let_go();
    desk.live(59s);
    EXPECT_EQ(desk.ending().cause, Cause::none);
    desk.live(1min);
    EXPECT_EQ(desk.ending().cause, at_client ? Cause::client_stalled : Cause::service_stalled);
  }
}

TEST(Holding, WhatIsHeldAndMovesIsNoStall) {
  HeldDesk desk(101);
  desk.service.let_go();
  for (std::size_t left = 100; left > 0; --left) {
    desk.client.set_unsent(left);
    desk.live(50s);
    ASSERT_EQ(desk.ending().cause, Cause::none) << left;
  }
}

// An answer of TLS itself may be held though nothing has been sent for long: the wait begins then.
TEST(Holding, TheWaitForAnAnswerOfTheStreamsOwnBeginsWithIt) {
  Desk desk;
  desk.turn();
  desk.now += 10min;
  desk.service.hold_at_next_read(10);
  desk.service.arrive("hello");
  desk.turn();
  desk.live(59s);
  EXPECT_EQ(desk.ending().cause, Cause::none);
}

}  // namespace
}  // namespace bascule::relay
