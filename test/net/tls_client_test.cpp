#include "proxy/net/tls_client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/net/dialer.hpp"
#include "test/net/loop_fixture.hpp"
#include "test/net/tls_server.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/loopback_server.hpp"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;
using test::Certified;
using test::LoopbackServer;
using test::Socket;
using test::TlsVisitor;

// What became of one connection.
struct Outcome {
  std::string failure{};
  bool stopped = false;
  std::string received{};
  Io ended = Io::bytes;
};

enum class Then : std::uint8_t { read_all, half_close_and_read_all };

struct Visit {
  std::string host = "localhost";
  std::string says{};  // once connected
  Then then = Then::read_all;
  std::chrono::milliseconds patience = 20s;
  std::size_t read_bytes = 4096;
};

class TlsClientTest : public LoopTest {
 protected:
  TlsClientTest() { trusted_path_ = folder_.write("authority.pem", authority_.pem()); }

  std::shared_ptr<const TlsTrust> trust() {
    auto trust = TlsTrust::load(trusted_path_);
    EXPECT_TRUE(trust.ok());
    return *trust;
  }

  Outcome visit(const LoopbackServer& server, const Visit& how = {}) {
    Outcome outcome;
    run(story(server.port(), how, trust(), outcome));
    return outcome;
  }

  Async<void> story(std::uint16_t port, const Visit& how, std::shared_ptr<const TlsTrust> trust, Outcome& outcome) {
    Waiter waiter(loop);
    const TimePoint deadline = loop.now() + how.patience;
    DialTarget target;
    target.address = Address::ipv4({127, 0, 0, 1}, port);
    DialOptions options;
    options.deadline = loop.now() + 20s;
    auto dialed = co_await dial(waiter, resolver_, target, options);
    EXPECT_TRUE(dialed.ok());
    if (stop_at_once_) { waiter.stop(); }
    auto client = co_await TlsClient::connect(std::move(dialed->stream), waiter, *trust, how.host, deadline);
    if (!client) {
      outcome.failure = client.error().why;
      outcome.stopped = client.error().stopped;
      co_return;
    }
    TlsClient& stream = **client;
    stream.socket().watched_by(&waiter);
    Bytes rest = bytes_of(how.says);
    bool half_closes = how.then == Then::half_close_and_read_all;
    std::vector<std::uint8_t> into(how.read_bytes);
    for (;;) {
      if (!rest.empty()) {
        const IoResult written = stream.write(rest);
        if (written.status == Io::bytes) {
          rest = rest.subspan(written.bytes);
          continue;
        }
      } else if (std::exchange(half_closes, false)) {
        stream.shutdown_write();
      }
      const IoResult got = stream.read(into);
      if (got.status == Io::bytes) {
        outcome.received += text_of(Bytes(into.data(), got.bytes));
        continue;
      }
      outcome.ended = got.status;
      if (!got.waits()) { co_return; }
      const Wake wake = co_await waiter.wait(loop.now() + 60s);
      if (wake != Wake::ready) { co_return; }
    }
  }

  const test::TemporaryFolder folder_;
  const test::Authority authority_;
  const Certified localhost_ = authority_.certify({.names = "DNS:localhost,IP:127.0.0.1,IP:::1"});
  std::string trusted_path_;
  bool stop_at_once_ = false;
  Resolver resolver_{Resolver::Options{}, [](const std::string&) { return Resolved{}; }};
};

TEST_F(TlsClientTest, TalksToAServerWhoseCertificateIsGood) {
  std::string heard;
  std::string name;
  Outcome outcome;
  {
    const LoopbackServer server([&](Socket& socket) {
      TlsVisitor visitor(socket, localhost_);
      name = visitor.name_asked_for();
      heard = visitor.read();
      visitor.write("hello");
      visitor.close_notify();
    });
    outcome = visit(server, {.says = "who is there?"});
  }
  EXPECT_EQ(outcome.failure, "");
  EXPECT_EQ(outcome.received, "hello");
  EXPECT_EQ(outcome.ended, Io::end);
  EXPECT_EQ(heard, "who is there?");
  EXPECT_EQ(name, "localhost") << "SNI";
}

TEST_F(TlsClientTest, SpeaksTls12ButNothingOlder) {
  std::atomic<int> version = TLS1_2_VERSION;
  const LoopbackServer server([&](Socket& socket) {
    TlsVisitor visitor(socket, localhost_, version);
    visitor.write("hello");
    visitor.close_notify();
  });
  EXPECT_EQ(visit(server).received, "hello");
  version = TLS1_1_VERSION;
  EXPECT_THAT(visit(server).failure, ::testing::StartsWith("TLS handshake: ")) << visit(server).failure;
}

TEST_F(TlsClientTest, TellsAddressesFromNames) {
  std::string name = "?";
  {
    const LoopbackServer server([&](Socket& socket) {
      TlsVisitor visitor(socket, localhost_);
      name = visitor.name_asked_for();
      visitor.write("hello");
    });
    EXPECT_EQ(visit(server, {.host = "127.0.0.1"}).received, "hello");
  }
  EXPECT_EQ(name, "") << "an address is not a server name (RFC 6066, section 3)";

  const Certified named_like_it = authority_.certify({.names = "DNS:127.0.0.1"});
  const LoopbackServer server([&](Socket& socket) { TlsVisitor(socket, named_like_it).write("hello"); });
  EXPECT_EQ(visit(server, {.host = "127.0.0.1"}).failure, "certificate: IP address mismatch");
}

