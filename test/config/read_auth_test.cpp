// `auth`: what each kind of proof is read as, and what a route asks for. What is wrong with one is in
// auth_mistakes_test.cpp.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "test/config/reading.hpp"
#include "test/config/secrets.hpp"

namespace bascule::config {
namespace {

using namespace std::chrono_literals;
using proof::CredentialPlace;
using proof::Proof;
using proof::Wanted;
using testing::ElementsAre;
using testing::IsEmpty;
using In = CredentialPlace::In;

class ReadAuth : public testing::Test {
 protected:
  ReadAuth() { write_secrets(folder_.path()); }

  // A file with these proofs, each a line of `auth`, and a route that asks for the first.
  Reading read(const std::vector<std::string>& proofs) {
    std::string text = "listen: 127.0.0.1:1\nauth:\n";
    for (const std::string& proof : proofs) { text += "  " + proof + "\n"; }
    text += "routes: {name: desk, path: /vnc, auth: x, to: \"a.b:1\"}\n";
    return reading_of(read_rules(text, folder_.text() + "/site.yaml"));
  }

  // The proof `x`, as a line of `auth` writes it.
  Proof proof(const std::string& written) {
    const Reading reading = read({"x: " + written});
    const Proof* found = reading.rules.proof("x");
    if (found == nullptr) {
      ADD_FAILURE() << "there is no proof: " << written;
      return {};
    }
    return *found;
  }
  template <typename Kind>
  Kind of_kind(const std::string& written) {
    const Proof found = proof(written);
    EXPECT_TRUE(std::holds_alternative<Kind>(found.how)) << written;
    const auto* how = std::get_if<Kind>(&found.how);
    return how == nullptr ? Kind() : *how;
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  TemporaryFolder folder_;
};

std::vector<std::string> bytes_of_each(const std::vector<proof::Secret>& secrets) {
  std::vector<std::string> bytes;
  bytes.reserve(secrets.size());
  for (const proof::Secret& secret : secrets) { bytes.push_back(secret.bytes()); }
  return bytes;
}

// --- basic -----------------------------------------------------------------------------------------------------------

TEST_F(ReadAuth, ReadsAListOfUsers) {
  const auto basic = of_kind<proof::Basic>(
      "{basic: {users: {file: secrets/staff.htpasswd}, realm: Our staff, groups: {support: [ada, bob], desk: eve}}}");
  ASSERT_NE(basic.users, nullptr);
  EXPECT_EQ(basic.users->path(), path("secrets/staff.htpasswd"));
  EXPECT_EQ(basic.users->current()->size(), 2U);
  EXPECT_EQ(basic.users_source, fmt::format("{{file: {}}}", path("secrets/staff.htpasswd")));
  EXPECT_EQ(basic.realm, "Our staff");
  EXPECT_THAT(basic.groups.at("support"), ElementsAre("ada", "bob"));
  EXPECT_THAT(basic.groups.at("desk"), ElementsAre("eve"));
  EXPECT_FALSE(basic.one.has_value());
}

TEST_F(ReadAuth, CallsARealmAsItsProof) {
  EXPECT_EQ(of_kind<proof::Basic>("{basic: {users: {file: secrets/staff.htpasswd}}}").realm, "x");
}

TEST_F(ReadAuth, ReadsAListOfUsersFromTheEnvironment) {
  setenv("STAFF_OF_A_TEST", ("ada:" + secret_texts().back() + "\n").c_str(), 1);
  const auto basic = of_kind<proof::Basic>("{basic: {users: {env: STAFF_OF_A_TEST}}}");
  ASSERT_NE(basic.users, nullptr);
  EXPECT_THAT(basic.users->path(), IsEmpty());
  EXPECT_EQ(basic.users->current()->size(), 1U);
}

TEST_F(ReadAuth, ReadsOneUser) {
  const auto basic = of_kind<proof::Basic>("{basic: {user: boss, password: {env: BOSS_PASSWORD}}}");
  ASSERT_TRUE(basic.one.has_value());
  EXPECT_EQ(basic.one->user, "boss");
  EXPECT_EQ(basic.one->password.bytes(), "correct horse battery staple");
  EXPECT_EQ(basic.one->password.source(), "{env: BOSS_PASSWORD}");
  EXPECT_EQ(basic.users, nullptr);
}

// So that it is read again once, for all of them.
TEST_F(ReadAuth, SharesAListOfUsers) {
  const Reading reading = read({"x: {basic: {users: {file: secrets/staff.htpasswd}}}",
                                "y: {basic: {users: {file: ./secrets/staff.htpasswd}, realm: Other}}"});
  EXPECT_EQ(std::get<proof::Basic>(reading.rules.proof("x")->how).users,
            std::get<proof::Basic>(reading.rules.proof("y")->how).users);
}

// --- tickets, tokens -------------------------------------------------------------------------------------------------

TEST_F(ReadAuth, ReadsATicket) {
  const auto ticket = of_kind<proof::Ticket>(
      "{ticket: {secrets: [{file: secrets/ticket.key}, {file: secrets/old-ticket.key}], max_age: 2m, single_use: "
      "false, credential: [{subprotocol: bearer}, {cookie: t}]}}");
  EXPECT_THAT(bytes_of_each(ticket.secrets), ElementsAre(secret_texts()[0], secret_texts()[1]));
  EXPECT_EQ(ticket.max_age, 2min);
  EXPECT_FALSE(ticket.single_use);
  EXPECT_THAT(ticket.credential, ElementsAre(CredentialPlace{.in = In::subprotocol, .name = "bearer"},
                                             CredentialPlace{.in = In::cookie, .name = "t"}));
}

TEST_F(ReadAuth, TakesATicketForOneSessionUnlessToldOtherwise) {
  const auto ticket = of_kind<proof::Ticket>("{ticket: {secret: {file: secrets/ticket.key}}}");
  EXPECT_EQ(ticket.max_age, 60s);
  EXPECT_TRUE(ticket.single_use);
  EXPECT_THAT(ticket.credential, ElementsAre(CredentialPlace{.in = In::query, .name = "ticket"}));
}

TEST_F(ReadAuth, ReadsAToken) {
  const auto token = of_kind<proof::Token>(
      "{token: {secrets: [{file: secrets/robot.token}, {env: OLD_TOKEN}], user: robot, groups: robots, credential: "
      "{header: X-Token}}}");
  EXPECT_THAT(bytes_of_each(token.secrets), ElementsAre(secret_texts()[4], secret_texts()[5]));
  EXPECT_EQ(token.user, "robot");
  EXPECT_THAT(token.groups, ElementsAre("robots"));
  EXPECT_THAT(token.credential, ElementsAre(CredentialPlace{.in = In::header, .name = "x-token"}));
  const auto plain = of_kind<proof::Token>("{token: {secret: {env: OLD_TOKEN}, user: robot}}");
  EXPECT_THAT(plain.credential, ElementsAre(CredentialPlace()));
}

TEST_F(ReadAuth, TakesNoWhiteSpaceAroundASecretForAPartOfIt) {
  write_private(path("spacy.key"), "\r\n \t0123456789abcdef 0123456789abcdef\t \n\n");
  const auto ticket = of_kind<proof::Ticket>("{ticket: {secret: {file: spacy.key}}}");
  EXPECT_THAT(bytes_of_each(ticket.secrets), ElementsAre("0123456789abcdef 0123456789abcdef"));
}

// --- jwt, ask --------------------------------------------------------------------------------------------------------

TEST_F(ReadAuth, ReadsAJwtWithKeysOfAFile) {
  const auto jwt = of_kind<proof::Jwt>(
      "{jwt: {keys: secrets/portal.jwks.json, algorithms: ES256, issuer: [a, b], audience: c, leeway: none, user_from: "
      "name, groups_from: realm.roles, credential: [header, {query: t}]}}");
  EXPECT_EQ(jwt.keys.set->current()->size(), 1U);
  EXPECT_EQ(jwt.keys.written, path("secrets/portal.jwks.json"));
  EXPECT_FALSE(jwt.keys.digest.empty());
  EXPECT_FALSE(jwt.keys.url.has_value());
  EXPECT_THAT(jwt.keys.algorithms, ElementsAre(proof::Algorithm::ES256));
  EXPECT_THAT(jwt.rule.issuers, ElementsAre("a", "b"));
  EXPECT_THAT(jwt.rule.audiences, ElementsAre("c"));
  EXPECT_EQ(jwt.rule.leeway, 0s);
  EXPECT_EQ(jwt.user_from, "name");
  EXPECT_EQ(jwt.groups_from, "realm.roles");
  EXPECT_THAT(jwt.credential, ElementsAre(CredentialPlace(), CredentialPlace{.in = In::query, .name = "t"}));
}

TEST_F(ReadAuth, ReadsKeysOfAPemFileAndOfASecret) {
  EXPECT_EQ(of_kind<proof::Jwt>("{jwt: {keys: certs/clients-ca.pem}}").keys.set->current()->size(), 1U);
  const auto jwt = of_kind<proof::Jwt>("{jwt: {keys: {file: secrets/jwt.key}}}");
  EXPECT_EQ(jwt.keys.set->current()->size(), 1U);
  EXPECT_EQ(jwt.keys.written, fmt::format("{{file: {}}}", path("secrets/jwt.key")));
}

TEST_F(ReadAuth, LeavesKeysOfAUrlForLater) {
  const auto jwt = of_kind<proof::Jwt>(
      "{jwt: {keys: \"https://Portal.example.org/jwks?v=1\", refresh: 10m, authorities: certs/portal-ca.pem}}");
  ASSERT_TRUE(jwt.keys.url.has_value());
  EXPECT_EQ(*jwt.keys.url,
            (proof::Url{.secure = true, .host = "portal.example.org", .port = 443, .target = "/jwks?v=1"}));
  EXPECT_EQ(jwt.keys.refresh, 10min);
  EXPECT_EQ(jwt.keys.url_authorities, path("certs/portal-ca.pem"));
  EXPECT_EQ(jwt.keys.set->current()->size(), 0U);
}

TEST_F(ReadAuth, ReadsAnAuthorizer) {
  const auto ask = of_kind<proof::Ask>(
      "{ask: {url: \"http://[::1]:9091/verify\", pass: [Cookie, authorization], user_from: X-User, groups_from: "
      "x-groups, target_from: x-target, recheck: 10m, timeout: 2s, cache: none}}");
  EXPECT_EQ(ask.url, (proof::Url{.secure = false, .host = "::1", .port = 9091, .target = "/verify"}));
  EXPECT_THAT(ask.pass, ElementsAre("cookie", "authorization"));
  EXPECT_EQ(ask.user_from, "x-user");
  EXPECT_EQ(ask.groups_from, "x-groups");
  EXPECT_EQ(ask.target_from, "x-target");
  EXPECT_EQ(ask.recheck, Limit(10min));
  EXPECT_EQ(ask.timeout, 2s);
  EXPECT_EQ(ask.cache, 0s);
  const auto plain = of_kind<proof::Ask>("{ask: {url: https://sso.example.org, authorities: certs/sso-ca.pem}}");
  EXPECT_EQ(plain.url, (proof::Url{.secure = true, .host = "sso.example.org", .port = 443, .target = "/"}));
  EXPECT_EQ(plain.authorities, path("certs/sso-ca.pem"));
  EXPECT_EQ(plain.recheck, Limit());
}

// --- certificates, cookies -------------------------------------------------------------------------------------------

TEST_F(ReadAuth, ReadsAClientCertificate) {
  const auto certificate = of_kind<proof::ClientCertificate>(fmt::format(
      "{{client_certificate: {{user_from: san.email, issuers: \"CN=A,O=B\", fingerprints: [\"{0}\", \"{1}\"], "
      "authorities: certs/clients-ca.pem}}}}",
      std::string(64, 'A'),
      "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"));
  EXPECT_EQ(certificate.user_from, proof::ClientCertificate::UserFrom::san_email);
  EXPECT_THAT(certificate.issuers, ElementsAre("CN=A,O=B"));
  EXPECT_THAT(certificate.fingerprints,
              ElementsAre(std::string(64, 'a'), "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"));
  EXPECT_TRUE(certificate.authorities.has_value());
  EXPECT_EQ(certificate.authorities_path, path("certs/clients-ca.pem"));
  EXPECT_FALSE(of_kind<proof::ClientCertificate>("{client_certificate: {}}").authorities.has_value());
}

TEST_F(ReadAuth, ReadsASessionCookie) {
  const Proof staff = proof(
      "{basic: {users: {file: secrets/staff.htpasswd}}, session_cookie: {max_age: 1h, secret: {file: "
      "secrets/cookie.key}, login: true}}");
  ASSERT_TRUE(staff.cookie.has_value());
  EXPECT_EQ(staff.cookie->max_age, 1h);
  EXPECT_THAT(bytes_of_each(staff.cookie->secrets), ElementsAre(secret_texts()[2]));
  EXPECT_TRUE(staff.has_login());
  const Proof robot = proof("{token: {secret: {env: OLD_TOKEN}, user: a}, session_cookie: {}}");
  ASSERT_TRUE(robot.cookie.has_value());
  EXPECT_EQ(robot.cookie->max_age, 8h);
  EXPECT_THAT(robot.cookie->secrets, IsEmpty());
  EXPECT_FALSE(robot.has_login());
}

// --- what decides is watched -----------------------------------------------------------------------------------------

TEST_F(ReadAuth, WatchesWhatWasReadButUsersWhichAreReadAgainAnyway) {
  const Reading reading =
      read({"x: {ticket: {secret: {file: secrets/ticket.key}}}", "y: {jwt: {keys: secrets/portal.jwks.json}}",
            "z: {client_certificate: {authorities: certs/clients-ca.pem}}",
            "b: {basic: {users: {file: secrets/staff.htpasswd}}}"});
  EXPECT_THAT(reading.files, ElementsAre(path("site.yaml"), path("secrets/ticket.key"),
                                         path("secrets/portal.jwks.json"), path("certs/clients-ca.pem")));
}

// --- what a route asks for -------------------------------------------------------------------------------------------

class ReadWanted : public ReadAuth {
 protected:
  // The rules of one route; `keys` are lines of it, each indented by two.
  policy::Rules rules(const std::string& keys, const std::string& defaults = "{}") {
    std::string text = "listen: 127.0.0.1:1\nauth:\n";
    for (const char* name : {"a", "b", "c"}) {
      text += fmt::format("  {}: {{token: {{secret: {{env: OLD_TOKEN}}, user: {}}}}}\n", name, name);
    }
    text += "  sso: {ask: {url: \"http://a.b/\", target_from: x-target}}\n";
    text += fmt::format("defaults: {}\nroutes:\n- name: desk\n  path: /vnc\n{}", defaults, keys);
    return reading_of(read_rules(text, folder_.text() + "/site.yaml")).rules;
  }
  Wanted wanted(const std::string& auth) {
    const policy::Rules read = rules("  to: a.b:1\n  auth: " + auth + "\n");
    return read.routes.empty() ? Wanted() : read.routes.front()->auth;
  }
};

TEST_F(ReadWanted, AsksForAnyAndAllAndNested) {
  EXPECT_TRUE(wanted("none").open());
  const std::map<std::string, std::string> texts{
      {"a", "a"},
      {"[a]", "a"},
      {"{all: a}", "a"},
      {"{all: [{any: [b]}]}", "b"},
      {"[a, b]", "a or b"},
      {"{any: [a, b]}", "a or b"},
      {"{all: [a, b]}", "a and b"},
      {"[a, {all: [b, c]}]", "a or (b and c)"},
      {"{all: [a, [b, c]], x-why: both}", "a and (b or c)"},
  };
  for (const auto& [auth, text] : texts) { EXPECT_EQ(wanted(auth).text(), text) << auth; }
}

TEST_F(ReadWanted, StartsFromTheDefaults) {
  const policy::Rules read = rules("  to: a.b:1\n", "{auth: [a, b], on_expiry: keep}");
  ASSERT_EQ(read.routes.size(), 1U);
  EXPECT_EQ(read.routes[0]->auth.text(), "a or b");
  EXPECT_EQ(read.routes[0]->on_expiry, policy::OnExpiry::keep);
  const policy::Rules open = rules("  to: a.b:1\n  auth: none\n", "{auth: [a, b], on_expiry: keep}");
  ASSERT_EQ(open.routes.size(), 1U);
  EXPECT_TRUE(open.routes[0]->auth.open());
  EXPECT_EQ(open.routes[0]->on_expiry, policy::OnExpiry::close);
}

TEST_F(ReadWanted, LetsClaimsBeAskedFor) {
  const policy::Rules read =
      rules("  to: a.b:1\n  auth: a\n  allow: [{claims: {plan: [pro, team], on: \"7\"}}, {users: ada}]\n");
  ASSERT_EQ(read.routes.size(), 1U);
  ASSERT_EQ(read.routes[0]->allow.size(), 2U);
  EXPECT_THAT(read.routes[0]->allow[0].claims.at("plan"), ElementsAre("pro", "team"));
  EXPECT_THAT(read.routes[0]->allow[0].claims.at("on"), ElementsAre("7"));
}

TEST_F(ReadWanted, LetsTargetsBeMadeFromWhatWasProven) {
  EXPECT_EQ(rules("  auth: a\n  to: {address: \"{user}-{claim.id}.lan:1\", within: 10.0.0.0/8}\n").routes.size(), 1U);
  const policy::Rules read = rules("  auth: [a, sso]\n  to: {address: \"{target}\", within: 10.0.0.0/8}\n");
  ASSERT_EQ(read.routes.size(), 1U);
  EXPECT_TRUE(std::get<policy::MadeAddress>(read.routes[0]->service()->where).by_authorizer);
  EXPECT_EQ(read.routes[0]->service()->written, "{target}");
}

// Pages may be for those who have proven who they are.
TEST_F(ReadWanted, IsAskedForPagesToo) {
  const policy::Rules read = rules("  auth: a\n  allow: {users: ada}\n  answer: health\n");
  ASSERT_EQ(read.routes.size(), 1U);
  EXPECT_EQ(read.routes[0]->auth.text(), "a");
}

// A route may ask for the proof of any file.
TEST_F(ReadWanted, KnowsTheProofsOfEveryFile) {
  const std::string one = folder_.write("1.yaml", "listen: :1\nroutes: {name: a, path: /a, auth: x, to: \"a.b:1\"}\n");
  const std::string two = folder_.write("2.yaml", "auth: {x: {token: {secret: {env: OLD_TOKEN}, user: a}}}\n");
  const Reading reading = reading_of(read_rules_at({one, two}));
  ASSERT_EQ(reading.rules.routes.size(), 1U);
  EXPECT_EQ(reading.rules.routes[0]->auth.proof.get(), reading.rules.proof("x"));
}

}  // namespace
}  // namespace bascule::config
