// Services with several addresses, addresses made from a visitor's words, and tables of them.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

std::string two_services(std::uint16_t one, std::uint16_t other, const std::string& extra = {}) {
  return fmt::format(
      "listen: 127.0.0.1:0\n"
      "services:\n"
      "  broker:\n"
      "    addresses: [127.0.0.1:{}, 127.0.0.1:{}]\n"
      "{}"
      "routes:\n"
      "  - {{name: route, path: /ws, auth: none, to: broker}}\n"
      "  - {{name: second, path: /second, auth: none, to: broker}}\n",
      one, other, extra);
}

// Says hello into whoever of the two has been reached; gives which.
int reached_of(std::uint16_t port, std::string_view path, Listener& one, Listener& other, std::vector<Socket>& held) {
  WsClient client(port, path);
  EXPECT_EQ(client.status(), 101);
  Listener& who = one.someone_waits() ? one : other;
  held.push_back(who.accept());
  held.push_back(std::move(client.socket()));
  return &who == &one ? 1 : 2;
}

TEST(Services, TheNextIsTriedBeforeThe101) {
  const DeadPort dead;
  Listener alive;
  BasculeProcess bascule(two_services(dead.port(), alive.port()));
  for (int i = 0; i < 3; ++i) {
    WsClient client(bascule.port(), "/ws");
    EXPECT_EQ(client.status(), 101);
    client.send(op_binary, "hello");
    EXPECT_EQ(alive.accept().receive_exactly(5), "hello");
  }
}

TEST(Services, RetryNoneTriesOne) {
  const DeadPort dead;
  Listener alive;
  BasculeProcess bascule(two_services(dead.port(), alive.port(), "    retry: none\n"));
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 502);
  EXPECT_EQ(WsClient(bascule.port(), "/second").status(), 101)
      << "what one route has learnt counts for all routes of the service";
}

TEST(Services, RoundRobinGivesEachItsTurnOverAllRoutes) {
  Listener one;
  Listener other;
  BasculeProcess bascule(two_services(one.port(), other.port(), "    balance: round_robin\n"));
  std::vector<Socket> held;
  const int first = reached_of(bascule.port(), "/ws", one, other, held);
  const int second = reached_of(bascule.port(), "/second", one, other, held);
  const int third = reached_of(bascule.port(), "/ws", one, other, held);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, third);
}

TEST(Services, LeastSessionsLeadsToTheOneWithFewer) {
  Listener one;
  Listener other;
  BasculeProcess bascule(two_services(one.port(), other.port(), "    balance: least_sessions\n"));
  std::vector<Socket> held;
  EXPECT_EQ(reached_of(bascule.port(), "/ws", one, other, held), 1);
  EXPECT_EQ(reached_of(bascule.port(), "/ws", one, other, held), 2);
  EXPECT_EQ(reached_of(bascule.port(), "/ws", one, other, held), 1);
  held.resize(2);  // the second and the third end
  bascule.line([](const auto& line) { return line.value("event", "") == "session"; });
  ASSERT_TRUE(eventually([&] { return bascule.count("session") == 2; }));
  EXPECT_EQ(reached_of(bascule.port(), "/ws", one, other, held), 2);
}

TEST(Services, HashLeadsTheSameVisitorToTheSameAddress) {
  Listener one;
  Listener other;
  BasculeProcess bascule(two_services(one.port(), other.port(), "    balance: hash\n"));
  std::vector<Socket> held;
  const int first = reached_of(bascule.port(), "/ws", one, other, held);
  for (int i = 0; i < 5; ++i) { EXPECT_EQ(reached_of(bascule.port(), "/ws", one, other, held), first); }
}

