// The limits of a route: whose they are, what they answer, and what they give back.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

// Who has no name counts by his address, so all of these are one user.
TEST(Limits, OfAHundredAtOnceExactlyThreeAreAdmitted) {
  BasculeProcess bascule(one_echo("limits: {sessions_per_user: 3}"), 2);
  constexpr int visitors = 100;
  std::vector<Socket> sockets;
  for (int i = 0; i < visitors; ++i) { sockets.push_back(Socket::connect(bascule.port())); }
  std::atomic<int> admitted = 0;
  std::atomic<int> too_many = 0;
  std::vector<WsClient> inside;
  std::mutex mutex;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = thread; i < visitors; i += 4) {
          WsClient client(std::move(sockets[static_cast<std::size_t>(i)]), upgrade_request("/ws", bascule.port()));
          if (client.status() == 429) { ++too_many; }
          if (client.status() != 101) { continue; }
          ++admitted;
          const std::lock_guard lock(mutex);
          inside.push_back(std::move(client));
        }
      });
    }
  }
  EXPECT_EQ(admitted, 3);
  EXPECT_EQ(too_many, visitors - 3);
  inside.pop_back();
  EXPECT_TRUE(eventually([&] { return WsClient(bascule.port(), "/ws").status() == 101; })) << "his place is free again";
}

TEST(Limits, AnAddressHasItsOwn) {
  BasculeProcess bascule(one_echo("limits: {sessions_per_address: 1}"));
  const std::string request = upgrade_request("/ws", bascule.port());
  WsClient first(bascule.port(), "/ws");
  WsClient again(bascule.port(), "/ws");
  EXPECT_EQ(again.status(), 429);
  EXPECT_NE(again.head().find("retry-after: "), std::string::npos) << again.head();
  WsClient other(Socket::connect_from("127.0.0.2", bascule.port()), request);
  EXPECT_EQ(other.status(), 101);
}

TEST(Limits, NewSessionsComeNoFasterThanTheRouteSays) {
  BasculeProcess bascule(one_echo("limits: {new_sessions: 2/h}"));
  std::vector<int> statuses;
  std::string head;
  for (int i = 0; i < 4; ++i) {
    WsClient client(bascule.port(), "/ws");
    statuses.push_back(client.status());
    head = client.head();
  }
  EXPECT_EQ(statuses, (std::vector{101, 101, 503, 503}));
  EXPECT_NE(head.find("retry-after: 180"), std::string::npos) << "half an hour from now: " << head;
}

TEST(Limits, AServiceThatIsNotThereCostsNobodyHisPlace) {
  const DeadPort dead;
  BasculeProcess bascule(one_route(dead.port(), "limits: {sessions_per_address: 1, new_sessions: 1/h}"));
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 502); }
}

TEST(Limits, AHeadIsHeldToWhatItsRouteTakes) {
  BasculeProcess bascule(one_echo("limits: {head_size: 1KiB, head_fields: 8}") +
                         "  - {name: large, path: /large, auth: none, to: \"echo:\", limits: {head_size: 32KiB, "
                         "head_fields: 100}}\n");
  const std::string long_field = "X-Long: " + std::string(2000, 'x') + "\r\n";
  const std::string longer_field = "X-Long: " + std::string(20'000, 'x') + "\r\n";
  std::string many_fields;
  for (int i = 0; i < 80; ++i) { many_fields += fmt::format("X-{}: x\r\n", i); }
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 101);
  EXPECT_EQ(WsClient(bascule.port(), "/ws", long_field).status(), 431);
  EXPECT_EQ(WsClient(bascule.port(), "/ws", many_fields).status(), 431);
  EXPECT_EQ(WsClient(bascule.port(), "/large", longer_field).status(), 101);
  EXPECT_EQ(WsClient(bascule.port(), "/large", many_fields).status(), 101);
}

// Limits on frames pause reading, they do not close: everything arrives.
TEST(Limits, WhoSendsFramesTooFastWaitsAndLosesNothing) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "limits: {frames: 200/s}"));
  WsClient client(bascule.port(), "/ws");
  Socket inside = service.accept();
  std::string frames;
  std::string bytes;
  for (int i = 0; i < 500; ++i) {
    const std::string payload = random_bytes(10, static_cast<std::uint32_t>(i));
    frames += client_frame(op_binary, payload);
    bytes += payload;
  }
  const auto began = std::chrono::steady_clock::now();
  client.socket().send(frames);
  EXPECT_EQ(inside.receive_exactly(bytes.size()), bytes);
  client.socket().send(client_frame(op_binary, "one more"));
  EXPECT_EQ(inside.receive_exactly(8), "one more");
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1000)) << "it was made to wait";
}

TEST(Limits, BandwidthIsHeldEachWay) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "bandwidth: {to_client: 256KiB/s, from_client: 256KiB/s}"));
  WsClient client(bascule.port(), "/ws");
  Socket inside = service.accept();
  const std::string bytes = random_bytes(512 * 1024, 7);
  const auto began = std::chrono::steady_clock::now();
  std::jthread sending([&] { inside.send(bytes); });
  EXPECT_EQ(sha256(client.receive_data(bytes.size())), sha256(bytes));
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900)) << "a second's worth is at hand";
  const auto began_up = std::chrono::steady_clock::now();
  std::jthread sending_up([&] { client.socket().send(client_frame(op_binary, bytes)); });
  EXPECT_EQ(sha256(inside.receive_exactly(bytes.size())), sha256(bytes));
  EXPECT_GE(std::chrono::steady_clock::now() - began_up, std::chrono::milliseconds(900));
}

}  // namespace
}  // namespace bascule::test
