#include "proxy/auth/http_client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <utility>

#include "test/auth/http_server.hpp"
#include "test/net/loop_fixture.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::auth {
namespace {

using namespace std::chrono_literals;
using net::Async;
using test::HttpServer;
using test::reply;
using test::Reply;
using ::testing::HasSubstr;
using Outcome = Result<HttpAnswer, HttpFailure>;

class HttpClientTest : public net::LoopTest {
 protected:
  HttpClient::Request to(std::uint16_t port, const std::string& target = "/verify") const {
    HttpClient::Request request;
    request.url = {.secure = false, .host = "127.0.0.1", .port = port, .target = target};
    request.deadline = loop.now() + 20s;
    return request;
  }

  Outcome get(const HttpClient::Request& request) {
    std::optional<Outcome> outcome;
    run(story(request, outcome));
    return std::move(*outcome);
  }

  Async<void> story(const HttpClient::Request& request, std::optional<Outcome>& outcome) {
    net::Waiter waiter(loop);
    if (stop_at_once_) { waiter.stop(); }
    auto answer = co_await client_.get(waiter, request);
    outcome.emplace(std::move(answer));
  }

  std::string why(const HttpClient::Request& request) {
    const Outcome outcome = get(request);
    return outcome ? fmt::format("answered {}", outcome->status) : outcome.error().why;
  }

