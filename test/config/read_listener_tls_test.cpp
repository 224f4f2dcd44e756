// `tls` of a listener: what is written, what is in the files, and what there is to be said of either.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "proxy/config/read_tls.hpp"
#include "test/config/certificates.hpp"
#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Listener;
using policy::ListenerTls;
using policy::PlainHttp;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string pair = "{certificate: certs/site.pem, key: {file: certs/site.key}}";
const std::string echo_route = "routes: {name: a, host: any, path: /, auth: none, to: \"echo:\"}\n";

class ReadListenerTls : public testing::Test {
 protected:
  ReadListenerTls() { write_certificates(folder_.path()); }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string text_of(const std::string& tls, const std::string& routes = echo_route) const {
    return fmt::format("listen:\n  address: 127.0.0.1:1\n  tls: {}\n{}", tls, routes);
  }
  Result<Reading, Mistakes> read(const std::string& text) const { return read_rules(text, path("site.yaml")); }

  ListenerTls tls_of(const std::string& tls) const {
    const Reading reading = reading_of(read(text_of(tls)));
    EXPECT_THAT(texts_of(reading.warnings), IsEmpty());
    if (reading.rules.listeners.size() != 1 || !reading.rules.listeners.front().tls) {
      ADD_FAILURE() << "one listener with TLS expected";
      return {};
    }
    return *reading.rules.listeners.front().tls;
  }
  // The `tls` begins in column 8 of line 3.
  std::vector<std::string> mistakes_of(const std::string& tls) const {
    const auto reading = read(text_of(tls));
    return reading ? std::vector<std::string>() : texts_of(reading.error());
  }
  std::vector<std::string> warnings_of(const std::string& tls, const std::string& routes = echo_route) const {
    return texts_of(reading_of(read(text_of(tls, routes))).warnings);
  }
  void close(const std::string& name, std::filesystem::perms more) const {
    using Permissions = std::filesystem::perms;
    std::filesystem::permissions(path(name), Permissions::owner_read | more);
  }

  TemporaryFolder folder_;
};

// --- what is written -------------------------------------------------------------------------------------------------

TEST_F(ReadListenerTls, NeedsACertificateAndHasADefaultForAllElse) {
  const ListenerTls tls = tls_of("{certificates: " + pair + "}");
  ASSERT_EQ(tls.certificates.size(), 1U);
  EXPECT_EQ(tls.certificates[0].certificate, path("certs/site.pem"));
  EXPECT_EQ(tls.certificates[0].key.file, path("certs/site.key"));
  EXPECT_THAT(tls.certificates[0].names, IsEmpty());
  EXPECT_EQ(tls.versions, tls::Versions::intermediate);
  EXPECT_FALSE(tls.refuse_unknown_names);
  EXPECT_EQ(tls.client_ca, "");
  EXPECT_THAT(tls.ticket_keys, IsEmpty());
  EXPECT_EQ(tls.plain, PlainHttp::refuse);
  EXPECT_EQ(tls.hsts, Limit(24h * 180));
  EXPECT_EQ(tls.ask_at, tls::NameSet());
  ASSERT_NE(tls.server, nullptr);
  EXPECT_NE(tls.server->current(), nullptr);
}

TEST_F(ReadListenerTls, ReadsEveryKey) {
  const ListenerTls tls = tls_of(R"({
    certificates: [
      {certificate: certs/site.pem, key: {file: certs/site.key}, names: [Example.org, "*.example.org"],
       ocsp: certs/site.ocsp},
      {certificate: certs/site-rsa.pem, key: {file: certs/site-rsa.key}},
      certs/app.pem],
    versions: modern,
    ticket_keys: [{file: secrets/session-tickets.key}, {file: secrets/old-session-tickets.key}],
    plain: redirect, hsts: 400d, unknown_names: refuse})");
  ASSERT_EQ(tls.certificates.size(), 3U);
  EXPECT_THAT(tls.certificates[0].names, ElementsAre("example.org", "*.example.org"));
  EXPECT_EQ(tls.certificates[0].ocsp, path("certs/site.ocsp"));
  EXPECT_TRUE(tls.certificates[2].key.nowhere());
  EXPECT_EQ(tls.versions, tls::Versions::modern);
  EXPECT_THAT(tls.ticket_keys, ElementsAre(policy::KeptAt{.file = path("secrets/session-tickets.key")},
                                           policy::KeptAt{.file = path("secrets/old-session-tickets.key")}));
  EXPECT_EQ(tls.plain, PlainHttp::redirect);
  EXPECT_EQ(tls.hsts, Limit(24h * 400));
  EXPECT_TRUE(tls.refuse_unknown_names);
}

