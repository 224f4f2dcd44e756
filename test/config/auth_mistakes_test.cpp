// What an operator sees when something is wrong with `auth`: the place, the sentence, the way out; and never a secret.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "proxy/config/show.hpp"
#include "test/config/reading.hpp"
#include "test/config/secrets.hpp"

namespace bascule::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AuthMistakes : public testing::Test {
 protected:
  AuthMistakes() { write_secrets(folder_.path()); }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  std::vector<std::string> mistakes_in(const std::string& text) const {
    const auto reading = read_rules(text, path("site.yaml"));
    return reading ? std::vector<std::string>() : texts_of(reading.error());
  }
  // Of a proof `x` that is written in line 2; a route asks for it.
  std::vector<std::string> of_proof(const std::string& written) const {
    return mistakes_in(fmt::format(
        "auth:\n  x: {}\nlisten: 127.0.0.1:1\nroutes: {{name: desk, path: /vnc, auth: x, to: \"a.b:1\"}}\n", written));
  }
  // Of a route whose lines begin in line 7; there are the proofs `a`, `b` and `portal`.
  std::vector<std::string> of_route(const std::string& lines) const {
    return mistakes_in(
        "auth:\n"
        "  a: {token: {secret: {env: OLD_TOKEN}, user: a}}\n"
        "  b: {token: {secret: {env: OLD_TOKEN}, user: b}}\n"
        "  portal: {token: {secret: {env: OLD_TOKEN}, user: c}}\n"
        "listen: 127.0.0.1:1\n"
        "routes:\n"
        "- name: desk\n"
        "  path: /vnc\n" +
        lines);
  }

  struct Row {
    std::string written;
    std::string mistake;
  };
  void expect_each_of_proofs(const std::vector<Row>& rows) const {
    for (const Row& row : rows) { EXPECT_THAT(of_proof(row.written), ElementsAre(row.mistake)) << row.written; }
  }

  TemporaryFolder folder_;
};

// --- proofs ----------------------------------------------------------------------------------------------------------

TEST_F(AuthMistakes, AskForOneKind) {
  expect_each_of_proofs({
      {"{}", "2:6: proof 'x' has no kind; it is basic, jwt, ticket, token, client_certificate or ask"},
      {"{session_cookie: {}}",
       "2:6: proof 'x' has no kind; it is basic, jwt, ticket, token, client_certificate or ask"},
      {"{ticket: {secret: {file: secrets/ticket.key}}, token: {secret: {env: OLD_TOKEN}, user: a}}",
       "2:60: proof 'x' has both 'ticket' and 'token'; a proof is of one kind, and a route may ask for several"},
      {"staff.htpasswd", "2:6: proof 'x' is a map: x: {basic: {users: {file: staff.htpasswd}}}"},
      {"", "2:3: proof 'x' is a map: x: {basic: {users: {file: staff.htpasswd}}}"},
      {"{token: abc}", "2:14: 'token' of proof 'x' is a map: token: {secret: {file: robot.token}, user: robot}"},
  });
  EXPECT_THAT(of_proof("{jwtt: {}}"),
              ElementsAre("2:6: proof 'x' has no kind; it is basic, jwt, ticket, token, client_certificate or ask",
                          "2:7: unknown key 'jwtt' in proof 'x'; did you mean 'jwt'?"));
}

TEST_F(AuthMistakes, NameTheProofsThatCannotBeCalledSo) {
  const std::string rest = "\nlisten: :1\nroutes: {name: desk, path: /vnc, auth: none, to: \"a.b:1\"}\n";
  const std::string token = "{token: {secret: {env: OLD_TOKEN}, user: a}}";
  EXPECT_THAT(mistakes_in("auth: {any: " + token + "}" + rest),
              ElementsAre("1:8: 'auth': 'any' is a word of the language; call the proof something else"));
  EXPECT_THAT(mistakes_in("auth: {a.b: " + token + "}" + rest),
              ElementsAre("1:8: 'auth': 'a.b' is no name of a proof; letters, digits, '-' and '_' make one, at most 64 "
                          "of them"));
  EXPECT_THAT(mistakes_in("auth: {a: " + token + ", a: " + token + "}" + rest),
              ElementsAre("1:57: key 'a' stands twice in 'auth'; the first is in line 1"));
  EXPECT_THAT(mistakes_in("auth: [a]" + rest),
              ElementsAre("1:7: 'auth' is a map of names: auth: {staff: {basic: {users: {file: staff.htpasswd}}}}"));
}

