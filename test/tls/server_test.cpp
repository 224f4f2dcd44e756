#include "proxy/tls/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/tls/talking.hpp"

namespace bascule::tls {
namespace {

using namespace talking;
using namespace std::chrono_literals;

// RFC 8446, section 6, and RFC 7301, section 3.2.
enum Alert : int {
  handshake_failure = 40,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_expired = 45,
  illegal_parameter = 47,
  unknown_ca = 48,
  decode_error = 50,
  decrypt_error = 51,
  protocol_version = 70,
  unrecognized_name = 112,
  no_application_protocol = 120,
};

ServerOptions with(const Made& made) {
  return {.papers = {{.key = certified(made)}}};
}

std::shared_ptr<const Server> serving(ServerOptions options) {
  return must_be(Server::make(std::move(options)));
}

const Made& desk() {
  static const Made made = issue("DNS:desk.example.org");
  return made;
}

class Serving : public testing::Test {
 protected:
  // Empty: both shook hands.
  std::string visit(const std::shared_ptr<const Server>& server, Visitor& visitor) {
    talker_.emplace(visited(server, keys_));
    return talking::shake_hands(*talker_, visitor);
  }
  const Engine& engine() const { return *talker_->engine; }

  // The session that a visitor takes home.
  OwnedSession session_of(const std::shared_ptr<const Server>& server, const std::string& name, int version) {
    Visitor visitor({.name = name, .version_max = version});
    EXPECT_EQ(visit(server, visitor), "");
    return visitor.session();
  }
  bool resumes(const std::shared_ptr<const Server>& server, const std::string& name, const OwnedSession& session) {
    Visitor visitor({.name = name, .session = session});
    EXPECT_EQ(visit(server, visitor), "");
    EXPECT_EQ(visitor.resumed(), engine().resumed());
    return visitor.resumed();
  }

