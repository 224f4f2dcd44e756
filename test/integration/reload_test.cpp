// New rules under living sessions: whole or not at all, and nobody is dropped who may stay.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

int status_at(std::uint16_t port, std::string_view path) {
  return WsClient(port, path).status();
}

void expect_echo(WsClient& client, std::string_view text) {
  client.send(op_binary, text);
  EXPECT_EQ(client.receive_data(text.size()), text);
}

// A connection to that port of 127.0.0.1 that the other side has not taken yet: SYN_SENT, state 02 of /proc/net/tcp.
bool someone_connects_to(std::uint16_t port) {
  const std::string wanted = fmt::format("0100007F:{:04X} 02", port);
  std::ifstream table("/proc/net/tcp");
  for (std::string line; std::getline(table, line);) {
    if (line.find(wanted) != std::string::npos) { return true; }
  }
  return false;
}

TEST(Reload, NewRulesHoldForNewVisitorsAndOldSessionsGoOn) {
  BasculeProcess bascule(one_echo());
  WsClient before(bascule.port(), "/ws");
  EXPECT_EQ(before.status(), 101);
  bascule.reload(replaced(one_echo(), "path: /ws", "path: /other"));
  EXPECT_EQ(status_at(bascule.port(), "/ws"), 404);
  EXPECT_EQ(status_at(bascule.port(), "/other"), 101);
  expect_echo(before, "still here");
  const auto told = bascule.line([](const auto& line) { return line.value("event", "") == "reloaded"; });
  EXPECT_NE(told.value("text", "").find("route 'route' changed: path"), std::string::npos) << told;
}

TEST(Reload, ABrokenFileChangesNothingAndTellsEveryMistake) {
  BasculeProcess bascule(one_echo());
  WsClient before(bascule.port(), "/ws");
  bascule.reload("listen: 127.0.0.1:0\nroutes:\n  - name: a\n    pth: /x\n    to: nowhere\n");
  const auto told = bascule.line([](const auto& line) { return line.value("event", "") == "reload_failed"; });
  EXPECT_NE(told.value("text", "").find("rules.yaml:"), std::string::npos) << told;
  EXPECT_EQ(status_at(bascule.port(), "/ws"), 101);
  expect_echo(before, "still here");
  std::filesystem::remove(bascule.rules_file());
  bascule.signal(SIGHUP);
  bascule.line([](const auto& line) { return line.value("text", "").find("cannot be read") != std::string::npos; });
  EXPECT_EQ(status_at(bascule.port(), "/ws"), 101);
}

TEST(Reload, AnAddressInUseChangesNothing) {
  const Listener taken;
  BasculeProcess bascule(one_echo());
  bascule.reload(replaced(replaced(one_echo(), "path: /ws", "path: /other"), "listen: 127.0.0.1:0",
                          fmt::format("listen: [127.0.0.1:0, 127.0.0.1:{}]", taken.port())));
  bascule.line([](const auto& line) {
    return line.value("text", "").find("another program already does") != std::string::npos;
  });
  EXPECT_EQ(status_at(bascule.port(), "/ws"), 101);
  EXPECT_EQ(status_at(bascule.port(), "/other"), 404);
}

TEST(Reload, ListenersThatStayKeepTheirSocketsOthersComeAndGo) {
  const TemporaryFolder folder;
  BasculeProcess bascule(one_echo());
  WsClient before(bascule.port(), "/ws");
  const std::string other = folder.path("other.sock");
  bascule.reload(replaced(one_echo(), "listen: 127.0.0.1:0", "listen: [127.0.0.1:0, \"unix:" + other + "\"]"));
  WsClient through_other(Socket::connect_unix(other), upgrade_request("/ws", bascule.port()));
  EXPECT_EQ(through_other.status(), 101);
  EXPECT_EQ(status_at(bascule.port(), "/ws"), 101) << "the same port as before";
  bascule.reload(one_echo());
  EXPECT_FALSE(std::filesystem::exists(other));
  EXPECT_EQ(status_at(bascule.port(), "/ws"), 101);
  expect_echo(before, "over two reloads");
  expect_echo(through_other, "by a door that is closed now");
}