TEST_F(AuthMistakes, NameAProofOfTwoFiles) {
  const std::string proof = "auth: {x: {token: {secret: {env: OLD_TOKEN}, user: a}}}\n";
  const std::string one =
      folder_.write("1.yaml", proof + "listen: :1\nroutes: {name: a, path: /a, auth: x, to: \"a.b:1\"}\n");
  const std::string two = folder_.write("2.yaml", proof);
  const auto reading = read_rules_at({one, two});
  ASSERT_FALSE(reading.ok());
  EXPECT_THAT(
      texts_with_files_of(reading.error()),
      ElementsAre(fmt::format("2.yaml:1:8: the name 'x' is used twice; the first proof of that name is in {}:1", one)));
}

TEST_F(AuthMistakes, SayWhatBasicNeeds) {
  expect_each_of_proofs({
      {"{basic: {}}",
       "2:14: 'basic' of proof 'x' has no 'users'; who are they? users: {file: staff.htpasswd}, which `bascule "
       "password ada >> staff.htpasswd` writes"},
      {"{basic: {users: staff.htpasswd}}",
       "2:22: 'users' of 'basic' of proof 'x': hashes of passwords are secret; write {file: staff.htpasswd}"},
      {"{basic: {users: {file: secrets/staff.htpasswd}, user: a, password: {env: OLD_TOKEN}}}",
       "2:22: 'basic' of proof 'x' has both 'users' and a user of its own; it needs one of them"},
      {"{basic: {user: a}}",
       "2:14: 'basic' of proof 'x' has no 'password'; 'user: boss' and 'password: {env: BOSS_PASSWORD}' go together"},
      {"{basic: {password: {env: OLD_TOKEN}}}",
       "2:14: 'basic' of proof 'x' has no 'user'; 'user: boss' and 'password: {env: BOSS_PASSWORD}' go together"},
      {"{basic: {user: \"a:b\", password: {env: OLD_TOKEN}}}",
       "2:21: 'user' of 'basic' of proof 'x': a user of 'basic' has no ':' in it, for the password begins behind it"},
      {"{basic: {users: {file: secrets/staff.htpasswd}, realm: \"a\\\"b\"}}",
       "2:61: 'realm' of 'basic' of proof 'x': 'a\"b' is no realm; it stands in quotes in a header, so it is ASCII "
       "without '\"' and '\\'"},
      {"{basic: {users: {file: secrets/staff.htpasswd}, groups: support}}",
       "2:62: 'groups' of 'basic' of proof 'x' is a map from groups to their users: groups: {support: [ada, bob]}"},
      {"{basic: {users: {file: secrets/staff.htpasswd}, groups: {support: []}}}",
       "2:72: 'support' of 'groups' of 'basic' of proof 'x' is empty; who is in it?"},
  });
}

TEST_F(AuthMistakes, SayWhatTicketsAndTokensNeed) {
  const std::string secret = "secret: {env: OLD_TOKEN}";
  const std::string key = "secret: {file: secrets/ticket.key}";
  expect_each_of_proofs({
      {"{ticket: {}}",
       "2:15: 'ticket' of proof 'x' has no 'secret'; `openssl rand -hex 32 > ticket.key` makes one: secret: {file: "
       "ticket.key}"},
      {"{token: {user: a}}",
       "2:14: 'token' of proof 'x' has no 'secret'; `openssl rand -hex 32 > robot.token` makes one: secret: {file: "
       "robot.token}"},
      {"{token: {" + secret + "}}", "2:14: 'token' of proof 'x' has no 'user'; who comes in with it? 'user: robot'"},
      {"{token: {" + secret + ", user: a, groups: []}}",
       "2:58: 'groups' of 'token' of proof 'x' is empty; leave it out for none"},
      {"{ticket: {" + key + ", max_age: 60}}",
       "2:61: 'max_age' of 'ticket' of proof 'x': '60' has no unit; write '60s' for seconds"},
      {"{ticket: {" + key + ", max_age: 0s}}",
       "2:61: 'max_age' of 'ticket' of proof 'x': '0s' is over before it begins; 'none' switches it off"},
      {"{ticket: {" + key + ", max_age: none}}",
       "2:61: 'max_age' of 'ticket' of proof 'x': 'none' is no time here; 24h is the longest"},
      {"{ticket: {" + key + ", max_age: 25h}}",
       "2:61: 'max_age' of 'ticket' of proof 'x': '25h' is too long; 24h is the longest"},
      {"{ticket: {" + key + ", max_age: 1500ms}}",
       "2:61: 'max_age' of 'ticket' of proof 'x': '1500ms' is not a whole number of seconds"},
      {"{ticket: {" + key + ", single_use: once}}",
       "2:64: 'single_use' of 'ticket' of proof 'x': unknown word 'once'; there are true, false"},
  });
}

