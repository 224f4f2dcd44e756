#include "proxy/auth/remote_keys.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "test/auth/http_server.hpp"
#include "test/net/loop_fixture.hpp"
#include "test/support/sockets.hpp"

namespace bascule::auth {
namespace {

using namespace std::chrono_literals;
using net::Async;
using net::Waiter;
using test::HttpServer;
using test::reply;
using test::Reply;
using ::testing::HasSubstr;

// A key of RFC 8037, appendix A.2.
std::string jwks(const std::vector<std::string>& kids) {
  std::string text;
  for (const std::string& kid : kids) {
    text +=
        fmt::format(R"({}{{"kty":"OKP","crv":"Ed25519","kid":"{}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}})",
                    text.empty() ? "" : ",", kid);
  }
  return fmt::format(R"({{"keys":[{}]}})", text);
}

class RemoteKeysTest : public net::LoopTest {
 protected:
  proof::Keys keys_at(std::uint16_t port, const std::string& target = "/jwks") const {
    proof::Keys keys;
    keys.set = std::make_shared<Source<proof::KeySet>>("");
    keys.url = proof::Url{.secure = false, .host = "127.0.0.1", .port = port, .target = target};
    return keys;
  }

  RemoteKeys& remote(const RemoteKeys::Options& options = {}) {
    remote_.emplace(
        loop, resolver_,
        [this](RemoteKeys::News what, const std::string& text) {
          news_.push_back((what == RemoteKeys::News::failed ? "failed: " : "") + text);
        },
        options);
    return *remote_;
  }

  // Runs the loop until so many news have come.
  void run_until_news(std::size_t count) { run(until_news(count)); }
  Async<void> until_news(std::size_t count) {
    Waiter waiter(loop);
    while (news_.size() < count) { co_await waiter.pass(); }
  }

  bool ask_again(const proof::Keys& keys, Duration patience = 60s) {
    std::optional<bool> said;
    run(asking(keys, loop.now() + patience, said));
    return *said;
  }
  Async<void> asking(const proof::Keys& keys, TimePoint deadline, std::optional<bool>& said) {
    Waiter waiter(loop);
    const bool read = co_await remote_->ask_again(waiter, keys, deadline);
    said = read;
  }

  Async<void> until_asked(const HttpServer& server) {
    Waiter waiter(loop);
    while (server.requests() == 0) { co_await waiter.pass(); }
    for (int i = 0; i < 3; ++i) { co_await waiter.pass(); }  // what was mailed is read
  }
  Async<void> until_said(const std::optional<bool>& said) {
    Waiter waiter(loop);
    while (!said) { co_await waiter.pass(); }
  }

  std::vector<std::string> news_;
  net::Resolver resolver_{net::Resolver::Options{}, [](const std::string&) { return net::Resolved{}; }};
  std::optional<RemoteKeys> remote_;
};

TEST_F(RemoteKeysTest, FetchesAtOnce) {
  const HttpServer server([](const std::string&) { return reply(200, {}, jwks({"one", "two"})); });
  const proof::Keys keys = keys_at(server.port());
  EXPECT_EQ(keys.set->current()->size(), 0U);
  remote().keep({keys});
  run_until_news(1);
  EXPECT_EQ(news_.at(0), fmt::format("keys of http://127.0.0.1:{}/jwks read: 2 keys", server.port()));
  EXPECT_EQ(keys.set->current()->size(), 2U);
}

TEST_F(RemoteKeysTest, SharesOneFetchAmongProofsOfOneUrl) {
  const HttpServer server([](const std::string&) { return reply(200, {}, jwks({"one"})); });
  const proof::Keys first = keys_at(server.port());
  const proof::Keys second = keys_at(server.port());
  proof::Keys with_algorithms = keys_at(server.port());
  with_algorithms.algorithms = {proof::Algorithm::EdDSA};
  proof::Keys without_url = keys_at(server.port());
  without_url.url.reset();
  remote().keep({first, without_url, second, with_algorithms});
  run_until_news(2);
  EXPECT_EQ(first.set->current()->size(), 1U);
  EXPECT_EQ(second.set->current(), first.set->current());
  EXPECT_EQ(with_algorithms.set->current()->size(), 1U);
  EXPECT_EQ(without_url.set->current()->size(), 0U);
  EXPECT_EQ(server.requests(), 2U) << "other algorithms make another set";

  const proof::Keys reloaded = keys_at(server.port());
  remote_->keep({reloaded});
  EXPECT_EQ(reloaded.set->current(), first.set->current()) << "at once, from what is known";
  EXPECT_EQ(server.requests(), 2U);
}