TEST(Services, HealthChecksFindOneThatDiesAndOneThatComesBack) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.sock");
  auto dying = std::make_unique<Listener>(path);
  Listener alive;
  BasculeProcess bascule(
      fmt::format("listen: 127.0.0.1:0\n"
                  "services:\n"
                  "  broker:\n"
                  "    addresses: [\"unix:{}\", 127.0.0.1:{}]\n"
                  "    health: {{every: 20ms, timeout: 5s, down_after: 2, up_after: 1}}\n"
                  "routes:\n"
                  "  - {{name: route, path: /ws, auth: none, to: broker}}\n",
                  path, alive.port()));
  dying.reset();
  const auto down = bascule.line([](const auto& line) { return line.value("event", "") == "service_down"; });
  EXPECT_EQ(down.value("address", ""), "unix:" + path);
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 101);
  std::filesystem::remove(path);
  Listener again(path);
  bascule.line([](const auto& line) { return line.value("event", "") == "service_up"; });
  WsClient client(bascule.port(), "/ws");
  EXPECT_EQ(client.status(), 101);
  EXPECT_EQ(bascule.count("service_down"), 1U) << "told once";
}

TEST(Services, HealthChecksSpeakForThemselvesInTheirProxyHeader) {
  Listener service;
  BasculeProcess bascule(
      fmt::format("listen: 127.0.0.1:0\n"
                  "routes:\n"
                  "  - {{name: route, path: /ws, auth: none, to: {{address: 127.0.0.1:{}, health: {{every: 20ms}}, "
                  "proxy_protocol: v1}}}}\n",
                  service.port()));
  EXPECT_EQ(service.accept().receive_all(), "PROXY UNKNOWN\r\n");
}

// --- addresses from a visitor's words --------------------------------------------------------------------------------

std::string made(const std::string& address, const std::string& within, const std::string& path = "/desk/{id}") {
  return fmt::format(
      "listen: 127.0.0.1:0\n"
      "routes:\n"
      "  - {{name: desk, path: \"{}\", auth: none, to: {{address: \"{}\", within: [{}]}}}}\n",
      path, address, within);
}

TEST(MadeAddresses, LeadToWhereTheWordsSay) {
  Listener service;
  BasculeProcess bascule(made("127.0.0.1:{path.id}", "127.0.0.0/8"));
  WsClient client(bascule.port(), fmt::format("/desk/{}", service.port()));
  EXPECT_EQ(client.status(), 101);
  client.send(op_binary, "hello");
  EXPECT_EQ(service.accept().receive_exactly(5), "hello");
}

// Whatever a visitor writes, nothing outside is dialled. 127.0.0.1 is the metadata address of this test.
TEST(MadeAddresses, NeverLeadOutside) {
  Listener secret;
  BasculeProcess bascule(made(fmt::format("{{path.id}}:{}", secret.port()), "10.20.0.0/16"));
  for (const std::string word : {"127.0.0.1",
                                 "localhost",
                                 "2130706433",
                                 "0177.0.0.1",
                                 "0x7f.0.0.1",
                                 "0x7f000001",
                                 "127.1",
                                 "127.0.1",
                                 "0",
                                 "0.0.0.0",
                                 "::1",
                                 "[::1]",
                                 "::ffff:127.0.0.1",
                                 "[::ffff:127.0.0.1]",
                                 "%5b::1%5d",
                                 "fe80::1%25lo",
                                 "localhost.",
                                 "LOCALHOST",
                                 "127.0.0.1.",
                                 "10.20.0.1@127.0.0.1",
                                 "127.0.0.1%23",
                                 "127.0.0.1:80%23",
                                 "10.20.0.1%00.x",
                                 "..",
                                 "%20127.0.0.1",
                                 "ip6-localhost"}) {
    const WsClient client(bascule.port(), "/desk/" + word);
    EXPECT_NE(client.status(), 101) << word;
    EXPECT_GE(client.status(), 400) << word;
  }
  EXPECT_FALSE(secret.someone_waits());
}

