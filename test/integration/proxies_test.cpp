// Proxies in front of us and PROXY headers behind us: whose word about a visitor counts.
#include <gtest/gtest.h>

#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

using namespace std::string_literals;

std::string echo_behind(const std::string& listener_keys, const std::string& route_keys = {}) {
  return replaced(one_echo(route_keys), "127.0.0.1:0", "{name: front, address: 127.0.0.1:0, " + listener_keys + "}");
}

// Version 2, PROXY, TCP over IPv4; `tlvs` behind the addresses.
std::string v2_header(const std::string& addresses, const std::string& tlvs = {}, char command = '\x21') {
  std::string header = "\r\n\r\n\0\r\nQUIT\n"s;
  const std::size_t size = addresses.size() + tlvs.size();
  header.push_back(command);
  header.push_back('\x11');
  header.push_back(static_cast<char>(size >> 8U));
  header.push_back(static_cast<char>(size & 0xffU));
  return header + addresses + tlvs;
}

const std::string from_192_0_2_1 =
    "\xc0\x00\x02\x01\x7f\x00\x00\x01\x30\x39\x17\xc0"s;  // port 12345, to 127.0.0.1:6080

std::string client_of(BasculeProcess& bascule) {
  return bascule.record("route").value("client", "");
}

TEST(ProxyProtocolIn, NamesTheVisitor) {
  for (const std::string& header : {"PROXY TCP4 192.0.2.1 127.0.0.1 12345 6080\r\n"s, v2_header(from_192_0_2_1)}) {
    BasculeProcess bascule(echo_behind("proxy_protocol: {addresses: 127.0.0.1}", "allow: {addresses: 192.0.2.0/24}"));
    WsClient client(Socket::connect(bascule.port()), header + upgrade_request("/ws", bascule.port()));
    EXPECT_EQ(client.status(), 101);
    client.socket().reset();
    EXPECT_EQ(client_of(bascule), "192.0.2.1:12345");
  }
}

TEST(ProxyProtocolIn, ByTlsMakesTheOwnOriginHttps) {
  // PP2_TYPE_SSL with PP2_CLIENT_SSL, verify not zero: no client certificate.
  const std::string ssl = "\x20\x00\x05\x01\x00\x00\x00\x01"s;
  BasculeProcess bascule(echo_behind("proxy_protocol: {addresses: 127.0.0.1}"));
  const auto ask = [&](const std::string& tlvs, const std::string& origin) {
    const std::string request = upgrade_at("localhost", "/ws", "Origin: " + origin + "\r\n");
    return WsClient(Socket::connect(bascule.port()), v2_header(from_192_0_2_1, tlvs) + request).status();
  };
  EXPECT_EQ(ask(ssl, "https://localhost"), 101);
  EXPECT_EQ(ask(ssl, "http://localhost"), 403);
  EXPECT_EQ(ask({}, "http://localhost"), 101);
  EXPECT_EQ(ask({}, "https://localhost"), 403);
}

TEST(ProxyProtocolIn, NothingIsGuessed) {
  BasculeProcess bascule(echo_behind("proxy_protocol: {addresses: 127.0.0.1}"));
  const std::string request = upgrade_request("/ws", bascule.port());
  for (const std::string& header :
       {""s, "PROXY TCP4 192.0.2.1 127.0.0.1 12345\r\n"s, "PROXY TCP5 192.0.2.1 127.0.0.1 12345 6080\r\n"s,
        "PROXY "s + std::string(200, 'x'), v2_header(from_192_0_2_1, "\x03\x00\x04\x01\x02\x03\x04"s),
        v2_header(from_192_0_2_1, "\x20\xff\xff"s), v2_header(from_192_0_2_1, {}, '\x31')}) {
    Socket client = Socket::connect(bascule.port());
    client.try_send(header + request);
    EXPECT_EQ(client.receive_all(), "") << header;
  }
  bascule.line([](const auto& line) { return line.value("refusal", "") == "bad_proxy_header"; });
}

TEST(ProxyProtocolIn, IsTakenFromTheAddressesThatAreWrittenOnly) {
  BasculeProcess bascule(echo_behind("proxy_protocol: {addresses: 127.0.0.2}"));
  Socket liar = Socket::connect_from("127.0.0.1", bascule.port());
  liar.try_send("PROXY TCP4 192.0.2.1 127.0.0.1 12345 6080\r\n" + upgrade_request("/ws", bascule.port()));
  EXPECT_EQ(liar.receive_all(), "");
}

TEST(ProxyProtocolIn, HasADeadline) {
  BasculeProcess bascule(echo_behind("proxy_protocol: {addresses: 127.0.0.1}", "timeouts: {head: 300ms}"));
  Socket client = Socket::connect(bascule.port());
  client.send("PROXY TCP4 192.");
  EXPECT_EQ(client.receive_all(), "");
}

TEST(ProxyProtocolIn, OfTheProxyItselfLeavesTheConnectionsAddress) {
  BasculeProcess bascule(echo_behind("proxy_protocol: {addresses: 127.0.0.1}"));
  WsClient client(Socket::connect(bascule.port()), v2_header({}, {}, '\x20') + upgrade_request("/ws", bascule.port()));
  EXPECT_EQ(client.status(), 101);
  client.socket().reset();
  EXPECT_TRUE(client_of(bascule).starts_with("127.0.0.1:"));
}

// A balancer that looks whether somebody is there says nothing, and is no refusal.
TEST(ProxyProtocolIn, AConnectionThatSaysNothingLeavesNoRecord) {
  BasculeProcess bascule(echo_behind("proxy_protocol: {addresses: 127.0.0.1}"));
  for (int i = 0; i < 3; ++i) {
    const Socket check = Socket::connect(bascule.port());
    check.end();
  }
  Socket liar = Socket::connect(bascule.port());
  liar.send("GET /");
  EXPECT_EQ(liar.receive_all(), "");
  bascule.line([](const auto& line) { return line.value("event", "") == "refused"; });
  EXPECT_EQ(bascule.count("refused"), 1U);
}