  bool stop_at_once_ = false;
  net::Resolver resolver_{net::Resolver::Options{}, [](const std::string& name) {
                            const Address found = Address::ipv4({127, 0, 0, 1}, 0);
                            return name == "auth.test" ? net::Resolved{net::Resolved::How::found, {found}, {}}
                                                       : net::Resolved{net::Resolved::How::unknown, {}, "no such name"};
                          }};
  HttpClient client_{loop, resolver_};
};

TEST_F(HttpClientTest, AsksAndReadsTheAnswer) {
  const HttpServer server([](const std::string&) { return reply(200, "X-User: ada\r\nX-Last: 1\r\n", "hello"); });
  HttpClient::Request request = to(server.port(), "/verify?a=b");
  request.fields = {{"Cookie", "a=1"}, {"Cookie", "b=2"}};
  const Outcome answer = get(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello");
  ASSERT_NE(answer->find("x-user"), nullptr);
  EXPECT_EQ(*answer->find("x-user"), "ada");
  EXPECT_EQ(answer->find("x-nobody"), nullptr);
  EXPECT_EQ(server.heads().at(0), fmt::format("GET /verify?a=b HTTP/1.1\r\n"
                                              "Host: 127.0.0.1:{}\r\n"
                                              "Connection: keep-alive\r\n"
                                              "Accept: */*\r\n"
                                              "User-Agent: bascule\r\n"
                                              "Cookie: a=1\r\n"
                                              "Cookie: b=2\r\n",
                                              server.port()));
}

TEST_F(HttpClientTest, SaysNothingTwice) {
  const HttpServer server([](const std::string&) { return reply(200); });
  HttpClient::Request request = to(server.port());
  request.fields = {{"accept", "text/plain"}, {"User-Agent", "somebody"}};
  ASSERT_TRUE(get(request).ok());
  EXPECT_THAT(server.heads().at(0), ::testing::Not(HasSubstr("*/*")));
  EXPECT_THAT(server.heads().at(0), ::testing::Not(HasSubstr("bascule")));
}

TEST_F(HttpClientTest, LooksNamesUp) {
  const HttpServer server([](const std::string&) { return reply(204); });
  HttpClient::Request request = to(server.port());
  request.url.host = "auth.test";
  EXPECT_EQ(why(request), "answered 204");
  EXPECT_THAT(server.heads().at(0), HasSubstr(fmt::format("Host: auth.test:{}\r\n", server.port())));
  request.url.host = "elsewhere.test";
  EXPECT_EQ(why(request), "elsewhere.test: no such name");
}

TEST_F(HttpClientTest, UsesAConnectionAgain) {
  const HttpServer server([](const std::string&) { return reply(200, {}, "ok"); });
  for (int i = 0; i < 5; ++i) { EXPECT_TRUE(get(to(server.port())).ok()); }
  EXPECT_EQ(server.requests(), 5U);
  EXPECT_EQ(server.visits(), 1);
  EXPECT_EQ(client_.idle_count(), 1U);
  client_.close_idle();
  EXPECT_EQ(client_.idle_count(), 0U);
  EXPECT_TRUE(get(to(server.port())).ok());
  EXPECT_EQ(server.visits(), 2);
}

TEST_F(HttpClientTest, UsesNoConnectionAgainThatIsOver) {
  struct Case {
    Reply reply;
    std::string what;
  };
  for (const Case& it : std::vector<Case>{
           {reply(200, "Connection: close\r\n"), "it says so"},
           {{.bytes = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"}, "HTTP/1.0"},
           {{.bytes = "HTTP/1.1 200 OK\r\n\r\nuntil the end", .then = Reply::Then::hang_up}, "it lasts until the end"},
           {{.bytes = reply(200).bytes + "HTTP/1.1 200 OK\r\n"}, "something follows that nobody asked for"}}) {
    const HttpServer server([&](const std::string&) { return it.reply; });
    EXPECT_TRUE(get(to(server.port())).ok()) << it.what;
    EXPECT_TRUE(get(to(server.port())).ok()) << it.what;
    EXPECT_EQ(server.visits(), 2) << it.what;
  }
}

// The server gives up a kept connection in the very moment in which it is used.
TEST_F(HttpClientTest, AsksOnceMoreWhereAKeptConnectionTurnsOutToBeDead) {
  std::atomic<int> heads = 0;
  const HttpServer server(
      [&](const std::string&) { return ++heads == 2 ? Reply{.bytes = {}, .then = Reply::Then::hang_up} : reply(200); });
  EXPECT_EQ(why(to(server.port())), "answered 200");
  EXPECT_EQ(why(to(server.port())), "answered 200");
  EXPECT_EQ(server.requests(), 3U);
  EXPECT_EQ(server.visits(), 2);
}

TEST_F(HttpClientTest, AsksOnceMoreOnlyOnce) {
  std::atomic<int> heads = 0;
  const HttpServer server(
      [&](const std::string&) { return ++heads >= 2 ? Reply{.bytes = {}, .then = Reply::Then::hang_up} : reply(200); });
  EXPECT_EQ(why(to(server.port())), "answered 200");
  EXPECT_EQ(why(to(server.port())), fmt::format("127.0.0.1:{}: the connection broke without an answer", server.port()));
  EXPECT_EQ(server.requests(), 3U);
}

TEST_F(HttpClientTest, DoesNotAskAgainWhereAnAnswerHasBegun) {
  std::atomic<int> heads = 0;
  const HttpServer server([&](const std::string&) {
    return ++heads == 2 ? Reply{.bytes = "HTTP/1.1 2", .then = Reply::Then::hang_up} : reply(200);
  });
  EXPECT_EQ(why(to(server.port())), "answered 200");
  EXPECT_THAT(why(to(server.port())), HasSubstr("the connection ended in the middle of the answer"));
  EXPECT_EQ(server.requests(), 2U);
}

TEST_F(HttpClientTest, HoldsTheDeadline) {
  const HttpServer server([](const std::string& head) {
    const bool begins = head.starts_with("GET /begin");
    return Reply{.bytes = begins ? "HTTP/1.1 200 OK\r\n" : "", .then = Reply::Then::stall};
  });
  for (const char* target : {"/begin", "/silent"}) {
    HttpClient::Request request = to(server.port(), target);
    request.deadline = loop.now() + 50ms;
    EXPECT_EQ(why(request), fmt::format("127.0.0.1:{}: no answer in time", server.port()));
  }
  EXPECT_EQ(client_.idle_count(), 0U);
}

TEST_F(HttpClientTest, StopsWhenItIsTold) {
  const HttpServer server([](const std::string&) { return reply(200); });
  stop_at_once_ = true;
  const Outcome outcome = get(to(server.port()));
  ASSERT_FALSE(outcome.ok());
  EXPECT_TRUE(outcome.error().stopped);
}

TEST_F(HttpClientTest, TellsWhatWentWrong) {
  const test::DeadPort dead;
  EXPECT_EQ(why(to(dead.port())), fmt::format("127.0.0.1:{}: Connection refused", dead.port()));
  const HttpServer odd([](const std::string&) { return Reply{.bytes = "220 mail.example.org ESMTP\r\n"}; });
  EXPECT_EQ(why(to(odd.port())), fmt::format("127.0.0.1:{}: not an answer of HTTP/1.1", odd.port()));
}

TEST_F(HttpClientTest, BoundsTheBody) {
  const std::string giant(100'000, 'x');
  const HttpServer server([&](const std::string&) { return reply(200, {}, giant); });
  EXPECT_EQ(why(to(server.port())), fmt::format("127.0.0.1:{}: the body is too large", server.port()));
  HttpClient::Request request = to(server.port());
  request.body_bytes_max = giant.size();
  const Outcome answer = get(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, giant);
}

TEST_F(HttpClientTest, SendsNothingThatWouldBeTwoRequests) {
  const HttpServer server([](const std::string&) { return reply(200); });
  const std::string refused = "a request that HTTP cannot carry";
  for (const std::string& bad : {std::string("a\r\nX-User: root"), std::string("a\nb"), std::string("a\0b", 3),
                                 std::string("a\rb"), std::string("\x7f")}) {
    HttpClient::Request request = to(server.port());
    request.fields = {{"Cookie", bad}};
    EXPECT_EQ(why(request), refused) << testing::PrintToString(bad);
    request.fields = {{bad, "x"}};
    EXPECT_EQ(why(request), refused) << testing::PrintToString(bad);
    EXPECT_EQ(why(to(server.port(), "/" + bad)), refused) << testing::PrintToString(bad);
    request = to(server.port());
    request.url.host = bad;
    EXPECT_EQ(why(request), refused) << testing::PrintToString(bad);
  }
  EXPECT_EQ(why(to(server.port(), "/a b")), refused);
  EXPECT_EQ(why(to(server.port(), "")), refused);
  EXPECT_EQ(server.visits(), 0);
}

// More than the sockets hold, to a server that answers before it has read it.
TEST_F(HttpClientTest, TakesAnAnswerThatComesBeforeTheRequestHasBeenSent) {
  const test::LoopbackServer server([](test::Socket& visitor) {
    visitor.receive(1);
    visitor.send(reply(401).bytes);
    visitor.receive_all();
  });
  HttpClient::Request request = to(server.port());
  request.fields = {{"Cookie", std::string(20'000'000, 'x')}};
  EXPECT_EQ(why(request), "answered 401");
  EXPECT_EQ(client_.idle_count(), 0U) << "the rest of the request would be taken for the next";
}

// --- TLS -------------------------------------------------------------------------------------------------------------

TEST_F(HttpClientTest, AsksOverTls) {
  const test::TemporaryFolder folder;
  const test::Authority authority;
  const test::Certified certified = authority.certify({.names = "DNS:auth.test"});
  const HttpServer server([](const std::string&) { return reply(200, {}, "ok"); }, &certified);
  HttpClient::Request request = to(server.port());
  request.url.secure = true;
  request.url.host = "auth.test";
  request.authorities = folder.write("authority.pem", authority.pem());
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(why(request), "answered 200"); }
  EXPECT_EQ(server.visits(), 1) << "connections are kept here, too";

  const std::string there = fmt::format(":{}: ", server.port());
  request.url.host = "127.0.0.1";
  EXPECT_EQ(why(request), "127.0.0.1" + there + "certificate: IP address mismatch");
  request.url.host = "auth.test";
  request.authorities = folder.write("another.pem", test::Authority("another").pem());
  EXPECT_EQ(why(request), "auth.test" + there + "certificate: unable to get local issuer certificate")
      << "a connection that was verified by other authorities is not taken";
  request.authorities = folder.path("missing.pem");
  EXPECT_THAT(why(request), HasSubstr("missing.pem"));
}

TEST_F(HttpClientTest, TakesABodyThatIsCutForNoAnswer) {
  const test::TemporaryFolder folder;
  const test::Authority authority;
  const test::Certified certified = authority.certify({.names = "IP:127.0.0.1"});
  const HttpServer server(
      [](const std::string&) {
        return Reply{.bytes = "HTTP/1.1 200 OK\r\n\r\n{\"keys\":", .then = Reply::Then::hang_up};
      },
      &certified);
  HttpClient::Request request = to(server.port());
  request.url.secure = true;
  request.authorities = folder.write("authority.pem", authority.pem());
  EXPECT_EQ(why(request), fmt::format("127.0.0.1:{}: the connection broke in the middle of its answer", server.port()));
}

}  // namespace
}  // namespace bascule::auth