TEST_F(AuthMistakes, NameThePlacesOfCredentials) {
  const auto with = [](const std::string& credential) {
    return "{token: {user: a, secret: {env: OLD_TOKEN}, credential: " + credential + "}}";
  };
  const std::string at = "2:62: 'credential' of 'token' of proof 'x': ";
  const std::string all = "; there are header, {cookie: x}, {query: x}, {subprotocol: x} and {header: x}";
  expect_each_of_proofs({
      {with("body"), at + "'body' is no place of a credential" + all},
      {with("cookie"), at + "'cookie' has a name: {cookie: token}"},
      {with("{body: x}"), at + "this is no place of a credential" + all},
      {with("{cookie: x, query: y}"), at + "this is no place of a credential" + all},
      {with("[[header]]"), "2:63: 'credential' of 'token' of proof 'x': this is no place of a credential" + all},
      {with("[]"), "2:62: 'credential' of 'token' of proof 'x' is empty; [header, {query: token}]"},
      {with("{cookie: a b}"), "2:71: 'credential' of 'token' of proof 'x': 'a b' cannot be the name of a cookie"},
      {with("{subprotocol: \"a,b\"}"),
       "2:76: 'credential' of 'token' of proof 'x': 'a,b' cannot be the name of a subprotocol"},
      {with("{header: Authorization}"),
       "2:71: 'credential' of 'token' of proof 'x': \"Authorization: Bearer ...\" is written 'header', without a name"},
      {with("{header: cookie}"),
       "2:71: 'credential' of 'token' of proof 'x': a cookie is written by its own name: {cookie: portal_session}"},
      {with("{header: Sec-WebSocket-Key}"),
       "2:71: 'credential' of 'token' of proof 'x': 'sec-websocket-key' belongs to the connection, and carries no "
       "credential"},
      {with("[header, {query: t}, header]"),
       "2:83: 'credential' of 'token' of proof 'x': this place stands there twice"},
  });
}

