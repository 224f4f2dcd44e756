// The process: how it starts, how it stops, and what it survives.
#include <gtest/gtest.h>

#include <csignal>
#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

TEST(Start, AnAddressInUseIsOneClearLineAndNoStart) {
  const Listener taken;
  const TemporaryFolder folder;
  const std::string rules = folder.write(
      "rules.yaml",
      fmt::format("listen: 127.0.0.1:{}\nroutes: [{{name: r, path: /, auth: none, to: \"echo:\"}}]\n", taken.port()));
  const auto ran = BasculeProcess::run({"serve", rules});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find(fmt::format("cannot listen on 127.0.0.1:{}: another program already does", taken.port())),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("rules.yaml:1:"), std::string::npos) << ran.err;
}

TEST(Start, ProcessesThatShareAPortAllGetVisitors) {
  const std::uint16_t port = [] {
    const DeadPort free;
    return free.port();
  }();
  const std::string rules =
      replaced(one_echo(), "127.0.0.1:0", fmt::format("{{address: \"127.0.0.1:{}\", share_port: true}}", port));
  BasculeProcess one(rules, 1);
  BasculeProcess other(rules, 1);
  // The kernel chooses by the visitor's port: so many go to one alone once in 2^100.
  for (int visit = 0; visit < 100; ++visit) { EXPECT_EQ(WsClient(port, "/ws").status(), 101); }
  EXPECT_TRUE(eventually([&] { return one.count("session") + other.count("session") == 100; }));
  EXPECT_GT(one.count("session"), 0U);
  EXPECT_GT(other.count("session"), 0U);
}

TEST(Start, ASocketFileThatAKilledProcessLeftIsReplacedALiveOneIsNot) {
  const TemporaryFolder folder;
  const std::string rules =
      "listen: \"unix:" + folder.path("door.sock") + "\"\nroutes: [{name: r, path: /ws, auth: none, to: \"echo:\"}]\n";
  {
    BasculeProcess killed(rules);
    const auto second = BasculeProcess::run({"serve", folder.write("second.yaml", rules)});
    EXPECT_EQ(second.status, 1);
    killed.signal(SIGKILL);
    EXPECT_EQ(killed.wait_for_exit(), 128 + SIGKILL);
  }
  BasculeProcess next(rules);
  Socket client = Socket::connect_unix(folder.path("door.sock"));
  client.send(upgrade_request("/ws", 80));
  EXPECT_EQ(read_answer(client).status, 101);
  next.signal(SIGTERM);
  client.close();
  EXPECT_EQ(next.wait_for_exit(), 0);
  EXPECT_FALSE(std::filesystem::exists(folder.path("door.sock")));
}

TEST(Stop, SigtermAndSigintTellSessionsAndExitWellWhenTheyHaveGone) {
  for (const int number : {SIGTERM, SIGINT}) {
    Listener service;
    BasculeProcess bascule(one_route(service.port()));
    WsClient client(bascule.port(), "/ws");
    Socket served = service.accept();
    client.send(op_binary, "before");
    EXPECT_EQ(served.receive_exactly(6), "before");
    Socket at_the_door = Socket::connect(bascule.port());
    at_the_door.send("GET /ws HTTP/1.1\r\n");

    bascule.signal(number);
    EXPECT_EQ(client.receive_close().close_code(), 1001);
    EXPECT_EQ(served.receive_all(), "");
    EXPECT_FALSE(served.was_reset());
    client.socket().send(client_close(1001));
    client.socket().close();
    served.close();
    EXPECT_EQ(bascule.wait_for_exit(), 0);
    EXPECT_EQ(bascule.record("route").at("ending"), "draining");
  }
}

TEST(Stop, ASecondSignalEndsWhoeverIsLeft) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "timeouts: {close: none, half_close: none}"));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  bascule.signal(SIGTERM);
  EXPECT_EQ(client.receive_close().close_code(), 1001);  // and no answer to it
  bascule.signal(SIGTERM);
  EXPECT_EQ(bascule.wait_for_exit(), 0);
}

TEST(Stop, TheDrainHasADeadline) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "timeouts: {close: none}") + "process: {drain: 200ms}\n");
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  bascule.signal(SIGTERM);
  EXPECT_EQ(bascule.wait_for_exit(), 0);
  EXPECT_EQ(bascule.count("cutting"), 1U);
}

TEST(Stop, ASignalWhileAServiceIsBeingDialledEndsThatToo) {
  Listener full(0);
  const Socket in_the_queue = Socket::connect(full.port());
  BasculeProcess bascule(one_route(full.port(), "timeouts: {connect: 60s}"));
  Socket client = Socket::connect(bascule.port());
  client.send(upgrade_request("/ws", bascule.port()));
  // It has read the request when the next connection of the same worker is answered.
  WsClient refused(bascule.port(), "/nowhere");
  EXPECT_EQ(refused.status(), 404);
  refused.socket().close();
  bascule.signal(SIGTERM);
  const std::string answer = client.receive_all();
  EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 503 ")) << answer;
  client.close();
  EXPECT_EQ(bascule.wait_for_exit(), 0);
}

TEST(Shortage, OfDescriptorsKeepsVisitorsWaitingAndPassesByItself) {
  BasculeProcess bascule(
      "listen: 127.0.0.1:0\n"
      "routes: [{name: route, path: /ws, auth: none, to: \"echo:\"}]\n",
      1, 64);
  WsClient session(bascule.port(), "/ws");
  std::vector<Socket> crowd;
  // From ten addresses, for one alone may not have all there are.
  for (int i = 0; i < 100; ++i) {
    crowd.push_back(Socket::connect_from(fmt::format("127.0.0.{}", 10 + i % 10), bascule.port()));
  }
  bascule.line([](const auto& line) { return line.value("event", "") == "shortage"; });
  session.send(op_text, "still served");
  EXPECT_EQ(session.receive_data(12), "still served");
  crowd.clear();
  WsClient after(bascule.port(), "/ws");
  EXPECT_EQ(after.status(), 101);
  EXPECT_LE(bascule.count("shortage"), 3U) << "told at most once in five seconds";
}

TEST(Leaks, DescriptorsAreBackWhereTheyWereAfterManySessionsOfEveryKind) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()), 1);
  const std::size_t before = bascule.descriptors();
  for (int i = 0; i < 50; ++i) {
    WsClient closes(bascule.port(), "/ws");
    Socket served = service.accept();
    closes.socket().send(client_close(1000));

    WsClient vanishes(bascule.port(), "/ws");
    Socket left = service.accept();
    vanishes.socket().reset();

    WsClient refused(bascule.port(), "/nowhere");

    WsClient loses_its_service(bascule.port(), "/ws");
    service.accept().reset();
  }
  EXPECT_TRUE(eventually([&] { return bascule.descriptors() == before; })) << bascule.descriptors() << " of " << before;
  EXPECT_TRUE(eventually([&] { return bascule.count("session") == 150 && bascule.count("refused") == 50; }));
}

}  // namespace
}  // namespace bascule::test
