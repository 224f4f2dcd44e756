#include "proxy/tls/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/tls/talking.hpp"

namespace bascule::tls {
namespace {

using namespace talking;
using namespace std::chrono_literals;
using testing::HasSubstr;

// RFC 8446, section 6.
enum Alert : int { unexpected_message = 10, bad_record_mac = 20, record_overflow = 22, decode_error = 50 };

// Types of records: RFC 8446, section 5.1.
constexpr char alerts = 21;
constexpr char handshakes = 22;
constexpr char data = 23;

const Made& desk() {
  static const Made made = issue("DNS:desk.example.org,DNS:*.wild.example,IP:192.0.2.7,IP:2001:db8::7");
  return made;
}

std::shared_ptr<const Server> server_of(const Made& made) {
  return must_be(Server::make({.papers = {{.key = certified(made)}}}));
}

std::shared_ptr<const Client> client_that_trusts(const Made& authority) {
  return must_be(Client::make({.authorities = authorities(authority)}));
}

// Text that no shift leaves as it is.
std::string some_text(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& each : text) {
    state = state * 1664525U + 1013904223U;
    each = static_cast<char>(state >> 24U);
  }
  return text;
}

class Talking : public testing::Test {
 protected:
  Talker server_to(const std::shared_ptr<const Server>& server) { return visited(server, keys_); }
  static Talker client_to(const std::shared_ptr<const Client>& client, const std::string& name) {
    return Talker(must_be(Engine::connect(client, name)));
  }
  // With a visitor of its own, or with our own client.
  void shake(int version = TLS1_3_VERSION) {
    visitor_ = std::make_unique<Visitor>(VisitorWish{.name = "desk.example.org", .version_max = version});
    ASSERT_EQ(shake_hands(server_, *visitor_), "");
  }
  void shake_with_our_client() { ASSERT_EQ(shake_hands(server_, client_), ""); }