TEST(Reload, ClosesSessionsThatTheNewRulesWouldRefuseWhereTheRouteSaysSo) {
  const std::string origin = "Origin: https://a.example\r\n";
  const std::string rules = one_echo("origins: [missing, \"https://a.example\"]\n    on_reload: close");
  BasculeProcess bascule(rules);
  WsClient with_origin(bascule.port(), "/ws", origin);
  WsClient without(bascule.port(), "/ws");
  EXPECT_EQ(with_origin.status(), 101);
  bascule.reload(replaced(rules, "https://a.example", "https://b.example"));
  EXPECT_EQ(with_origin.receive_close().close_code(), 1008);
  with_origin.socket().close();
  expect_echo(without, "may stay");
  const auto record = bascule.record("route");
  EXPECT_EQ(record.value("ending", ""), "revoked");
}

// The visitor's words are the same, but what was dialled for them is outside now.
TEST(Reload, ClosesSessionsThatLeadOutsideOfTheNewWithin) {
  Listener service;
  const std::string rules = fmt::format(
      "listen: 127.0.0.1:0\n"
      "routes:\n"
      "  - name: route\n"
      "    path: \"/{{host}}\"\n"
      "    auth: none\n"
      "    on_reload: close\n"
      "    to: {{address: \"{{path.host}}:{}\", within: [127.0.0.0/8]}}\n",
      service.port());
  BasculeProcess bascule(rules);
  WsClient client(bascule.port(), "/localhost");
  EXPECT_EQ(client.status(), 101);
  bascule.reload(replaced(rules, "127.0.0.0/8", "10.0.0.0/8"));
  EXPECT_EQ(client.receive_close().close_code(), 1008);
}

// A listener that stays is the same door whatever it is called.
TEST(Reload, AListenerThatGetsANameRefusesNobody) {
  Listener service;
  const std::uint16_t port = [] {
    const DeadPort free;
    return free.port();
  }();
  const std::string before = replaced(one_echo("on_reload: close"), "127.0.0.1:0", fmt::format("127.0.0.1:{}", port));
  const std::string after = replaced(before, fmt::format("listen: 127.0.0.1:{}", port),
                                     fmt::format("listen: {{name: public, address: 127.0.0.1:{}}}", port));
  BasculeProcess bascule(before);
  WsClient living(port, "/ws");
  Socket half = Socket::connect(port);
  const std::string request = upgrade_request("/ws", port);
  half.send(request.substr(0, 40));
  bascule.reload(after);
  half.send(request.substr(40));
  const std::string answer = half.receive_exactly(12);
  EXPECT_EQ(answer, "HTTP/1.1 101");
  expect_echo(living, "still here");
}

// Who is no longer welcome at a listener is not answered there, also on a connection that stands.
TEST(Reload, AConnectionThatIsNoLongerWelcomeIsClosed) {
  const std::string rules = replaced(one_echo() + "  - {name: alive, path: /alive, auth: none, answer: health}\n",
                                     "listen: 127.0.0.1:0", "listen: {name: front, address: 127.0.0.1:0}");
  BasculeProcess bascule(rules);
  Socket client = Socket::connect(bascule.port());
  const std::string get = "GET /alive HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  client.send(get);
  EXPECT_EQ(read_answer(client).status, 200);
  bascule.reload(replaced(rules, "127.0.0.1:0}", "127.0.0.1:0, allow: {addresses: 10.0.0.0/8}}"));
  client.try_send(get);
  EXPECT_EQ(client.receive_all(), "");
  bascule.line([](const auto& line) { return line.value("refusal", "") == "address_not_welcome"; });
}

TEST(Reload, APortOfOursThatMovesBetweenAddressesIsToldWithItsWayOut) {
  const std::uint16_t port = [] {
    const DeadPort free;
    return free.port();
  }();
  const auto rules = [&](const std::string& address) { return replaced(one_echo(), "127.0.0.1:0", address); };
  BasculeProcess bascule(rules(fmt::format("127.0.0.1:{}", port)));
  bascule.reload(rules(fmt::format("0.0.0.0:{}", port)));
  bascule.line([](const auto& line) { return line.value("text", "").find("takes a restart") != std::string::npos; });
  EXPECT_EQ(status_at(port, "/ws"), 101);
}

