// What is legal but risky about proofs, and about the routes that ask for them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "test/config/certificates.hpp"
#include "test/config/reading.hpp"
#include "test/config/secrets.hpp"

namespace bascule::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AuthWarnings : public testing::Test {
 protected:
  AuthWarnings() { write_secrets(folder_.path()); }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  std::vector<std::string> warnings_in(const std::string& text) const {
    return texts_with_files_of(reading_of(read_rules(text, path("site.yaml"))).warnings);
  }
  // Of a proof `x`, written in line 2, and a route with more keys, in line 4.
  std::vector<std::string> of(const std::string& proof, const std::string& route = {},
                              const std::string& listen = "127.0.0.1:1") const {
    return warnings_in(
        fmt::format("auth:\n  x: {}\nlisten: {}\nroutes: {{name: desk, path: /vnc, auth: x, to: \"a.b:1\"{}}}\n", proof,
                    listen, route));
  }

  TemporaryFolder folder_;
};

const std::string staff = "{basic: {users: {file: secrets/staff.htpasswd}}}";
const std::string staff_with_cookie = "{basic: {users: {file: secrets/staff.htpasswd}}, session_cookie: {}}";
const std::string portal = "{jwt: {keys: secrets/portal.jwks.json, issuer: a, audience: b}}";
const std::string robot = "{token: {secret: {env: OLD_TOKEN}, user: a}}";

TEST_F(AuthWarnings, AreSilentWhereAllIsWell) {
  for (const std::string& proof :
       {staff, staff_with_cookie, portal, robot, std::string("{ticket: {secret: {file: secrets/ticket.key}}}"),
        std::string("{ask: {url: \"http://a.b/\", pass: cookie}}")}) {
    EXPECT_THAT(of(proof), IsEmpty()) << proof;
  }
  // A door that asks is no open door.
  EXPECT_THAT(of(robot, {}, "\":1\""), IsEmpty());
}

TEST_F(AuthWarnings, NameAProofThatNobodyAsksFor) {
  EXPECT_THAT(warnings_in(fmt::format("auth:\n  x: {0}\n  y: {0}\n  z: {0}\nlisten: 127.0.0.1:1\n"
                                      "routes: {{name: a, path: /a, auth: {{all: [x, [z]]}}, to: \"a.b:1\"}}\n",
                                      robot)),
              ElementsAre("site.yaml:3:3: no route asks for proof 'y'"));
}

TEST_F(AuthWarnings, NameTokensThatAreForOthers) {
  const std::string end =
      ", so it takes every token that is signed with these keys, those for other services among them";
  EXPECT_THAT(of("{jwt: {keys: secrets/portal.jwks.json}}"),
              ElementsAre("site.yaml:2:3: proof 'x' has no 'issuer' and no 'audience'" + end));
  EXPECT_THAT(of("{jwt: {keys: secrets/portal.jwks.json, issuer: a}}"),
              ElementsAre("site.yaml:2:3: proof 'x' has no 'audience'" + end));
  EXPECT_THAT(of("{jwt: {keys: secrets/portal.jwks.json, audience: a}}"),
              ElementsAre("site.yaml:2:3: proof 'x' has no 'issuer'" + end));
}

TEST_F(AuthWarnings, NameProofsThatAnyPageMayUse) {
  const auto sentence = [](const std::string& origins) {
    return fmt::format(
        "site.yaml:4:9: route 'desk' has 'origins: {}', and a browser brings what proves its user along "
        "by itself: each page that he happens to open may use it in his name; list the pages that are "
        "meant",
        origins);
  };
  const std::string with_cookie =
      "{jwt: {keys: secrets/portal.jwks.json, issuer: a, audience: b, credential: [header, {cookie: c}]}}";
  for (const std::string& proof : {staff, staff_with_cookie, with_cookie,
                                   std::string("{ask: {url: \"http://a.b/\", pass: [x-a, authorization]}}")}) {
    EXPECT_THAT(of(proof, ", origins: any"), ElementsAre(sentence("any"))) << proof;
    EXPECT_THAT(of(proof, ", origins: [same, opaque]"), ElementsAre(sentence("opaque"))) << proof;
    EXPECT_THAT(of(proof, ", origins: [same, \"https://a.b\"]"), IsEmpty()) << proof;
  }
  // What a page has to say itself, another page does not know.
  for (const std::string& proof : {portal, robot, std::string("{ask: {url: \"http://a.b/\", pass: x-a}}"),
                                   std::string("{ticket: {secret: {file: secrets/ticket.key}}}")}) {
    EXPECT_THAT(of(proof, ", origins: any"), IsEmpty()) << proof;
  }
}

TEST_F(AuthWarnings, LookAtAllThatIsAskedFor) {
  const auto with = [&](const std::string& auth) {
    return warnings_in(
        fmt::format("auth: {{s: {}, r: {}}}\nlisten: 127.0.0.1:1\nroutes: {{name: desk, path: /vnc, "
                    "auth: {}, to: \"a.b:1\", origins: any}}\n",
                    staff, robot, auth));
  };
  EXPECT_THAT(with("[s, r]"), testing::SizeIs(1));
  EXPECT_THAT(with("{all: [s, r]}"), IsEmpty());
}