  TicketKeys keys_;
  Talker server_ = server_to(server_of(desk()));
  Talker client_ = client_to(client_that_trusts(root()), "desk.example.org");
  std::unique_ptr<Visitor> visitor_;
};

const std::vector<int> both_versions{TLS1_2_VERSION, TLS1_3_VERSION};

// --- data ------------------------------------------------------------------------------------------------------------

TEST_F(Talking, SaysWhatWasAgreed) {
  shake_with_our_client();
  for (const Talker* const side : {&server_, &client_}) {
    EXPECT_EQ(side->engine->version(), "TLSv1.3");
    EXPECT_EQ(side->engine->suite(), "TLS_AES_128_GCM_SHA256");
    EXPECT_FALSE(side->engine->resumed());
    EXPECT_EQ(side->engine->why(), "");
  }
  EXPECT_EQ(server_.engine->name(), "desk.example.org");
}

TEST_F(Talking, CarriesTenMebibytesBothWaysByteForByte) {
  shake_with_our_client();
  const std::string all = some_text(std::size_t{10} * 1024 * 1024);
  for (const auto& [from, to] : {std::pair(&server_, &client_), std::pair(&client_, &server_)}) {
    ASSERT_EQ(from->write(all), Did::well);
    to->arrived = from->sent();
    std::string got;
    EXPECT_EQ(to->read_all(got), Did::wants_more);
    EXPECT_TRUE(got == all);
    EXPECT_EQ(to->arrived, "");
  }
}

TEST_F(Talking, GivesTheSameHoweverTheRecordsAreCut) {
  const std::string text = some_text(40000);
  for (const int version : both_versions) {
    for (const std::size_t cut : {1U, 2U, 5U, 6U, 1000U, 16405U}) {
      Talker server = server_to(server_of(desk()));
      Visitor visitor({.name = "desk.example.org", .version_max = version});
      ASSERT_EQ(shake_hands(server, visitor, cut), "") << cut;
      visitor.write(text);
      std::string on_the_way = visitor.sent();
      std::string got;
      while (!on_the_way.empty()) {
        server.arrived += on_the_way.substr(0, cut);
        on_the_way.erase(0, std::min(cut, on_the_way.size()));
        EXPECT_EQ(server.read_all(got), Did::wants_more);
      }
      EXPECT_TRUE(got == text) << cut;
    }
  }
}

TEST_F(Talking, ShakesHandsByteForByteWithOurOwnClient) {
  EXPECT_EQ(shake_hands(server_, client_, 1), "");
}

TEST_F(Talking, KeepsWhatDoesNotFitForTheNextCall) {
  shake();
  visitor_->write("hello, world");
  server_.arrived = visitor_->sent();
  std::string got;
  EXPECT_EQ(server_.read(got, 5), Did::well);
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(server_.engine->buffered(), 7U);
  EXPECT_EQ(server_.arrived, "");
  EXPECT_EQ(server_.read(got, 4), Did::well);
  EXPECT_EQ(server_.read(got), Did::well);
  EXPECT_EQ(got, "hello, world");
  EXPECT_EQ(server_.engine->buffered(), 0U);
  EXPECT_EQ(server_.read(got), Did::wants_more);
}

TEST_F(Talking, OpensSoManyRecordsInOneCallAndNoMore) {
  shake();
  for (std::size_t i = 0; i < 600; ++i) { visitor_->write("0123456789"); }
  server_.arrived = visitor_->sent();
  std::string got;
  EXPECT_EQ(server_.read(got), Did::well);
  EXPECT_EQ(got.size(), Engine::records_max * 10);
  EXPECT_EQ(server_.read(got), Did::well);
  EXPECT_EQ(got.size(), 6000U);
  EXPECT_EQ(server_.arrived, "");
}

TEST_F(Talking, LeavesWhatFollowsTheHandshakeToRead) {
  Visitor visitor({.version_max = TLS1_3_VERSION});
  visitor.shake_hands();
  server_.arrived = visitor.sent();
  EXPECT_EQ(server_.shake_hands(), Did::wants_more);
  visitor.receive(server_.sent());
  EXPECT_TRUE(visitor.shake_hands());
  visitor.write("at once");  // with the end of the handshake
  server_.arrived = visitor.sent();
  EXPECT_EQ(server_.shake_hands(), Did::well);
  std::string got;
  EXPECT_EQ(server_.read(got), Did::well);
  EXPECT_EQ(got, "at once");
}

TEST_F(Talking, WritesNothingForNothing) {
  shake();
  server_.sent();
  EXPECT_EQ(server_.write(""), Did::well);
  EXPECT_EQ(server_.sent(), "");
}

// Errors of OpenSSL are the thread's: what is left there would be taken for another connection's.
TEST_F(Talking, LeavesNoErrorToOthers) {
  Talker other = server_to(server_of(desk()));
  other.arrived = "GET / HTTP/1.1\r\n\r\n";
  EXPECT_EQ(other.shake_hands(), Did::failed);
  EXPECT_EQ(ERR_peek_error(), 0U);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_DATA);  // nor takes one of others for its own
  shake();
}

// --- the end ---------------------------------------------------------------------------------------------------------

TEST_F(Talking, TellsAnEndAndHearsOfOne) {
  for (const int version : both_versions) {
    server_ = server_to(server_of(desk()));
    shake(version);
    visitor_->write("last words");
    SSL_shutdown(visitor_->ssl());
    server_.arrived = visitor_->sent();
    std::string got;
    EXPECT_EQ(server_.read(got), Did::well);
    EXPECT_EQ(got, "last words");
    EXPECT_EQ(server_.read(got), Did::ended);
    EXPECT_EQ(server_.read(got), Did::ended) << "and stays so";

    // Half-closed: we may go on.
    EXPECT_EQ(server_.write("still here"), Did::well);
    server_.close();
    visitor_->receive(server_.sent());
    EXPECT_EQ(visitor_->read(), "still here");
    EXPECT_TRUE(visitor_->was_told_of_the_end());
  }
}

TEST_F(Talking, ReadsOnWhenItHasSaidThatNothingFollows) {
  for (const int version : both_versions) {
    server_ = server_to(server_of(desk()));
    shake(version);
    server_.close();
    const std::string notify = server_.sent();
    EXPECT_NE(notify, "");
    server_.close();
    EXPECT_EQ(server_.sent(), "") << "once is enough";
    visitor_->write("one more thing");
    if (version == TLS1_3_VERSION) {
      SSL_key_update(visitor_->ssl(), SSL_KEY_UPDATE_REQUESTED);
      visitor_->write(", under another key");
    }
    SSL_shutdown(visitor_->ssl());
    server_.arrived = visitor_->sent();
    std::string got;
    EXPECT_EQ(server_.read_all(got), Did::ended) << server_.engine->why();
    EXPECT_EQ(got, version == TLS1_3_VERSION ? "one more thing, under another key" : "one more thing");
    visitor_->receive(notify);
    EXPECT_EQ(visitor_->read(), "");
    EXPECT_TRUE(visitor_->was_told_of_the_end());
  }
}