TEST(Reload, APortThatIsSharedOrNotStaysSo) {
  const std::uint16_t port = [] {
    const DeadPort free;
    return free.port();
  }();
  const auto rules = [&](const char* shared) {
    return replaced(one_echo(), "127.0.0.1:0",
                    fmt::format("{{address: \"127.0.0.1:{}\", share_port: {}}}", port, shared));
  };
  BasculeProcess bascule(rules("true"));
  bascule.reload(rules("false"));
  bascule.line([](const auto& line) {
    return line.value("text", "").find("'share_port' of a port that is open") != std::string::npos;
  });
  EXPECT_EQ(status_at(port, "/ws"), 101);
}

TEST(Reload, KeepsSuchSessionsWhereItDoesNot) {
  const std::string rules = one_echo("origins: [missing, \"https://a.example\"]");
  BasculeProcess bascule(rules);
  WsClient client(bascule.port(), "/ws", "Origin: https://a.example\r\n");
  bascule.reload(replaced(rules, "https://a.example", "https://b.example"));
  expect_echo(client, "kept");
}

// 1012, "service restart": come again, there is another place for you.
TEST(Reload, TellsThoseWhoWouldBeLedElsewhereToComeAgain) {
  Listener old_service;
  Listener new_service;
  const std::string rules = one_route(old_service.port(), "on_reload: close");
  BasculeProcess bascule(rules);
  WsClient client(bascule.port(), "/ws");
  EXPECT_EQ(client.status(), 101);
  bascule.reload(one_route(new_service.port(), "on_reload: close"));
  EXPECT_EQ(client.receive_close().close_code(), 1012);
  client.socket().close();
  EXPECT_EQ(bascule.record("route").value("ending", ""), "moved");
}

TEST(Reload, WatchReadsAFileThatChanges) {
  const std::string rules = one_echo() + "process: {watch: true}\n";
  BasculeProcess bascule(rules);
  bascule.write_rules(replaced(rules, "path: /ws", "path: /other"));
  bascule.line([](const auto& line) { return line.value("event", "") == "reloaded"; });
  EXPECT_EQ(status_at(bascule.port(), "/other"), 101);
}

TEST(Reload, TheCommandReloadsAndTellsWhatChanged) {
  BasculeProcess bascule(one_echo());
  bascule.write_rules(replaced(one_echo(), "path: /ws", "path: /other"));
  const auto ran = BasculeProcess::run({"reload", bascule.rules_file()});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("route 'route' changed: path"), std::string::npos) << ran.out;
  EXPECT_EQ(status_at(bascule.port(), "/other"), 101);

  bascule.write_rules("listen: [");
  const auto broken = BasculeProcess::run({"reload", bascule.rules_file()});
  EXPECT_EQ(broken.status, 1);
  EXPECT_NE(broken.err.find("rules.yaml:1:"), std::string::npos) << broken.err;
  EXPECT_EQ(status_at(bascule.port(), "/other"), 101);
}

TEST(Reload, ASwarmOfSignalsIsTaken) {
  BasculeProcess bascule(one_echo());
  WsClient client(bascule.port(), "/ws");
  for (int i = 0; i < 200; ++i) { bascule.signal(SIGHUP); }
  bascule.line([](const auto& line) { return line.value("event", "") == "reloaded"; });
  expect_echo(client, "still here");
  EXPECT_EQ(status_at(bascule.port(), "/ws"), 101);
}

// A visitor who is being let in when the rules change is judged by the new ones: nobody slips in by rules that are no
// more. The service's backlog is full, so its dial hangs until the test takes somebody in.
TEST(Reload, WhoIsBeingLetInIsJudgedAgain) {
  Listener service(0);
  std::vector<Socket> taken;
  const std::string rules = one_route(service.port(), "timeouts: {connect: 50s}");
  BasculeProcess bascule(rules);
  // One fills a queue of length 0; the next is not taken by the kernel.
  const Socket filling = Socket::connect(service.port());
  Socket visitor = Socket::connect(bascule.port());
  visitor.send(upgrade_request("/ws", bascule.port()));
  ASSERT_TRUE(eventually([&] { return someone_connects_to(service.port()); }));
  bascule.reload(replaced(rules, "path: /ws", "path: /other"));
  for (int i = 0; i < 2; ++i) { taken.push_back(service.accept()); }
  EXPECT_EQ(read_answer(visitor).status, 404);
}