TEST_F(ReadListenerTls, ListsEveryFileForTheWatchAndTheRulesListNone) {
  const Reading reading = reading_of(read(text_of(R"({
    certificates: [{certificate: certs/site.pem, key: {file: certs/site.key}, ocsp: certs/site.ocsp}, certs/app.pem],
    ticket_keys: {file: secrets/session-tickets.key}})")));
  EXPECT_THAT(reading.rules.listeners.at(0).tls->files,
              ElementsAre(path("certs/site.pem"), path("certs/site.key"), path("certs/site.ocsp"),
                          path("certs/app.pem"), path("secrets/session-tickets.key")));
  EXPECT_THAT(reading.files, ElementsAre(path("site.yaml")));
}

TEST_F(ReadListenerTls, TakesAKeyFromTheEnvironment) {
  const making::Made made = certified("DNS:a.example");
  write_private(path("alone.pem"), made.pem());
  setenv("SITE_KEY", made.key_pem().c_str(), 1);
  EXPECT_EQ(tls_of("{certificates: {certificate: alone.pem, key: {env: SITE_KEY}}}").certificates[0].key.env,
            "SITE_KEY");
}

TEST_F(ReadListenerTls, MayStandAtAUnixSocket) {
  const auto reading =
      read(fmt::format("listen: {{address: unix:/run/x.sock, tls: {{certificates: {}}}}}\n{}", pair, echo_route));
  EXPECT_TRUE(reading_of(reading).rules.listeners.at(0).tls.has_value());
}

TEST_F(ReadListenerTls, AsksForCertificatesWhereRoutesWantThem) {
  const std::string rules = text_of("{certificates: " + pair + ", client_ca: certs/brokers-ca.pem}",
                                    "auth: {kiosk: {client_certificate: {}}}\nroutes:\n"
                                    "- {name: a, host: desk.example.org, path: /, auth: kiosk, to: \"echo:\"}\n"
                                    "- {name: b, host: open.example.org, path: /, auth: none, to: \"echo:\"}\n");
  const Reading reading = reading_of(read(rules));
  EXPECT_THAT(texts_of(reading.warnings), IsEmpty());
  EXPECT_EQ(reading.rules.listeners.at(0).tls->ask_at, (tls::NameSet{.names = {"desk.example.org"}}));
}

// --- what is wrong ---------------------------------------------------------------------------------------------------

TEST_F(ReadListenerTls, SaysWhatIsWrongWithWhatIsWritten) {
  struct Row {
    std::string tls;
    std::string mistake;
  };
  const std::string of = " of 'tls' of a listener";
  const std::string certificates = "{certificates: " + pair + ", ";
  const std::vector<Row> rows{
      {"true",
       "3:8: 'tls' of a listener is a map: tls: {certificates: {certificate: site.pem, key: {file: site.key}}}"},
      {"{versions: modern}",
       "3:8: 'tls' of a listener has no 'certificates'; what should it show? 'certificates: {certificate: site.pem, "
       "key: {file: site.key}}'"},
      {"{certificates: []}",
       "3:23: 'certificates'" + of + " is empty; what should it show? {certificate: site.pem, key: {file: site.key}}"},
      {"{certificates: [[a]]}",
       "3:24: 'certificates'" + of +
           ": a certificate is written {certificate: site.pem, key: {file: site.key}}, or as the path of one file "
           "with both in it"},
      {"{certificates: {key: {file: a.key}}}",
       "3:23: 'certificates'" + of + " has no 'certificate'; {certificate: site.pem, key: {file: site.key}}"},
      {"{certificates: {certificate: certs/site.pem, key: hunter2}}",
       "3:58: 'key' of 'certificates'" + of +
           ": a secret does not stand in a rules file; write {file: path} or {env: NAME}"},
      {certificates + "versions: tls1.2}",
       "3:93: 'versions'" + of + ": unknown word 'tls1.2'; there are intermediate, modern"},
      {certificates + "plain: allowed}", "3:90: 'plain'" + of + ": unknown word 'allowed'; did you mean 'allow'?"},
      {certificates + "unknown_names: last}",
       "3:98: 'unknown_names'" + of + ": unknown word 'last'; there are first, refuse"},
      {certificates + "hsts: 1500ms}", "3:89: 'hsts'" + of + ": '1500ms' is not a whole number of seconds"},
      {certificates + "hsts: 1001d}", "3:89: 'hsts'" + of + ": '1001d' is more than 1000d; is 'none' meant?"},
      {certificates + "client_ca: /no/such.pem}", "3:94: 'client_ca'" + of + ": there is no '/no/such.pem'"},
      {certificates + "ticket_keys: {env: TICKETS}}",
       "3:96: 'ticket_keys'" + of + ": such a key is bytes, which a variable cannot hold; {file: ticket.key}"},
      {certificates + "ticket_keys: []}",
       "3:96: 'ticket_keys'" + of + " is empty; leave it out for keys that live in memory alone"},
      {certificates + "ticket_keys: [{file: secrets/session-tickets.key}, {file: secrets/session-tickets.key}]}",
       "3:134: 'ticket_keys'" + of + ": the same stands there twice"},
      {"{certificates: {certificate: certs/site.pem, key: {file: certs/site.key}, names: [10.0.0.1]}}",
       "3:90: 'names' of 'certificates'" + of +
           ": a visitor who comes to an address names none; he is shown the first certificate"},
  };
  for (const Row& row : rows) { EXPECT_THAT(mistakes_of(row.tls), ElementsAre(row.mistake)) << row.tls; }
  EXPECT_THAT(mistakes("listen: {address: \"127.0.0.1:1\", plain: allow}\n" + echo_route),
              ElementsAre("1:34: unknown key 'plain' in a listener; it is a key of 'tls' of a listener"));
}

// Each with the place of what names the file, all at once.
TEST_F(ReadListenerTls, SaysWhatIsWrongWithTheFiles) {
  const making::Made expired = making::make({.from = today() - 48h, .until = today() - 24h});
  write_private(path("expired.pem"), expired.pem());
  write_private(path("expired.key"), expired.key_pem());
  write_private(path("short.key"), std::string(16, '\x91'));
  const auto said = mistakes_of(R"({
    certificates: [
      {certificate: certs/none.pem, key: {file: certs/site.key}},
      {certificate: certs/site.pem, key: {file: certs/none.key}},
      {certificate: certs/site.pem, key: {env: NO_SUCH_VARIABLE}},
      {certificate: certs/site.pem, key: {file: certs/bascule.key}},
      {certificate: expired.pem, key: {file: expired.key}},
      certs/site.pem],
    client_ca: certs/site.key,
    ticket_keys: {file: short.key}})");
  const std::string of = " of 'certificates' of 'tls' of a listener: ";
  const auto file = [&](const std::string& name) { return "'" + path(name) + "'"; };
  EXPECT_THAT(
      said, ElementsAre(
                "5:21: 'certificate'" + of + "there is no " + file("certs/none.pem"),
                "6:49: 'key'" + of + "there is no " + file("certs/none.key"),
                "7:48: 'key'" + of + "the variable 'NO_SUCH_VARIABLE' is not set in the environment",
                StartsWith("8:49: 'key'" + of + file("certs/bascule.key") + ": the key is not the one of"),
                StartsWith("9:21: 'certificate'" + of + file("expired.pem") + ": expired on "),
                StartsWith("10:7: 'certificates' of 'tls' of a listener: " + file("certs/site.pem") + ": "),
                StartsWith("11:16: 'client_ca' of 'tls' of a listener: " + file("certs/site.key") + ": "),
                StartsWith("12:25: 'ticket_keys' of 'tls' of a listener: " + file("short.key") + ": it has 16 bytes")));
}