TEST_F(Talking, SaysNothingOfAnEndBeforeHandsAreShaken) {
  server_.close();
  EXPECT_EQ(server_.sent(), "");
  shake();
}

TEST_F(Talking, TakesHalfARecordForNoEnd) {
  shake();
  visitor_->write("cut off on the way");
  const std::string whole = visitor_->sent();
  server_.arrived = whole.substr(0, whole.size() - 1);
  std::string got;
  EXPECT_EQ(server_.read(got), Did::wants_more);
  EXPECT_EQ(server_.engine->buffered(), 0U);
}

TEST_F(Talking, HandsOutWhatCameBeforeAFailure) {
  shake();
  visitor_->write("good");
  server_.arrived = visitor_->sent() + "\x17\x03\x03\xff\xff";
  std::string got;
  EXPECT_EQ(server_.read(got), Did::well);
  EXPECT_EQ(got, "good");
  EXPECT_EQ(server_.read(got), Did::failed);
  EXPECT_EQ(server_.write("no more"), Did::failed);
  EXPECT_EQ(server_.shake_hands(), Did::failed);
  server_.sent();
  server_.close();
  EXPECT_EQ(server_.sent(), "");
}

// --- what nobody means well by ---------------------------------------------------------------------------------------

TEST_F(Talking, RefusesWhatIsNoTls) {
  struct Case {
    std::string said;
    std::string why;
  };
  const std::vector<Case> cases{
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "TLS: http request"},
      {"CONNECT a:443 HTTP/1.1\r\n", "TLS: https proxy request"},
      {std::string(64, '\0'), "TLS: wrong version number"},
      {std::string(64, '\xff'), "TLS: wrong version number"},
      {std::string("\x16\x03\x01\xff\xff", 5) + std::string(64, 'x'), "TLS: packet length too long"},
      {std::string("\x17\x03\x03\x00\x05hello", 10), "TLS: unexpected message"},
      {std::string("\x16\x03\x01\x00\x05\x01\xff\xff\xffx", 10), "TLS: excessive message size"},
  };
  for (const Case& each : cases) {
    Talker server = server_to(server_of(desk()));
    server.arrived = each.said;
    EXPECT_EQ(server.shake_hands(), Did::failed);
    EXPECT_EQ(server.engine->why(), each.why);
    EXPECT_FALSE(server.engine->distrusts());
  }
}

TEST_F(Talking, RefusesEveryGarbledHelloWithoutHarm) {
  Visitor visitor({.name = "desk.example.org"});
  visitor.shake_hands();
  const std::string hello = visitor.sent();
  const auto server = server_of(desk());
  for (std::size_t at = 0; at < hello.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      Talker talker = server_to(server);
      talker.arrived = hello;
      talker.arrived[at] = static_cast<char>(talker.arrived[at] ^ flip);
      if (talker.shake_hands() == Did::failed) { EXPECT_NE(talker.engine->why(), ""); }
      EXPECT_LE(talker.to_send.size(), 4096U);
    }
  }
}

TEST_F(Talking, RefusesAGarbledRecord) {
  for (const int version : both_versions) {
    server_ = server_to(server_of(desk()));
    shake(version);
    visitor_->write("hello");
    server_.arrived = visitor_->sent();
    server_.arrived.back() = static_cast<char>(server_.arrived.back() ^ 1);
    std::string got;
    EXPECT_EQ(server_.read(got), Did::failed);
    EXPECT_EQ(got, "");
    EXPECT_EQ(server_.engine->why(), "TLS: decryption failed or bad record mac");
    visitor_->receive(server_.sent());
    visitor_->read();
    EXPECT_EQ(visitor_->alert(), bad_record_mac);
  }
}

TEST_F(Talking, RefusesAnOversizedRecord) {
  for (const int version : both_versions) {
    server_ = server_to(server_of(desk()));
    shake(version);
    server_.arrived = std::string("\x17\x03\x03\x48\x01", 5) + std::string(0x4801, 'x');
    std::string got;
    EXPECT_EQ(server_.read(got), Did::failed);
    visitor_->receive(server_.sent());
    visitor_->read();
    EXPECT_EQ(visitor_->alert(), record_overflow);
  }
}

