// What must arrive, arrives: byte for byte, in order, in flat memory.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

constexpr std::size_t mib = 1024 * 1024;

// Sends `data` in pieces of random sizes as frames that are cut at random.
void send_as_frames(Socket& socket, const std::string& data, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto upto = [&random](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
  std::string wire;
  bool in_message = false;
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t count = std::min(data.size() - at, upto(3) == 0 ? upto(200) : upto(200'000));
    const bool fin = at + count == data.size() || upto(1) == 0;
    wire += client_frame(in_message ? op_continuation : op_binary, std::string_view(data).substr(at, count), fin,
                         static_cast<std::uint32_t>(random()));
    in_message = !fin;
    at += count;
    while (wire.size() > 300'000 || at == data.size()) {  // frames and writes have borders of their own
      const std::size_t part = std::min(wire.size(), 1 + upto(100'000));
      socket.send(std::string_view(wire).substr(0, part));
      wire.erase(0, part);
      if (wire.empty()) { break; }
    }
  }
}

void send_in_pieces(Socket& socket, const std::string& data, std::uint32_t seed) {
  std::mt19937 random(seed);
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t most = random() % 4 == 0 ? 50 : 300'000;
    const std::size_t count = std::min<std::size_t>(data.size() - at, 1 + random() % most);
    socket.send(std::string_view(data).substr(at, count));
    at += count;
  }
}

TEST(Carrying, SixtyFourMebibytesEachWayAtOnceArriveUnchanged) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  const std::string up = random_bytes(64 * mib, 1);
  const std::string down = random_bytes(64 * mib, 2);

  WsClient client(bascule.port(), "/ws");
  ASSERT_EQ(client.status(), 101);
  Socket served = service.accept();
  std::string arrived_up;
  std::thread service_writes([&] { send_in_pieces(served, down, 3); });
  std::thread service_reads([&] { arrived_up = served.receive_exactly(up.size()); });
  std::thread client_writes([&] { send_as_frames(client.socket(), up, 4); });
  const std::string arrived_down = client.receive_data(down.size());
  client_writes.join();
  service_reads.join();
  service_writes.join();
  EXPECT_EQ(sha256(arrived_up), sha256(up));
  EXPECT_EQ(sha256(arrived_down), sha256(down));
}

TEST(Carrying, AFrameOfFourGibibytesPassesInFlatMemory) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()), 1);
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  // Warm up: the buffers of the thread and of the allocator are there before we look.
  client.send(op_binary, random_bytes(mib, 1));
  served.receive_exactly(mib);
  const std::size_t before_kib = bascule.memory_kib("VmHWM");

  constexpr std::uint64_t frame_bytes = 4096ULL * mib;
  const std::string plain = random_bytes(mib, 2);
  constexpr std::uint32_t key = 0x01020304;
  const std::string masked = client_frame(op_binary, plain, true, key).substr(14);
  std::thread sends([&] {
    client.socket().send(client_frame_header(op_binary, frame_bytes, key));
    for (std::uint64_t sent = 0; sent < frame_bytes; sent += mib) { client.socket().send(masked); }
  });
  std::uint64_t arrived = 0;
  bool equal = true;
  while (arrived < frame_bytes) {
    const std::size_t phase = arrived % mib;
    const std::string some = served.receive(mib - phase);
    if (some.empty()) { break; }
    equal = equal && plain.compare(phase, some.size(), some) == 0;
    arrived += some.size();
  }
  sends.join();
  EXPECT_EQ(arrived, frame_bytes);
  EXPECT_TRUE(equal);
  EXPECT_LT(bascule.memory_kib("VmHWM"), before_kib + (BasculeProcess::sanitized() ? 262144 : 2048));
}

TEST(Carrying, AServiceThatSpeaksFirstIsHeardOnlyBehindThe101) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  Socket client = Socket::connect(bascule.port());
  client.send(upgrade_request("/ws", bascule.port()));
  Socket served = service.accept();
  served.send("RFB 003.008\n");
  std::string all;
  while (all.find("RFB 003.008\n") == std::string::npos) { all += client.receive(); }
  EXPECT_TRUE(all.starts_with("HTTP/1.1 101 ")) << all;
  EXPECT_EQ(all.substr(all.find("\r\n\r\n") + 4), "\x82\x0cRFB 003.008\n");
}

TEST(Carrying, FramesPipelinedBehindTheRequestAreNotLost) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  Socket client = Socket::connect(bascule.port());
  const std::string data = random_bytes(100'000, 5);
  client.send(upgrade_request("/ws", bascule.port()) + client_frame(op_binary, "first") +
              client_frame(op_binary, data));
  EXPECT_EQ(service.accept().receive_exactly(5 + data.size()), "first" + data);
}

TEST(Carrying, ARequestInSingleBytesIsTheSameRequest) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  Socket client = Socket::connect(bascule.port());
  const std::string bytes = upgrade_request("/ws", bascule.port()) + client_frame(op_binary, "x");
  for (const char byte : bytes) { client.send(std::string(1, byte)); }
  EXPECT_EQ(service.accept().receive_exactly(1), "x");
}

TEST(Carrying, ManySessionsOnTwoWorkersKeepTheirBytesApart) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()), 2);
  constexpr std::size_t sessions = 64;
  std::atomic<std::size_t> right = 0;
  std::thread echoes([&service] {
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < sessions; ++i) {
      all.emplace_back([served = service.accept()]() mutable {
        for (;;) {
          const std::string some = served.receive();
          if (some.empty() || !served.try_send(some)) { return; }
        }
      });
    }
    for (std::thread& one : all) { one.join(); }
  });
  std::vector<std::thread> clients;
  for (std::uint32_t i = 0; i < sessions; ++i) {
    clients.emplace_back([&, i] {
      WsClient client(bascule.port(), "/ws");
      const std::string data = random_bytes(200'000, i);
      std::thread writes([&] { send_as_frames(client.socket(), data, i); });
      if (client.receive_data(data.size()) == data) { ++right; }
      writes.join();
      client.socket().send(client_close(1000));
      client.socket().receive_all();
    });
  }
  for (std::thread& client : clients) { client.join(); }
  echoes.join();
  EXPECT_EQ(right, sessions);
}

TEST(Carrying, UnixSocketsOnBothSides) {
  TemporaryFolder folder;
  Listener service(folder.path("service.sock"));
  const std::string door = folder.path("door.sock");
  BasculeProcess bascule("listen: {address: \"unix:" + door +
                         "\", mode: \"0600\"}\n"
                         "routes:\n"
                         "  - {name: route, path: /ws, auth: none, to: \"unix:" +
                         folder.path("service.sock") + "\"}\n");
  EXPECT_EQ(std::filesystem::status(door).permissions() & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  Socket client = Socket::connect_unix(door);
  client.send(upgrade_request("/ws", 80) + client_frame(op_binary, "through two files"));
  Socket served = service.accept();
  EXPECT_EQ(served.receive_exactly(17), "through two files");
  served.send("and back");
  std::string all;
  while (all.find("and back") == std::string::npos) { all += client.receive(); }
  client.send(client_close(1000));
  EXPECT_EQ(served.receive_all(), "");
  served.close();
  client.close();
  EXPECT_EQ(bascule.record("route").at("ending"), "client_closed");
}

}  // namespace
}  // namespace bascule::test
