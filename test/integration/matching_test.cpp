// Which route a request leads to, and who may take it, over the wire.
#include <gtest/gtest.h>

#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

int status_of(std::uint16_t port, const std::string& request) {
  return WsClient(Socket::connect(port), request).status();
}

// Each route has a service of its own kind of answer: its subprotocol.
std::string led_to(std::uint16_t port, const std::string& request) {
  const WsClient client(Socket::connect(port), request);
  if (client.status() != 101) { return std::to_string(client.status()); }
  const std::size_t at = client.head().find("Sec-WebSocket-Protocol: ");
  return at == std::string::npos ? "none" : client.head().substr(at + 24, client.head().find('\r', at) - at - 24);
}

std::string route(const std::string& name, const std::string& keys) {
  return fmt::format("  - {{name: {0}, auth: none, to: \"echo:\", origins: any, subprotocols: [{0}, x], {1}}}\n", name,
                     keys);
}

TEST(Matching, HostPathAndConditionsLeadToARoute) {
  BasculeProcess bascule("listen: 127.0.0.1:0\nroutes:\n" +
                         route("beta", "path: /app, match: {query: {version: [\"2\", \"3\"]}, cookie: {lane: beta}}") +
                         route("eu", "path: /app, match: {header: {x-region: eu}}") +
                         route("spoken", "path: /app, match: {subprotocol: spoken}") + route("plain", "path: /app") +
                         route("number", "path: \"/desk/{id:[0-9]+}\"") + route("word", "path: \"/desk/{id}\"") +
                         route("below", "path: /desk/*") +
                         route("named", "host: [desk.example.org, \"*.rooms.example.org\"], path: /*") +
                         route("other", "host: any, path: /anyhost"));
  const auto ask = [&](const std::string& host, const std::string& path, const std::string& fields = {}) {
    // Offers every route's word, so that the answer names the route.
    const std::string offer =
        fields.find("Protocol") != std::string::npos
            ? fields
            : fields + "Sec-WebSocket-Protocol: beta, eu, plain, number, word, below, named, other\r\n";
    return led_to(bascule.port(), upgrade_at(host, path, offer));
  };
  EXPECT_EQ(ask("127.0.0.1", "/app"), "plain");
  EXPECT_EQ(ask("127.0.0.1", "/app?version=2", "Cookie: a=b; lane=beta\r\n"), "beta");
  EXPECT_EQ(ask("127.0.0.1", "/app?version=3", "Cookie: lane=beta\r\n"), "beta");
  EXPECT_EQ(ask("127.0.0.1", "/app?version=2"), "plain");
  EXPECT_EQ(ask("127.0.0.1", "/app?version=4&version=2", "Cookie: lane=beta\r\n"), "plain");
  EXPECT_EQ(ask("127.0.0.1", "/app", "X-Region: eu\r\n"), "eu");
  EXPECT_EQ(ask("127.0.0.1", "/app", "Sec-WebSocket-Protocol: spoken\r\n"), "spoken");
  EXPECT_EQ(ask("localhost", "/desk/17"), "number");
  EXPECT_EQ(ask("localhost", "/desk/17a"), "word");
  EXPECT_EQ(ask("[::1]", "/desk/a/b"), "below");
  EXPECT_EQ(ask("desk.example.org", "/whatever"), "named");
  EXPECT_EQ(ask("DESK.example.org.", "/whatever"), "named");
  EXPECT_EQ(ask("a.b.rooms.example.org", "/"), "named");
  EXPECT_EQ(ask("rooms.example.org", "/"), "404") << "the wildcard is for names below it; `any` has another path";
  EXPECT_EQ(ask("elsewhere.example", "/anyhost"), "other");
}

// DNS rebinding: an attacker's name that points at us, with Host and Origin that fit each other, is not ours.
TEST(Matching, ANameThatNobodyWroteIsRefusedHoweverWellItFits) {
  BasculeProcess bascule(one_echo());
  EXPECT_EQ(status_of(bascule.port(), upgrade_at("evil.example", "/ws", "Origin: http://evil.example\r\n")), 421);
  const std::string own = fmt::format("evil.example:{}", bascule.port());
  EXPECT_EQ(status_of(bascule.port(), upgrade_at(own, "/ws", "Origin: http://" + own + "\r\n")), 421);
}

TEST(Matching, ListenersHaveRoutesOfTheirOwn) {
  BasculeProcess bascule(
      "listen:\n  - {name: office, address: 127.0.0.1:0}\n  - {name: yard, address: 127.0.0.1:0}\nroutes:\n" +
      route("inside", "path: /ws, listeners: office") + route("everywhere", "path: /both"));
  const std::string ws = upgrade_at("127.0.0.1", "/ws");
  EXPECT_EQ(status_of(bascule.port_of("office"), ws), 101);
  EXPECT_EQ(status_of(bascule.port_of("yard"), ws), 404);
  EXPECT_EQ(status_of(bascule.port_of("yard"), upgrade_at("127.0.0.1", "/both")), 101);
}

