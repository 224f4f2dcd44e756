// TLS as one more stream, over real sockets: as a client to a server of OpenSSL's own, and both roles of ours together.
#include "proxy/net/tls_stream.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/tcp.h>

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/net/dialer.hpp"
#include "test/net/loop_fixture.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/loopback_server.hpp"
#include "test/support/segments.hpp"
#include "test/support/tls_server.hpp"

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

class TlsStreamTest : public LoopTest {
 protected:
  std::shared_ptr<const tls::Client> trusting() const {
    const auto authorities = tls::Authorities::read(authority_.pem());
    EXPECT_TRUE(authorities.ok());
    return *tls::Client::make({.authorities = *authorities});
  }

  Outcome visit(const LoopbackServer& server, const Visit& how = {}) {
    Outcome outcome;
    run(story(server.port(), how, trusting(), outcome));
    return outcome;
  }

  Async<void> story(std::uint16_t port, const Visit& how, std::shared_ptr<const tls::Client> client, Outcome& outcome) {
    Waiter waiter(loop);
    const TimePoint deadline = loop.now() + how.patience;
    DialTarget target;
    target.address = Address::ipv4({127, 0, 0, 1}, port);
    DialOptions options;
    options.deadline = loop.now() + 20s;
    auto dialed = co_await dial(waiter, resolver_, target, options);
    EXPECT_TRUE(dialed.ok());
    if (stop_at_once_) { waiter.stop(); }
    auto engine = tls::Engine::connect(client, how.host);
    if (!engine) {
      outcome.failure = engine.error().why;
      co_return;
    }
    TlsStream stream(std::move(dialed->stream), std::move(*engine), bench_);
    const auto failure = co_await stream.shake_hands(waiter, nullptr, how.host, deadline);
    if (failure) {
      outcome.failure = failure->why;
      outcome.stopped = failure->how == TlsFailure::How::stopped;
      co_return;
    }
    stream.watched_by(&waiter);
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

  const test::Authority authority_;
  const Certified localhost_ = authority_.certify({.names = "DNS:localhost,IP:127.0.0.1,IP:::1"});
  Budget budget_;
  TlsBench bench_{budget_};
  bool stop_at_once_ = false;
  Resolver resolver_{Resolver::Options{}, [](const std::string&) { return Resolved{}; }};
};

TEST_F(TlsStreamTest, TalksToAServerWhoseCertificateIsGood) {
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

TEST_F(TlsStreamTest, SpeaksTls12ButNothingOlder) {
  std::atomic<int> version = TLS1_2_VERSION;
  const LoopbackServer server([&](Socket& socket) {
    TlsVisitor visitor(socket, localhost_, version);
    visitor.write("hello");
    visitor.close_notify();
  });
  EXPECT_EQ(visit(server).received, "hello");
  version = TLS1_1_VERSION;
  EXPECT_EQ(visit(server).failure, "the other side says: protocol version");
}

TEST_F(TlsStreamTest, TellsAddressesFromNames) {
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

TEST_F(TlsStreamTest, RefusesCertificatesThatProveNothing) {
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

TEST_F(TlsStreamTest, ComparesNamesAsAWhole) {
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

TEST_F(TlsStreamTest, GivesUpAHandshakeThatTakesTooLong) {
  const LoopbackServer server([](Socket& socket) { socket.receive_all(); });
  const Outcome outcome = visit(server, {.patience = 50ms});
  EXPECT_EQ(outcome.failure, "the TLS handshake takes too long");
  EXPECT_FALSE(outcome.stopped);
}

TEST_F(TlsStreamTest, StopsWhenItIsTold) {
  const LoopbackServer server([](Socket& socket) { socket.receive_all(); });
  stop_at_once_ = true;
  EXPECT_TRUE(visit(server).stopped);
}

TEST_F(TlsStreamTest, TellsAnEndInTheHandshakeFromAServerWithoutTls) {
  const LoopbackServer leaving([](Socket& socket) { socket.receive(); });
  EXPECT_EQ(visit(leaving).failure, "the connection ended in the TLS handshake");
  const LoopbackServer plain([](Socket& socket) { socket.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  EXPECT_EQ(visit(plain).failure, "TLS: wrong version number");
}

TEST_F(TlsStreamTest, TellsAnEndFromACut) {
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

TEST_F(TlsStreamTest, TakesGarbageBehindTheHandshakeForABrokenConnection) {
  const LoopbackServer server([&](Socket& socket) {
    TlsVisitor visitor(socket, localhost_);
    socket.send("this is no record of TLS");
    socket.receive_all();
  });
  EXPECT_EQ(visit(server).ended, Io::reset);
}

// More than the sockets hold both ways: the client must go on sending what OpenSSL keeps for it.
TEST_F(TlsStreamTest, MovesMuchBothWaysThroughSmallReads) {
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

// --- both roles of ours ----------------------------------------------------------------------------------------------

// A visitor and a host of one connection, on one loop; what each of them does is the test's.
class TlsPairTest : public LoopTest {
 protected:
  struct End {
    std::unique_ptr<TlsStream> stream;
    std::string heard{};
    std::optional<TlsFailure> failure{};
    Io ended = Io::bytes;
  };

  TlsPairTest() {
    test::Listener listener;
    test::Socket visitor = test::Socket::connect(listener.port(), 16 * 1024);
    test::Socket host = listener.accept();
    const auto authorities = tls::Authorities::read(authority_.pem());
    const auto key = tls::CertifiedKey::read(certified_.pem(), certified_.key_pem(), std::chrono::system_clock::now());
    tls::ServerOptions options;
    options.papers.push_back({.key = *key});
    auto client = tls::Engine::connect(*tls::Client::make({.authorities = *authorities}), "localhost");
    host_.stream = std::make_unique<TlsStream>(
        socket_of(host), tls::Engine::accept(*tls::Server::make(std::move(options)), ticket_keys_), bench_);
    visitor_.stream = std::make_unique<TlsStream>(socket_of(visitor), std::move(*client), bench_);
  }

  std::unique_ptr<SocketStream> socket_of(const test::Socket& socket) {
    OwnedFd fd(::fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0));
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return std::make_unique<SocketStream>(loop, std::move(fd), SocketStream::Began::connected);
  }

  auto done() {
    visitor_done_ = false;
    return [this](const std::exception_ptr& failure) {
      visitor_done_ = true;
      visitor_failed_ = failure;
    };
  }

  Async<void> until_done() {
    Waiter waiter(loop);
    while (!visitor_done_) { co_await waiter.pass(); }
    if (visitor_failed_) { std::rethrow_exception(visitor_failed_); }
  }

  // Shakes hands, says all of it, ends, and hears the other side out.
  Async<void> talk(End& end, std::string says, std::size_t bytes_at_once) {
    Waiter waiter(loop);
    const std::string who = "a visitor";
    Turns* const turns = &end == &host_ ? &turns_ : nullptr;
    end.failure = co_await end.stream->shake_hands(waiter, turns, who, loop.now() + 60s);
    if (end.failure) { co_return; }
    end.stream->watched_by(&waiter);
    Bytes rest = bytes_of(says);
    bool shut = false;
    std::vector<std::uint8_t> into(bytes_at_once);
    while (end.ended == Io::bytes || !shut) {
      bool moved = false;
      if (!rest.empty()) {
        const IoResult written = end.stream->write(rest.first(std::min(rest.size(), bytes_at_once)));
        moved = written.status == Io::bytes;
        if (moved) { rest = rest.subspan(written.bytes); }
      } else if (!shut) {
        end.stream->shutdown_write();
        shut = moved = true;
      }
      if (end.ended == Io::bytes) {
        const IoResult got = end.stream->read(into);
        if (got.status == Io::bytes) { end.heard += text_of(Bytes(into.data(), got.bytes)); }
        if (!got.waits() && got.status != Io::bytes) { end.ended = got.status; }
        moved = moved || !got.waits();
      }
      if (moved) { continue; }
      const Wake wake = co_await waiter.wait(loop.now() + 60s);
      if (wake != Wake::ready) { throw std::runtime_error("nothing moves"); }
    }
    while (end.stream->held() > 0) {
      const Wake wake = co_await waiter.wait(loop.now() + 60s);
      if (wake != Wake::ready) { throw std::runtime_error("what is held does not leave"); }
    }
    end.stream->watched_by(nullptr);
  }

  Async<void> shake(End& end) {
    Waiter waiter(loop);
    const std::string who = "a visitor";
    end.failure = co_await end.stream->shake_hands(waiter, &end == &host_ ? &turns_ : nullptr, who, loop.now() + 60s);
    if (end.failure) { throw std::runtime_error(end.failure->why); }
  }

  Async<void> shake_both() {
    asio::co_spawn(loop.executor(), shake(visitor_), done());
    co_await shake(host_);
    co_await until_done();
  }

  Async<void> hear_out(End& end) {
    Waiter waiter(loop);
    end.stream->watched_by(&waiter);
    std::vector<std::uint8_t> into(10'000);
    while (end.ended == Io::bytes) {
      const IoResult got = end.stream->read(into);
      if (got.status == Io::bytes) { end.heard += text_of(Bytes(into.data(), got.bytes)); }
      if (got.status != Io::bytes && !got.waits()) { end.ended = got.status; }
      if (!got.waits()) { continue; }
      const Wake wake = co_await waiter.wait(loop.now() + 60s);
      if (wake != Wake::ready) { throw std::runtime_error("nothing comes"); }
    }
    end.stream->watched_by(nullptr);
  }

  Async<void> say_last(End& end, Bytes last) {
    Waiter waiter(loop);
    end.stream->watched_by(&waiter);
    while (!last.empty()) {
      const IoResult written = end.stream->write_last(last);
      last = last.subspan(written.bytes);
      if (written.status != Io::wants_writable) { continue; }
      const Wake wake = co_await waiter.wait(loop.now() + 60s);
      if (wake != Wake::ready) { throw std::runtime_error("there is never room"); }
    }
    co_await until_done();
    end.stream->watched_by(nullptr);
  }

  Async<void> both(std::string visitor_says, std::string host_says, std::size_t bytes_at_once) {
    asio::co_spawn(loop.executor(), talk(visitor_, std::move(visitor_says), bytes_at_once), done());
    co_await talk(host_, std::move(host_says), bytes_at_once);
    co_await until_done();
  }

  const test::Authority authority_;
  const Certified certified_ = authority_.certify({.names = "DNS:localhost"});
  tls::TicketKeys ticket_keys_;
  Budget budget_;
  TlsBench bench_{budget_};
  Turns turns_{loop};
  End visitor_;
  End host_;
  bool visitor_done_ = false;
  std::exception_ptr visitor_failed_;
};

TEST_F(TlsPairTest, CarriesEveryByteBothWaysInPiecesOfAnySize) {
  const std::string there = test::random_bytes(1'500'000, 1);
  const std::string back = test::random_bytes(2'500'000, 2);
  run(both(there, back, 70'001));
  EXPECT_TRUE(host_.heard == there) << host_.heard.size();
  EXPECT_TRUE(visitor_.heard == back) << visitor_.heard.size();
  EXPECT_EQ(host_.ended, Io::end);
  EXPECT_EQ(visitor_.ended, Io::end);
  EXPECT_EQ(budget_.bytes(), 0U) << "nothing is held any more";
}

TEST_F(TlsPairTest, CarriesSplinters) {
  const std::string there = test::random_bytes(3'000, 3);
  run(both(there, "", 7));
  EXPECT_EQ(host_.heard, there);
}

TEST_F(TlsPairTest, PutsOffItsTicketsUntilItHasSomethingToSay) {
  run(shake_both());
  EXPECT_GT(host_.stream->held(), 0U);
  EXPECT_EQ(budget_.bytes(), host_.stream->held());
  EXPECT_EQ(host_.stream->write(bytes_of(std::string_view("hello"))).bytes, 5U);
  EXPECT_EQ(host_.stream->held(), 0U);
  EXPECT_EQ(budget_.bytes(), 0U);
  host_.stream->shutdown_write();
  run(hear_out(visitor_));
  EXPECT_EQ(visitor_.heard, "hello");
}

// Else a client with Nagle's algorithm waits 40 ms before it says anything.
TEST_F(TlsPairTest, AFinishedWithNothingBehindItIsAcknowledgedSoon) {
  const auto acknowledges_at_once = [](const End& end) {
    int on = -1;
    socklen_t size = sizeof on;
    ::getsockopt(end.stream->descriptor(), IPPROTO_TCP, TCP_QUICKACK, &on, &size);
    return on == 1;
  };
  run(shake_both());
  EXPECT_TRUE(acknowledges_at_once(host_));
  EXPECT_FALSE(acknowledges_at_once(visitor_)) << "which has done the same, and nobody has told its kernel";
}

TEST_F(TlsPairTest, SendsItsTicketsWithItsEndIfItSaysNothingElse) {
  run(shake_both());
  host_.stream->shutdown_write();
  EXPECT_EQ(host_.stream->held(), 0U);
  EXPECT_EQ(budget_.bytes(), 0U);
  run(hear_out(visitor_));
  EXPECT_EQ(visitor_.ended, Io::end);
}

// What the socket does not take is held, counts in the budget, and the stream takes nothing more until it has left.
TEST_F(TlsPairTest, HoldsWhatTheSocketDoesNotTake) {
  run(shake_both());
  const std::string much = test::random_bytes(400'000, 4);
  std::size_t taken = 0;
  IoResult last;
  do {
    last = host_.stream->write(bytes_of(much));
    taken += last.bytes;
  } while (last.status == Io::bytes);
  EXPECT_EQ(last.status, Io::wants_writable);
  EXPECT_GT(host_.stream->held(), 0U);
  EXPECT_LE(host_.stream->held(), TlsBench::seal_bytes * 3 / 2) << "and never much";
  EXPECT_EQ(budget_.bytes(), host_.stream->held());
  EXPECT_GE(host_.stream->unsent(), host_.stream->held());

  host_.stream->shutdown_write();
  run(hear_out(visitor_));
  EXPECT_EQ(visitor_.heard.size(), taken);
  EXPECT_EQ(visitor_.ended, Io::end) << "close_notify came behind all of it";
  EXPECT_EQ(host_.stream->held(), 0U);
  EXPECT_EQ(budget_.bytes(), 0U);
}

TEST_F(TlsPairTest, TheLastBytesCloseNotifyAndTheEndGoAsOne) {
  run(shake_both());
  EXPECT_EQ(host_.stream->write(bytes_of(std::string_view("tickets and this, "))).status, Io::bytes);
  const auto before = test::segments_sent(host_.stream->descriptor());
  EXPECT_EQ(host_.stream->write_last(bytes_of(std::string_view("farewell"))).bytes, 8U);
  EXPECT_EQ(test::segments_sent(host_.stream->descriptor()) - before, 1U);
  run(hear_out(visitor_));
  EXPECT_EQ(visitor_.heard, "tickets and this, farewell");
  EXPECT_EQ(visitor_.ended, Io::end);
}

TEST_F(TlsPairTest, LastBytesThatAreManyEndAsWellAsFew) {
  run(shake_both());
  const std::string much = test::random_bytes(400'000, 9);
  asio::co_spawn(loop.executor(), hear_out(visitor_), done());
  run(say_last(host_, bytes_of(much)));
  EXPECT_TRUE(visitor_.heard == much) << visitor_.heard.size();
  EXPECT_EQ(visitor_.ended, Io::end);
  EXPECT_EQ(budget_.bytes(), 0U);
}

TEST_F(TlsPairTest, AnAbortGivesUpWhatIsHeld) {
  run(shake_both());
  const std::string much = test::random_bytes(400'000, 5);
  while (host_.stream->write(bytes_of(much)).status == Io::bytes) {}
  host_.stream->abort();
  EXPECT_EQ(host_.stream->held(), 0U);
  EXPECT_EQ(budget_.bytes(), 0U);
  EXPECT_NE(host_.stream->broken(), 0);
  run(hear_out(visitor_));
  EXPECT_EQ(visitor_.ended, Io::reset);
}

TEST_F(TlsPairTest, AnEndWithoutCloseNotifyIsACut) {
  run(shake_both());
  EXPECT_EQ(host_.stream->write(bytes_of(std::string_view("half of i"))).status, Io::bytes);
  host_.stream->socket().shutdown_write();
  run(hear_out(visitor_));
  EXPECT_EQ(visitor_.heard, "half of i");
  EXPECT_EQ(visitor_.ended, Io::truncated);
}

TEST_F(TlsPairTest, GivesBackWhatWasReadTooEarly) {
  run(both("ab", "", 100));
  host_.stream->unread(bytes_of("cd"));
  host_.stream->unread(bytes_of("ab"));
  std::array<std::uint8_t, 3> into{};
  EXPECT_EQ(host_.stream->read(into).bytes, 3U);
  EXPECT_EQ(text_of(into), "abc");
  EXPECT_EQ(host_.stream->read(into).bytes, 1U);
  EXPECT_EQ(host_.stream->read(into).status, Io::end) << "once ended, always ended";
}

}  // namespace
}  // namespace bascule::net
