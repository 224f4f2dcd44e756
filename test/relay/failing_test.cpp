// Every operation fails once: the 1st, the 2nd, the 3rd, until none is left to fail.
#include <gtest/gtest.h>

#include <cerrno>

#include "test/relay/desk.hpp"

namespace bascule::test {
namespace {

using relay::Cause;

// One session with everything in it. Gives the operations that each stream had.
void play(Desk& desk) {
  desk.client.arrive(client_frame(op_binary, "first") + client_frame(op_ping, "?"));
  desk.service.arrive("banner");
  desk.turn();
  desk.client.take(3);
  desk.service.take(3);
  desk.service.arrive(std::string(1000, 's'));
  desk.client.arrive(client_frame(op_binary, std::string(1000, 'c')));
  desk.turn();
  desk.client.take_all();
  desk.service.take_all();
  desk.turn();
  desk.service.end();
  desk.turn();
  desk.client.arrive(client_frame(op_binary, "last") + client_close(1000));
  desk.client.end();
  desk.live(300s);
}

TEST(FailingStreams, EveryFailingOperationOfTheClientEndsTheSessionOnceAndLosesNothingThatWasRead) {
  for (std::size_t number = 1;; ++number) {
    Desk desk;
    desk.client.fail_from_operation(number, ECONNRESET);
    play(desk);
    ASSERT_TRUE(desk.last.done) << number;
    const bool failed = desk.client.operations() >= number;
    if (!failed) {
      EXPECT_EQ(desk.service.written(), "first" + std::string(1000, 'c') + "last");
      break;
    }
    ASSERT_TRUE(desk.ending().decided()) << number;
    const std::string whole = "first" + std::string(1000, 'c') + "last";
    EXPECT_EQ(desk.service.written(), whole.substr(0, desk.service.written().size())) << number;
    const bool closed_before =
        desk.ending().cause == Cause::service_closed || desk.ending().cause == Cause::client_closed;
    EXPECT_TRUE(closed_before || desk.ending().cause == Cause::client_vanished) << number;
    EXPECT_EQ(desk.service.shut() && desk.ending().cause == Cause::client_vanished, false) << number;
    ASSERT_LT(number, 100U);
  }
}

TEST(FailingStreams, EveryFailingOperationOfTheServiceReachesTheClientAsAnErrorNotAsAnEnd) {
  for (std::size_t number = 1;; ++number) {
    Desk desk;
    desk.service.fail_from_operation(number, ECONNRESET);
    play(desk);
    ASSERT_TRUE(desk.last.done) << number;
    const std::string whole = "banner" + std::string(1000, 's');
    EXPECT_EQ(desk.data_to_client(), whole.substr(0, desk.data_to_client().size())) << number;
    if (desk.service.operations() < number) {
      EXPECT_EQ(desk.data_to_client(), whole);
      EXPECT_EQ(desk.close_frame().close_code(), 1000);
      break;
    }
    if (desk.ending().cause != Cause::service_closed) {
      EXPECT_EQ(desk.ending().cause, Cause::service_error) << number;
      EXPECT_EQ(desk.close_frame().close_code(), 1011) << number;
    } else {
      EXPECT_EQ(desk.data_to_client(), whole) << number;
    }
    ASSERT_LT(number, 100U);
  }
}

}  // namespace
}  // namespace bascule::test
