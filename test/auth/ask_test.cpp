#include "proxy/auth/ask.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "test/auth/http_server.hpp"
#include "test/net/loop_fixture.hpp"
#include "test/support/sockets.hpp"

namespace bascule::auth {
namespace {

using namespace std::chrono_literals;
using net::Async;
using test::HttpServer;
using test::reply;
using test::Reply;
using ::testing::HasSubstr;
using ::testing::Not;

class AskTest : public net::LoopTest {
 protected:
  AskTest() {
    head_.method = "GET";
    head_.target = "/desk/7?x=1";
    head_.fields = {{"host", "desk.example.org"}, {"cookie", "session=abc"}, {"user-agent", "Mozilla/5.0"}};
    presented_.head = &head_;
    presented_.host = "desk.example.org";
    presented_.path = "/desk/7";
    presented_.query = "x=1";
    presented_.route = "desk";
    presented_.client = Address::ipv4({192, 0, 2, 7}, 50123);
    presented_.own_origin = "https://desk.example.org";
  }

  proof::Ask at(std::uint16_t port) const {
    proof::Ask how;
    how.url = {.secure = false, .host = "127.0.0.1", .port = port, .target = "/verify"};
    how.pass = {"cookie", "authorization"};
    how.user_from = "x-user";
    how.groups_from = "x-groups";
    how.timeout = 20s;
    return how;
  }

  Asked asked(const proof::Ask& how, Memory memory = Memory::use) {
    proof::Proof proof{.name = "sso", .how = how};
    std::optional<Asked> outcome;
    run(story(std::make_shared<const proof::Proof>(std::move(proof)), memory, outcome));
    return std::move(*outcome);
  }

  Async<void> story(std::shared_ptr<const proof::Proof> proof, Memory memory, std::optional<Asked>& into) {
    net::Waiter waiter(loop);
    if (stop_at_once_) { waiter.stop(); }
    auto outcome = co_await ask(client_, remembered_, waiter, proof, presented_, memory, deadline_);
    into.emplace(std::move(outcome));
  }

  static std::string text_of(const Asked& outcome) {
    if (const auto* yes = std::get_if<AskedYes>(&outcome)) {
      std::string text = "yes: " + yes->identity.user;
      for (const std::string& group : yes->identity.groups) { text += " " + group; }
      return text;
    }
    if (const auto* no = std::get_if<AskedNo>(&outcome)) {
      return fmt::format("no{}: {}", no->forbidden ? ", forbidden" : "", no->challenge);
    }
    return "in vain: " + std::get<AskedInVain>(outcome).why;
  }

  std::string told(const proof::Ask& how, Memory memory = Memory::use) { return text_of(asked(how, memory)); }

