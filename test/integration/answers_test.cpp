// Every answer that is no 101: its status, its length, and that nothing is spliced behind it.
#include <gtest/gtest.h>

#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

constexpr std::size_t mib = 1024 * 1024;

TEST(Answers, EveryRefusalHasItsStatusAndLengthAndNothingIsSplicedBehindIt) {
  TemporaryFolder folder;
  folder.write("index.html", "a page");
  Listener service;
  BasculeProcess bascule(one_route(service.port()) +
                         "  - {name: pages, path: /pages/*, auth: none, files: {folder: " + folder.path("") + "}}\n" +
                         "  - {name: named, host: named.example, path: /ws, auth: none, to: \"echo:\"}\n");
  const std::string good = upgrade_request("/ws", bascule.port());
  const std::string host = fmt::format("Host: 127.0.0.1:{}\r\n", bascule.port());
  struct Case {
    int status;
    std::string refusal;
    std::string request;
  };
  const std::vector<Case> cases{
      {400, "malformed_head", replaced(good, "\r\nUpgrade", "\nUpgrade")},
      {400, "malformed_head", replaced(good, host, "")},
      {400, "malformed_head", replaced(good, host, host + "Host: b\r\n")},
      {400, "malformed_upgrade", replaced(good, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")},
      {400, "malformed_upgrade", replaced(good, "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")},
      {400, "malformed_upgrade", replaced(good, "\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nabc")},
      {400, "subprotocol_unknown", replaced(good, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n")},
      {403, "foreign_origin", replaced(good, "\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n")},
      {403, "foreign_origin", replaced(good, "\r\n\r\n", "\r\nOrigin: null\r\n\r\n")},
      {404, "no_route", replaced(good, "/ws", "/elsewhere")},
      {404, "no_such_file", "GET /pages/missing HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"},
      {400, "malformed_head", "GET /pages/%2e%2e/secret HTTP/1.1\r\n" + host + "\r\n"},
      {405, "method_not_allowed", replaced(good, "GET", "POST")},
      {405, "method_not_allowed", "DELETE /pages/index.html HTTP/1.1\r\n" + host + "\r\n"},
      {414, "target_too_long", "GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n" + host + "\r\n"},
      {421, "unknown_host", replaced(good, host, "Host: evil.example\r\n")},
      {426, "not_an_upgrade", "GET /ws HTTP/1.1\r\n" + host + "\r\n"},
      {426, "other_version", replaced(good, "Version: 13", "Version: 8")},
      {431, "head_too_large", replaced(good, "\r\n\r\n", "\r\nX: " + std::string(30000, 'x') + "\r\n\r\n")},
      {505, "version_not_ours", "GET /ws HTTP/2.0\r\n" + host + "\r\n"},
  };
  std::size_t refused = 0;
  for (const Case& one : cases) {
    Socket client = Socket::connect(bascule.port());
    // Behind it everything that a session would begin with, and more than fits into any buffer.
    client.try_send(one.request + client_frame(op_binary, "smuggled") + good);
    const HttpAnswer answer = read_answer(client);
    EXPECT_EQ(answer.status, one.status) << one.request.substr(0, 300) << answer.head;
    EXPECT_NE(answer.head.find("content-length: " + std::to_string(answer.body.size())), std::string::npos);
    EXPECT_NE(answer.head.find("connection: "), std::string::npos);
    EXPECT_EQ(answer.body.find("smuggled"), std::string::npos);
    EXPECT_EQ(client.receive_all(), "") << "nothing may follow";
    EXPECT_FALSE(client.was_reset()) << "the answer must not be destroyed by a reset";
    ++refused;
    const auto line = bascule.line([&](const auto& it) { return it.value("id", 0U) == refused; });
    EXPECT_EQ(line.value("refusal", ""), one.refusal) << line;
    EXPECT_EQ(line.value("status", 0), one.status);
  }
  EXPECT_FALSE(service.someone_waits()) << "a refused request must not reach the service";
}

TEST(Answers, A405NamesWhatIsAllowedAnd426WhatToUpgradeTo) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  const std::string good = upgrade_request("/ws", bascule.port());
  EXPECT_NE(http(bascule.port(), replaced(good, "GET", "PUT")).head.find("\r\nallow: get\r\n"), std::string::npos);
  const HttpAnswer answer = http(bascule.port(), replaced(good, "Version: 13", "Version: 99"));
  EXPECT_NE(answer.head.find("\r\nsec-websocket-version: 13\r\n"), std::string::npos);
  EXPECT_NE(answer.head.find("\r\nupgrade: websocket\r\n"), std::string::npos);
}

TEST(Answers, ARefusalArrivesThoughMegabytesFollowTheRequest) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  Socket client = Socket::connect(bascule.port());
  client.try_send("POST /ws HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4194304\r\n\r\n" +
                  std::string(4 * mib, 'x'));
  EXPECT_EQ(read_answer(client).status, 405);
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(client.was_reset());
}

TEST(Answers, AnUnreachableServiceIs502AndNo101) {
  const DeadPort dead;
  BasculeProcess bascule(one_route(dead.port()));
  WsClient client(bascule.port(), "/ws");
  EXPECT_EQ(client.status(), 502);
  const auto record = bascule.record("route");
  EXPECT_EQ(record.at("refusal"), "service_refused");
  EXPECT_EQ(record.at("phase"), "dial");
}

TEST(Answers, ANameWithoutAddressIs502) {
  BasculeProcess bascule(
      "listen: 127.0.0.1:0\n"
      "routes: [{name: route, path: /ws, auth: none, to: \"no-such-host.invalid:1\"}]\n");
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 502);
  EXPECT_EQ(bascule.record("route").at("refusal"), "service_unresolved");
}

TEST(Answers, AServiceThatDoesNotAnswerInTimeIs504) {
  // A listener whose queue is full drops what else comes, as a filter in the network would.
  Listener full(0);
  std::vector<Socket> in_the_queue;
  in_the_queue.push_back(Socket::connect(full.port()));
  BasculeProcess bascule(one_route(full.port(), "timeouts: {connect: 200ms}"));
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 504);
  EXPECT_EQ(bascule.record("route").at("refusal"), "service_timeout");
}