TEST_F(ReadListenerTls, RepeatsNothingOfAKey) {
  const std::string key = certified("DNS:a.example").key_pem();
  write_private(path("broken.key"), key.substr(0, key.size() / 2));
  write_private(path("raw.key"), "hunter2 hunter2 hunter2");
  for (const std::string name : {"broken.key", "raw.key"}) {
    const auto said = mistakes_of("{certificates: {certificate: certs/site.pem, key: {file: " + name +
                                  "}}, ticket_keys: {file: " + name + "}}");
    ASSERT_EQ(said.size(), 2U);
    for (const std::string& sentence : said) {
      EXPECT_THAT(sentence, AllOf(Not(HasSubstr("hunter2")), Not(HasSubstr(key.substr(60, 20)))));
    }
  }
}

// An editor's line end is not taken off: it is a byte like any other.
TEST_F(ReadListenerTls, TakesTicketKeysToTheByte) {
  std::string bytes = ticket_key_bytes('\x91');
  bytes.front() = ' ';
  bytes.back() = '\n';
  write_private(path("spaced.key"), bytes);
  EXPECT_THAT(mistakes_of("{certificates: " + pair + ", ticket_keys: {file: spaced.key}}"), IsEmpty());
  write_private(path("spaced.key"), bytes + "\n");
  EXPECT_THAT(mistakes_of("{certificates: " + pair + ", ticket_keys: {file: spaced.key}}"),
              ElementsAre(HasSubstr("it has 81 bytes")));
}