  TicketKeys keys_;
  std::optional<Talker> talker_;
};

const std::vector<int> both_versions{TLS1_2_VERSION, TLS1_3_VERSION};

// --- versions, suites, protocols -------------------------------------------------------------------------------------

TEST_F(Serving, SpeaksTls12And13AndNothingOlder) {
  struct Case {
    int version;
    Versions versions;
    std::string spoken;
  };
  const std::vector<Case> cases{
      {TLS1_VERSION, Versions::intermediate, ""},
      {TLS1_1_VERSION, Versions::intermediate, ""},
      {TLS1_2_VERSION, Versions::intermediate, "TLSv1.2"},
      {TLS1_3_VERSION, Versions::intermediate, "TLSv1.3"},
      {TLS1_2_VERSION, Versions::modern, ""},
      {TLS1_3_VERSION, Versions::modern, "TLSv1.3"},
  };
  for (const Case& each : cases) {
    ServerOptions options = with(desk());
    options.versions = each.versions;
    Visitor visitor({.version_min = each.version, .version_max = each.version, .suites_1_2 = "ALL:@SECLEVEL=0"});
    const std::string why = visit(serving(std::move(options)), visitor);
    if (each.spoken.empty()) {
      EXPECT_EQ(why, "TLS: unsupported protocol") << each.version;
      EXPECT_EQ(visitor.alert(), protocol_version) << each.version;
    } else {
      EXPECT_EQ(why, "");
      EXPECT_EQ(engine().version(), each.spoken);
    }
  }
}

TEST_F(Serving, HasOnlySuitesWithForwardSecrecyAndAuthenticatedEncryption) {
  struct Case {
    std::string offered;
    std::string taken;  // empty: refused
  };
  const std::vector<Case> cases{
      {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
      {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
      {"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"},
      {"ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA", ""},
      {"ECDHE-RSA-AES128-GCM-SHA256", ""},  // no RSA key here
      {"AES128-GCM-SHA256:AES256-SHA", ""},
      {"DHE-RSA-AES128-GCM-SHA256", ""},
      {"ECDHE-ECDSA-AES128-CCM", ""},
      {"aNULL:eNULL:@SECLEVEL=0", ""},
  };
  const auto server = serving(with(desk()));
  for (const Case& each : cases) {
    Visitor visitor({.version_max = TLS1_2_VERSION, .suites_1_2 = each.offered});
    const std::string why = visit(server, visitor);
    if (each.taken.empty()) {
      EXPECT_EQ(why, "TLS: no shared cipher") << each.offered;
      EXPECT_EQ(visitor.alert(), handshake_failure) << each.offered;
    } else {
      EXPECT_EQ(engine().suite(), each.taken);
    }
  }
}

// It knows whether it has AES in hardware.
TEST_F(Serving, LeavesTheOrderOfSuitesToTheVisitor) {
  const auto server = serving(with(desk()));
  for (const std::string first : {"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384"}) {
    Visitor visitor({.version_max = TLS1_2_VERSION, .suites_1_2 = first + ":ECDHE-ECDSA-AES128-GCM-SHA256"});
    EXPECT_EQ(visit(server, visitor), "");
    EXPECT_EQ(engine().suite(), first);
  }
}

TEST_F(Serving, TakesNoSignatureBySha1) {
  const Made rsa = issue("DNS:desk.example.org", "RSA:2048");
  const auto server = serving(with(rsa));
  Visitor visitor({.version_max = TLS1_2_VERSION, .signatures = "RSA+SHA1"});
  EXPECT_EQ(visit(server, visitor), "TLS: no shared signature algorithms");
}

TEST_F(Serving, SpeaksHttp11WhereSomethingElseIsOfferedAsWell) {
  const std::string http11 = "\x08http/1.1";
  const std::string h2 = "\x02h2";
  struct Case {
    std::string offered;
    bool refused;
  };
  const std::vector<Case> cases{
      {"", false}, {http11, false}, {h2 + http11, false}, {h2, true}, {"\x08HTTP/1.1", true}, {"\x07http/1.", true},
  };
  const auto server = serving(with(desk()));
  for (const Case& each : cases) {
    Visitor visitor({.protocols = each.offered});
    const std::string why = visit(server, visitor);
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(visitor.ssl(), &chosen, &size);
    EXPECT_EQ(visitor.alert(), each.refused ? no_application_protocol : Visitor::none) << each.offered;
    EXPECT_EQ(why, each.refused ? "TLS: no application protocol" : "");
    EXPECT_EQ(text_of({chosen, size}), each.refused || each.offered.empty() ? "" : "http/1.1");
  }
}

// Elsewhere this was a way to keep a server busy (CVE-2011-1473) and to put words into a visitor's mouth.
TEST_F(Serving, DoesNotShakeHandsAnew) {
  Visitor visitor({.version_max = TLS1_2_VERSION});
  ASSERT_EQ(visit(serving(with(desk())), visitor), "");
  ASSERT_EQ(SSL_renegotiate(visitor.ssl()), 1);
  visitor.shake_hands();
  talker_->arrived = visitor.sent();
  std::string data;
  EXPECT_EQ(talker_->read_all(data), Did::wants_more);
  visitor.receive(talker_->sent());
  EXPECT_FALSE(visitor.shake_hands());
  EXPECT_EQ(data, "");
  EXPECT_EQ(SSL_get_verify_result(visitor.ssl()), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

// --- names -----------------------------------------------------------------------------------------------------------

TEST_F(Serving, ShowsTheCertificateOfTheName) {
  const Made first = issue("DNS:first.example");
  const Made exact = issue("DNS:desk.example.org");
  const Made wild = issue("DNS:*.example.org");
  const Made named = issue("DNS:other.example");
  const auto server = serving({.papers = {{.key = certified(first)},
                                          {.key = certified(wild)},
                                          {.key = certified(exact)},
                                          {.key = certified(named), .names = {"named.example", "*.named.example"}}}});
  struct Case {
    std::string asked;
    const Made& shown;
  };
  const std::vector<Case> cases{
      {"", first},
      {"first.example", first},
      {"desk.example.org", exact},
      {"DESK.Example.ORG", exact},
      {"desk.example.org.", exact},
      {"mail.example.org", wild},
      {"a.desk.example.org", first},  // a wildcard is one label
      {"example.org", first},
      {".example.org", first},
      {"named.example", named},
      {"x.named.example", named},
      {"other.example", first},  // the rules call it otherwise
      {"unknown.example", first},
      {std::string(255, 'a'), first},
      {"192.0.2.7", first},
  };
  for (const Case& each : cases) {
    for (const int version : both_versions) {
      Visitor visitor({.name = each.asked, .version_max = version});
      EXPECT_EQ(visit(server, visitor), "") << each.asked;
      EXPECT_TRUE(visitor.was_shown(each.shown)) << each.asked;
    }
  }
}

TEST_F(Serving, KnowsTheNameThatWasAskedFor) {
  const auto server = serving(with(desk()));
  for (const std::string asked : {"", "Desk.Example.Org.", "unknown.example"}) {
    Visitor visitor({.name = asked});
    EXPECT_EQ(visit(server, visitor), "");
    EXPECT_EQ(engine().name(), asked == "Desk.Example.Org." ? "desk.example.org" : asked);
  }
}

TEST_F(Serving, RefusesNamesThatNoCertificateHasWhereItIsTold) {
  ServerOptions options = with(issue("DNS:desk.example.org,DNS:*.wild.example"));
  options.refuse_unknown_names = true;
  const auto server = serving(std::move(options));
  for (const std::string known : {"", "desk.example.org", "a.wild.example"}) {
    Visitor visitor({.name = known});
    EXPECT_EQ(visit(server, visitor), "") << known;
  }
  for (const std::string unknown : {"example.org", "a.b.wild.example", "192.0.2.7"}) {
    Visitor visitor({.name = unknown});
    EXPECT_EQ(visit(server, visitor), "TLS: no certificate for '" + unknown + "'");
    EXPECT_EQ(visitor.alert(), unrecognized_name) << unknown;
  }
}

TEST_F(Serving, RefusesAHelloWhoseNameIsNone) {
  struct Case {
    std::string instead;  // of "desk.example.org", with the same length
    int alert;
    std::string why;
  };
  const std::vector<Case> cases{
      {std::string("desk.example\0org", 16), illegal_parameter, "TLS: the name asked for (SNI) is none"},
      {"desk.example org", illegal_parameter, "TLS: the name asked for (SNI) is none"},
      {"desk.ex\xc3\xa4mple.or", illegal_parameter, "TLS: the name asked for (SNI) is none"},
  };
  const auto server = serving(with(desk()));
  for (const Case& each : cases) {
    Visitor visitor({.name = "desk.example.org"});
    visitor.shake_hands();
    Talker talker = visited(server, keys_);
    talker.arrived = visitor.sent();
    talker.arrived.replace(talker.arrived.find("desk.example.org"), each.instead.size(), each.instead);
    EXPECT_EQ(talker.shake_hands(), Did::failed);
    EXPECT_EQ(talker.engine->why(), each.why);
    visitor.receive(talker.sent());
    visitor.shake_hands();
    EXPECT_EQ(visitor.alert(), each.alert);
  }
  // The length of the name, one less than it has.
  Visitor visitor({.name = "desk.example.org"});
  visitor.shake_hands();
  Talker talker = visited(server, keys_);
  talker.arrived = visitor.sent();
  --talker.arrived[talker.arrived.find("desk.example.org") - 1];
  EXPECT_EQ(talker.shake_hands(), Did::failed);
  EXPECT_EQ(talker.engine->why(), "TLS: the name asked for (SNI) is malformed");
  visitor.receive(talker.sent());
  visitor.shake_hands();
  EXPECT_EQ(visitor.alert(), decode_error);
}

// RFC 8446, section 4.1.4: the second hello is the first but for the key that was missing.
TEST_F(Serving, HoldsAVisitorThatHasToSayHelloTwiceToTheNameItAskedForFirst) {
  const auto server = serving(with(issue("DNS:desk.example.org,DNS:mail.example.org")));
  for (const std::string second : {"desk.example.org", "mail.example.org"}) {
    Visitor visitor({.name = "desk.example.org"});
    SSL_set1_groups_list(visitor.ssl(), "P-521:P-256");  // a key for the first, which we do not have
    Talker talker = visited(server, keys_);
    visitor.shake_hands();
    talker.arrived = visitor.sent();
    EXPECT_EQ(talker.shake_hands(), Did::wants_more);
    visitor.receive(talker.sent());
    visitor.shake_hands();
    talker.arrived = visitor.sent();
    talker.arrived.replace(talker.arrived.find("desk.example.org"), second.size(), second);
    const Did did = talker.shake_hands();
    visitor.receive(talker.sent());
    visitor.shake_hands();
    EXPECT_EQ(did, second == "desk.example.org" ? Did::wants_more : Did::failed);
    EXPECT_EQ(visitor.alert(), second == "desk.example.org" ? Visitor::none : illegal_parameter);
  }
}

TEST_F(Serving, ShowsOfEachKindOfKeyWhatTheVisitorCanVerify) {
  const Made ecdsa = issue("DNS:desk.example.org");
  const Made rsa = issue("DNS:desk.example.org", "RSA:2048");
  const Made ed = issue("DNS:desk.example.org", "ED25519");
  const Made second = issue("DNS:desk.example.org");
  const auto server = serving(
      {.papers = {
           {.key = certified(ecdsa)}, {.key = certified(rsa)}, {.key = certified(ed)}, {.key = certified(second)}}});
  struct Case {
    std::string signatures;
    const Made& shown;
  };
  const std::vector<Case> cases{
      {"ecdsa_secp256r1_sha256", ecdsa},
      {"rsa_pss_rsae_sha256:rsa_pkcs1_sha256", rsa},
      {"ed25519", ed},
      {"rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256", rsa},
      {"ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256", ecdsa},
  };
  for (const Case& each : cases) {
    for (const std::string name : {"desk.example.org", ""}) {
      Visitor visitor({.name = name, .signatures = each.signatures});
      EXPECT_EQ(visit(server, visitor), "") << each.signatures;
      EXPECT_TRUE(visitor.was_shown(each.shown)) << each.signatures << " at '" << name << "'";
    }
  }
  Visitor old({.name = "desk.example.org", .version_max = TLS1_2_VERSION, .suites_1_2 = "ECDHE-RSA-AES128-GCM-SHA256"});
  EXPECT_EQ(visit(server, old), "");
  EXPECT_TRUE(old.was_shown(rsa));
}

TEST_F(Serving, SendsTheWholeChain) {
  const Made lower = make_today({.common_name = "lower", .authority = true}, &root());
  const Made site = make_today({.names = "DNS:desk.example.org"}, &lower);
  const auto server = serving({.papers = {{.key = certified(site, lower.pem())}}});
  Visitor visitor({.name = "desk.example.org"});
  ASSERT_EQ(visit(server, visitor), "");
  const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(visitor.ssl());
  ASSERT_EQ(sk_X509_num(chain), 2);
  EXPECT_EQ(X509_cmp(sk_X509_value(chain, 1), lower.certificate.get()), 0);
}

TEST_F(Serving, StaplesWhatTheAuthoritySays) {
  const Made other = issue("DNS:other.example");
  const std::string answer(2000, 'x');  // to be judged by the visitor
  const auto server = serving({.papers = {{.key = certified(desk()), .staple = answer}, {.key = certified(other)}}});
  struct Case {
    std::string name;
    bool wanted;
    std::string got;
  };
  const std::vector<Case> cases{
      {"desk.example.org", true, answer}, {"desk.example.org", false, ""}, {"other.example", true, ""}};
  for (const Case& each : cases) {
    for (const int version : both_versions) {
      Visitor visitor({.name = each.name, .version_max = version, .wants_staple = each.wanted});
      ASSERT_EQ(visit(server, visitor), "");
      const unsigned char* got = nullptr;
      const long size = SSL_get_tlsext_status_ocsp_resp(visitor.ssl(), &got);
      EXPECT_EQ(size > 0 ? text_of({got, static_cast<std::size_t>(size)}) : "", each.got);
    }
  }
}

TEST(Server, ExpiresWithTheFirstOfItsCertificates) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const Made sooner = make_today({.names = "DNS:a.example", .until = now + 2h});
  const Made later = make_today({.names = "DNS:b.example", .until = now + 3h});
  EXPECT_EQ(serving({.papers = {{.key = certified(later)}, {.key = certified(sooner)}}})->expires(), now + 2h);
}

TEST(Server, WantsACertificate) {
  const auto made = Server::make({.papers = {}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().what, Bad::What::options);
}

TEST(NameSet, ContainsWhatIsListed) {
  const NameSet some{.unnamed = true, .names = {"desk.example.org"}, .parents = {"below.example"}};
  for (const std::string name :
       {"", "localhost", "192.0.2.7", "::1", "desk.example.org", "a.below.example", "a.b.below.example"}) {
    EXPECT_TRUE(some.contains(name)) << name;
  }
  for (const std::string name : {"example.org", "a.desk.example.org", "below.example", ".below.example",
                                 "xbelow.example", "localhost.example"}) {
    EXPECT_FALSE(some.contains(name)) << name;
  }
  EXPECT_FALSE(NameSet{}.contains(""));
  EXPECT_FALSE(NameSet{}.contains("desk.example.org"));
  EXPECT_FALSE((NameSet{.names = {"192.0.2.7"}}.contains("localhost")));
  EXPECT_TRUE((NameSet{.names = {"192.0.2.7"}}.contains("192.0.2.7")));
  EXPECT_TRUE((NameSet{.any = true}.contains("")));
}

// --- client certificates ---------------------------------------------------------------------------------------------

ServerOptions asking(const Made& authority) {
  ServerOptions options{.papers = {{.key = certified(issue("DNS:asks.example,DNS:open.example"))}}};
  options.client_ca = authorities(authority);
  options.ask_at.names = {"asks.example"};
  return options;
}

TEST_F(Serving, AsksForACertificateOnlyAtTheNamesThatWantOne) {
  const auto server = serving(asking(root()));
  const Made alice = issue("email:alice@example.org");
  for (const int version : both_versions) {
    Visitor known({.name = "asks.example", .version_max = version, .certificate = &alice});
    EXPECT_EQ(visit(server, known), "");
    EXPECT_TRUE(engine().asked_for_certificate());
    EXPECT_EQ(talker_->engine->take_certificate().der, alice.der());

    for (const std::string name : {"", "open.example", "unknown.example"}) {
      Visitor open({.name = name, .version_max = version, .certificate = &alice});
      EXPECT_EQ(visit(server, open), "");
      EXPECT_FALSE(engine().asked_for_certificate());
      EXPECT_EQ(talker_->engine->take_certificate().der, "");
    }
  }
}

// Whoever has none is told so in words that people understand: by an answer to its request.
TEST_F(Serving, LetsThoseInWhoHaveNoCertificate) {
  const auto server = serving(asking(root()));
  for (const int version : both_versions) {
    Visitor nobody({.name = "asks.example", .version_max = version});
    EXPECT_EQ(visit(server, nobody), "");
    EXPECT_TRUE(engine().asked_for_certificate());
    EXPECT_EQ(talker_->engine->take_certificate().der, "");
  }
}

TEST_F(Serving, TellsWhoseCertificatesItTakes) {
  const auto server = serving(asking(root()));
  for (const int version : both_versions) {
    Visitor visitor({.name = "asks.example", .version_max = version});
    ASSERT_EQ(visit(server, visitor), "");
    const auto* const names = SSL_get0_peer_CA_list(visitor.ssl());
    ASSERT_EQ(sk_X509_NAME_num(names), 1);
    EXPECT_EQ(X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(root().certificate.get())), 0);
  }
}

TEST_F(Serving, GivesTheChainAsItWasSent) {
  const Made lower = make_today({.common_name = "lower", .authority = true}, &root());
  const Made alice = make_today({.common_name = "alice"}, &lower);
  Visitor visitor({.name = "asks.example", .certificate = &alice, .issuers = {&lower}});
  ASSERT_EQ(visit(serving(asking(root())), visitor), "");
  const Engine::Shown shown = talker_->engine->take_certificate();
  EXPECT_EQ(shown.der, alice.der());
  EXPECT_THAT(shown.chain, testing::ElementsAre(lower.der()));
}

TEST_F(Serving, RefusesCertificatesThatProveNothing) {
  const auto now = std::chrono::system_clock::now();
  const Made stranger = make_today({.common_name = "another root", .authority = true});
  const Made namesake = make_today({.common_name = "root", .authority = true});
  const Made foreign = make_today({.common_name = "foreign"}, &stranger);
  const Made forged = make_today({.common_name = "forged"}, &namesake);
  const Made itself = make_today({.common_name = "by itself"});
  const Made expired = make_today({.common_name = "expired", .from = now - 3h, .until = now - 2h}, &root());
  const Made early = make_today({.common_name = "early", .from = now + 2h, .until = now + 3h}, &root());
  Made for_servers = make_today({.common_name = "for servers"}, &root());
  making::set_extension(for_servers.certificate.get(), NID_ext_key_usage, "serverAuth");
  X509_sign(for_servers.certificate.get(), root().key.get(), EVP_sha256());
  const Made no_authority = issue("DNS:no.authority");
  const Made issued_by_none = make_today({.common_name = "issued by none"}, &no_authority);

  struct Case {
    const Made& shown;
    std::vector<const Made*> issuers;
    int alert;
    std::string why;
  };
  const std::vector<Case> cases{
      {foreign, {&stranger}, unknown_ca, "certificate: self-signed certificate in certificate chain"},
      {foreign, {}, unknown_ca, "certificate: unable to get local issuer certificate"},
      {forged, {}, decrypt_error, "certificate: certificate signature failure"},
      {itself, {}, unknown_ca, "certificate: self-signed certificate"},
      {expired, {}, certificate_expired, "certificate: certificate has expired"},
      {early, {}, bad_certificate, "certificate: certificate is not yet valid"},
      {for_servers, {}, unsupported_certificate, "certificate: unsuitable certificate purpose"},
      {issued_by_none, {&no_authority}, unknown_ca, "certificate: invalid CA certificate"},
  };
  const auto server = serving(asking(root()));
  for (const Case& each : cases) {
    for (const int version : both_versions) {
      Visitor visitor(
          {.name = "asks.example", .version_max = version, .certificate = &each.shown, .issuers = each.issuers});
      EXPECT_EQ(visit(server, visitor), each.why);
      EXPECT_TRUE(engine().distrusts()) << each.why;
      visitor.read();
      EXPECT_EQ(visitor.alert(), each.alert) << each.why;
    }
  }
}

TEST_F(Serving, TakesNoChainWithoutMeasure) {
  std::vector<Made> authorities_of_alice;
  authorities_of_alice.reserve(12);
  for (int i = 0; i < 12; ++i) {
    const Made* const issuer = i == 0 ? &root() : &authorities_of_alice.back();
    authorities_of_alice.push_back(
        make_today({.common_name = "authority " + std::to_string(i), .authority = true}, issuer));
  }
  const Made alice = make_today({.common_name = "alice"}, &authorities_of_alice.back());
  std::vector<const Made*> deep;
  deep.reserve(authorities_of_alice.size());
  for (const Made& each : authorities_of_alice) { deep.push_back(&each); }
  const Made wide = make_today({.common_name = std::string(60, 'x'), .key = "RSA:2048", .authority = true}, &root());
  const Made bob = issue("email:bob@example.org");

  const auto server = serving(asking(root()));
  for (const int version : both_versions) {
    Visitor far({.name = "asks.example", .version_max = version, .certificate = &alice, .issuers = deep});
    EXPECT_EQ(visit(server, far), "certificate: certificate chain too long");
    Visitor huge({.name = "asks.example",
                  .version_max = version,
                  .certificate = &bob,
                  .issuers = std::vector<const Made*>(200, &wide)});
    EXPECT_EQ(visit(server, huge), "TLS: excessive message size");
    EXPECT_FALSE(engine().distrusts());
  }
}

// --- resumption ------------------------------------------------------------------------------------------------------

TEST_F(Serving, ResumesWhileItsKeysLive) {
  for (const int version : both_versions) {
    const auto server = serving(with(desk()));
    const OwnedSession session = session_of(server, "desk.example.org", version);
    ASSERT_TRUE(session);
    EXPECT_TRUE(resumes(server, "desk.example.org", session));
    EXPECT_EQ(engine().name(), "desk.example.org");
    keys_.rotate();
    EXPECT_TRUE(resumes(server, "desk.example.org", session)) << "the key before opens still";
    keys_.rotate();
    EXPECT_FALSE(resumes(server, "desk.example.org", session)) << "and is gone";
  }
}

TEST_F(Serving, RenewsATicketThatAnOlderKeySealed) {
  const auto server = serving(with(desk()));
  const OwnedSession old = session_of(server, "desk.example.org", TLS1_2_VERSION);
  keys_.rotate();
  Visitor visitor({.name = "desk.example.org", .session = old});
  ASSERT_EQ(visit(server, visitor), "");
  ASSERT_TRUE(visitor.resumed());
  const OwnedSession renewed(SSL_get1_session(visitor.ssl()), SSL_SESSION_free);
  keys_.rotate();
  EXPECT_FALSE(resumes(server, "desk.example.org", old));
  EXPECT_TRUE(resumes(server, "desk.example.org", renewed));
}

// As after a reload of the rules, or when a certificate has been renewed.
TEST_F(Serving, ResumesOverANewServerWithTheSameKeys) {
  for (const int version : both_versions) {
    const OwnedSession session = session_of(serving(with(desk())), "desk.example.org", version);
    EXPECT_TRUE(resumes(serving(with(desk())), "desk.example.org", session));
    EXPECT_TRUE(resumes(serving(with(issue("DNS:desk.example.org"))), "desk.example.org", session)) << "renewed";
  }
}

TEST_F(Serving, SealsByTheListenersOwnKeysWhereItHasSome) {
  const TicketKey own = TicketKey::random();
  const auto options = [](const TicketKey& key) {
    ServerOptions made = with(desk());
    made.ticket_keys = {key};
    return made;
  };
  for (const int version : both_versions) {
    const OwnedSession session = session_of(serving(options(own)), "desk.example.org", version);
    keys_.rotate();
    keys_.rotate();
    EXPECT_TRUE(resumes(serving(options(own)), "desk.example.org", session)) << "another process, say";
    EXPECT_FALSE(resumes(serving(with(desk())), "desk.example.org", session));
    EXPECT_FALSE(resumes(serving(options(TicketKey::random())), "desk.example.org", session));
  }
}

// RFC 6066, section 3: not under another name than it began.
TEST_F(Serving, ResumesOnlyUnderTheSameName) {
  const auto server = serving(with(issue("DNS:a.example,DNS:b.example,DNS:*.c.example")));
  for (const int version : both_versions) {
    const OwnedSession session = session_of(server, "a.example", version);
    EXPECT_TRUE(resumes(server, "A.example", session));
    for (const std::string other : {"b.example", "x.c.example", "unknown.example", ""}) {
      EXPECT_FALSE(resumes(server, other, session)) << other;
    }
  }
}

TEST_F(Serving, DoesNotTrustAForgedTicket) {
  const auto server = serving(with(desk()));
  for (const int version : both_versions) {
    const OwnedSession session = session_of(server, "desk.example.org", version);
    const unsigned char* ticket = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket(session.get(), &ticket, &size);
    const std::string bytes(text_of({ticket, size}));
    for (std::size_t at = 0; at < size; at += 7) {
      Visitor visitor({.name = "desk.example.org", .session = session});
      visitor.shake_hands();
      Talker talker = visited(server, keys_);
      talker.arrived = visitor.sent();
      const std::size_t begin = talker.arrived.find(bytes);
      ASSERT_NE(begin, std::string::npos);
      talker.arrived[begin + at] = static_cast<char>(talker.arrived[begin + at] ^ 1);
      EXPECT_NE(talker.shake_hands(), Did::failed) << talker.engine->why();
      EXPECT_FALSE(talker.engine->resumed());
    }
  }
}

// The class of nginx's CVE-2025-23419: OpenSSL resumes before the callback that others choose a name's rules in.
TEST_F(Serving, AsksForACertificateWhoeverBringsASessionFromElsewhere) {
  ServerOptions elsewhere = asking(root());
  elsewhere.ask_at = {};
  elsewhere.client_ca = nullptr;
  for (const int version : both_versions) {
    const auto server = serving(asking(root()));
    struct Case {
      std::shared_ptr<const Server> server;
      std::string name;
    };
    const std::vector<Case> cases{
        {server, "open.example"}, {server, ""}, {serving(elsewhere), "asks.example"}};  // the last: but for the asking
    for (const Case& from : cases) {
      const OwnedSession session = session_of(from.server, from.name, version);
      EXPECT_TRUE(resumes(from.server, from.name, session)) << "or this test shows nothing";
      EXPECT_FALSE(resumes(server, "asks.example", session));
      EXPECT_TRUE(engine().asked_for_certificate());
      EXPECT_EQ(talker_->engine->take_certificate().der, "");
    }
  }
}

// So that a certificate that expires, or an authority that is taken off the list, is seen at the next connection.
TEST_F(Serving, ResumesNothingWhereItAsksForACertificate) {
  const auto server = serving(asking(root()));
  const Made alice = issue("email:alice@example.org");
  for (const int version : both_versions) {
    Visitor visitor({.name = "asks.example", .version_max = version, .certificate = &alice});
    ASSERT_EQ(visit(server, visitor), "");
    EXPECT_FALSE(visitor.session()) << "no ticket";
    const OwnedSession session(SSL_get1_session(visitor.ssl()), SSL_SESSION_free);
    Visitor again({.name = "asks.example", .version_max = version, .session = session});
    EXPECT_EQ(visit(server, again), "");
    EXPECT_FALSE(again.resumed());
    EXPECT_EQ(talker_->engine->take_certificate().der, "");
  }
}

TEST_F(Serving, JudgesByTheAuthoritiesOfNow) {
  const Made others = make_today({.common_name = "another root", .authority = true});
  const Made alice = issue("email:alice@example.org");
  for (const int version : both_versions) {
    Visitor before({.name = "asks.example", .version_max = version, .certificate = &alice});
    ASSERT_EQ(visit(serving(asking(root())), before), "");
    const OwnedSession session(SSL_get1_session(before.ssl()), SSL_SESSION_free);
    Visitor after({.name = "asks.example", .version_max = version, .certificate = &alice, .session = session});
    EXPECT_EQ(visit(serving(asking(others)), after), "certificate: unable to get local issuer certificate");
  }
}

}  // namespace
}  // namespace bascule::tls
