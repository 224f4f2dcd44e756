// How sessions end, over real sockets: what the kernel does with FIN, RST and unread bytes is part of the story.
#include <gtest/gtest.h>

#include <thread>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

constexpr std::size_t mib = 1024 * 1024;

TEST(Ending, TheClientGetsEveryByteBeforeTheServicesEndThenClose1000) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  const std::string data = random_bytes(10 * mib, 1);
  std::thread sends([&] {
    served.send(data);
    served.close();  // everything is in the kernel by now, nothing unread
  });
  EXPECT_EQ(sha256(client.receive_data(data.size())), sha256(data));
  sends.join();
  const ServerFrame close = client.receive();
  EXPECT_EQ(close.opcode, op_close);
  EXPECT_EQ(close.close_code(), 1000);
  client.socket().send(client_close(1000));
  EXPECT_EQ(client.socket().receive_all(), "");
  EXPECT_FALSE(client.socket().was_reset());
  client.socket().close();
  const auto record = bascule.record("route");
  EXPECT_EQ(record.at("ending"), "service_closed");
  EXPECT_EQ(record.at("ended_by"), "service");
  EXPECT_EQ(record.at("to_client_bytes"), data.size());
}

TEST(Ending, TheServiceGetsEveryByteBeforeTheClientsCloseAlsoIfItReadsLate) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  const std::string data = random_bytes(10 * mib, 2);
  std::thread sends([&] { client.socket().send(client_frame(op_binary, data) + client_close(1001)); });
  // The client's Close is answered only once all before it has been read, so the service may begin whenever it likes.
  const std::string arrived = served.receive_all();
  sends.join();
  EXPECT_EQ(sha256(arrived), sha256(data));
  EXPECT_FALSE(served.was_reset()) << "a proper end";
  EXPECT_EQ(client.receive_close().close_code(), 1001);
  served.close();
  client.socket().close();
  EXPECT_EQ(bascule.record("route").at("ending"), "client_closed");
}

TEST(Ending, BytesOfTheClientStillFlowAfterTheServiceHasEnded) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  served.end();
  EXPECT_EQ(client.receive_close().close_code(), 1000);
  client.send(op_binary, "a last word");
  client.socket().send(client_close(1000));
  EXPECT_EQ(served.receive_all(), "a last word");
  EXPECT_FALSE(served.was_reset());
}

TEST(Ending, AResetOfTheServiceIsClose1011BehindWhatItHadSent) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  served.send("so far");
  EXPECT_EQ(client.receive_data(6), "so far");
  served.reset();
  const ServerFrame close = client.receive_close();
  EXPECT_EQ(close.close_code(), 1011);
  EXPECT_EQ(close.close_reason(), "the service reset the connection");
  client.socket().close();
  EXPECT_EQ(bascule.record("route").at("ending"), "service_error");
}

TEST(Ending, AResetIsNoEndEvenIfItsLastBytesAreStillReadable) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  for (int round = 0; round < 20; ++round) {
    WsClient client(bascule.port(), "/ws");
    Socket served = service.accept();
    client.send(op_binary, "unread by the service");
    served.send("last bytes");
    served.close();  // with unread input: the kernel sends RST behind the bytes, or instead of them
    std::string data;
    ServerFrame frame = client.receive();
    for (; frame.opcode != op_close; frame = client.receive()) { data += frame.payload; }
    EXPECT_TRUE(data == "last bytes" || data.empty()) << data;
    // Which of the two came first is the kernel's choice, unless it says RST.
    if (frame.close_code() == 1000) { EXPECT_EQ(data, "last bytes"); }
    EXPECT_TRUE(frame.close_code() == 1011 || frame.close_code() == 1000);
  }
}

TEST(Ending, AClientThatVanishesGivesTheServiceItsBytesThenAReset) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  {
    WsClient client(bascule.port(), "/ws");
    Socket served = service.accept();
    client.send(op_binary, "half a command");
    client.socket().end();
    EXPECT_EQ(served.receive_all(), "half a command");
    EXPECT_TRUE(served.was_reset()) << "unclean in, unclean out";
    EXPECT_EQ(bascule.record("route").at("ending"), "client_vanished");
  }
}

TEST(Ending, AClientThatResetsDoesTheSame) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  client.send(op_binary, "x");
  EXPECT_EQ(served.receive_exactly(1), "x");
  client.socket().reset();
  EXPECT_EQ(served.receive_all(), "");
  EXPECT_TRUE(served.was_reset());
}

TEST(Ending, ABreachOfTheProtocolIsToldAndTheAnswerArrives) {
  Listener service;
  BasculeProcess bascule(one_route(service.port()));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  // Unmasked, and a lot behind it: an answer that is closed over unread input would be destroyed by a reset.
  client.socket().send(std::string("\x82\x01x", 3) + std::string(2 * mib, 'z'));
  const ServerFrame close = client.receive_close();
  EXPECT_EQ(close.close_code(), 1002);
  EXPECT_EQ(client.socket().receive_all(), "");
  EXPECT_FALSE(client.socket().was_reset());
  EXPECT_EQ(served.receive_all(), "");
  EXPECT_TRUE(served.was_reset());
  client.socket().close();
  EXPECT_EQ(bascule.record("route").at("ending"), "client_protocol_error");
}

TEST(Ending, ASilentClientIsAskedAndThenLeft) {
  Listener service;
  BasculeProcess bascule(one_route(service.port(), "timeouts: {ping: 100ms, pong: 2s, close: 200ms}"));
  WsClient client(bascule.port(), "/ws");
  Socket served = service.accept();
  const ServerFrame ping = client.receive();
  EXPECT_EQ(ping.opcode, op_ping);
  client.send(op_pong, ping.payload);
  EXPECT_EQ(client.receive().opcode, op_ping) << "the answer counted";
  EXPECT_EQ(client.receive_close().close_code(), 1001);
  EXPECT_EQ(served.receive_all(), "");
  EXPECT_FALSE(served.was_reset());
  served.close();
  client.socket().close();
  EXPECT_EQ(bascule.record("route").at("ending"), "client_silent");
}

TEST(Ending, IdleAndLifetimeAreTold) {
  for (const auto& [limit, ending, code] :
       {std::tuple{"idle: 100ms", "idle", 1001}, {"lifetime: 100ms", "expired", 1008}}) {
    Listener service;
    BasculeProcess bascule(one_route(service.port(), fmt::format("timeouts: {{{}}}", limit)));
    WsClient client(bascule.port(), "/ws");
    Socket served = service.accept();
    EXPECT_EQ(client.receive_close().close_code(), code);
    client.socket().send(client_close(1000));
    EXPECT_EQ(served.receive_all(), "");
    served.close();
    client.socket().close();
    EXPECT_EQ(bascule.record("route").at("ending"), ending);
  }
}

}  // namespace
}  // namespace bascule::test
