// A loop on the test's own thread: spawns one coroutine and runs until it has ended.
#pragma once

#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "proxy/net/loop.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::net {

class LoopTest : public ::testing::Test {
 protected:
  void run(Async<void> story) {
    std::exception_ptr failure;
    auto on_end = [this, &failure](std::exception_ptr thrown) {
      failure = thrown;
      loop.post([this] { loop.stop(); });
    };
    asio::co_spawn(loop.executor(), std::move(story), on_end);
    loop.run();
    if (failure) { std::rethrow_exception(failure); }
  }

  Loop loop;
};

}  // namespace bascule::net