TEST_F(AuthMistakes, SayWhatAJwtNeeds) {
  write_private(path("private.pem"),
                "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n");
  write_private(path("short.key"), "0123456789\n");
  expect_each_of_proofs({
      {"{jwt: {}}",
       "2:12: 'jwt' of proof 'x' has no 'keys'; who signs the tokens? 'keys: portal.jwks.json', a PEM file, an "
       "https:// "
       "URL, or a secret as {file: path}"},
      {"{jwt: {keys: nowhere.jwks.json}}",
       "2:19: 'keys' of 'jwt' of proof 'x': there is no such file; a secret stands elsewhere: {file: path} or {env: "
       "NAME}"},
      {"{jwt: {keys: secrets}}",
       "2:19: 'keys' of 'jwt' of proof 'x': this is no file; a secret stands elsewhere: {file: path} or {env: NAME}"},
      {"{jwt: {keys: [a.pem]}}",
       "2:19: 'keys' of 'jwt' of proof 'x': keys are a JWKS or PEM file, an https:// URL, or a secret as {file: path} "
       "or {env: NAME}"},
      {"{jwt: {keys: \"http://portal.example.org/jwks\"}}",
       "2:19: 'keys' of 'jwt' of proof 'x': whoever sits in between could put keys of his own there; write https://, "
       "or keep the keys in a file"},
      {"{jwt: {keys: \"ftp://portal.example.org/jwks\"}}",
       "2:19: 'keys' of 'jwt' of proof 'x': a URL here begins with 'https://'"},
      {"{jwt: {keys: secrets/portal.jwks.json, refresh: 1h}}",
       "2:54: 'refresh' of 'jwt' of proof 'x' does nothing, for the keys are not fetched from a URL"},
      {"{jwt: {keys: \"https://a.b/\", refresh: none}}",
       "2:44: 'refresh' of 'jwt' of proof 'x': keys that are fetched are read again, at most once a second: 'refresh: "
       "1h'"},
      {"{jwt: {keys: {file: short.key}}}",
       fmt::format("2:19: 'keys' of 'jwt' of proof 'x': '{}' holds 10 bytes, and 32 are the least; `openssl rand -hex "
                   "32 > jwt.key` makes a good one",
                   path("short.key"))},
      {"{jwt: {keys: secrets/portal.jwks.json, algorithms: [none]}}",
       "2:58: 'algorithms' of 'jwt' of proof 'x': unknown algorithm 'none'; it would be no signature at all"},
      {"{jwt: {keys: secrets/portal.jwks.json, algorithms: [ES265]}}",
       "2:58: 'algorithms' of 'jwt' of proof 'x': unknown algorithm 'ES265'; did you mean 'ES256'?"},
      {"{jwt: {keys: secrets/portal.jwks.json, algorithms: []}}",
       "2:57: 'algorithms' of 'jwt' of proof 'x' is empty; leave it out for what the keys say"},
      {"{jwt: {keys: secrets/portal.jwks.json, issuer: []}}",
       "2:53: 'issuer' of 'jwt' of proof 'x' is empty, so no token would do; leave it out for any"},
      {"{jwt: {keys: secrets/portal.jwks.json, leeway: 1h}}",
       "2:53: 'leeway' of 'jwt' of proof 'x': '1h' is too long; 10m is the longest"},
      {"{jwt: {keys: secrets/portal.jwks.json, user_from: \"\"}}",
       "2:56: 'user_from' of 'jwt' of proof 'x': an empty name is nobody's"},
  });
  // What is wrong with keys is theirs to say.
  for (const char* keys : {"private.pem", "secrets/portal.jwks.json, algorithms: RS256", "secrets/ticket.key"}) {
    EXPECT_THAT(of_proof(fmt::format("{{jwt: {{keys: {}}}}}", keys)),
                ElementsAre(StartsWith("2:19: 'keys' of 'jwt' of proof 'x': ")));
  }
}

TEST_F(AuthMistakes, SayWhatAnAuthorizerNeeds) {
  const auto with = [](const std::string& more) { return "{ask: {url: \"http://a.b/\", " + more + "}}"; };
  expect_each_of_proofs({
      {"{ask: {}}", "2:12: 'ask' of proof 'x' has no 'url'; whom to ask? 'url: \"http://127.0.0.1:9091/verify\"'"},
      {"{ask: {url: \"a.b:9091\"}}",
       "2:18: 'url' of 'ask' of proof 'x': a URL here begins with 'http://' or 'https://'"},
      {"{ask: {url: \"http://ada:pw@a.b/\"}}",
       "2:18: 'url' of 'ask' of proof 'x': a URL has no user and no password here: 'http://127.0.0.1:9091/verify'"},
      {"{ask: {url: \"http://a.b/x#y\"}}",
       "2:18: 'url' of 'ask' of proof 'x': a URL has no '#' here; nothing behind it is sent"},
      {"{ask: {url: \"http://a..b/\"}}", "2:18: 'url' of 'ask' of proof 'x': 'a..b' is not a host name or an address"},
      {with("pass: [Host]"),
       "2:40: 'pass' of 'ask' of proof 'x': 'host' belongs to the visitor's connection and is not "
       "passed on"},
      {with("pass: [sec-websocket-protocol]"),
       "2:40: 'pass' of 'ask' of proof 'x': 'sec-websocket-protocol' belongs to the visitor's connection and is not "
       "passed on"},
      {with("pass: []"), "2:39: 'pass' of 'ask' of proof 'x' is empty; leave it out to pass nothing on"},
      {with("pass: [a b]"), "2:40: 'pass' of 'ask' of proof 'x': 'a b' cannot be the name of a header field"},
      {with("user_from: \"x user\""),
       "2:44: 'user_from' of 'ask' of proof 'x': 'x user' cannot be the name of a header field"},
      {with("timeout: none"), "2:42: 'timeout' of 'ask' of proof 'x': a visitor does not wait for ever; write a time"},
      {with("authorities: certs/sso-ca.pem"),
       "2:46: 'authorities' of 'ask' of proof 'x' does nothing, for the URL is not https"},
      {"{ask: {url: \"https://a.b/\", authorities: nowhere.pem}}",
       fmt::format("2:47: 'authorities' of 'ask' of proof 'x': '{}': there is no such file", path("nowhere.pem"))},
  });
}