TEST_F(TlsClientTest, RefusesCertificatesThatProveNothing) {
  const test::Authority stranger("a stranger");
  const test::Authority impostor("test authority");
  const Certified forged = impostor.certify({.names = "DNS:localhost"});
  const Certified unknown = stranger.certify({.names = "DNS:localhost"});
  const Certified self_signed = test::certified_by(nullptr, {.names = "DNS:localhost"});
  const Certified other = authority_.certify({.names = "DNS:elsewhere.example.org"});
  const Certified by_its_subject = authority_.certify({.names = {}, .common_name = "localhost"});
  const Certified expired = authority_.certify({.names = "DNS:localhost", .valid_seconds = -60});
  struct Case {
    const Certified& certified;
    std::string why;
  };
  for (const Case& it : std::vector<Case>{{unknown, "certificate: unable to get local issuer certificate"},
                                          {forged, "certificate: certificate signature failure"},
                                          {self_signed, "certificate: self-signed certificate"},
                                          {other, "certificate: hostname mismatch"},
                                          {by_its_subject, "certificate: hostname mismatch"},
                                          {expired, "certificate: certificate has expired"}}) {
    const LoopbackServer server([&](Socket& socket) { TlsVisitor(socket, it.certified).write("hello"); });
    EXPECT_EQ(visit(server).failure, it.why);
  }
}

TEST_F(TlsClientTest, ComparesNamesAsAWhole) {
  const Certified wild = authority_.certify({.names = "DNS:*.example.org,DNS:desk*.example.net"});
  const LoopbackServer server([&](Socket& socket) {
    TlsVisitor visitor(socket, wild);
    visitor.write("hello");
    visitor.close_notify();
  });
  EXPECT_EQ(visit(server, {.host = "desk.example.org"}).received, "hello");
  EXPECT_EQ(visit(server, {.host = "DESK.example.org."}).received, "hello");
  for (const char* host : {"example.org", "a.desk.example.org", "desk1.example.net", "desk.example.org.evil.test"}) {
    EXPECT_EQ(visit(server, {.host = host}).failure, "certificate: hostname mismatch") << host;
  }
  EXPECT_EQ(visit(server, {.host = ""}).failure, "'' is no host that a certificate names");
}

TEST_F(TlsClientTest, GivesUpAHandshakeThatTakesTooLong) {
  const LoopbackServer server([](Socket& socket) { socket.receive_all(); });
  const Outcome outcome = visit(server, {.patience = 50ms});
  EXPECT_EQ(outcome.failure, "the TLS handshake takes too long");
  EXPECT_FALSE(outcome.stopped);
}

TEST_F(TlsClientTest, StopsWhenItIsTold) {
  const LoopbackServer server([](Socket& socket) { socket.receive_all(); });
  stop_at_once_ = true;
  EXPECT_TRUE(visit(server).stopped);
}

TEST_F(TlsClientTest, TellsAnEndInTheHandshakeFromAServerWithoutTls) {
  const LoopbackServer leaving([](Socket& socket) { socket.receive(); });
  EXPECT_EQ(visit(leaving).failure, "the connection ended in the TLS handshake");
  const LoopbackServer plain([](Socket& socket) { socket.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  EXPECT_THAT(visit(plain).failure, ::testing::StartsWith("TLS handshake: "));
}

TEST_F(TlsClientTest, TellsAnEndFromACut) {
  std::atomic<bool> properly = true;
  const LoopbackServer server([&](Socket& socket) {
    TlsVisitor visitor(socket, localhost_);
    visitor.write("half of i");
    if (properly) { visitor.close_notify(); }
  });
  const Outcome ended = visit(server);
  EXPECT_EQ(ended.received, "half of i");
  EXPECT_EQ(ended.ended, Io::end);
  properly = false;
  const Outcome cut = visit(server);
  EXPECT_EQ(cut.received, "half of i");
  EXPECT_EQ(cut.ended, Io::truncated);
}

TEST_F(TlsClientTest, TakesGarbageBehindTheHandshakeForABrokenConnection) {
  const LoopbackServer server([&](Socket& socket) {
    TlsVisitor visitor(socket, localhost_);
    socket.send("this is no record of TLS");
    socket.receive_all();
  });
  EXPECT_EQ(visit(server).ended, Io::reset);
}

// More than the sockets hold both ways: the client must go on sending what OpenSSL keeps for it.
TEST_F(TlsClientTest, MovesMuchBothWaysThroughSmallReads) {
  const std::string much = test::random_bytes(3'000'000, 1);
  std::string heard;
  bool ended = false;
  Outcome outcome;
  {
    const LoopbackServer server([&](Socket& socket) {
      TlsVisitor visitor(socket, localhost_);
      while (heard.size() < much.size()) { heard += visitor.read(); }
      ended = visitor.read().empty();
      visitor.write(much);
      visitor.close_notify();
    });
    outcome = visit(server, {.says = much, .then = Then::half_close_and_read_all, .read_bytes = 1000});
  }
  EXPECT_TRUE(heard == much) << heard.size() << " bytes heard";
  EXPECT_TRUE(ended) << "close_notify comes behind what was written";
  EXPECT_TRUE(outcome.received == much) << outcome.received.size() << " bytes received";
  EXPECT_EQ(outcome.ended, Io::end);
}

TEST_F(TlsClientTest, SaysWhichAuthoritiesCannotBeRead) {
  const auto missing = TlsTrust::load(folder_.path("missing.pem"));
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().why, ::testing::HasSubstr(folder_.path("missing.pem")));
  EXPECT_FALSE(TlsTrust::load(folder_.write("empty.pem", "")).ok());
  EXPECT_TRUE(TlsTrust::load("").ok()) << "the system's";
}

}  // namespace
}  // namespace bascule::net