TEST_F(RemoteKeysTest, ReadsAgainFromTimeToTime) {
  std::atomic<int> count = 0;
  const HttpServer server([&](const std::string&) {
    ++count;
    return reply(200, {}, count < 3 ? jwks({"one"}) : jwks({"one", "two"}));
  });
  proof::Keys keys = keys_at(server.port());
  keys.refresh = 10ms;
  remote().keep({keys});
  run_until_news(2);
  EXPECT_THAT(news_.at(0), HasSubstr("read: 1 key"));
  EXPECT_THAT(news_.at(1), HasSubstr("read: 2 keys")) << "the same again is no news";
  EXPECT_GE(count, 3);
  EXPECT_EQ(keys.set->current()->size(), 2U);
}

TEST_F(RemoteKeysTest, KeepsTheLastGoodSetAndTriesAgain) {
  std::atomic<int> count = 0;
  const HttpServer server([&](const std::string&) {
    switch (++count) {
      case 2: return reply(503);
      case 3: return reply(200, {}, "{\"keys\":[]}");
      case 4: return reply(200, {}, "<html>log in first</html>");
      case 5: return Reply{.bytes = {}, .then = Reply::Then::stall};
      case 6: return reply(200, {}, std::string(proof::KeySet::json_bytes_max + 1, ' '));
      default: return reply(200, {}, jwks({"one"}));
    }
  });
  proof::Keys keys = keys_at(server.port());
  keys.refresh = 10ms;
  remote({.fetch_timeout = 50ms, .retry_pause = 1ms}).keep({keys});
  run_until_news(7);
  const std::string failed = fmt::format("failed: keys of http://127.0.0.1:{}/jwks could not be read: ", server.port());
  EXPECT_THAT(news_.at(0), HasSubstr("read: 1 key"));
  EXPECT_EQ(news_.at(1), failed + "answered 503; the last good ones stay");
  EXPECT_THAT(news_.at(2), ::testing::StartsWith(failed));
  EXPECT_THAT(news_.at(3), ::testing::StartsWith(failed));
  EXPECT_THAT(news_.at(4), HasSubstr("no answer in time"));
  EXPECT_THAT(news_.at(5), HasSubstr("the body is too large"));
  EXPECT_THAT(news_.at(6), HasSubstr("read: 1 key")) << "that they are there again is news";
  EXPECT_EQ(keys.set->current()->size(), 1U);
}

TEST_F(RemoteKeysTest, SaysThatNothingIsKnownYet) {
  const test::DeadPort dead;
  remote().keep({keys_at(dead.port())});
  run_until_news(1);
  EXPECT_EQ(news_.at(0), fmt::format("failed: keys of http://127.0.0.1:{0}/jwks could not be read: 127.0.0.1:{0}: "
                                     "Connection refused; until then its tokens cannot be verified",
                                     dead.port()));
}

TEST_F(RemoteKeysTest, ReadsAgainForAnUnknownKey) {
  std::atomic<int> count = 0;
  const HttpServer server([&](const std::string&) {
    return reply(200, {}, ++count == 1 ? jwks({"one"}) : jwks({"one", "two"}));
  });
  const proof::Keys keys = keys_at(server.port());
  remote({.unknown_pause = 0ms}).keep({keys});
  run_until_news(1);
  EXPECT_TRUE(ask_again(keys));
  EXPECT_EQ(keys.set->current()->size(), 2U);
  EXPECT_TRUE(ask_again(keys));
  EXPECT_EQ(server.requests(), 3U);
  EXPECT_FALSE(ask_again(keys_at(server.port(), "/others"))) << "which nobody keeps";
}

TEST_F(RemoteKeysTest, DoesNotAskMoreOftenThanIsDue) {
  const HttpServer server([](const std::string&) { return reply(200, {}, jwks({"one"})); });
  const proof::Keys keys = keys_at(server.port());
  remote().keep({keys});
  run_until_news(1);
  for (int i = 0; i < 10; ++i) { EXPECT_FALSE(ask_again(keys)); }
  EXPECT_EQ(server.requests(), 1U);
}