TEST_F(AuthMistakes, SayWhatCertificatesAndCookiesNeed) {
  expect_each_of_proofs({
      {"{client_certificate: {user_from: cn}}",
       "2:39: 'user_from' of 'client_certificate' of proof 'x': unknown word 'cn'; there are subject.CN, subject, "
       "san.email, san.dns, san.uri"},
      {"{client_certificate: {fingerprints: \"12:34\"}}",
       "2:42: 'fingerprints' of 'client_certificate' of proof 'x': '12:34' is no SHA-256; 64 hexadecimal digits make "
       "one, as `openssl x509 -noout -fingerprint -sha256 -in ada.pem` prints them"},
      {"{client_certificate: {issuers: []}}",
       "2:37: 'issuers' of 'client_certificate' of proof 'x' is empty, so nobody could come in; leave it out for all "
       "of "
       "them"},
      {"{client_certificate: {}, session_cookie: {}}",
       "2:47: 'session_cookie' of proof 'x' does nothing, for the certificate comes with every connection"},
      {"{ask: {url: \"http://a.b/\"}, session_cookie: {}}",
       "2:50: 'session_cookie' of proof 'x' does nothing, for the authorizer has its own cookie"},
      {"{token: {user: a, secret: {env: OLD_TOKEN}}, session_cookie: {login: true}}",
       "2:75: 'login' of 'session_cookie' of proof 'x': a page to log in asks for user and password, and only 'basic' "
       "has users"},
      {"{token: {user: a, secret: {env: OLD_TOKEN}}, session_cookie: {max_age: none}}",
       "2:77: 'max_age' of 'session_cookie' of proof 'x': 'none' is no time here; 8760h is the longest"},
      {"{token: {user: a, secret: {env: OLD_TOKEN}}, session_cookie: true}",
       "2:67: 'session_cookie' of proof 'x' is a map: session_cookie: {max_age: 8h, secret: {file: cookie.key}}"},
  });
}

// --- secrets ---------------------------------------------------------------------------------------------------------