TEST(Matching, AllowIsByAddress) {
  BasculeProcess bascule(one_echo("allow: [{addresses: 127.0.0.2}, {addresses: 10.0.0.0/8}]"));
  const std::string request = upgrade_request("/ws", bascule.port());
  EXPECT_EQ(WsClient(Socket::connect_from("127.0.0.1", bascule.port()), request).status(), 403);
  EXPECT_EQ(WsClient(Socket::connect_from("127.0.0.2", bascule.port()), request).status(), 101);
  const auto record = bascule.record("route");
  EXPECT_EQ(record.value("refusal", ""), "not_allowed");
  EXPECT_EQ(record.value("step", ""), "access");
}

TEST(Matching, AListenerMayTalkToSomeOnly) {
  BasculeProcess bascule(replaced(one_echo(), "127.0.0.1:0", "{address: 127.0.0.1:0, allow: {addresses: 127.0.0.2}}"));
  Socket unwelcome = Socket::connect_from("127.0.0.1", bascule.port());
  unwelcome.try_send(upgrade_request("/ws", bascule.port()));
  EXPECT_EQ(unwelcome.receive_all(), "") << "closed without a word";
  const std::string request = upgrade_request("/ws", bascule.port());
  EXPECT_EQ(WsClient(Socket::connect_from("127.0.0.2", bascule.port()), request).status(), 101);
  const auto record = bascule.line([](const auto& line) { return line.value("event", "") == "refused"; });
  EXPECT_EQ(record.value("refusal", ""), "address_not_welcome");
}

TEST(Matching, WildcardOriginsAreForNamesBelow) {
  BasculeProcess bascule(one_echo("origins: [\"https://*.example.org\"]"));
  const auto from = [&](const std::string& origin) {
    return WsClient(bascule.port(), "/ws", "Origin: " + origin + "\r\n").status();
  };
  EXPECT_EQ(from("https://a.example.org"), 101);
  EXPECT_EQ(from("https://a.b.example.org:443"), 101);
  EXPECT_EQ(from("https://example.org"), 403);
  EXPECT_EQ(from("http://a.example.org"), 403);
  EXPECT_EQ(from("https://a.example.org:8443"), 403);
  EXPECT_EQ(from("https://a.example.org.evil.example"), 403);
  EXPECT_EQ(from("https://evilexample.org"), 403);
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 403) << "written, the list is exact";
}

TEST(Matching, HealthIsAnsweredOnThePublicPort) {
  BasculeProcess bascule(one_echo() + "  - {name: alive, path: /alive, auth: none, answer: health}\n");
  const auto answer = http(bascule.port(), "GET /alive HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok\n");
}

// --- how a no is said ------------------------------------------------------------------------------------------------

TEST(Refusing, EveryRefusalHasAReferenceThatTheLogAndExplainKnow) {
  BasculeProcess bascule(one_echo());
  const auto answer = http(bascule.port(), upgrade_request("/ws", bascule.port(), "Origin: https://evil.example\r\n"));
  EXPECT_EQ(answer.status, 403);
  const auto record = bascule.record("route");
  const std::string reference = record.value("reference", "");
  ASSERT_EQ(reference.size(), 12U);
  EXPECT_NE(answer.body.find("Reference: " + reference), std::string::npos) << answer.body;
  EXPECT_NE(answer.head.find("bascule-reference: " + reference), std::string::npos) << answer.head;
  const auto ran = BasculeProcess::run({"explain", "--ref", reference, bascule.rules_file()});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("https://evil.example"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("origin"), std::string::npos) << ran.out;
  EXPECT_EQ(BasculeProcess::run({"explain", "--ref", "000000000000", bascule.rules_file()}).status, 1);
}

TEST(Refusing, ByCloseAPageCanReadWhy) {
  const DeadPort dead;
  BasculeProcess bascule(
      one_route(dead.port(), "origins: [\"https://a.example\"]\n    subprotocols: [mqtt]\n    refuse: close"));
  WsClient client(bascule.port(), "/ws", "Origin: https://a.example\r\nSec-WebSocket-Protocol: mqtt\r\n");
  EXPECT_EQ(client.status(), 101);
  EXPECT_NE(client.head().find("Sec-WebSocket-Protocol: mqtt"), std::string::npos);
  const ServerFrame close = client.receive_close();
  EXPECT_EQ(close.close_code(), 4502);
  EXPECT_NE(close.close_reason().find("Reference: "), std::string::npos) << close.close_reason();
  EXPECT_EQ(bascule.record("route").value("status", 0), 502);
}

TEST(Refusing, ByCloseABrowserIsAnsweredWithWhatItOffered) {
  BasculeProcess bascule(one_echo("subprotocols: [mqtt]\n    refuse: close"));
  WsClient client(bascule.port(), "/ws", "Sec-WebSocket-Protocol: chat, superchat\r\n");
  EXPECT_EQ(client.status(), 101);
  EXPECT_NE(client.head().find("Sec-WebSocket-Protocol: chat\r\n"), std::string::npos) << client.head();
  EXPECT_EQ(client.receive_close().close_code(), 4400);
}

// Any page could search for services behind us if it were told more.
TEST(Refusing, ByCloseIsNeverForAForeignOrigin) {
  BasculeProcess bascule(one_echo("refuse: close"));
  EXPECT_EQ(WsClient(bascule.port(), "/ws", "Origin: https://evil.example\r\n").status(), 403);
}

}  // namespace
}  // namespace bascule::test