TEST(Answers, ATrickledHeadIs408AtItsDeadlineAndSilenceIsLeftWithoutAWord) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "timeouts: {head: 200ms}"));
  Socket slow = Socket::connect(bascule.port());
  slow.send("GET /ws HT");
  EXPECT_EQ(read_answer(slow).status, 408);
  Socket silent = Socket::connect(bascule.port());
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_FALSE(silent.was_reset());
}

TEST(Answers, ARouteThatIsFullIs503WithRetryAfterUntilSomebodyLeaves) {
  BasculeProcess bascule(
      "listen: 127.0.0.1:0\n"
      "routes: [{name: route, path: /ws, auth: none, to: \"echo:\", limits: {sessions: 2}}]\n");
  WsClient first(bascule.port(), "/ws");
  WsClient second(bascule.port(), "/ws");
  WsClient third(bascule.port(), "/ws");
  EXPECT_EQ(first.status(), 101);
  EXPECT_EQ(second.status(), 101);
  EXPECT_EQ(third.status(), 503);
  EXPECT_NE(third.head().find("retry-after: "), std::string::npos);
  first.socket().send(client_close(1000));
  EXPECT_EQ(first.receive_close().close_code(), 1000);
  first.socket().close();
  bascule.line([](const auto& line) { return line.value("event", "") == "session"; });
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 101);
}

TEST(Answers, PagesAreServedOneAfterAnotherAndTheSameConnectionBecomesASession) {
  TemporaryFolder folder;
  folder.write("index.html", "<p>hello</p>");
  const std::string big = random_bytes(3 * mib, 1);
  folder.write("big.bin", big);
  BasculeProcess bascule(
      "listen: 127.0.0.1:0\n"
      "routes:\n"
      "  - {name: route, path: /ws, auth: none, to: \"echo:\"}\n"
      "  - {name: pages, path: \"/*\", auth: none, files: {folder: " +
      folder.path("") + "}}\n");
  Socket client = Socket::connect(bascule.port());
  const auto get = [&](const std::string& path) {
    client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return read_answer(client);
  };
  EXPECT_EQ(get("/").body, "<p>hello</p>");
  EXPECT_EQ(get("/missing").status, 404) << "and the connection goes on";
  EXPECT_EQ(get("/big.bin").body, big);
  client.send(upgrade_request("/ws", bascule.port()));
  EXPECT_EQ(read_answer(client).status, 101);
  client.send(client_frame(op_text, "still here"));
  EXPECT_EQ(client.receive_exactly(12), "\x81\x0astill here");
}

TEST(Answers, PipelinedRequestsForPagesAreAnsweredInOrder) {
  TemporaryFolder folder;
  folder.write("a.txt", "first");
  folder.write("b.txt", "second");
  BasculeProcess bascule(
      "listen: 127.0.0.1:0\n"
      "routes: [{name: pages, path: \"/*\", auth: none, files: {folder: " +
      folder.path("") + "}}]\n");
  Socket client = Socket::connect(bascule.port());
  client.send(
      "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /b.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string all = client.receive_all();
  EXPECT_LT(all.find("first"), all.find("second"));
  EXPECT_NE(all.find("second"), std::string::npos);
}

}  // namespace
}  // namespace bascule::test