TEST_F(RemoteKeysTest, DoesNotAskWhereItHasJustFailed) {
  const HttpServer server([](const std::string&) { return reply(500); });
  const proof::Keys keys = keys_at(server.port());
  remote({.unknown_pause = 0ms}).keep({keys});
  run_until_news(1);
  EXPECT_FALSE(ask_again(keys));
  EXPECT_EQ(server.requests(), 1U);
}

TEST_F(RemoteKeysTest, ThoseWhoAskWhileItIsReadWaitForThat) {
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  const HttpServer server([&](const std::string&) {
    opened.wait();
    return reply(200, {}, jwks({"one"}));
  });
  const proof::Keys keys = keys_at(server.port());
  remote().keep({keys});
  EXPECT_FALSE(ask_again(keys, 30ms)) << "its own deadline holds";
  std::optional<bool> said;
  asio::co_spawn(loop.executor(), asking(keys, never, said),
                 [](const std::exception_ptr& failure) { EXPECT_EQ(failure, nullptr); });
  run(until_asked(server));
  EXPECT_FALSE(said);
  gate.set_value();
  run(until_said(said));
  EXPECT_EQ(said, true);
  EXPECT_EQ(server.requests(), 1U);
}

// As other workers do, while the first one fetches.
TEST_F(RemoteKeysTest, IsAskedFromOtherLoops) {
  std::atomic<int> count = 0;
  const HttpServer server([&](const std::string&) {
    return reply(200, {}, ++count == 1 ? jwks({"one"}) : jwks({"one", "two"}));
  });
  const proof::Keys keys = keys_at(server.port());
  remote({.unknown_pause = 0ms}).keep({keys});
  run_until_news(1);
  struct Story {
    static Async<void> tell(RemoteKeys& remote, const proof::Keys& keys, net::Loop& loop, std::atomic<int>& read) {
      Waiter waiter(loop);
      const bool newly = co_await remote.ask_again(waiter, keys, never);
      if (newly && keys.set->current()->size() == 2) { ++read; }
      loop.stop();
    }
  };
  constexpr int workers = 4;
  std::atomic<int> read = 0;
  std::atomic<int> ended = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < workers; ++i) {
    threads.emplace_back([&] {
      {
        net::Loop own;
        asio::co_spawn(own.executor(), Story::tell(*remote_, keys, own, read),
                       [](const std::exception_ptr& failure) { EXPECT_EQ(failure, nullptr); });
        own.run();
      }
      if (++ended == workers) {
        loop.post([this] { loop.stop(); });
      }
    });
  }
  loop.run();
  for (std::thread& thread : threads) { thread.join(); }
  EXPECT_EQ(read, workers);
}

TEST_F(RemoteKeysTest, NothingIsFetchedAfterTheEnd) {
  const HttpServer server([](const std::string&) { return Reply{.bytes = {}, .then = Reply::Then::stall}; });
  const proof::Keys keys = keys_at(server.port());
  remote().keep({keys});
  EXPECT_FALSE(ask_again(keys, 20ms));
  remote_->stop();
  EXPECT_FALSE(ask_again(keys));
  remote_.reset();
  EXPECT_TRUE(news_.empty()) << news_.front();
}

TEST_F(RemoteKeysTest, MayGoBeforeItHasBegun) {
  const test::DeadPort dead;
  remote().keep({keys_at(dead.port())});
  remote_.reset();
  EXPECT_TRUE(news_.empty());
}

TEST_F(RemoteKeysTest, WhoeverAsksIsToldWhenItIsNotKeptAnyMore) {
  const HttpServer server([](const std::string&) { return Reply{.bytes = {}, .then = Reply::Then::stall}; });
  const proof::Keys keys = keys_at(server.port());
  remote().keep({keys});
  std::optional<bool> said;
  asio::co_spawn(loop.executor(), asking(keys, never, said),
                 [](const std::exception_ptr& failure) { EXPECT_EQ(failure, nullptr); });
  run(until_asked(server));
  remote_->keep({});
  run(until_said(said));
  EXPECT_EQ(said, false);
}

}  // namespace
}  // namespace bascule::auth