TEST(MadeAddresses, ANameThatResolvesOutsideIsToldLikeNoTargetAtAll) {
  Listener secret;
  BasculeProcess bascule(made(fmt::format("{{path.id}}:{}", secret.port()), "10.20.0.0/16"));
  const auto answer = http(bascule.port(), upgrade_request("/desk/localhost", bascule.port()));
  EXPECT_EQ(answer.status, 404);
  const auto no_route = http(bascule.port(), upgrade_request("/nothing", bascule.port()));
  const auto without_reference = [](const std::string& body) { return body.substr(0, body.find("Reference")); };
  EXPECT_EQ(without_reference(answer.body), without_reference(no_route.body));
  EXPECT_EQ(bascule.record("desk").value("refusal", ""), "target_outside");
  EXPECT_FALSE(secret.someone_waits());
}

// --- tables ----------------------------------------------------------------------------------------------------------

class Tables : public testing::Test {
 protected:
  std::string rules(const std::string& table) const {
    return fmt::format(
        "listen: 127.0.0.1:0\n"
        "routes:\n"
        "  - {{name: room, path: /room, auth: none, to: {{lookup: {{table: \"{}\", key: \"{{query.token}}\"}}}}}}\n",
        table);
  }

  TemporaryFolder folder_;
  Listener one_;
  Listener other_;
};

TEST_F(Tables, LeadByTheVisitorsToken) {
  const std::string unix_path = folder_.path("s.sock");
  Listener on_unix(unix_path);
  const std::string table = folder_.write(
      "tokens", fmt::format("# rooms\n\none: 127.0.0.1:{}\r\ntwo:\t[::ffff:127.0.0.1]:{}\nthree: unix_socket:{}\n",
                            one_.port(), other_.port(), unix_path));
  BasculeProcess bascule(rules(table));
  const auto check = [&](const std::string& token, Listener& service) {
    WsClient client(bascule.port(), "/room?token=" + token);
    ASSERT_EQ(client.status(), 101) << token;
    client.send(op_binary, token);
    EXPECT_EQ(service.accept().receive_exactly(token.size()), token);
  };
  check("one", one_);
  check("two", other_);
  check("three", on_unix);
  for (const std::string query : {"", "?token=", "?token=four", "?token=one%00", "?other=one", "?token=127.0.0.1:1"}) {
    EXPECT_EQ(WsClient(bascule.port(), "/room" + query).status(), 404) << query;
  }
}

TEST_F(Tables, AreReadAgainWhenTheyChange) {
  const std::string table = folder_.write("tokens", fmt::format("one: 127.0.0.1:{}\n", one_.port()));
  BasculeProcess bascule(rules(table));
  EXPECT_EQ(WsClient(bascule.port(), "/room?token=two").status(), 404);
  folder_.write("tokens", fmt::format("two: 127.0.0.1:{}\n", other_.port()));
  bascule.line([](const auto& line) { return line.value("event", "") == "file_read"; });
  EXPECT_EQ(WsClient(bascule.port(), "/room?token=two").status(), 101);
  EXPECT_EQ(WsClient(bascule.port(), "/room?token=one").status(), 404);
}

TEST_F(Tables, AFolderIsAllOfItsFiles) {
  std::filesystem::create_directory(folder_.path("tokens.d"));
  folder_.write("tokens.d/a", fmt::format("one: 127.0.0.1:{}\n", one_.port()));
  BasculeProcess bascule(rules(folder_.path("tokens.d")));
  EXPECT_EQ(WsClient(bascule.port(), "/room?token=one").status(), 101);
  folder_.write("tokens.d/b", fmt::format("two: 127.0.0.1:{}\n", other_.port()));
  bascule.line([](const auto& line) { return line.value("event", "") == "file_read"; });
  EXPECT_EQ(WsClient(bascule.port(), "/room?token=two").status(), 101);
  EXPECT_EQ(WsClient(bascule.port(), "/room?token=one").status(), 101);
}

}  // namespace
}  // namespace bascule::test