// --- what is legal but risky -----------------------------------------------------------------------------------------

TEST_F(ReadListenerTls, WarnsOfACertificateThatEndsSoon) {
  const std::vector<std::pair<std::chrono::hours, bool>> rows{{24h * 15, false}, {24h * 13, true}, {1h, true}};
  for (const auto& [left, soon] : rows) {
    const making::Made made = making::make(valid({.names = "DNS:a.example"}, left));
    write_private(path("ending.pem"), made.pem() + made.key_pem());
    const auto said = warnings_of("{certificates: ending.pem}");
    ASSERT_EQ(said.size(), soon ? 1U : 0U) << left.count();
    if (soon) { EXPECT_THAT(said[0], testing::ContainsRegex("3:23: .*: the certificate expires on 20..-..-..$")); }
  }
}

TEST_F(ReadListenerTls, WarnsOfKeysThatAreOpenToAll) {
  for (const char* name : {"certs/site.key", "certs/app.pem", "secrets/session-tickets.key"}) {
    close(name, std::filesystem::perms::others_read);
  }
  // A certificate alone is no secret.
  close("certs/site.pem", std::filesystem::perms::others_read);
  EXPECT_THAT(
      warnings_of("{certificates: [" + pair + ", certs/app.pem], ticket_keys: {file: secrets/session-tickets.key}}"),
      ElementsAre(AllOf(StartsWith("3:66: "), HasSubstr("certs/site.key' is open to every user")),
                  AllOf(StartsWith("3:84: "), HasSubstr("certs/app.pem' is open to every user")),
                  AllOf(StartsWith("3:120: "), HasSubstr("session-tickets.key' is open to every user"))));
}