TEST_F(AuthMistakes, SayWhereSecretsStand) {
  write_private(path("empty.key"), " \n");
  write_private(path("large.key"), std::string(64 * 1024 + 1, 'x'));
  write_private(path("two.token"), "0123456789abcdef\nfedcba9876543210\n");
  write_private(path("short.token"), "0123456789abcde\n");
  setenv("EMPTY_SECRET_OF_A_TEST", "", 1);
  const auto with = [](const std::string& secret) { return "{token: {user: a, secret: " + secret + "}}"; };
  const std::string name = "'secret' of 'token' of proof 'x'";
  expect_each_of_proofs({
      {with("hunter2"),
       "2:32: " + name + ": a secret does not stand in a rules file; write {file: path} or {env: NAME}"},
      {with("[{env: OLD_TOKEN}]"), "2:32: " + name + " is one; several stand in 'secrets', the first is the new one"},
      {with("{fil: x}"), "2:32: " + name + " is one of {file: path} and {env: NAME}"},
      {with("{file: x, env: Y}"), "2:32: " + name + " is one of {file: path} and {env: NAME}"},
      {with("{}"), "2:32: " + name + " is one of {file: path} and {env: NAME}"},
      {with("{file: [a]}"), "2:39: 'file' of " + name + " is the path of a file"},
      {with("{file: nowhere.key}"), fmt::format("2:39: {}: there is no '{}'", name, path("nowhere.key"))},
      {with("{file: secrets}"), fmt::format("2:39: {}: '{}' is no file", name, path("secrets"))},
      {with("{file: empty.key}"), fmt::format("2:39: {}: '{}' is empty", name, path("empty.key"))},
      {with("{file: large.key}"), fmt::format("2:39: {}: '{}' has more than 64KiB", name, path("large.key"))},
      {with("{file: short.token}"),
       fmt::format("2:32: {}: '{}' holds 15 bytes, and 16 are the least; `openssl rand -hex 32 > robot.token` makes a "
                   "good one",
                   name, path("short.token"))},
      {with("{file: two.token}"),
       fmt::format("2:32: {}: '{}' has spaces, line ends or bytes that are not ASCII in it; it holds one secret, one "
                   "word of at most 4096 bytes",
                   name, path("two.token"))},
      {with("{env: no name}"),
       "2:38: " + name + ": this is no name of an environment variable; letters, digits and '_' make one"},
      {with("{env: NOT_SET_ANYWHERE}"),
       "2:38: " + name + ": the variable 'NOT_SET_ANYWHERE' is not set in the environment"},
      {with("{env: EMPTY_SECRET_OF_A_TEST}"), "2:38: " + name + ": the variable 'EMPTY_SECRET_OF_A_TEST' is empty"},
      {"{token: {user: a, secret: {env: OLD_TOKEN}, secrets: {env: OLD_TOKEN}}}",
       "2:59: 'token' of proof 'x' has both 'secret' and 'secrets'; it needs one of them"},
      {"{token: {user: a, secrets: []}}",
       "2:33: 'secrets' of 'token' of proof 'x' is empty; [{file: new.key}, {file: old.key}]"},
      {"{ticket: {secret: {env: OLD_TOKEN}}}",
       "2:24: 'secret' of 'ticket' of proof 'x': the variable 'OLD_TOKEN' holds 26 bytes, and 32 are the least; "
       "`openssl rand -hex 32 > ticket.key` makes a good one"},
  });
}

// A secret in the wrong place is refused and not repeated; nor is what a file or the environment holds.
TEST_F(AuthMistakes, NeverRepeatASecret) {
  const std::vector<std::string> proofs{
      "hunter2",
      "[hunter2]",
      "{basic: hunter2}",
      "{basic: {users: hunter2}}",
      "{basic: {users: [hunter2]}}",
      "{basic: {user: a, password: hunter2}}",
      "{basic: {user: a, password: {hunter2}}}",
      "{basic: {user: a, password: {hunter2: x}}}",
      "{basic: {user: a, password: {env: hunter2 }, users: hunter2}}",
      "{jwt: {keys: hunter2}}",
      "{jwt: {keys: [hunter2]}}",
      "{jwt: {keys: {hunter2: hunter2}}}",
      "{jwt: {keys: \"https://ada:hunter2@a.b/\"}}",
      "{jwt: {keys: \"hunter2://a.b/\"}}",
      "{ticket: hunter2}",
      "{ticket: {secret: hunter2}}",
      "{ticket: {secret: \"hunter2\"}}",
      "{ticket: {secrets: [hunter2, {env: \"hunter2 hunter2\"}]}}",
      "{token: {secret: {file: hunter2, env: hunter2}, user: a}}",
      "{token: {secret: [hunter2], user: a}}",
      "{ask: {url: \"http://ada:hunter2@a.b/\"}}",
      "{ask: {url: \"hunter2\"}}",
      "{session_cookie: {secret: hunter2}}",
      "{token: {secret: {env: OLD_TOKEN}, user: a}, session_cookie: {secret: hunter2}}",
      "{token: {secret: {env: OLD_TOKEN}, user: a}, session_cookie: hunter2}",
      // What files and variables hold, under keys that want something else of them.
      "{jwt: {keys: secrets/ticket.key}}",
      "{jwt: {keys: secrets/staff.htpasswd}}",
      "{jwt: {keys: {file: secrets/robot.token}}}",
      "{jwt: {keys: {env: BOSS_PASSWORD}}}",
      "{ticket: {secret: {env: OLD_TOKEN}}}",
      "{ticket: {secrets: [{env: BOSS_PASSWORD}]}}",
      "{token: {secret: {env: BOSS_PASSWORD}, user: a}}",
      "{token: {secret: {file: secrets/staff.htpasswd}, user: a}}",
      "{client_certificate: {authorities: secrets/ticket.key}}",
  };
  std::vector<std::string> secrets = secret_texts();
  secrets.emplace_back("hunter2");
  for (const std::string& proof : proofs) {
    const auto said = of_proof(proof);
    EXPECT_FALSE(said.empty()) << proof;
    for (const std::string& secret : secrets) { EXPECT_THAT(said, Not(Contains(HasSubstr(secret)))) << proof; }
  }
}