TEST(Reload, AFolderIsReadAgainWithTheFilesThatAreThereNow) {
  const TemporaryFolder folder;
  const auto route = [](const std::string& name) {
    return fmt::format("routes: [{{name: {0}, path: /{0}, auth: none, to: \"echo:\"}}]\n", name);
  };
  folder.write("10-listen.yaml", "listen: 127.0.0.1:0\n");
  folder.write("20-first.yaml", route("first") + "defaults: {limits: {sessions: 1}}\n");
  BasculeProcess bascule(std::vector{folder.path("")});
  const WsClient only_one(bascule.port(), "/first");
  EXPECT_EQ(only_one.status(), 101);
  EXPECT_EQ(status_at(bascule.port(), "/first"), 503) << "the default of its file";
  EXPECT_EQ(status_at(bascule.port(), "/second"), 404);
  folder.write("30-second.yaml", route("second"));
  bascule.signal(SIGHUP);
  bascule.line([](const auto& line) { return line.value("event", "") == "reloaded"; });
  const WsClient one(bascule.port(), "/second");
  const WsClient another(bascule.port(), "/second");
  EXPECT_EQ(one.status(), 101);
  EXPECT_EQ(another.status(), 101) << "defaults are for the routes of their file";
}

// 50 reloads under 10,000 connects; each changes a route and opens or closes another listener.
TEST(Reload, FiftyUnderTenThousandConnectsRefuseNobody) {
  const TemporaryFolder folder;
  const int connects = BasculeProcess::sanitized() ? 2000 : 10'000;  // each costs ten times as much with a sanitizer
  constexpr int reloads = 50;
  const auto rules = [&](int number) {
    std::string text = one_echo();
    if (number % 2 == 1) {
      text = replaced(text, "listen: 127.0.0.1:0", "listen: [127.0.0.1:0, \"unix:" + folder.path("x.sock") + "\"]");
    }
    return text + fmt::format("  - {{name: changing, path: /changing/{}, auth: none, to: \"echo:\"}}\n", number);
  };
  BasculeProcess bascule(rules(0));
  std::atomic<int> done = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> visitors;
  for (int thread = 0; thread < 4; ++thread) {
    visitors.emplace_back([&, thread] {
      for (int i = 0; i < connects / 4; ++i) {
        try {
          WsClient client(bascule.port(), "/ws");
          const std::string bytes = random_bytes(200, static_cast<std::uint32_t>(thread * connects + i));
          client.send(op_binary, bytes);
          if (client.status() != 101 || client.receive_data(bytes.size()) != bytes) { ++wrong; }
        } catch (const std::exception&) { ++wrong; }
        ++done;
      }
    });
  }
  for (int number = 1; number <= reloads; ++number) {
    // Spread over the connects, so that each reload has visitors before, in and behind it.
    ASSERT_TRUE(eventually([&] { return done >= connects / reloads * (number - 1); }));
    bascule.reload(rules(number));
  }
  visitors.clear();
  EXPECT_EQ(done, connects);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(bascule.count("reload_failed"), 0U);
}

TEST(Reload, TwoHundredWithAThousandSessionsLeaveNothingBehind) {
  constexpr int sessions = 1000;
  const auto rules = [](int number) {
    return one_echo("on_reload: close") +
           fmt::format("  - {{name: changing, path: /changing/{}, auth: none, to: \"echo:\"}}\n", number);
  };
  BasculeProcess bascule(rules(0));
  std::vector<WsClient> clients;
  for (int i = 0; i < sessions; ++i) { clients.emplace_back(bascule.port(), "/ws"); }
  const auto reload_to = [&](int from, int to) {
    for (int number = from; number < to; ++number) { bascule.reload(rules(number)); }
  };
  reload_to(1, 20);
  const std::size_t memory_before_kib = bascule.memory_kib("VmRSS");
  const std::size_t descriptors_before = bascule.descriptors();
  reload_to(20, BasculeProcess::sanitized() ? 60 : 200);  // with a sanitizer, memory tells little
  EXPECT_EQ(bascule.descriptors(), descriptors_before);
  const std::size_t allowed_kib = BasculeProcess::sanitized() ? std::size_t{256} * 1024 : 1024;
  EXPECT_LE(bascule.memory_kib("VmRSS"), memory_before_kib + allowed_kib);
  for (int i = 0; i < sessions; i += 100) { expect_echo(clients[static_cast<std::size_t>(i)], "still here"); }
}

}  // namespace
}  // namespace bascule::test