TEST_F(ReadListenerTls, WarnsOfAStapleThatCannotBeShownAndGoesOnWithout) {
  const auto with = [&](const std::string& name) {
    return warnings_of("{certificates: {certificate: certs/site.pem, key: {file: certs/site.key}, ocsp: " + name +
                       "}}");
  };
  EXPECT_THAT(with("certs/site.ocsp"), IsEmpty());
  EXPECT_THAT(with("none.ocsp"),
              ElementsAre(AllOf(StartsWith("3:88: 'ocsp' of 'certificates' of 'tls' of a listener: there is no "),
                                HasSubstr("; nothing is stapled"))));
  const making::Made other = certified("DNS:a.example");
  write_private(path("other.ocsp"),
                making::staple(other, test_authority(), {.from = today() - 1h, .until = today() + 1h}));
  EXPECT_THAT(with("other.ocsp"), ElementsAre(HasSubstr("; nothing is stapled")));
}

TEST_F(ReadListenerTls, WarnsOfNamesThatTheCertificateDoesNotHave) {
  const auto with = [&](const std::string& names) {
    return warnings_of("{certificates: {certificate: certs/site.pem, key: {file: certs/site.key}, names: " + names +
                       "}}");
  };
  EXPECT_THAT(with("[example.org, desk.example.org, \"*.example.org\", a.desks.example.org]"), IsEmpty());
  EXPECT_THAT(with("a.b.example.org"),
              ElementsAre(AllOf(StartsWith("3:89: 'names' of 'certificates' of 'tls' of a listener: "),
                                HasSubstr("is for example.org, *.example.org, *.desks.example.org, so at "
                                          "'a.b.example.org' browsers will refuse it"))));
  EXPECT_THAT(with("\"*.a.example.org\""), testing::SizeIs(1));
}

TEST_F(ReadListenerTls, WarnsOfACertificateThatIsNeverShown) {
  const std::string by_rsa = "{certificate: certs/site-rsa.pem, key: {file: certs/site-rsa.key}}";
  EXPECT_THAT(warnings_of("{certificates: [" + pair + ", " + by_rsa + "]}"), IsEmpty());
  EXPECT_THAT(warnings_of("{certificates: [" + by_rsa + ", " + pair + ", " + pair + "]}"),
              ElementsAre(HasSubstr("certs/site.pem' is never shown: ")));
}

TEST_F(ReadListenerTls, WarnsOfAnAuthorityThatNobodyNeeds) {
  EXPECT_THAT(warnings_of("{certificates: " + pair + ", client_ca: certs/brokers-ca.pem}"),
              ElementsAre("2:3: listener '127.0.0.1:1' has 'client_ca', but none of its routes wants a client "
                          "certificate, so nobody is asked for one; 'auth' of a route says so"));
}

TEST_F(ReadListenerTls, WarnsOfAPublicUrlWithoutTls) {
  const auto with = [&](const std::string& scheme) {
    const auto reading = read(
        fmt::format("listen: {{address: \"127.0.0.1:1\", public_url: {}://a.example, tls: {{certificates: {}}}}}\n{}",
                    scheme, pair, echo_route));
    return texts_of(reading_of(reading).warnings);
  };
  EXPECT_THAT(with("https"), IsEmpty());
  EXPECT_THAT(with("http"),
              ElementsAre("1:46: 'public_url' of a listener says http, but this listener speaks TLS; leave "
                          "it out, or write https://"));
}

// Several listeners with the same files have one thing to be said of them.
TEST_F(ReadListenerTls, WarnsOfAFileOnce) {
  close("certs/site.key", std::filesystem::perms::others_read);
  const auto reading =
      read(fmt::format("listen:\n- {{address: \"127.0.0.1:1\", tls: {{certificates: {0}}}}}\n"
                       "- {{address: \"127.0.0.1:2\", tls: {{certificates: {0}}}}}\n{1}",
                       pair, echo_route));
  EXPECT_THAT(texts_of(reading_of(reading).warnings), testing::SizeIs(1));
}

}  // namespace
}  // namespace bascule::config