TEST_F(Talking, RefusesARecordOfNoKnownType) {
  shake();
  server_.arrived = Forger(*visitor_).seal("x", 99);
  std::string got;
  EXPECT_EQ(server_.read(got), Did::failed);
  EXPECT_EQ(server_.engine->why(), "TLS: bad record type");
}

TEST_F(Talking, TakesSomeKeyUpdatesButNoFloodOfThem) {
  shake();
  const auto update_keys = [this] {
    SSL_key_update(visitor_->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    visitor_->shake_hands();
  };
  std::string got;
  Did did = Did::well;
  unsigned count = 0;
  for (; count < 2 * Engine::key_updates_max && did != Did::failed; ++count) {
    update_keys();
    visitor_->write("with data in between");
    server_.arrived = visitor_->sent();
    did = server_.read_all(got);
  }
  EXPECT_EQ(count, Engine::key_updates_max + 1);
  EXPECT_EQ(server_.engine->why(), "TLS: too many key updates");
}

TEST_F(Talking, AnswersAKeyUpdateThatAsksForOne) {
  shake();
  for (int i = 0; i < 3; ++i) { SSL_key_update(visitor_->ssl(), SSL_KEY_UPDATE_REQUESTED); }
  visitor_->write("hello");
  server_.arrived = visitor_->sent();
  std::string got;
  EXPECT_EQ(server_.read(got), Did::well);
  EXPECT_EQ(server_.write("under a new key"), Did::well);
  visitor_->receive(server_.sent());
  EXPECT_EQ(visitor_->read(), "under a new key");
}

TEST_F(Talking, TakesNoFloodOfEmptyRecords) {
  shake();
  Forger forger(*visitor_);
  for (int i = 0; i < 10; ++i) { server_.arrived += forger.seal("", data); }
  server_.arrived += forger.seal("a few are no harm", data);
  std::string got;
  EXPECT_EQ(server_.read_all(got), Did::wants_more);
  EXPECT_EQ(got, "a few are no harm");
  for (int i = 0; i < 10000; ++i) { server_.arrived += forger.seal("", data); }
  EXPECT_EQ(server_.read_all(got), Did::failed);
  visitor_->receive(server_.sent());
  visitor_->read();
  EXPECT_EQ(visitor_->alert(), unexpected_message);
}

// TLS 1.2 lets a visitor ask for another handshake again and again, and OpenSSL tells it each time that there is none:
// CVE-2011-1473.
TEST_F(Talking, TakesNoFloodOfHellos) {
  visitor_ = std::make_unique<Visitor>(
      VisitorWish{.version_max = TLS1_2_VERSION, .suites_1_2 = "ECDHE-ECDSA-AES128-GCM-SHA256"});
  ASSERT_EQ(shake_hands(server_, *visitor_), "");
  Forger forger(*visitor_);
  const std::string hello("\x01\x00\x00\x00", 4);
  server_.arrived = forger.seal(hello, handshakes);
  server_.arrived += forger.seal("some data", data);
  std::string got;
  EXPECT_EQ(server_.read_all(got), Did::wants_more) << server_.engine->why();
  EXPECT_EQ(got, "some data");
  // With data in between as well: each of them is answered, and the answers must not pile up.
  for (int i = 0; i < 100; ++i) {
    server_.arrived += forger.seal(hello, handshakes);
    server_.arrived += forger.seal("data", data);
  }
  EXPECT_EQ(server_.read_all(got), Did::failed);
  EXPECT_EQ(server_.engine->why(), "TLS: too many attempts to renegotiate");
  EXPECT_LE(server_.to_send.size(), Engine::alerts_max * 100U);
}

TEST_F(Talking, TakesNoFloodOfSplinters) {
  shake();
  for (unsigned i = 0; i < Engine::splinters_max; ++i) { visitor_->write("x"); }
  visitor_->write("a frame");
  for (unsigned i = 0; i < Engine::splinters_max; ++i) { visitor_->write("xxxxx"); }
  server_.arrived = visitor_->sent();
  std::string got;
  EXPECT_EQ(server_.read_all(got), Did::wants_more) << server_.engine->why();
  visitor_->write("x");
  server_.arrived = visitor_->sent();
  EXPECT_EQ(server_.read_all(got), Did::failed);
  EXPECT_EQ(server_.engine->why(), "TLS: nothing but splinters of records");
}

// A service may send byte for byte what is typed.
TEST_F(Talking, TakesSplintersFromAService) {
  shake_with_our_client();
  for (unsigned i = 0; i < 3 * Engine::splinters_max; ++i) { server_.write("x"); }
  client_.arrived = server_.sent();
  std::string got;
  EXPECT_EQ(client_.read_all(got), Did::wants_more);
  EXPECT_EQ(got.size(), 3U * Engine::splinters_max);
}

// As a visitor reads it a few bytes at a time: the rest of a large record is no splinter.
TEST_F(Talking, TakesNoLargeRecordForSplinters) {
  shake();
  visitor_->write(some_text(std::size_t{3} * Engine::splinters_max));
  server_.arrived = visitor_->sent();
  std::string got;
  for (unsigned i = 0; i < 3 * Engine::splinters_max; ++i) { ASSERT_EQ(server_.read(got, 1), Did::well); }
}

TEST_F(Talking, TakesNoEndlessHandshake) {
  // Fragments of one byte, of a hello that is as long as they come.
  const std::string header("\x16\x03\x01\x00\x01", 5);
  server_.arrived = header + "\x01" + header + "\x02" + header + std::string(1, '\0') + header + std::string(1, '\0');
  for (int i = 0; i < 200000; ++i) { server_.arrived += header + "x"; }
  EXPECT_EQ(server_.shake_hands(), Did::failed);
  EXPECT_EQ(server_.engine->why(), "TLS: the handshake is too long");
}

TEST_F(Talking, RepeatsWhatTheOtherSideSaysIsWrong) {
  shake();
  server_.arrived = Forger(*visitor_).seal(std::string("\x02\x2e", 2), alerts);  // certificate_unknown
  std::string got;
  EXPECT_EQ(server_.read(got), Did::failed);
  EXPECT_EQ(server_.engine->why(), "the other side says: certificate unknown");
  EXPECT_FALSE(server_.engine->distrusts());
}

// Whoever gives up in the middle, wherever that is, leaves nothing behind (the sanitizers look).
TEST_F(Talking, MayBeBrokenOffAnywhere) {
  const auto server = server_of(desk());
  const auto client = client_that_trusts(root());
  for (std::size_t bytes = 0; bytes < 2500; bytes += 97) {
    Talker from = client_to(client, "desk.example.org");
    Talker to = server_to(server);
    from.shake_hands();
    to.arrived = from.sent().substr(0, bytes);
    if (to.shake_hands() == Did::failed) { FAIL() << to.engine->why(); }
    from.arrived = to.sent().substr(0, bytes);
    from.shake_hands();
    to.arrived += from.sent().substr(0, bytes / 4);
    to.shake_hands();
  }
}

// --- whom a client believes ------------------------------------------------------------------------------------------

TEST_F(Talking, BelievesWhoeverHasTheName) {
  for (const std::string name : {"desk.example.org", "DESK.example.org", "desk.example.org.", "a.wild.example",
                                 "192.0.2.7", "2001:db8::7", "2001:db8:0::7"}) {
    Talker server = server_to(server_of(desk()));
    Talker client = client_to(client_that_trusts(root()), name);
    EXPECT_EQ(shake_hands(server, client), "") << name;
    EXPECT_EQ(client.engine->take_certificate().der, desk().der());
    const bool is_address = name.front() == '1' || name.front() == '2';
    EXPECT_EQ(server.engine->name().empty(), is_address) << "an address is not told";
  }
}

TEST_F(Talking, BelievesNobodyElse) {
  const auto now = std::chrono::system_clock::now();
  const Made stranger = make_today({.common_name = "another root", .authority = true});
  const Made partial = issue("DNS:d*.example.org,DNS:*.*.example.org,DNS:*");
  const Made by_common_name = make_today({.common_name = "desk.example.org"}, &root());
  const Made by_text = issue("DNS:192.0.2.7");
  const Made itself = make_today({.names = "DNS:desk.example.org"});
  const Made expired = make_today({.names = "DNS:desk.example.org", .from = now - 3h, .until = now - 2h}, &root());
  struct Case {
    const Made& shown;
    std::string name;
    const Made& trusted;
    std::string why;
  };
  const std::string other_name = "certificate: hostname mismatch";
  const std::vector<Case> cases{
      {desk(), "mail.example.org", root(), other_name},
      {desk(), "wild.example", root(), other_name},
      {desk(), "a.b.wild.example", root(), other_name},
      {desk(), "192.0.2.8", root(), "certificate: IP address mismatch"},
      {by_text, "192.0.2.7", root(), "certificate: IP address mismatch"},
      {partial, "desk.example.org", root(), other_name},
      {partial, "a.desk.example.org", root(), other_name},
      {partial, "localhost", root(), other_name},
      {by_common_name, "desk.example.org", root(), other_name},
      {desk(), "desk.example.org", stranger, "certificate: unable to get local issuer certificate"},
      {itself, "desk.example.org", root(), "certificate: self-signed certificate"},
      {expired, "desk.example.org", root(), "certificate: certificate has expired"},
  };
  for (const Case& each : cases) {
    // Our own server does not show an expired one.
    std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context.get(), each.shown.certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), each.shown.key.get());
    const std::unique_ptr<SSL, FreedBy<SSL_free>> service(SSL_new(context.get()));
    SSL_set_bio(service.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(service.get());
    Talker client = client_to(client_that_trusts(each.trusted), each.name);
    client.shake_hands();
    const std::string hello = client.sent();
    BIO_write(SSL_get_rbio(service.get()), hello.data(), static_cast<int>(hello.size()));
    SSL_do_handshake(service.get());
    client.arrived.resize(BIO_ctrl_pending(SSL_get_wbio(service.get())));
    BIO_read(SSL_get_wbio(service.get()), client.arrived.data(), static_cast<int>(client.arrived.size()));
    EXPECT_EQ(client.shake_hands(), Did::failed) << each.name;
    EXPECT_EQ(client.engine->why(), each.why);
    EXPECT_TRUE(client.engine->distrusts());
    EXPECT_NE(client.sent(), "") << "the alert";
    ERR_clear_error();
  }
}