TEST_F(AuthWarnings, NameACookieThatNoBrowserKeeps) {
  const std::string sentence =
      "site.yaml:2:3: browsers keep the cookie of proof 'x' over https and on localhost only, and route 'desk' is "
      "found "
      "at neither; is there a proxy that ends TLS? 'public_url: https://...' or 'trusted_proxies' says so";
  EXPECT_THAT(of(staff_with_cookie, {}, "\":1\""), ElementsAre(sentence));
  EXPECT_THAT(of(staff_with_cookie, {}, "{address: \":1\", public_url: \"http://desk.example.org\"}"),
              ElementsAre(sentence));
  EXPECT_THAT(of(staff_with_cookie, ", listeners: out",
                 "[{name: in, address: \"127.0.0.1:1\"}, {name: out, address: \"192.0.2.1:1\"}]"),
              ElementsAre(sentence));
  for (const std::string listen :
       {"\"[::1]:1\"", "unix:/run/x.sock", "{address: \":1\", public_url: \"https://desk.example.org\"}",
        "{address: \":1\", trusted_proxies: {addresses: 10.0.0.1, header: forwarded}}",
        "{address: \":1\", proxy_protocol: {addresses: 10.0.0.1}}", "[\"192.0.2.1:1\", \"127.0.0.1:1\"]"}) {
    EXPECT_THAT(of(staff_with_cookie, {}, listen), IsEmpty()) << listen;
  }
}

TEST_F(AuthWarnings, NameCertificatesThatNobodyBrings) {
  EXPECT_THAT(
      of("{client_certificate: {}}"),
      ElementsAre("site.yaml:2:3: no listener of route 'desk' learns of client certificates, so nobody can prove "
                  "'x' there; 'client_ca' of its 'tls' asks for them, and a proxy that ends TLS tells of them by "
                  "'proxy_protocol', version 2"));
  EXPECT_THAT(of("{client_certificate: {}}", {}, "{address: \"127.0.0.1:1\", proxy_protocol: {addresses: 127.0.0.1}}"),
              IsEmpty());
}

const std::string with_tls =
    "{address: \":1\", tls: {certificates: {certificate: certs/site.pem, key: {file: certs/site.key}}}}";
const std::string asking =
    "{address: \":1\", tls: {certificates: {certificate: certs/site.pem, key: {file: certs/site.key}}, "
    "client_ca: certs/clients-ca.pem}}";

TEST_F(AuthWarnings, KnowThatAListenerWithTlsOfItsOwnAsksForCertificatesAndKeepsCookies) {
  write_certificates(folder_.path());
  EXPECT_THAT(of("{client_certificate: {fingerprints: \"" + std::string(64, 'a') + "\"}}", {}, asking), IsEmpty());
  EXPECT_THAT(of("{client_certificate: {}}", {}, with_tls), ElementsAre(testing::HasSubstr("nobody can prove 'x'")));
  EXPECT_THAT(of(staff_with_cookie, {}, with_tls), IsEmpty());
}

// A PROXY header has no more than the name of whom the certificate is for.
TEST_F(AuthWarnings, NameCertificatesThatNobodySees) {
  const std::string told = "{address: \"127.0.0.1:1\", proxy_protocol: {addresses: 127.0.0.1}}";
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"issuers", "CN=a"},
                                   {"fingerprints", "\"" + std::string(64, 'a') + "\""},
                                   {"authorities", "certs/clients-ca.pem"}}) {
    const std::string proof = fmt::format("{{client_certificate: {{{}: {}}}}}", key, value);
    EXPECT_THAT(of(proof, {}, told),
                ElementsAre(fmt::format("site.yaml:2:3: '{}' of proof 'x' wants the certificate itself, and what a "
                                        "PROXY header tells route 'desk' of it is the name alone, so nobody can prove "
                                        "it there; 'client_ca' of a listener's 'tls' asks for it",
                                        key)));
  }
}

TEST_F(AuthWarnings, NameWhatIsWrongWithAListOfUsers) {
  const std::string& hash = secret_texts().back();
  write_private(path("odd.htpasswd"), "ada:" + hash + "\nnonsense\nbob:" + hash + "\nada:" + hash + "\n");
  const auto said = of("{basic: {users: {file: odd.htpasswd}}}");
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[0], testing::StartsWith("odd.htpasswd:2:1: "));
  EXPECT_THAT(said[1], testing::StartsWith("odd.htpasswd:4:1: "));

  write_private(path("empty.htpasswd"), "# nobody yet\n");
  EXPECT_THAT(of("{basic: {users: {file: empty.htpasswd}}}"),
              ElementsAre("site.yaml:2:22: 'users' of 'basic' of proof 'x': there is nobody in it, so nobody can come "
                          "in; `bascule password ada` makes a line of it"));

  write_private(path("weak.htpasswd"), "ada:" + hash + "\nbob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
  EXPECT_THAT(of("{basic: {users: {file: weak.htpasswd}}}"),
              ElementsAre("site.yaml:2:22: 'users' of 'basic' of proof 'x': the hashes of 'bob' are weak by today's "
                          "measure; `bascule password` makes better ones"));
}

TEST_F(AuthWarnings, NameASecretThatEverybodyMayOpen) {
  using Permissions = std::filesystem::perms;
  const auto sentence = [&](const char* name) {
    return fmt::format("'{0}' is open to every user of this machine; 'chmod o= {0}' closes it", path(name));
  };
  for (const Permissions of_others : {Permissions::others_read, Permissions::others_write}) {
    for (const char* name : {"secrets/robot.token", "secrets/staff.htpasswd"}) {
      std::filesystem::permissions(path(name), Permissions::owner_all | Permissions::group_read | of_others);
    }
    EXPECT_THAT(of("{token: {secret: {file: secrets/robot.token}, user: a}}"),
                ElementsAre("site.yaml:2:30: " + sentence("secrets/robot.token")));
    EXPECT_THAT(of(staff), ElementsAre("site.yaml:2:29: " + sentence("secrets/staff.htpasswd")));
  }
}

}  // namespace
}  // namespace bascule::config