  wire::http::RequestHead head_;
  proof::Presented presented_;
  TimePoint deadline_ = never;
  bool stop_at_once_ = false;
  net::Resolver resolver_{net::Resolver::Options{}, [](const std::string&) { return net::Resolved{}; }};
  HttpClient client_{loop, resolver_};
  Remembered remembered_;
};

TEST_F(AskTest, AYesTellsWhoItIs) {
  const HttpServer server([](const std::string&) {
    return reply(200, "X-User: ada\r\nX-Groups: staff, ops\r\nX-Target: desk-7.lan:5900\r\n", "welcome");
  });
  proof::Ask how = at(server.port());
  how.target_from = "x-target";
  const Asked outcome = asked(how);
  EXPECT_EQ(text_of(outcome), "yes: ada staff ops");
  const proof::Identity& identity = std::get<AskedYes>(outcome).identity;
  EXPECT_EQ(identity.target, "desk-7.lan:5900");
  ASSERT_EQ(identity.by.size(), 1U);
  EXPECT_EQ(identity.by[0]->name, "sso");
}

TEST_F(AskTest, AnyAnswerOf200To299IsAYes) {
  for (const int status : {200, 202, 204, 299}) {
    const HttpServer server([&](const std::string&) {
      return Reply{.bytes = fmt::format("HTTP/1.1 {} x\r\nX-User: ada\r\n{}\r\n", status,
                                        status == 204 ? "" : "Content-Length: 0\r\n")};
    });
    EXPECT_EQ(told(at(server.port())), "yes: ada") << status;
  }
}

TEST_F(AskTest, TellsTheAuthorizerWhatItIsAbout) {
  const HttpServer server([](const std::string&) { return reply(200); });
  told(at(server.port()));
  const std::string head = server.heads().at(0);
  EXPECT_THAT(head, ::testing::StartsWith("GET /verify HTTP/1.1\r\n"));
  for (const char* line :
       {"cookie: session=abc", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Method: GET", "X-Forwarded-Proto: https",
        "X-Forwarded-Host: desk.example.org", "X-Forwarded-Uri: /desk/7?x=1", "X-Original-Method: GET",
        "X-Original-URL: https://desk.example.org/desk/7?x=1"}) {
    EXPECT_THAT(head, HasSubstr(fmt::format("\r\n{}\r\n", line)));
  }
  EXPECT_THAT(head, Not(HasSubstr("Mozilla"))) << "only what is to be passed on";
}

TEST_F(AskTest, AVisitorCannotSpeakForUs) {
  const HttpServer server([](const std::string&) { return reply(200); });
  proof::Ask how = at(server.port());
  const std::vector<std::string> forged{"x-forwarded-for",
                                        "x-forwarded-host",
                                        "x-forwarded-proto",
                                        "x-forwarded-uri",
                                        "x-original-url",
                                        "x-forwarded-method",
                                        "x-original-method",
                                        "forwarded",
                                        "host",
                                        "connection",
                                        "content-length",
                                        "transfer-encoding",
                                        "upgrade"};
  for (const std::string& name : forged) {
    head_.fields.push_back({name, "forged"});
    how.pass.push_back(name);
  }
  told(how);
  EXPECT_THAT(server.heads().at(0), Not(HasSubstr("forged")));
  EXPECT_THAT(server.heads().at(0), HasSubstr("cookie: session=abc"));
}

// The target may be a whole URL, and the own origin that of a public_url: what counts is what was judged.
TEST_F(AskTest, TellsWhatIsServedAndNotWhatWasWritten) {
  const HttpServer server([](const std::string&) { return reply(200); });
  head_.target = "http://evil.test?/elsewhere";
  presented_.host = "desk.lan:6080";
  presented_.path = "/";
  presented_.query = "/elsewhere";
  told(at(server.port()));
  EXPECT_THAT(server.heads().at(0),
              HasSubstr("\r\nX-Forwarded-Host: desk.lan:6080\r\nX-Forwarded-Uri: /?/elsewhere\r\n"));
  EXPECT_THAT(server.heads().at(0), HasSubstr("\r\nX-Original-URL: https://desk.lan:6080/?/elsewhere\r\n"));
  presented_.query = {};
  told(at(server.port()), Memory::fresh);
  EXPECT_THAT(server.heads().at(1), HasSubstr("\r\nX-Forwarded-Uri: /\r\n"));
}

TEST_F(AskTest, A401BringsItsChallenge) {
  const HttpServer server([](const std::string&) {
    return reply(401, "X-User: ada\r\nWWW-Authenticate: Bearer realm=\"sso\"\r\nWWW-Authenticate: Basic\r\n", "log in");
  });
  EXPECT_EQ(told(at(server.port())), "no: Bearer realm=\"sso\"");
}

TEST_F(AskTest, AChallengeIsPassedOnOnlyWhereItIsClean) {
  for (const std::string& challenge :
       {std::string(1025, 'x'), std::string("Basic realm=\"caf\xc3\xa9\""), std::string("Basic\trealm")}) {
    const HttpServer server(
        [&](const std::string&) { return reply(401, fmt::format("WWW-Authenticate: {}\r\n", challenge)); });
    EXPECT_EQ(told(at(server.port())), "no: ");
  }
}

TEST_F(AskTest, A403ForbidsAndBringsNoChallenge) {
  const HttpServer server([](const std::string&) { return reply(403, "WWW-Authenticate: Basic\r\n"); });
  EXPECT_EQ(told(at(server.port())), "no, forbidden: ");
}

TEST_F(AskTest, WhateverElseIsInVain) {
  for (const int status : {302, 400, 404, 407, 500, 503}) {
    const HttpServer server([&](const std::string&) { return reply(status, "X-User: ada\r\nLocation: /\r\n"); });
    EXPECT_EQ(told(at(server.port())),
              fmt::format("in vain: http://127.0.0.1:{}/verify: answered {}", server.port(), status));
  }
  const HttpServer giant([](const std::string&) { return reply(200, "X-User: ada\r\n", std::string(100'000, 'x')); });
  EXPECT_THAT(told(at(giant.port())), HasSubstr("in vain: "));
  const test::DeadPort dead;
  EXPECT_THAT(told(at(dead.port())), HasSubstr("Connection refused"));
}

TEST_F(AskTest, ADeadlineEndsIt) {
  const HttpServer server(
      [](const std::string&) { return Reply{.bytes = "HTTP/1.1 200", .then = Reply::Then::stall}; });
  proof::Ask how = at(server.port());
  how.timeout = 30ms;
  EXPECT_THAT(told(how), HasSubstr("in vain: ")) << "its own";
  how.timeout = 60s;
  deadline_ = loop.now() + 30ms;
  EXPECT_THAT(told(how), HasSubstr("no answer in time")) << "that of whoever asks";
}

TEST_F(AskTest, TellsThatItWasStopped) {
  const HttpServer server([](const std::string&) { return reply(200); });
  stop_at_once_ = true;
  const Asked outcome = asked(at(server.port()));
  ASSERT_TRUE(std::holds_alternative<AskedInVain>(outcome));
  EXPECT_TRUE(std::get<AskedInVain>(outcome).stopped);
}

TEST_F(AskTest, GoesOnWithAServerThatWasStartedAgain) {
  std::atomic<int> count = 0;
  const HttpServer server([&](const std::string&) {
    return ++count == 2 ? Reply{.bytes = {}, .then = Reply::Then::hang_up} : reply(200, "X-User: ada\r\n");
  });
  EXPECT_EQ(told(at(server.port()), Memory::fresh), "yes: ada");
  EXPECT_EQ(told(at(server.port()), Memory::fresh), "yes: ada");
  EXPECT_EQ(server.visits(), 2) << "connections are kept";
}

// --- what is remembered ----------------------------------------------------------------------------------------------

TEST_F(AskTest, AYesIsAskedForOnce) {
  const HttpServer server([](const std::string&) { return reply(200, "X-User: ada\r\n"); });
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(told(at(server.port())), "yes: ada"); }
  EXPECT_EQ(server.requests(), 1U);
  EXPECT_EQ(told(at(server.port()), Memory::fresh), "yes: ada");
  EXPECT_EQ(server.requests(), 2U);
}

TEST_F(AskTest, NothingIsRememberedWithoutACache) {
  const HttpServer server([](const std::string&) { return reply(200, "X-User: ada\r\n"); });
  proof::Ask how = at(server.port());
  how.cache = 0ms;
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(told(how), "yes: ada"); }
  EXPECT_EQ(server.requests(), 3U);
  EXPECT_EQ(told(at(server.port())), "yes: ada");
  EXPECT_EQ(server.requests(), 4U) << "not even for somebody else";
}

TEST_F(AskTest, OnlyAYesIsRemembered) {
  std::atomic<int> status = 403;
  const HttpServer server([&](const std::string&) { return reply(status, "X-User: ada\r\n"); });
  EXPECT_EQ(told(at(server.port())), "no, forbidden: ");
  status = 500;
  EXPECT_THAT(told(at(server.port())), HasSubstr("in vain"));
  status = 200;
  EXPECT_EQ(told(at(server.port())), "yes: ada");
}

TEST_F(AskTest, ANoForgetsTheYes) {
  std::atomic<int> status = 200;
  const HttpServer server([&](const std::string&) { return reply(status, "X-User: ada\r\n"); });
  EXPECT_EQ(told(at(server.port())), "yes: ada");
  status = 401;
  EXPECT_EQ(told(at(server.port()), Memory::fresh), "no: ");
  EXPECT_EQ(told(at(server.port())), "no: ");
}

TEST_F(AskTest, AnotherQuestionIsAskedForItself) {
  const HttpServer server([](const std::string&) { return reply(200, "X-User: ada\r\nX-Other: bob\r\n"); });
  const proof::Ask how = at(server.port());
  const auto ask_and_restore = [&](const std::string& what, std::size_t requests) {
    EXPECT_THAT(told(how), HasSubstr("yes: ")) << what;
    EXPECT_EQ(server.requests(), requests) << what;
  };
  ask_and_restore("the first", 1);
  const auto head = head_;
  head_.fields[1].value = "session=abd";
  ask_and_restore("another cookie", 2);
  head_ = head;
  head_.fields.push_back({"authorization", "Bearer x"});
  ask_and_restore("a credential beside it", 3);
  head_ = head;
  presented_.path = "/desk/8";
  ask_and_restore("another path", 4);
  presented_.path = "/desk/7";
  head_.method = "POST";
  ask_and_restore("another method", 5);
  head_ = head;
  presented_.host = "other.example.org";
  ask_and_restore("another host", 6);
  presented_.host = "desk.example.org";
  presented_.client = Address::ipv4({192, 0, 2, 8}, 50123);
  ask_and_restore("another client", 7);
  presented_.client = Address::ipv4({192, 0, 2, 7}, 50124);
  ask_and_restore("the first, from another port", 7);
  head_.fields[2].value = "Opera";
  ask_and_restore("a field that is not passed on", 7);

  proof::Ask others = how;
  others.user_from = "x-other";
  EXPECT_EQ(told(others), "yes: bob") << "another field names the user";
}

}  // namespace
}  // namespace bascule::auth