// A list of users that is no such list says so line by line, without a word of what stands in it.
TEST_F(AuthMistakes, NeverRepeatASecretInAWarning) {
  std::string list = "# notes\n";
  for (const std::string& secret : secret_texts()) { list += fmt::format("{0}\nada:{0}\n", secret); }
  write_private(path("odd.htpasswd"), list);
  const auto reading =
      reading_of(read_rules("auth: {x: {basic: {users: {file: odd.htpasswd}}}}\nlisten: 127.0.0.1:1\n"
                            "routes: {name: desk, path: /vnc, auth: x, to: \"a.b:1\"}\n",
                            path("site.yaml")));
  const auto said = texts_of(reading.warnings);
  EXPECT_FALSE(said.empty());
  const std::string shown = show_rules(reading.rules);
  for (const std::string& secret : secret_texts()) {
    EXPECT_THAT(said, Not(Contains(HasSubstr(secret))));
    EXPECT_THAT(shown, Not(HasSubstr(secret)));
  }
}

// --- routes ----------------------------------------------------------------------------------------------------------

TEST_F(AuthMistakes, SayWhatARouteMayAskFor) {
  const std::string end = "\n  to: a.b:1\n";
  const std::vector<Row> rows{
      {"portl", "9:9: 'auth' of route 'desk': there is no proof of this name; did you mean 'portal'?"},
      {"nobody", "9:9: 'auth' of route 'desk': there is no proof of this name; there are a, b, portal"},
      {"[a, none]", "9:13: 'auth' of route 'desk': 'none' stands alone: a route is open, or it asks for a proof"},
      {"[a, b, a]", "9:16: 'auth' of route 'desk': the same stands there twice"},
      {"{all: []}", "9:15: 'auth' of route 'desk' is empty; a route that is open to everybody says 'auth: none'"},
      {"{some: [a]}",
       "9:9: 'auth' of route 'desk' as a map has one key: {all: [kiosk, staff]} or {any: [portal, staff]}"},
      {"{all: [a], any: [b]}",
       "9:9: 'auth' of route 'desk' as a map has one key: {all: [kiosk, staff]} or {any: [portal, staff]}"},
      {"[[[[[[[[[a]]]]]]]]]", "9:17: 'auth' of route 'desk': more than 8 levels of 'any' and 'all'"},
      {"null",
       "9:9: 'auth' of route 'desk': YAML reads null as no value at all; if the word is meant, put quotes around it: "
       "\"null\""},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(of_route(fmt::format("  auth: {}{}", row.written, end)), ElementsAre(row.mistake)) << row.written;
  }
  std::string many;
  for (int i = 0; i < 32; ++i) { many += "[a, b], {all: [a, b]}, "; }
  EXPECT_THAT(of_route("  auth: [" + many + "]" + end),
              Contains(HasSubstr("'auth' of route 'desk' asks for more than 64 proofs")));
}

TEST_F(AuthMistakes, SayWhereTheFirstProofIsWritten) {
  EXPECT_THAT(mistakes_in("listen: :1\nroutes: {name: desk, path: /vnc, auth: staff, to: \"a.b:1\"}\n"),
              ElementsAre("2:40: 'auth' of route 'desk': there is no proof of this name; proofs stand in 'auth' at the "
                          "top level: auth: {staff: {basic: {users: {file: staff.htpasswd}}}}"));
}

// One mistake, one message: a proof with a mistake of its own is there for the routes that ask for it.
TEST_F(AuthMistakes, DoNotFollowFromOneAnother) {
  EXPECT_THAT(mistakes_in("auth: {x: {}}\nlisten: :1\nroutes:\n- {name: desk, path: /vnc, auth: [x], on_expiry: keep, "
                          "allow: {users: ada}, to: {address: \"{target}\", within: 10.0.0.0/8}}\n"),
              testing::SizeIs(1));
}

