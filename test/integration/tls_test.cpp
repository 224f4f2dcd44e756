// TLS on both sides, over the wire: who is let in by it, who is not, and what becomes of those who do not play fair.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/rand.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>
#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/loopback_server.hpp"
#include "test/support/sockets.hpp"
#include "test/support/tls_visitor.hpp"

namespace bascule::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

// --- the house -------------------------------------------------------------------------------------------------------

const std::string echo_routes =
    "  - {name: desk, host: desk.example.org, path: /ws, auth: none, to: \"echo:\"}\n"
    "  - {name: local, path: /ws, auth: none, to: \"echo:\"}\n";

// A folder with certificates, and bascule on rules that use them; `more` are further lines of the listener's `tls`.
class House {
 public:
  explicit House(const std::string& routes = echo_routes, const std::string& more = {}, const std::string& top = {})
      : more_(more), top_(top) {
    write_pair("site", certified_);
    folder_.write("visitors-ca.pem", visitors_.pem());
    folder_.write("other-ca.pem", others_.pem());
    folder_.write("rules.yaml", rules(routes));
    bascule_ = std::make_unique<BasculeProcess>(std::vector{folder_.path("rules.yaml")});
  }

  std::string rules(const std::string& routes) const {
    return fmt::format(
        "listen:\n  name: door\n  address: 127.0.0.1:0\n  tls:\n    certificates: "
        "[{{certificate: site.pem, key: {{file: site.key}}}}]\n{}{}routes:\n{}",
        more_, top_, routes);
  }

  void write_pair(const std::string& name, const Certified& certified) const {
    folder_.write(name + ".pem", certified.pem());
    write_key(name, certified);
  }
  void write_key(const std::string& name, const Certified& certified) const {
    const std::string path = folder_.write(name + ".key", certified.key_pem());
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  TlsSocket visit(const TlsWish& wish = {.name = "desk.example.org"}) const {
    return TlsSocket(Socket::connect(bascule_->port()), wish);
  }
  // What a handshake is refused with.
  std::string refusal(const TlsWish& wish) const {
    try {
      TlsSocket visitor = visit(wish);
      visitor.send(upgrade_at("desk.example.org", "/ws"));
      visitor.receive();  // an alert of TLS 1.3 comes after the client's own handshake is done
    } catch (const TlsSocket::Refused& refused) { return refused.what(); }
    return "none";
  }

  BasculeProcess& bascule() { return *bascule_; }
  const TemporaryFolder& folder() const { return folder_; }
  const Authority& authority() const { return authority_; }
  const Authority& visitors() const { return visitors_; }
  const Authority& others() const { return others_; }

 private:
  const TemporaryFolder folder_;
  const std::string more_;
  const std::string top_;
  const Authority authority_{"authority of the site"};
  const Authority visitors_{"authority of visitors"};
  const Authority others_{"somebody else's authority"};
  const Certified certified_ =
      authority_.certify({.names = "DNS:desk.example.org,DNS:guarded.example.org", .common_name = "the site"});
  std::unique_ptr<BasculeProcess> bascule_;
};

// One message, there and back.
void echo(TlsSocket& visitor, const std::string& host = "desk.example.org", const std::string& text = "hello") {
  visitor.send(upgrade_at(host, "/ws"));
  ASSERT_EQ(visitor.receive_answer().status, 101);
  visitor.send(client_frame(op_binary, text));
  EXPECT_EQ(visitor.receive_frame().payload, text);
}

// Records of TLS as anybody may send them.
std::string record(std::uint8_t type, const std::string& content) {
  std::string bytes{static_cast<char>(type), '\x03', '\x03', static_cast<char>(content.size() >> 8U),
                    static_cast<char>(content.size() & 0xffU)};
  return bytes + content;
}

bool is_tls_failure(const Json& line) {
  return line.value("refusal", "") == "tls_failed";
}

// --- who comes in ----------------------------------------------------------------------------------------------------

TEST(Tls, CarriesASessionAndItsRecordSaysSo) {
  House house;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsSocket visitor = house.visit({.name = "desk.example.org", .version_max = version});
    echo(visitor);
    const std::string much = random_bytes(200'000, 1);
    visitor.send(client_frame(op_binary, much));
    std::string back;
    while (back.size() < much.size()) { back += visitor.receive_frame().payload; }
    EXPECT_TRUE(back == much);
    visitor.send(client_close(1000));
    EXPECT_EQ(visitor.receive_frame().close_code(), 1000);
    EXPECT_EQ(visitor.receive(), "") << "close_notify";
  }
  const Json record = house.bascule().record("desk");
  EXPECT_EQ(record.at("tls"), "TLSv1.2");
  EXPECT_EQ(record.at("ending"), "client_closed");
}

TEST(Tls, ShowsTheCertificateOfTheNameAndTheFirstToStrangers) {
  House house;
  EXPECT_EQ(house.visit({.name = "DESK.example.org"}).shown(), "the site");
  EXPECT_EQ(house.visit({.name = "stranger.example.net"}).shown(), "the site");
  EXPECT_EQ(house.visit({}).shown(), "the site");
}

// Abuse 6.
TEST(Tls, OldVersionsAreToldTheVersion) {
  House house;
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    EXPECT_THAT(house.refusal({.name = "desk.example.org", .version_min = version, .version_max = version}),
                AnyOf(HasSubstr("protocol version"), HasSubstr("unsupported protocol")));
  }
  House modern(echo_routes, "    versions: modern\n");
  EXPECT_THAT(modern.refusal({.name = "desk.example.org", .version_max = TLS1_2_VERSION}),
              AnyOf(HasSubstr("protocol version"), HasSubstr("unsupported protocol")));
  TlsSocket visitor = modern.visit();
  echo(visitor);
}