TEST_F(Talking, TellsTheServiceWhy) {
  const Made stranger = make_today({.common_name = "another root", .authority = true});
  Talker client = client_to(client_that_trusts(stranger), "desk.example.org");
  EXPECT_EQ(shake_hands(server_, client), "certificate: unable to get local issuer certificate");
  server_.arrived += client.sent();
  EXPECT_EQ(server_.shake_hands(), Did::failed);
  EXPECT_EQ(server_.engine->why(), "the other side says: unknown CA");
}

TEST_F(Talking, BelievesAnybodyWhereItIsTold) {
  const auto client = must_be(Client::make({.authorities = nullptr, .verify = false}));
  for (const std::string name : {"another.example", "192.0.2.99"}) {
    Talker server = server_to(server_of(make_today({.common_name = "by itself"})));
    Talker from = client_to(client, name);
    EXPECT_EQ(shake_hands(server, from), "");
    EXPECT_EQ(from.engine->take_certificate().der, "") << "nothing was verified";
  }
}

TEST_F(Talking, ShowsItsOwnCertificateWhereItIsAskedTo) {
  ServerOptions options{.papers = {{.key = certified(desk())}}};
  options.client_ca = authorities(root());
  options.ask_at.any = true;
  const auto asking = must_be(Server::make(std::move(options)));
  const Made ours = issue("DNS:bridge.example.org");
  const auto client = must_be(Client::make({.authorities = authorities(root()), .key = certified(ours)}));
  Talker to = server_to(asking);
  Talker from = client_to(client, "desk.example.org");
  ASSERT_EQ(shake_hands(to, from), "");
  EXPECT_EQ(to.engine->take_certificate().der, ours.der());

  Talker open = server_to(server_of(desk()));
  Talker again = client_to(client, "desk.example.org");
  ASSERT_EQ(shake_hands(open, again), "");
  EXPECT_EQ(open.engine->take_certificate().der, "");
}

TEST(Connect, RefusesWhatNoCertificateCanName) {
  const auto client = client_that_trusts(root());
  for (const std::string& name : {std::string(), std::string("."), std::string(300, 'a')}) {
    const auto engine = Engine::connect(client, name);
    ASSERT_FALSE(engine) << name;
    EXPECT_THAT(engine.error().why, HasSubstr("no host that a certificate names"));
  }
}

TEST(Client, TrustsSomebodyOrNobody) {
  const auto made = Client::make({.authorities = nullptr});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().what, Bad::What::options);
}

}  // namespace
}  // namespace bascule::tls