TEST(ProxyProtocolIn, OverAUnixSocket) {
  const TemporaryFolder folder;
  const std::string path = folder.path("b.sock");
  BasculeProcess bascule(
      replaced(one_echo(), "127.0.0.1:0", "{address: \"unix:" + path + "\", proxy_protocol: {addresses: unix}}"));
  WsClient client(Socket::connect_unix(path),
                  "PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n" + upgrade_at("localhost", "/ws"));
  EXPECT_EQ(client.status(), 101);
  client.socket().reset();
  EXPECT_EQ(client_of(bascule), "[2001:db8::1]:12345");
}

TEST(ProxyProtocolOut, TellsTheServiceWhoTheVisitorIs) {
  for (const std::string version : {"v1", "v2"}) {
    Listener service;
    BasculeProcess bascule(fmt::format(
        "listen: 127.0.0.1:0\nroutes:\n  - {{name: route, path: /ws, auth: none, to: {{address: 127.0.0.1:{}, "
        "proxy_protocol: {}}}}}\n",
        service.port(), version));
    WsClient client(Socket::connect_from("127.0.0.9", bascule.port()), upgrade_request("/ws", bascule.port()));
    EXPECT_EQ(client.status(), 101);
    client.send(op_binary, "hello");
    Socket inside = service.accept();
    if (version == "v1") {
      const std::string line = inside.receive_exactly(std::string("PROXY TCP4 127.0.0.9 127.0.0.1 ").size());
      EXPECT_EQ(line, "PROXY TCP4 127.0.0.9 127.0.0.1 ");
      std::string rest;
      while (!rest.ends_with("\r\n")) { rest += inside.receive_exactly(1); }
      EXPECT_TRUE(rest.ends_with(fmt::format(" {}\r\n", bascule.port()))) << rest;
    } else {
      const std::string header = inside.receive_exactly(28);
      EXPECT_EQ(header.substr(0, 16), "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"s);
      EXPECT_EQ(header.substr(16, 8), "\x7f\0\0\x09\x7f\0\0\x01"s);
    }
    EXPECT_EQ(inside.receive_exactly(5), "hello");
  }
}

// --- trusted proxies -------------------------------------------------------------------------------------------------

TEST(TrustedProxies, AreReadFromTheRightAndOnlyFromWhoIsTrusted) {
  const std::string rules =
      echo_behind("trusted_proxies: {addresses: [127.0.0.1, 10.0.0.0/8], header: x-forwarded-for}",
                  "allow: {addresses: 192.0.2.0/24}");
  BasculeProcess bascule(rules);
  const auto ask = [&](const std::string& source, const std::string& fields) {
    return WsClient(Socket::connect_from(source, bascule.port()), upgrade_request("/ws", bascule.port(), fields))
        .status();
  };
  EXPECT_EQ(ask("127.0.0.1", "X-Forwarded-For: 192.0.2.7\r\n"), 101);
  EXPECT_EQ(ask("127.0.0.1", "X-Forwarded-For: 192.0.2.7, 10.1.2.3\r\n"), 101) << "a chain of trusted ones";
  EXPECT_EQ(ask("127.0.0.1", "X-Forwarded-For: 192.0.2.7, 203.0.113.1\r\n"), 403) << "the left is anybody's word";
  EXPECT_EQ(ask("127.0.0.1", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 203.0.113.1\r\n"), 403)
      << "a forged field in front of the proxy's own";
  EXPECT_EQ(ask("127.0.0.1", "Forwarded: for=192.0.2.7\r\n"), 403) << "another field is not the one that is written";
  EXPECT_EQ(ask("127.0.0.2", "X-Forwarded-For: 192.0.2.7\r\n"), 403) << "he is no proxy of ours";
  EXPECT_EQ(ask("127.0.0.1", "X-Forwarded-For: unheard\r\n"), 400);
}

TEST(TrustedProxies, TellHowTheVisitorsBrowserSeesUs) {
  BasculeProcess bascule(echo_behind("trusted_proxies: {addresses: 127.0.0.1, header: forwarded}"));
  const auto ask = [&](const std::string& source, const std::string& forwarded) {
    const std::string fields = "Origin: https://desk.example.org\r\nForwarded: " + forwarded + "\r\n";
    return WsClient(Socket::connect_from(source, bascule.port()), upgrade_request("/ws", bascule.port(), fields))
        .status();
  };
  const std::string told = "for=192.0.2.7;proto=https;host=desk.example.org";
  EXPECT_EQ(ask("127.0.0.1", told), 101);
  EXPECT_EQ(ask("127.0.0.2", told), 403);
  EXPECT_EQ(ask("127.0.0.1", "for=192.0.2.7;proto=http;host=desk.example.org"), 403);
}

TEST(TrustedProxies, APublicUrlSaysItWhereNothingOnTheWireDoes) {
  BasculeProcess bascule(echo_behind("public_url: \"https://desk.example.org\""));
  const auto ask = [&](const std::string& origin) {
    return WsClient(bascule.port(), "/ws", "Origin: " + origin + "\r\n").status();
  };
  EXPECT_EQ(ask("https://desk.example.org"), 101);
  EXPECT_EQ(ask("http://desk.example.org"), 403);
  EXPECT_EQ(ask(fmt::format("http://127.0.0.1:{}", bascule.port())), 403);
}

}  // namespace
}  // namespace bascule::test