// Abuse 7.
TEST(Tls, RenegotiationIsRefused) {
  House house;
  TlsSocket visitor = house.visit({.name = "desk.example.org", .version_max = TLS1_2_VERSION});
  SSL_renegotiate(visitor.ssl());
  EXPECT_NE(SSL_do_handshake(visitor.ssl()), 1);
}

// Abuse 11.
TEST(Tls, SpeaksHttp11OrSaysThatItDoesNotSpeakTheRest) {
  House house;
  EXPECT_THAT(house.refusal({.name = "desk.example.org", .protocols = "h2"}), HasSubstr("no application protocol"));
  TlsSocket visitor = house.visit({.name = "desk.example.org", .protocols = "http/1.1"});
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(visitor.ssl(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  echo(visitor);
}

// Abuse 12.
TEST(Tls, StrangeNamesHarmNobody) {
  House house;
  TlsSocket longest = house.visit({.name = std::string(250, 'a')});
  EXPECT_EQ(longest.shown(), "the site");
  House strict(echo_routes, "    unknown_names: refuse\n");
  EXPECT_THAT(strict.refusal({.name = "stranger.example.net"}), HasSubstr("unrecognized name"));
  EXPECT_EQ(strict.visit({}).shown(), "the site") << "no name is none that is unknown";
  TlsSocket visitor = strict.visit();
  echo(visitor);
}

// --- plain HTTP at a listener with TLS, and TLS at one without ------------------------------------------------------

// Abuse 5.
TEST(Tls, PlainHttpIsToldWhereToGo) {
  House house;
  const HttpAnswer answer = http(house.bascule().port(), upgrade_at("desk.example.org", "/ws"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("wss://"));
  EXPECT_EQ(http(house.bascule().port(), "\x80\x2e\x01\x03\x01 an old hello\r\n\r\n").status, 400) << "SSL 2";
  EXPECT_EQ(house.bascule().record("").at("refusal"), "plain_not_taken");
}

TEST(Tls, TlsAtAPlainListenerIsToldSoWithoutABinaryInTheLog) {
  BasculeProcess bascule(one_echo());
  Socket visitor = Socket::connect(bascule.port());
  visitor.send(record(22, std::string("\x01\x00\x00\x20\x03\x03", 6) + random_bytes(32, 7)));
  EXPECT_THAT(visitor.receive_all(), StartsWith("HTTP/1.1 400 "));
  const Json line = bascule.line([](const Json& it) { return it.value("refusal", "") == "malformed_head"; });
  EXPECT_THAT(line.at("detail").get<std::string>(), HasSubstr("add 'tls'"));
}

TEST(Tls, BothOnOnePortWhereTheRulesSaySo) {
  House house(echo_routes, "    plain: allow\n");
  TlsSocket secure = house.visit();
  echo(secure);
  WsClient plain(Socket::connect(house.bascule().port()), upgrade_at("desk.example.org", "/ws"));
  EXPECT_EQ(plain.status(), 101);
  plain.send(op_binary, "by plain HTTP");
  EXPECT_EQ(plain.receive().payload, "by plain HTTP");
}

TEST(Tls, PagesAreSentToHttpsAndSessionsAreNot) {
  const TemporaryFolder pages;
  pages.write("index.html", "<p>a page</p>");
  const std::string routes =
      fmt::format(
          "  - {{name: pages, host: desk.example.org, path: /pages/*, auth: none, files: {{folder: \"{}\"}}}}\n",
          pages.path("")) +
      echo_routes;
  House house(routes, "    plain: redirect\n");
  const std::uint16_t port = house.bascule().port();
  const auto page = [&](const std::string& method, const std::string& target) {
    return fmt::format("{} {} HTTP/1.1\r\nHost: desk.example.org:{}\r\nConnection: close\r\n\r\n", method, target,
                       port);
  };
  const HttpAnswer sent = http(port, page("GET", "/pages/?a=b%20c"));
  EXPECT_EQ(sent.status, 308);
  EXPECT_THAT(sent.head, HasSubstr(fmt::format("location: https://desk.example.org:{}/pages/?a=b%20c\r\n", port)));
  EXPECT_EQ(http(port, page("POST", "/pages/")).status, 400) << "a form, a password perhaps";
  EXPECT_EQ(http(port, page("GET", "/nowhere")).status, 404);
  EXPECT_EQ(http(port, "GET /pages/ HTTP/1.1\r\nHost: evil.example.net\r\n\r\n").status, 421) << "no open redirect";
  EXPECT_EQ(http(port, upgrade_at("desk.example.org", "/ws")).status, 400);

  TlsSocket visitor = house.visit();
  visitor.send(page("GET", "/pages/"));
  const HttpAnswer answer = visitor.receive_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("strict-transport-security: max-age=15552000\r\n"));
  EXPECT_EQ(answer.body, "<p>a page</p>");
}

// What OpenSSL has sealed and the socket has not taken is not sent: an end must wait for it.
TEST(Tls, APageArrivesWholeThoughItsReaderHasEndedHisOwnDirection) {
  const TemporaryFolder pages;
  const std::string routes = fmt::format(
      "  - {{name: pages, host: desk.example.org, path: /pages/*, auth: none, files: {{folder: \"{}\"}}}}\n",
      pages.path(""));
  House house(routes);
  for (std::size_t bytes = 4'200'000; bytes < 4'700'000; bytes += 20'000) {
    pages.write("page.bin", std::string(bytes, 'x'));
    TlsSocket visitor(Socket::connect(house.bascule().port(), 16 * 1024), {.name = "desk.example.org"});
    visitor.send("GET /pages/page.bin HTTP/1.1\r\nHost: desk.example.org\r\nConnection: close\r\n\r\n");
    visitor.close_notify();
    visitor.socket().end();
    ASSERT_EQ(visitor.receive_answer().body.size(), bytes);
    ASSERT_EQ(visitor.receive(), "") << "close_notify";
  }
}

// --- client certificates ---------------------------------------------------------------------------------------------

const std::string guarded_auth = "auth:\n  kiosk: {client_certificate: {user_from: subject.CN}}\n";
const std::string guarded_routes =
    "  - {name: guarded, host: guarded.example.org, path: /ws, auth: kiosk, to: \"echo:\"}\n" + echo_routes;
const std::string asks = "    client_ca: visitors-ca.pem\n";

// Abuse 16.
TEST(ClientCertificates, AreAskedForWhereARouteWantsOneAndNowhereElse) {
  House house(guarded_routes, asks, guarded_auth);
  const Certified ada = house.visitors().certify({.common_name = "ada"});
  TlsSocket visitor = house.visit({.name = "guarded.example.org", .certificate = &ada});
  echo(visitor, "guarded.example.org");
  visitor.send(client_close(1000));
  visitor.socket().end();
  const Json record = house.bascule().record("guarded");
  EXPECT_EQ(record.at("user"), "ada");
  EXPECT_EQ(record.at("proof"), "kiosk");

  const Certified stranger = house.others().certify({.common_name = "ada"});
  TlsSocket unasked = house.visit({.name = "desk.example.org", .certificate = &stranger});
  echo(unasked);
}

TEST(ClientCertificates, OneThatIsAbsentIsA403AfterTheHead) {
  House house(guarded_routes, asks, guarded_auth);
  TlsSocket visitor = house.visit({.name = "guarded.example.org"});
  visitor.send(upgrade_at("guarded.example.org", "/ws"));
  EXPECT_EQ(visitor.receive_answer().status, 403);
  EXPECT_EQ(house.bascule().record("guarded").at("refusal"), "no_certificate");
}

TEST(ClientCertificates, OneThatIsWrongIsAnAlert) {
  House house(guarded_routes, asks, guarded_auth);
  const Certified by_another = house.others().certify({.common_name = "ada"});
  const Certified expired = house.visitors().certify({.common_name = "ada", .valid_seconds = -60});
  const Certified by_itself = certified_by(nullptr, {.common_name = "ada"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto refusal = [&](const Certified& shown) {
      return house.refusal({.name = "guarded.example.org", .certificate = &shown, .version_max = version});
    };
    EXPECT_THAT(refusal(by_another), AnyOf(HasSubstr("unknown ca"), HasSubstr("bad certificate")));
    EXPECT_THAT(refusal(expired), HasSubstr("certificate expired"));
    EXPECT_THAT(refusal(by_itself), AnyOf(HasSubstr("unknown ca"), HasSubstr("bad certificate")));
  }
  const Json line = house.bascule().line(is_tls_failure);
  EXPECT_THAT(line.at("detail").get<std::string>(), StartsWith("certificate: "));
}

TEST(ClientCertificates, ARequestForAnotherNameThanTheHandshakeIsMisdirected) {
  House house(guarded_routes, asks, guarded_auth);
  const Certified ada = house.visitors().certify({.common_name = "ada"});
  TlsSocket elsewhere = house.visit({.name = "desk.example.org", .certificate = &ada});
  elsewhere.send(upgrade_at("guarded.example.org", "/ws"));
  EXPECT_EQ(elsewhere.receive_answer().status, 421);
  EXPECT_EQ(house.bascule().record("guarded").at("refusal"), "other_name");

  TlsSocket nameless = house.visit({.name = {}, .certificate = &ada});
  nameless.send(upgrade_at("guarded.example.org", "/ws"));
  EXPECT_EQ(nameless.receive_answer().status, 421);

  TlsSocket harmless = house.visit({.name = "guarded.example.org", .certificate = &ada});
  harmless.send(upgrade_at("desk.example.org", "/ws"));
  EXPECT_EQ(harmless.receive_answer().status, 101) << "a route that wants none";
}

// Who is taken out of 'client_ca' is out: on a connection that stands, and in a session that runs.
TEST(ClientCertificates, AuthoritiesThatGoTakeTheirPeopleWithThem) {
  for (const bool by_rules : {true, false}) {
    House house(guarded_routes, asks, guarded_auth + "defaults: {on_reload: close}\n");
    const Certified ada = house.visitors().certify({.common_name = "ada"});
    const TlsWish wish{.name = "guarded.example.org", .certificate = &ada};
    TlsSocket lives = house.visit(wish);
    echo(lives, "guarded.example.org");
    TlsSocket asks_late = house.visit(wish);

    if (by_rules) {
      house.folder().write("rules.yaml", replaced(house.rules(guarded_routes), "visitors-ca", "other-ca"));
      house.bascule().signal(SIGHUP);
    } else {
      house.folder().write("visitors-ca.pem", house.others().pem());
    }
    const ServerFrame frame = lives.receive_frame();
    EXPECT_EQ(frame.close_code(), 1008) << "revoked";
    asks_late.send(upgrade_at("guarded.example.org", "/ws"));
    EXPECT_EQ(asks_late.receive_answer().status, 421) << "the browser is to come again, and be asked anew";
    EXPECT_THAT(house.refusal(wish), AnyOf(HasSubstr("unknown ca"), HasSubstr("bad certificate")));
  }
}

// Abuse 17: who he is says the handshake, and nobody's header.
TEST(ClientCertificates, FieldsThatNameOneAreNobody) {
  House house(guarded_routes, asks, guarded_auth);
  TlsSocket visitor = house.visit({.name = "guarded.example.org"});
  visitor.send(upgrade_at("guarded.example.org", "/ws",
                          "SSL_CLIENT_S_DN_CN: ada\r\nX-SSL-Client-CN: ada\r\nX-Client-Cert: ada\r\n"));
  EXPECT_EQ(visitor.receive_answer().status, 403);
}

// The class of nginx CVE-2025-23419: a session taken where nobody asks for a certificate is presented where one is
// wanted.
TEST(ClientCertificates, ASessionOfAnotherNameDoesNotStandInForOne) {
  House house(guarded_routes, asks, guarded_auth);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsSocket open = house.visit({.name = "desk.example.org", .version_max = version});
    echo(open);
    ASSERT_TRUE(open.session());
    TlsSocket again = house.visit({.name = "desk.example.org", .version_max = version, .session = open.session()});
    EXPECT_TRUE(again.resumed()) << "at its own name it is taken up";

    TlsSocket bypass = house.visit({.name = "guarded.example.org", .version_max = version, .session = open.session()});
    EXPECT_FALSE(bypass.resumed());
    bypass.send(upgrade_at("guarded.example.org", "/ws"));
    EXPECT_EQ(bypass.receive_answer().status, 403);
  }
}

TEST(ClientCertificates, OneThatWasShownIsShownAgainEachTime) {
  House house(guarded_routes, asks, guarded_auth);
  const Certified ada = house.visitors().certify({.common_name = "ada"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsWish wish{.name = "guarded.example.org", .certificate = &ada, .version_max = version};
    TlsSocket first = house.visit(wish);
    echo(first, "guarded.example.org");
    EXPECT_FALSE(first.session() && SSL_SESSION_has_ticket(first.session().get()) != 0) << "nothing to come again with";
  }
}

// --- resumption and renewal ------------------------------------------------------------------------------------------

TEST(Renewal, ANewPairIsShownToNewVisitorsAndOldSessionsGoOn) {
  House house;
  TlsSocket before = house.visit();
  echo(before);
  const OwnedSession session = before.session();
  const Certified renewed =
      house.authority().certify({.names = "DNS:desk.example.org", .common_name = "the site, renewed"});
  house.write_pair("site", renewed);
  house.bascule().line([](const Json& it) { return it.value("event", "") == "file_read"; });
  EXPECT_EQ(house.visit().shown(), "the site, renewed");

  before.send(client_frame(op_binary, "still here"));
  EXPECT_EQ(before.receive_frame().payload, "still here");
  TlsSocket again = house.visit({.name = "desk.example.org", .session = session});
  EXPECT_TRUE(again.resumed()) << "the ticket keys are the process's";
}

// Faults 40.
TEST(Renewal, AHalfWrittenPairIsNotTaken) {
  House house;
  const Certified renewed = house.authority().certify({.names = "DNS:desk.example.org", .common_name = "renewed"});
  house.folder().write("site.pem", renewed.pem());
  const Json line = house.bascule().line([](const Json& it) { return it.value("event", "") == "file_failed"; });
  EXPECT_THAT(line.at("text").get<std::string>(), HasSubstr("site.key"));
  EXPECT_EQ(house.visit().shown(), "the site");
  house.bascule().signal(SIGHUP);
  house.bascule().line([](const Json& it) { return it.value("event", "") == "reload_failed"; });
  EXPECT_EQ(house.visit().shown(), "the site") << "nor by a reload";

  house.write_key("site", renewed);
  house.bascule().line([](const Json& it) { return it.value("event", "") == "file_read"; });
  EXPECT_EQ(house.visit().shown(), "renewed");
}

TEST(Renewal, ResumptionSurvivesAReloadAndGoesFromWorkerToWorker) {
  House house;
  TlsSocket first = house.visit();
  echo(first);
  const OwnedSession session = first.session();
  house.folder().write("rules.yaml", house.rules(echo_routes + "  - {name: x, path: /x, auth: none, to: \"echo:\"}\n"));
  house.bascule().signal(SIGHUP);
  house.bascule().line([](const Json& it) { return it.value("event", "") == "reloaded"; });
  std::vector<std::unique_ptr<TlsSocket>> visitors;
  for (int i = 0; i < 4; ++i) {
    visitors.push_back(std::make_unique<TlsSocket>(Socket::connect(house.bascule().port()),
                                                   TlsWish{.name = "desk.example.org", .session = session}));
    EXPECT_TRUE(visitors.back()->resumed());
  }
}

TEST(Renewal, TicketKeysOfAFileAreSharedByProcesses) {
  const TemporaryFolder keys;
  const std::string key = keys.write("ticket.key", random_bytes(80, 3));
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  const std::string more = fmt::format("    ticket_keys: [{{file: \"{}\"}}]\n", key);
  House one(echo_routes, more);
  House other(echo_routes, more);
  TlsSocket visitor = one.visit();
  echo(visitor);
  EXPECT_TRUE(other.visit({.name = "desk.example.org", .session = visitor.session()}).resumed());
}

// --- who does not play fair ------------------------------------------------------------------------------------------

// Abuse 1, 4.
TEST(HostileTls, AHandshakeThatStallsIsOver) {
  House house(
      "  - {name: desk, host: desk.example.org, path: /ws, auth: none, to: \"echo:\", timeouts: {tls: 200ms}}\n");
  Socket silent = Socket::connect(house.bascule().port());
  Socket stalls = Socket::connect(house.bascule().port());
  stalls.send(record(22, std::string("\x01\x00\x01\x00", 4)));
  EXPECT_EQ(silent.receive_all(), "");
  stalls.receive_all();
  const Json line = house.bascule().line(is_tls_failure);
  EXPECT_EQ(line.at("detail"), "the TLS handshake takes too long");
}

// Abuse 8.
TEST(HostileTls, AFloodOfKeyUpdatesIsCutOff) {
  House house;
  TlsSocket visitor = house.visit();
  echo(visitor);
  const auto flood = [&] {
    for (int i = 0; i < 5000; ++i) {
      SSL_key_update(visitor.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
      visitor.send(client_frame(op_binary, "x"));
    }
  };
  EXPECT_THROW(flood(), std::exception);
  TlsSocket other = house.visit();
  echo(other);
}

// Abuse 9, 10: whatever comes instead of records ends that one connection.
TEST(HostileTls, WhatIsNoRecordEndsTheConnection) {
  House house;
  const std::vector<std::string> garbage{
      random_bytes(1000, 9),
      record(23, random_bytes(100, 10)),          // not sealed by our key
      record(23, std::string(16385 + 256, 'x')),  // longer than a record may be
      record(21, "\x02\x28"),                     // an alert in plain text
      std::string(100, '\0'),
  };
  for (const std::string& bytes : garbage) {
    TlsSocket visitor = house.visit();
    echo(visitor);
    visitor.socket().send(bytes);
    EXPECT_THROW(visitor.receive_all(), TlsSocket::Refused);
  }
  TlsSocket other = house.visit();
  echo(other);
}

TEST(HostileTls, AFloodOfSplintersIsCutOff) {
  House house;
  TlsSocket visitor = house.visit();
  echo(visitor);
  const std::string frame = client_frame(op_binary, std::string(60'000, 'x'));
  const auto flood = [&] {
    for (const char byte : frame) { visitor.send({&byte, 1}); }
    visitor.receive_frame();
  };
  EXPECT_THROW(flood(), std::exception);
}

// Abuse 14, and 13 on the way: what is begun and dropped leaves nothing behind.
TEST(HostileTls, TenThousandHandshakesThatBreakOffLeaveNothing) {
  House house;
  const auto hello = [] {
    const std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
    const std::unique_ptr<SSL, FreeBy<SSL_free>> ssl(SSL_new(context.get()));
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
    SSL_connect(ssl.get());
    std::array<char, 4096> bytes;
    const int size = BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
    return std::string(bytes.data(), static_cast<std::size_t>(size));
  }();
  { TlsSocket(Socket::connect(house.bascule().port())).send("x"); }
  const std::size_t descriptors = house.bascule().descriptors();
  const std::size_t refused = house.bascule().count("refused");
  std::size_t begun = 0;
  const auto at_rest = [&] { return eventually([&] { return house.bascule().descriptors() <= descriptors; }); };
  // Lines that nobody has read yet are memory, too, and how many there are is no matter of this test.
  const auto all_is_read = [&] {
    return eventually([&] { return house.bascule().count("refused") == refused + begun; });
  };
  const auto break_off = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ++begun;
      Socket visitor = Socket::connect(house.bascule().port());
      switch (i % 4) {
        case 0: visitor.send(std::string_view(hello).substr(0, hello.size() / 2)); break;
        case 1: visitor.send(hello); break;
        case 2:
          visitor.send(hello);
          visitor.receive(1);
          break;
        default:
          visitor.send(hello);
          visitor.receive(1);
          visitor.reset();
          break;
      }
      visitor.close();
      // How many there are at once is no matter of this test, and would show in the memory.
      if (i % 10 == 9) { ASSERT_TRUE(at_rest()); }
      if (i % 100 == 99) { ASSERT_TRUE(all_is_read()); }
    }
  };
  // What is leaked grows in every round; what the allocator keeps back for the busiest moment so far, in some.
  const int rounds = 5;
  const int each = BasculeProcess::sanitized() ? 200 : 2000;
  std::size_t resident_kib = 0;
  std::size_t least_growth_kib = std::numeric_limits<std::size_t>::max();
  for (int round = 0; round < rounds; ++round) {
    break_off(each);
    ASSERT_TRUE(at_rest());
    const std::size_t now_kib = house.bascule().memory_kib("VmRSS");
    if (round > 0) { least_growth_kib = std::min(least_growth_kib, now_kib - std::min(now_kib, resident_kib)); }
    resident_kib = now_kib;
  }
  // 64 KiB in 2,000: 32 bytes a handshake.
  if (!BasculeProcess::sanitized()) { EXPECT_LE(least_growth_kib, 64); }
  TlsSocket visitor = house.visit();
  echo(visitor);
}

// Abuse 15, faults 25.
TEST(HostileTls, ACutIsNoEnd) {
  std::string heard;
  bool reset = false;
  {
    Listener service;
    House house(fmt::format("  - {{name: cut, host: desk.example.org, path: /ws, auth: none, to: \"127.0.0.1:{}\"}}\n",
                            service.port()));
    TlsSocket visitor = house.visit();
    visitor.send(upgrade_at("desk.example.org", "/ws"));
    ASSERT_EQ(visitor.receive_answer().status, 101);
    Socket served = service.accept();
    visitor.send(client_frame(op_binary, "half of i"));
    EXPECT_EQ(served.receive_exactly(9), "half of i");
    visitor.socket().end();
    heard = served.receive_all();
    reset = served.was_reset();
    const Json record = house.bascule().record("cut");
    EXPECT_EQ(record.at("ending"), "client_vanished");
    EXPECT_THAT(record.at("detail").get<std::string>(), HasSubstr("cut off"));
  }
  EXPECT_EQ(heard, "");
  EXPECT_TRUE(reset) << "unclean in, unclean out";
}

// --- to the service --------------------------------------------------------------------------------------------------

// Rules that lead to a service by TLS; `tls` is what stands in its map.
class ToService {
 public:
  explicit ToService(const std::string& tls = "ca: ca.pem, server_name: broker.example.org") : tls_(tls) {
    folder_.write("ca.pem", authority_.pem());
  }

  // A visitor's answer, and the record that was left.
  struct Came {
    int status;
    Json record;
  };
  Came come(const LoopbackServer& server, const std::string& timeouts = "5s") {
    folder_.write(
        "rules.yaml",
        fmt::format("listen: 127.0.0.1:0\nroutes:\n  - {{name: route, path: /ws, auth: none, timeouts: {{connect: "
                    "{}}}, to: {{address: \"127.0.0.1:{}\", tls: {{{}}}}}}}\n",
                    timeouts, server.port(), tls_));
    BasculeProcess bascule(std::vector{folder_.path("rules.yaml")});
    WsClient visitor(bascule.port(), "/ws");
    Came came{.status = visitor.status(), .record = {}};
    if (came.status == 101) {
      visitor.send(op_binary, "who is there?");
      EXPECT_EQ(visitor.receive_data(5), "hello");
      EXPECT_EQ(visitor.receive_close().close_code(), 1000);
      visitor.send(op_close, "");
      visitor.socket().close();
    }
    came.record = bascule.record("route");
    return came;
  }

  const TemporaryFolder& folder() const { return folder_; }
  const Authority& authority() const { return authority_; }

 private:
  const TemporaryFolder folder_;
  const Authority authority_{"authority of services"};
  const std::string tls_;
};

LoopbackServer::Story says_hello(const Certified& certified) {
  return [&certified](Socket& socket) {
    TlsVisitor visitor(socket, certified);
    visitor.read();
    visitor.write("hello");
    visitor.close_notify();
  };
}

// Faults 22: what came before its close_notify arrives, and then a proper end.
TEST(TlsToService, CarriesAndEndsProperly) {
  ToService to;
  const Certified broker = to.authority().certify({.names = "DNS:broker.example.org"});
  const LoopbackServer server(says_hello(broker));
  const auto came = to.come(server);
  EXPECT_EQ(came.status, 101);
  EXPECT_EQ(came.record.at("ending"), "service_closed");
}

// Faults 21.
TEST(TlsToService, OneThatCannotBeTrustedIsNeverSpokenTo) {
  const Authority strangers("a stranger");
  struct Case {
    CertificateWish wish;
    bool by_stranger;
    std::string why;
  };
  const std::vector<Case> cases{
      {{.names = "DNS:broker.example.org"}, true, "certificate: "},
      {{.names = "DNS:broker.example.org", .valid_seconds = -60}, false, "certificate has expired"},
      {{.names = "DNS:elsewhere.example.org"}, false, "hostname mismatch"},
      {{.names = {}, .common_name = "broker.example.org"}, false, "hostname mismatch"},
  };
  for (const Case& it : cases) {
    ToService to;
    const Certified certified = (it.by_stranger ? strangers : to.authority()).certify(it.wish);
    std::atomic<bool> spoken_to = false;
    const LoopbackServer server([&](Socket& socket) {
      TlsVisitor visitor(socket, certified);
      spoken_to = !visitor.read().empty();
    });
    const auto came = to.come(server);
    EXPECT_EQ(came.status, 502) << it.why;
    EXPECT_EQ(came.record.at("refusal"), "service_distrusted");
    EXPECT_THAT(came.record.at("detail").get<std::string>(), HasSubstr(it.why));
    EXPECT_FALSE(spoken_to);
  }
}

TEST(TlsToService, OneThatStallsIsA504AndOneWithoutTlsA502) {
  ToService to;
  const LoopbackServer stalls([](Socket& socket) { socket.receive_all(); });
  const auto late = to.come(stalls, "300ms");
  EXPECT_EQ(late.status, 504);
  EXPECT_EQ(late.record.at("refusal"), "service_timeout");

  std::string heard;
  {
    const LoopbackServer plain([&](Socket& socket) {
      socket.send("RFB 003.008\n");
      heard = socket.receive_all();
    });
    const auto came = to.come(plain);
    EXPECT_EQ(came.status, 502);
    EXPECT_EQ(came.record.at("refusal"), "service_distrusted");
  }
  EXPECT_THAT(heard, StartsWith("\x16\x03")) << "a ClientHello and nothing in plain text";
}

TEST(TlsToService, OneThatCutsItsTlsOffIsAnError) {
  ToService to;
  const Certified broker = to.authority().certify({.names = "DNS:broker.example.org"});
  const LoopbackServer server([&](Socket& socket) {
    TlsVisitor visitor(socket, broker);
    visitor.read();
    visitor.write("half of i");
    socket.end();  // FIN without close_notify
    socket.receive_all();
  });
  to.folder().write(
      "rules.yaml",
      fmt::format("listen: 127.0.0.1:0\nroutes:\n  - {{name: route, path: /ws, auth: none, to: {{address: "
                  "\"127.0.0.1:{}\", tls: {{ca: ca.pem, server_name: broker.example.org}}}}}}\n",
                  server.port()));
  BasculeProcess bascule(std::vector{to.folder().path("rules.yaml")});
  WsClient visitor(bascule.port(), "/ws");
  ASSERT_EQ(visitor.status(), 101);
  visitor.send(op_binary, "go");
  EXPECT_EQ(visitor.receive_data(9), "half of i");
  EXPECT_EQ(visitor.receive_close().close_code(), 1011);
  visitor.send(op_close, "");
  visitor.socket().close();
  EXPECT_EQ(bascule.record("route").at("ending"), "service_error");
}

TEST(TlsToService, IsUnverifiedOnlyWhereTheRulesSaySo) {
  ToService to("verify: false");
  const Certified anybody = certified_by(nullptr, {});
  const LoopbackServer server(says_hello(anybody));
  EXPECT_EQ(to.come(server).status, 101);
}

}  // namespace
}  // namespace bascule::test