TEST_F(AuthMistakes, NameWhatNobodyHasWhereNobodyIsAsked) {
  const std::string rest = "  auth: none\n  to: a.b:1\n";
  EXPECT_THAT(of_route(rest + "  allow: {claims: {plan: pro}}\n"),
              ElementsAre("11:19: 'claims' of 'allow' of route 'desk': nobody claims anything where 'auth' is none; "
                          "'addresses' work without a proof"));
  EXPECT_THAT(
      of_route(rest + "  on_expiry: keep\n"),
      ElementsAre("11:14: 'on_expiry' of route 'desk' does nothing, for this route asks for no proof that could "
                  "be over"));
  EXPECT_THAT(of_route("  auth: none\n  to: {address: \"{claim.id}.lan:1\", within: 10.0.0.0/8}\n"),
              ElementsAre("10:7: 'to' of route 'desk': nobody claims anything where 'auth' is none"));
  EXPECT_THAT(of_route("  auth: none\n  to: {lookup: {table: /dev/null, key: \"{user}\"}}\n"),
              Contains("10:7: 'to' of route 'desk': '{user}' is nobody where 'auth' is none"));
}

TEST_F(AuthMistakes, SayWhatIsWrongWithClaims) {
  const std::string rest = "  auth: a\n  to: a.b:1\n";
  EXPECT_THAT(of_route(rest + "  allow: {claims: plan}\n"),
              ElementsAre("11:19: 'claims' of 'allow' of route 'desk' is a map from claims to values: claims: {plan: "
                          "[pro, team]}"));
  EXPECT_THAT(of_route(rest + "  allow: {claims: {plan: []}}\n"),
              ElementsAre("11:26: 'plan' of 'claims' of 'allow' of route 'desk' is empty, so nobody is allowed"));
  EXPECT_THAT(of_route(rest + "  on_expiry: never\n"),
              ElementsAre("11:14: 'on_expiry' of route 'desk': unknown word 'never'; there are close, keep"));
}

TEST_F(AuthMistakes, SayWhoNamesATarget) {
  const auto to = [&](const std::string& where) { return of_route("  auth: a\n  to: " + where + "\n"); };
  EXPECT_THAT(to("{address: \"{target}\", within: 10.0.0.0/8}"),
              ElementsAre("10:7: 'to' of route 'desk': '{target}' is named by an authorizer; none of this route's "
                          "proofs is an 'ask' with 'target_from'"));
  EXPECT_THAT(to("{address: \"{target}:5900\", within: 10.0.0.0/8}"),
              ElementsAre("10:17: 'address' of 'to' of route 'desk': '{target}' is a whole address, 'host:port', and "
                          "stands alone: \"{target}\""));
  EXPECT_THAT(to("\"{target}\""),
              ElementsAre("10:7: 'to' of route 'desk': '{target}' is made from the visitor's words, so it needs the "
                          "networks it may lead to; write {address: \"{target}\", within: [10.20.0.0/16]}"));
  EXPECT_THAT(to("{lookup: {table: /dev, key: \"{target}\"}}"),
              Contains("10:35: 'key' of 'lookup' of 'to' of route 'desk': '{target}' is an address, and is not looked "
                       "up; write 'to: {address: \"{target}\", within: [10.20.0.0/16]}'"));
}

TEST_F(AuthMistakes, KeepADefaultFromOpeningAnything) {
  EXPECT_THAT(mistakes_in("listen: :1\ndefaults: {auth: none}\nroutes: {name: a, path: /a, to: \"a.b:1\"}\n"),
              Contains("2:18: 'auth: none' in 'defaults': a default may not open anything; write it at the routes that "
                       "are meant"));
  EXPECT_THAT(mistakes_in("listen: :1\ndefaults: {auth: [nobody]}\nroutes:\n- {name: a, path: /a, to: \"a.b:1\"}\n"
                          "- {name: b, path: /b, to: \"a.b:1\"}\n"),
              ElementsAre(StartsWith("2:19: 'auth' of 'defaults': there is no proof of this name")));
}

}  // namespace
}  // namespace bascule::config
