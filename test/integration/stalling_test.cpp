// Sides that take nothing: memory stays flat, the other direction flows, and only that session ends, at `stall`.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

const std::string chunk(65536, 'f');

using std::chrono_literals::operator""ms;

// Sends until nothing is taken any more: everything on the way is full.
std::size_t flood(Socket& socket, const std::string& unit, std::size_t units_max) {
  std::size_t total = 0;
  while (total < units_max * unit.size() && socket.takes_more_within(200ms)) {
    const std::size_t offset = total % unit.size();
    total += socket.stuff(std::string_view(unit).substr(offset), unit.size() - offset);
  }
  return total;
}

TEST(Stalling, AClientThatDoesNotReadHoldsUpNobodyAndCostsNoMemory) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "timeouts: {stall: 2s, close: 200ms}"), 1);
  WsClient healthy(bascule.port(), "/ws");
  Socket healthy_service = service.accept();
  WsClient stalled(bascule.port(), "/ws");
  Socket stalled_service = service.accept();
  const std::size_t before_kib = bascule.memory_kib("VmRSS");

  const std::size_t taken = flood(stalled_service, chunk, 4096);
  EXPECT_LT(taken, 4096 * chunk.size()) << "reading went on";
  // Its other direction flows.
  stalled.send(op_binary, "still heard");
  EXPECT_EQ(stalled_service.receive_exactly(11), "still heard");
  EXPECT_LT(bascule.memory_kib("VmRSS"), before_kib + (BasculeProcess::sanitized() ? 65536 : 4096));

  // It ends at `stall`, and only it does.
  const auto record = bascule.record("route");
  EXPECT_EQ(record.at("ending"), "client_stalled");
  EXPECT_EQ(bascule.count("session"), 1U);
  healthy_service.send("fine");
  EXPECT_EQ(healthy.receive_data(4), "fine");
}

TEST(Stalling, AServiceThatDoesNotReadIsTheMirrorOfIt) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "timeouts: {stall: 2s, close: 200ms}"), 1);
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  const std::size_t before_kib = bascule.memory_kib("VmRSS");
  const std::string frame = client_frame(op_binary, chunk);
  const std::size_t taken = flood(client.socket(), frame, 4096);
  EXPECT_LT(taken, 4096 * frame.size());
  served.send("still heard");
  EXPECT_EQ(client.receive_data(11), "still heard");
  EXPECT_LT(bascule.memory_kib("VmRSS"), before_kib + (BasculeProcess::sanitized() ? 65536 : 4096));
  EXPECT_EQ(client.receive_close().close_code(), 1008);
  EXPECT_EQ(bascule.record("route").at("ending"), "service_stalled");
  served.receive_all();
  EXPECT_TRUE(served.was_reset()) << "it did not get all, so no clean end";
}

TEST(Stalling, TwoThousandSuchClientsFitInto128Mebibytes) {
  constexpr std::size_t sessions = 2000;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);

  // Small ones at the ends: what the kernel holds is not measured, and too much of it starves every connection there
  // is.
  constexpr int kernel_buffer_bytes = 16384;
  Listener service(4096, kernel_buffer_bytes);
  BasculeProcess bascule(one_route(service.port(), "timeouts: {stall: 300s}"), 2);
  std::vector<WsClient> clients;
  std::vector<Socket> services;
  for (std::size_t i = 0; i < sessions; ++i) {
    clients.emplace_back(bascule.port(), "/ws", "", kernel_buffer_bytes);
    ASSERT_EQ(clients.back().status(), 101);
    services.push_back(service.accept());
  }
  const std::size_t before_kib = bascule.memory_kib("VmRSS");
  const std::string frame = client_frame(op_binary, chunk);
  std::vector<std::size_t> up(sessions);
  for (bool moved = true; moved;) {  // until nobody takes anything any more
    moved = false;
    for (std::size_t i = 0; i < sessions; ++i) {
      // A pause only where everything before is full as well, so that the rounds get short.
      const auto pause = i + 1 == sessions && !moved ? 200ms : 0ms;
      if (services[i].takes_more_within(pause)) { moved = services[i].stuff(chunk, chunk.size()) > 0 || moved; }
      if (!clients[i].socket().takes_more_within(pause)) { continue; }
      std::string_view rest = std::string_view(frame).substr(up[i] % frame.size());
      const std::size_t taken = clients[i].socket().stuff(rest, rest.size());
      up[i] += taken;
      moved = moved || taken > 0;
    }
  }
  const std::size_t grown_kib = bascule.memory_kib("VmHWM") - before_kib;
  RecordProperty("grown_kib", static_cast<int>(grown_kib));
  const std::size_t shadow = BasculeProcess::sanitized() ? 10 : 1;
  EXPECT_LE(grown_kib, shadow * 128 * 1024);
  EXPECT_EQ(bascule.count("session"), 0U);
}

}  // namespace
}  // namespace bascule::test
