// Who are you? Every kind of proof over the wire, what composes them, and what becomes of wrong ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "proxy/base/text.hpp"
#include "test/auth/http_server.hpp"
#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

// --- what a web application would do ---------------------------------------------------------------------------------

std::string base64_of(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string base64url_of(std::string_view bytes) {
  std::string text = base64_of(bytes);
  text.resize(text.find_last_not_of('=') + 1);
  for (char& c : text) { c = c == '+' ? '-' : c == '/' ? '_' : c; }
  return text;
}

std::string hmac_of(const std::string& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::int64_t in_seconds(std::int64_t from_now) {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count() +
         from_now;
}

// Everything that no line may ever hold: whatever a test uses of this kind is told here, and looked for at its end.
std::set<std::string>& secrets_used() {
  static std::set<std::string> used;
  return used;
}

std::string kept_secret(std::string secret) {
  secrets_used().insert(secret);
  return secret;
}

std::string token_of(const std::string& key, const Json& claims) {
  const std::string head = base64url_of(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url_of(claims.dump());
  return head + "." + kept_secret(base64url_of(hmac_of(key, head)));
}

std::string ticket_of(const std::string& key, Json content) {
  static std::atomic<int> number = 0;
  if (!content.contains("id")) { content["id"] = "test-ticket-" + std::to_string(++number); }
  if (!content.contains("exp")) { content["exp"] = in_seconds(30); }
  const std::string head = "bt1." + base64url_of(content.dump());
  return head + "." + kept_secret(base64url_of(hmac_of(key, head)));
}

std::string basic(const std::string& user, const std::string& password) {
  return "Authorization: Basic " + kept_secret(base64_of(user + ":" + password)) + "\r\n";
}

std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token + "\r\n";
}

// As http(), but the head as it was sent: cookies are case-sensitive.
HttpAnswer asked(std::uint16_t port, const std::string& request) {
  Socket socket = Socket::connect(port);
  socket.send(request);
  const std::string all = socket.receive_all();
  const std::size_t end = all.find("\r\n\r\n");
  HttpAnswer answer{.head = all.substr(0, end + 2), .body = end == std::string::npos ? "" : all.substr(end + 4)};
  if (all.size() > 12) { answer.status = std::atoi(all.c_str() + 9); }
  return answer;
}

// --- the house -------------------------------------------------------------------------------------------------------

// The lines of test/secrets.txt: scripts/test looks for them in everything that the whole run has written.
std::string shared_secret(std::size_t number) {
  std::ifstream lines(BASCULE_SECRETS_FILE);
  std::string line;
  for (std::size_t i = 0; i <= number; ++i) {
    if (!std::getline(lines, line)) { throw std::runtime_error("test/secrets.txt has too few lines"); }
  }
  return line;
}
const std::string ticket_key = shared_secret(0);
const std::string jwt_key = shared_secret(1);
const std::string robot_token = shared_secret(2);
const std::string password = shared_secret(3);

// A folder with the secrets and a rules file; what stands in `auth` and `routes` is the test's.
class Guarded {
 public:
  Guarded(const std::string& auth, const std::string& routes, const std::string& listen = "127.0.0.1:0") {
    folder_.write("ticket.key", ticket_key + "\n");
    folder_.write("jwt.key", jwt_key + "\n");
    folder_.write("robot.token", robot_token + "\n");
    // {SHA} of the password: quick, and the only one whose cost does not matter here.
    users_ =
        folder_.write("staff.htpasswd", "ada:{SHA}" + sha1_base64(password) + "\nbob:{SHA}" + sha1_base64("x") + "\n");
    rules_ = folder_.write("rules.yaml", "listen: " + listen + "\nauth:\n" + auth + "routes:\n" + routes);
    bascule_ = std::make_unique<BasculeProcess>(std::vector{rules_});
  }

  ~Guarded() {
    for (const std::string& secret : {ticket_key, jwt_key, robot_token, password}) { kept_secret(secret); }
    for (const Json& line : bascule_->lines()) {
      const std::string text = line.dump();
      for (const std::string& secret : secrets_used()) {
        EXPECT_EQ(text.find(secret), std::string::npos) << "a secret of " << secret.size() << " bytes in a log line";
      }
    }
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  BasculeProcess& operator*() { return *bascule_; }
  BasculeProcess* operator->() { return bascule_.get(); }
  const std::string& users() const { return users_; }
  const std::string& rules() const { return rules_; }
  const TemporaryFolder& folder() const { return folder_; }

  WsClient visit(const std::string& path, const std::string& fields = {}) { return {bascule_->port(), path, fields}; }
  int status(const std::string& path, const std::string& fields = {}) { return visit(path, fields).status(); }
  HttpAnswer get(const std::string& path, const std::string& fields = {}) {
    return asked(bascule_->port(), "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(bascule_->port()) +
                                       "\r\nConnection: close\r\n" + fields + "\r\n");
  }

 private:
  static std::string sha1_base64(const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    return base64_of({reinterpret_cast<const char*>(digest.data()), size});
  }

  TemporaryFolder folder_;
  std::string users_;
  std::string rules_;
  std::unique_ptr<BasculeProcess> bascule_;
};

const std::string staff = "  staff: {basic: {users: {file: staff.htpasswd}, realm: Staff}}\n";
const std::string invite = "  invite: {ticket: {secret: {file: ticket.key}}}\n";
const std::string portal =
    "  portal: {jwt: {keys: {file: jwt.key}, audience: bascule, leeway: 1s, groups_from: roles, "
    "credential: [header, {cookie: portal}, {query: token}, {subprotocol: bearer}]}}\n";
const std::string robot = "  robot: {token: {secret: {file: robot.token}, user: robot}}\n";

std::string echo_at(const std::string& path, const std::string& auth, const std::string& more = {}) {
  return fmt::format("  - {{name: {}, path: /{}, auth: {}, to: \"echo:\"{}}}\n", path, path, auth,
                     more.empty() ? "" : ", " + more);
}

Json claims(std::int64_t lives_seconds = 300) {
  return {{"sub", "ada"}, {"aud", "bascule"}, {"exp", in_seconds(lives_seconds)}, {"roles", {"support", "admins"}}};
}

// --- basic -----------------------------------------------------------------------------------------------------------

TEST(Basic, AsksForAPasswordAndTakesTheRightOne) {
  Guarded house(staff, echo_at("desk", "staff"));
  WsClient asked = house.visit("/desk");
  EXPECT_EQ(asked.status(), 401);
  EXPECT_THAT(asked.head(), HasSubstr("www-authenticate: Basic realm=\"Staff\", charset=\"UTF-8\"\r\n"));
  EXPECT_EQ(house.status("/desk", basic("ada", password)), 101);
  EXPECT_EQ(house.status("/desk", basic("ada", "wrong")), 401);
  EXPECT_EQ(house.status("/desk", basic("nobody", password)), 401);
  EXPECT_EQ(house.status("/desk", "Authorization: Basic !!!\r\n"), 400);
  EXPECT_EQ(house.status("/desk", "Authorization: Basic " + base64_of("no colon") + "\r\n"), 400);
  EXPECT_EQ(house.status("/desk", basic("ada", password) + basic("ada", "wrong")), 400);
}

TEST(Basic, NamesTheUserInTheRecord) {
  Guarded house(staff, echo_at("desk", "staff"));
  { WsClient client = house.visit("/desk", basic("ada", password)); }
  const Json record = house->line([](const Json& line) { return line.value("event", "") == "session"; });
  EXPECT_EQ(record.value("user", ""), "ada");
  EXPECT_EQ(record.value("proof", ""), "staff");
}

TEST(Basic, TakesAUserWhoIsNewInTheFileWithoutAReload) {
  Guarded house(staff, echo_at("desk", "staff"));
  EXPECT_EQ(house.status("/desk", basic("cleo", "x")), 401);
  house.folder().write("staff.htpasswd", "cleo:{SHA}EfatmYQtqN9RcZVPGA/sfEnZK+w=\n");  // not of "x"
  house->line([](const Json& line) { return line.value("event", "") == "file_read"; });
  EXPECT_EQ(house.status("/desk", basic("ada", password)), 401) << "she is there no more";
}

TEST(Basic, AReloadEndsTheSessionsOfUsersWhoAreGone) {
  Guarded house(staff, echo_at("desk", "staff", "on_reload: close"));
  WsClient ada = house.visit("/desk", basic("ada", password));
  WsClient bob = house.visit("/desk", basic("bob", "x"));
  ASSERT_EQ(ada.status(), 101);
  ASSERT_EQ(bob.status(), 101);
  house.folder().write("staff.htpasswd", "bob:{SHA}EfatmYQtqN9RcZVPGA/sfEnZK+w=\n");
  ASSERT_EQ(BasculeProcess::run({"reload", house.rules()}).status, 0);
  EXPECT_EQ(ada.receive_close().close_code(), 1008);
  bob.send(op_binary, "still here");
  EXPECT_EQ(bob.receive_data(10), "still here");
}

TEST(Basic, AFloodOfGuessesIsToldToGoAway) {
  Guarded house(staff, echo_at("desk", "staff"));
  std::vector<int> statuses;
  std::string head;
  for (int i = 0; i < 30 && (statuses.empty() || statuses.back() == 401); ++i) {
    WsClient client = house.visit("/desk", basic("ada", "guess " + std::to_string(i)));
    statuses.push_back(client.status());
    head = client.head();
  }
  EXPECT_EQ(statuses.back(), 429);
  EXPECT_THAT(head, HasSubstr("retry-after: "));
  EXPECT_GE(statuses.size(), 4U) << "people mistype";
}

// Who is told to go away may not even bring the right password, except from where it is known: else the answer would
// tell which guess was right.
TEST(Guessing, WhoIsSentAwayLearnsNothingFromTheRightPassword) {
  Guarded house(staff, echo_at("desk", "staff"));
  EXPECT_EQ(house.status("/desk", basic("ada", password)), 101) << "known from 127.0.0.1 for a while";
  const auto from_elsewhere = [&](const std::string& fields) {
    return WsClient(Socket::connect_from("127.0.0.2", house->port()), upgrade_request("/desk", house->port(), fields))
        .status();
  };
  int status = 401;
  for (int i = 0; i < 30 && status == 401; ++i) { status = from_elsewhere(basic("ada", "guess " + std::to_string(i))); }
  EXPECT_EQ(status, 429);
  EXPECT_EQ(from_elsewhere(basic("ada", password)), 429);
  EXPECT_EQ(house.status("/desk", basic("ada", password)), 101) << "she herself comes in";
}

// What one proof takes for a wrong guess is the right credential of another.
TEST(Guessing, WhoIsRightForOneProofOfSeveralIsNotCountedByTheOthers) {
  Guarded house(
      "  first: {basic: {user: eve, password: {file: ticket.key}}}\n"
      "  second: {basic: {user: ada, password: {file: jwt.key}}}\n" +
          robot + portal,
      echo_at("desk", "[first, second, robot, portal]"));
  const std::string token = token_of(jwt_key, claims());
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(house.status("/desk", basic("ada", jwt_key)), 101) << i;
    EXPECT_EQ(house.status("/desk", bearer(token)), 101) << i;
  }
}

TEST(Guessing, OneGoodTokenIsNoLicenceToTryPasswords) {
  Guarded house(
      "  first: {basic: {user: eve, password: {file: ticket.key}}}\n"
      "  second: {token: {secret: {file: robot.token}, user: robot, credential: {query: token}}}\n",
      echo_at("desk", "[first, second]") + echo_at("robots", "second"));
  int status = 0;
  for (int i = 0; i < 30 && status != 429; ++i) {
    house.status("/robots?token=" + robot_token);
    status = house.status("/desk", basic("eve", "guess " + std::to_string(i)));
  }
  EXPECT_EQ(status, 429) << "a success in between forgives nothing";
  EXPECT_EQ(house.status("/desk", basic("eve", ticket_key)), 429);
}

// --- tokens ----------------------------------------------------------------------------------------------------------

TEST(Token, IsTheSecretAndNothingElse) {
  Guarded house(robot, echo_at("desk", "robot"));
  WsClient asked = house.visit("/desk");
  EXPECT_EQ(asked.status(), 401);
  EXPECT_THAT(asked.head(), AllOf(HasSubstr("www-authenticate: Bearer realm="), Not(HasSubstr("error="))));
  EXPECT_EQ(house.status("/desk", bearer(robot_token)), 101);
  WsClient wrong = house.visit("/desk", bearer(robot_token + "x"));
  EXPECT_EQ(wrong.status(), 401);
  EXPECT_THAT(wrong.head(), HasSubstr("error=\"invalid_token\""));
}

TEST(Jwt, IsTakenFromEveryPlaceThatTheRulesName) {
  Guarded house(portal, echo_at("desk", "portal", "allow: {groups: support}"));
  const std::string token = token_of(jwt_key, claims());
  EXPECT_EQ(house.status("/desk", bearer(token)), 101);
  EXPECT_EQ(house.status("/desk", "Cookie: a=b; portal=" + token + "\r\n"), 101);
  EXPECT_EQ(house.status("/desk?token=" + token), 101);
  WsClient offered = house.visit("/desk", "Sec-WebSocket-Protocol: bearer." + base64url_of(token) + ", binary\r\n");
  EXPECT_EQ(offered.status(), 101);
  EXPECT_THAT(offered.head(), AllOf(HasSubstr("Sec-WebSocket-Protocol: binary\r\n"), Not(HasSubstr("bearer"))));
  EXPECT_EQ(house.status("/desk", "Sec-WebSocket-Protocol: bearer." + base64url_of(token) + "\r\n"), 400);
}

TEST(Jwt, TwoThatDisagreeAreRefused) {
  Guarded house(portal, echo_at("desk", "portal"));
  const std::string token = token_of(jwt_key, claims());
  const std::string other = token_of(jwt_key, claims(200));
  EXPECT_EQ(house.status("/desk?token=" + token, bearer(token)), 101) << "the same twice is one";
  EXPECT_EQ(house.status("/desk?token=" + token, bearer(other)), 400);
  EXPECT_EQ(house.status("/desk?token=" + token + "&token=" + other), 400);
}

TEST(Jwt, WhoIsProvenButNotAllowedIsTold403) {
  Guarded house(portal, echo_at("desk", "portal", "allow: {groups: bosses}"));
  EXPECT_EQ(house.status("/desk", bearer(token_of(jwt_key, claims()))), 403);
}

TEST(Jwt, TheSessionEndsWithItsProof) {
  Guarded house(portal, echo_at("desk", "portal") + echo_at("kept", "portal", "on_expiry: keep"));
  const std::string token = token_of(jwt_key, claims(4));
  WsClient kept = house.visit("/kept", bearer(token));
  WsClient client = house.visit("/desk", bearer(token));
  ASSERT_EQ(client.status(), 101);
  ASSERT_EQ(kept.status(), 101);
  const ServerFrame close = client.receive_close();
  EXPECT_EQ(close.close_code(), 1008);
  EXPECT_EQ(close.close_reason(), "credential expired");
  kept.send(op_binary, "still here");
  EXPECT_EQ(kept.receive_data(10), "still here");
  client.socket().close();
  EXPECT_EQ(house->record("desk").value("ending", ""), "credential_expired");
}

TEST(Jwt, NamesWhereTo) {
  Listener service;
  Guarded house(portal, fmt::format("  - {{name: desk, path: /desk, auth: portal, to: {{address: "
                                    "\"127.0.0.{{claim.desk}}:{}\", within: [127.0.0.0/8]}}}}\n",
                                    service.port()));
  Json with_desk = claims();
  with_desk["desk"] = 1;
  EXPECT_EQ(house.status("/desk", bearer(token_of(jwt_key, with_desk))), 101);
  EXPECT_EQ(house.status("/desk", bearer(token_of(jwt_key, claims()))), 404);
}

TEST(Jwt, KeysAreFetchedByHttpsAndVerifiedBeforeTheyAreBelieved) {
  const Authority authority;
  const Certified certified = authority.certify({.names = "IP:127.0.0.1"});
  const std::string jwks =
      R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
  HttpServer portal_server([&](const std::string&) { return reply(200, {}, jwks); }, &certified);
  TemporaryFolder folder;
  folder.write("ca.pem", authority.pem());
  const auto rules = [&](const std::string& authorities) {
    return fmt::format(
        "listen: 127.0.0.1:0\nauth:\n  portal: {{jwt: {{keys: \"https://127.0.0.1:{}/jwks\", audience: bascule, "
        "issuer: p{}}}}}\nroutes:\n  - {{name: desk, path: /desk, auth: portal, to: \"echo:\"}}\n",
        portal_server.port(), authorities);
  };
  {
    BasculeProcess bascule(std::vector{folder.write("good.yaml", rules(", authorities: ca.pem"))});
    const Json read = bascule.line([](const Json& line) { return line.value("event", "") == "keys_read"; });
    EXPECT_THAT(read.value("text", ""), HasSubstr("1 key"));
    WsClient forged(bascule.port(), "/desk", bearer(token_of(jwt_key, claims())));
    EXPECT_EQ(forged.status(), 401);
  }
  BasculeProcess bascule(std::vector{folder.write("bad.yaml", rules(""))});
  bascule.line([](const Json& line) { return line.value("event", "") == "keys_failed"; });
  WsClient visitor(bascule.port(), "/desk", bearer(token_of(jwt_key, claims())));
  EXPECT_TRUE(visitor.status() == 503 || visitor.status() == 401) << visitor.status();
}

// --- tickets ---------------------------------------------------------------------------------------------------------

TEST(Ticket, IsForOneRouteAndForOneSession) {
  Guarded house(invite, echo_at("desk", "invite") + echo_at("other", "invite"));
  const std::string ticket = ticket_of(ticket_key, {{"route", "desk"}, {"user", "ada"}});
  EXPECT_EQ(house.status("/other?ticket=" + ticket), 401) << "it is for another route, and is not used up by that";
  EXPECT_EQ(house.status("/desk?ticket=" + ticket), 101);
  EXPECT_EQ(house.status("/desk?ticket=" + ticket), 401);
  EXPECT_EQ(house.status("/desk?ticket=" + ticket_of(ticket_key + "x", {{"route", "desk"}})), 401);
  EXPECT_EQ(house.status("/desk?ticket=" + ticket_of(ticket_key, {{"route", "desk"}, {"exp", in_seconds(-5)}})), 401);
  EXPECT_EQ(house.status("/desk?ticket=" + ticket_of(ticket_key, {{"route", "desk"}, {"exp", in_seconds(600)}})), 401)
      << "it lives for longer than max_age";
}

TEST(Ticket, OfAHundredAtOnceExactlyOneIsAdmitted) {
  Guarded house(invite, echo_at("desk", "invite"));
  const std::string ticket = ticket_of(ticket_key, {{"route", "desk"}});
  constexpr int visitors = 100;
  std::vector<Socket> sockets;
  for (int i = 0; i < visitors; ++i) { sockets.push_back(Socket::connect(house->port())); }
  std::atomic<int> admitted = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = thread; i < visitors; i += 4) {
          WsClient client(std::move(sockets[static_cast<std::size_t>(i)]),
                          upgrade_request("/desk?ticket=" + ticket, house->port()));
          ++(client.status() == 101 ? admitted : refused);
          EXPECT_TRUE(client.status() == 101 || client.status() == 401) << client.status();
        }
      });
    }
  }
  EXPECT_EQ(admitted, 1);
  EXPECT_EQ(refused, visitors - 1);
}

TEST(Ticket, IsNotUsedUpByAFailureOfOurs) {
  const DeadPort dead;
  Guarded house(invite,
                fmt::format("  - {{name: desk, path: /desk, auth: invite, to: \"127.0.0.1:{}\"}}\n", dead.port()));
  const std::string ticket = ticket_of(ticket_key, {{"route", "desk"}});
  EXPECT_EQ(house.status("/desk?ticket=" + ticket), 502);
  EXPECT_EQ(house.status("/desk?ticket=" + ticket), 502) << "not 401";
}

// Who is refused may come again with the same ticket before his first connection is gone.
TEST(Ticket, IsGoodAgainAsSoonAsTheNoIsHeard) {
  const DeadPort dead;
  Guarded house(invite,
                fmt::format("  - {{name: dead, path: /dead, auth: invite, to: \"127.0.0.1:{}\"}}\n", dead.port()) +
                    "  - {name: full, path: /full, auth: invite, limits: {sessions: 1}, to: \"echo:\"}\n" +
                    "  - {name: bobs, path: /bobs, auth: invite, allow: {users: [bob]}, to: \"echo:\"}\n");
  const WsClient first = house.visit("/full?ticket=" + ticket_of(ticket_key, {{"route", "full"}, {"user", "ada"}}));
  EXPECT_EQ(first.status(), 101);
  for (const auto& [route, status] : {std::pair{"dead", 502}, {"full", 503}, {"bobs", 403}}) {
    const std::string ticket = ticket_of(ticket_key, {{"route", route}, {"user", "ada"}});
    const std::string path = fmt::format("/{}?ticket={}", route, ticket);
    const WsClient refused = house.visit(path);
    EXPECT_EQ(refused.status(), status);
    for (int again = 0; again < 4; ++again) { EXPECT_EQ(house.status(path), status) << route << ", not 401"; }
  }
}

TEST(Ticket, OfAPageIsUsedUpByWhatIsShown) {
  Guarded house(invite, "  - {name: alive, path: /alive, auth: invite, answer: health}\n");
  const std::string target = "/alive?ticket=" + ticket_of(ticket_key, {{"route", "alive"}});
  const HttpAnswer head =
      asked(house->port(), "HEAD " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(head.status, 200) << "somebody looks whether there is anything";
  EXPECT_EQ(house.get(target).status, 200);
  EXPECT_EQ(house.get(target).status, 401);
}

TEST(Ticket, IsNotUsedUpByExplain) {
  Guarded house(invite, echo_at("desk", "invite"));
  const std::string target = "/desk?ticket=" + ticket_of(ticket_key, {{"route", "desk"}});
  const auto explained = BasculeProcess::run({"explain", house.rules(), "ws://127.0.0.1" + target});
  EXPECT_EQ(explained.status, 0) << explained.out << explained.err;
  EXPECT_EQ(house.status(target), 101);
}

TEST(Ticket, MayBeForOneAddressAndOneTarget) {
  Guarded house(invite, "  - {name: desk, path: \"/desk/{id}\", auth: invite, to: \"echo:\"}\n");
  const auto ask = [&](const std::string& path, Json content) {
    content["route"] = "desk";
    return house.status(path + "?ticket=" + ticket_of(ticket_key, content));
  };
  EXPECT_EQ(ask("/desk/7", {{"set", {{"id", "7"}}}}), 101);
  EXPECT_EQ(ask("/desk/8", {{"set", {{"id", "7"}}}}), 401);
  EXPECT_EQ(ask("/desk/7", {{"address", "127.0.0.1"}}), 101);
  EXPECT_EQ(ask("/desk/7", {{"address", "192.0.2.1"}}), 401);
  EXPECT_EQ(ask("/desk/7", {{"surprise", true}}), 401) << "a restriction that is not understood";
}

TEST(Ticket, IsMintedOnTheCommandLine) {
  Guarded house(invite, "  - {name: desk, path: \"/desk/{id}\", auth: invite, to: \"echo:\"}\n");
  const auto minted =
      BasculeProcess::run({"ticket", house.rules(), "invite", "--route", "desk", "--user", "ada", "--set", "id=7"});
  ASSERT_EQ(minted.status, 0) << minted.err;
  std::string ticket = minted.out;
  ticket.erase(ticket.find_last_not_of('\n') + 1);
  EXPECT_EQ(house.status("/desk/8?ticket=" + ticket), 401);
  EXPECT_EQ(house.status("/desk/7?ticket=" + ticket), 101);
}

// --- composition -----------------------------------------------------------------------------------------------------

TEST(Composition, AnyOfAListAllOfAMap) {
  Guarded house(staff + invite + robot, echo_at("any", "[staff, robot]") + echo_at("both", "{all: [staff, invite]}") +
                                            echo_at("nested", "[robot, {all: [staff, invite]}]"));
  const auto ticket = [](const std::string& route) {
    return "?ticket=" + ticket_of(ticket_key, {{"route", route}, {"user", "guest"}});
  };
  EXPECT_EQ(house.status("/any", basic("ada", password)), 101);
  EXPECT_EQ(house.status("/any", bearer(robot_token)), 101);
  WsClient asked = house.visit("/any");
  EXPECT_EQ(asked.status(), 401);
  EXPECT_THAT(asked.head(), AllOf(HasSubstr("www-authenticate: Basic "), HasSubstr("www-authenticate: Bearer ")));

  EXPECT_EQ(house.status("/both", basic("ada", password)), 401);
  EXPECT_EQ(house.status("/both" + ticket("both")), 401);
  EXPECT_EQ(house.status("/both" + ticket("both"), basic("ada", password)), 101);
  EXPECT_EQ(house->record("both").value("user", ""), "");  // the first record is that of the first refusal
  const Json record = house->line([](const Json& line) { return line.value("proof", "") == "staff+invite"; });
  EXPECT_EQ(record.value("user", ""), "ada") << "as the first says";

  EXPECT_EQ(house.status("/nested", bearer(robot_token)), 101);
  EXPECT_EQ(house.status("/nested" + ticket("nested"), basic("ada", password)), 101);
  EXPECT_EQ(house.status("/nested", basic("ada", password)), 401);
}

TEST(Composition, ATicketIsNotUsedUpWhereTheOtherProofFails) {
  Guarded house(staff + invite, echo_at("both", "{all: [invite, staff]}"));
  const std::string ticket = "?ticket=" + ticket_of(ticket_key, {{"route", "both"}});
  EXPECT_EQ(house.status("/both" + ticket, basic("ada", "wrong")), 401);
  EXPECT_EQ(house.status("/both" + ticket, basic("ada", password)), 101);
}

// --- the session cookie and the login page ---------------------------------------------------------------------------

class LoggingIn : public testing::Test {
 protected:
  LoggingIn() { house.folder().write("pages.txt", "unused"); }

  static std::string cookie_of(const std::string& head) {
    const std::size_t begin = head.find("set-cookie: ");
    if (begin == std::string::npos) { return {}; }
    const std::size_t from = begin + std::string_view("set-cookie: ").size();
    return head.substr(from, head.find(';', from) - from);
  }

  HttpAnswer post(const std::string& form, const std::string& origin, const std::string& path = "/app/") {
    return asked(
        house->port(),
        fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nAccept: text/html\r\n"
                    "{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{}",
                    path, house->port(), origin.empty() ? "" : "Origin: " + origin + "\r\n", form.size(), form));
  }
  std::string own() { return "http://127.0.0.1:" + std::to_string(house->port()); }

  TemporaryFolder pages = [] { return TemporaryFolder(); }();
  Guarded house{
      "  staff:\n    basic: {users: {file: staff.htpasswd}, realm: Staff}\n    session_cookie: {login: true}\n",
      "  - {name: app, path: /app/*, auth: staff, timeouts: {head: 1s}, files: {folder: " + page_folder() + "}}\n" +
          echo_at("desk", "staff")};

 private:
  std::string page_folder() {
    pages.write("index.html", "<p>the application</p>");
    const std::string path = pages.path("");
    return path.substr(0, path.size() - 1);
  }
};

TEST_F(LoggingIn, ABrowserIsGivenAPageInsteadOfAWindow) {
  const HttpAnswer page = house.get("/app/", "Accept: text/html,*/*\r\n");
  EXPECT_EQ(page.status, 401);
  EXPECT_THAT(page.head, AllOf(HasSubstr("text/html"), Not(HasSubstr("Basic"))));
  EXPECT_THAT(page.body, AllOf(HasSubstr("<form method=\"post\">"), HasSubstr("Staff")));
  const HttpAnswer script = house.get("/app/", "Accept: */*\r\nSec-Fetch-Mode: cors\r\n");
  EXPECT_EQ(script.status, 401);
  EXPECT_THAT(script.head, AllOf(HasSubstr("www-authenticate: Bascule"), Not(HasSubstr("Basic"))));
  const HttpAnswer tool = house.get("/app/");
  EXPECT_EQ(tool.status, 401);
  EXPECT_THAT(tool.head, HasSubstr("www-authenticate: Basic "));
}

TEST_F(LoggingIn, WhoLogsInIsKnownToThePageAndToItsWebSocket) {
  const HttpAnswer in = post("user=ada&password=correct+horse+battery+staple", own());
  EXPECT_EQ(in.status, 303);
  EXPECT_THAT(in.head,
              AllOf(HasSubstr("location: /app/\r\n"), HasSubstr("set-cookie: __Host-bascule-staff="),
                    HasSubstr("HttpOnly"), HasSubstr("Secure"), HasSubstr("SameSite=Lax"), HasSubstr("Path=/")));
  const std::string cookie = "Cookie: " + cookie_of(in.head) + "\r\n";
  const HttpAnswer page = house.get("/app/", cookie);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>the application</p>");
  EXPECT_THAT(page.head, AllOf(HasSubstr("private"), Not(HasSubstr("set-cookie"))));
  EXPECT_EQ(house.status("/desk", cookie + "Origin: " + own() + "\r\n"), 101);
  EXPECT_EQ(house.status("/desk", cookie + "Origin: https://evil.example\r\n"), 403) << "a page of another origin";
  EXPECT_EQ(house.status("/desk", "Cookie: " + cookie_of(in.head) + "; " + cookie_of(in.head) + "x\r\n"), 400)
      << "two of the name";
  EXPECT_EQ(house.status("/desk", "Cookie: " + cookie_of(in.head) + "x\r\n"), 401);
}

TEST_F(LoggingIn, AWrongPasswordIsToldOnThePage) {
  const HttpAnswer wrong = post("user=ada&password=wrong", own());
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.body, HasSubstr("That is not right"));
  EXPECT_EQ(cookie_of(wrong.head), "");
}

TEST_F(LoggingIn, OnlyAPageOfOursMaySendTheForm) {
  const std::string form = "user=ada&password=correct+horse+battery+staple";
  EXPECT_EQ(post(form, "https://evil.example").status, 403);
  EXPECT_EQ(post(form, "null").status, 403);
  EXPECT_EQ(post(form, "").status, 403);
}

TEST_F(LoggingIn, AFormHasItsBounds) {
  EXPECT_EQ(post("user=ada&password=" + std::string(4096, 'x'), own()).status, 413);
  EXPECT_EQ(post("user=ada", own()).status, 400);
  EXPECT_EQ(http(house->port(), fmt::format("POST /app/ HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nOrigin: {}\r\n"
                                            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                            house->port(), own()))
                .status,
            400);
  EXPECT_EQ(post("user=ada&password=x", own(), "/desk").status, 405);
}

TEST_F(LoggingIn, AFormThatDoesNotArriveIsNotWaitedForForEver) {
  Socket socket = Socket::connect(house->port());
  socket.send(
      fmt::format("POST /app/ HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nOrigin: {}\r\nContent-Length: 20\r\n"
                  "Content-Type: application/x-www-form-urlencoded\r\n\r\nuser=",
                  house->port(), own()));
  EXPECT_THAT(socket.receive_all(), testing::StartsWith("HTTP/1.1 408 "));
}

TEST_F(LoggingIn, SigningOutTakesTheCookieAway) {
  const HttpAnswer out = post("logout=1", own());
  EXPECT_EQ(out.status, 303);
  EXPECT_THAT(out.head, AllOf(HasSubstr("set-cookie: __Host-bascule-staff="), HasSubstr("Max-Age=0")));
}

TEST_F(LoggingIn, ACookieIsVoidOnceThePasswordHasChanged) {
  const HttpAnswer in = post("user=ada&password=correct+horse+battery+staple", own());
  const std::string cookie = "Cookie: " + cookie_of(in.head) + "\r\n";
  EXPECT_EQ(house.status("/desk", cookie), 101);
  house.folder().write("staff.htpasswd", "ada:{SHA}EfatmYQtqN9RcZVPGA/sfEnZK+w=\n");
  house->line([](const Json& line) { return line.value("event", "") == "file_read"; });
  EXPECT_EQ(house.status("/desk", cookie), 401);
}

TEST_F(LoggingIn, ACookieOutlivesAReload) {
  const HttpAnswer in = post("user=ada&password=correct+horse+battery+staple", own());
  const std::string cookie = "Cookie: " + cookie_of(in.head) + "\r\n";
  ASSERT_EQ(BasculeProcess::run({"reload", house.rules()}).status, 0);
  EXPECT_EQ(house.status("/desk", cookie), 101);
}

// --- asking an authorizer --------------------------------------------------------------------------------------------

TEST(Ask, PassesOnWhatTheVisitorSentAndTakesTheAnswer) {
  HttpServer authorizer([](const std::string& head) {
    if (lowered(head).find("cookie: session=good\r\n") != std::string::npos) {
      return reply(200, "X-User: ada\r\nX-Groups: support, admins\r\n");
    }
    if (lowered(head).find("cookie: session=poor\r\n") != std::string::npos) { return reply(403); }
    return reply(401, "WWW-Authenticate: Portal realm=\"p\"\r\n");
  });
  Guarded house(fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\", pass: [cookie], user_from: x-user, "
                            "groups_from: x-groups}}}}\n",
                            authorizer.port()),
                echo_at("desk", "sso", "allow: {groups: admins}"));
  EXPECT_EQ(house.status("/desk?a=b", "Cookie: session=good\r\nX-Forwarded-For: 192.0.2.9\r\n"), 101);
  const std::string seen = lowered(authorizer.heads().front());
  EXPECT_THAT(seen, AllOf(HasSubstr("get /verify http/1.1\r\n"), HasSubstr("x-forwarded-for: 127.0.0.1\r\n"),
                          HasSubstr("x-forwarded-uri: /desk?a=b\r\n"), Not(HasSubstr("192.0.2.9"))));
  EXPECT_EQ(house.status("/desk", "Cookie: session=poor\r\n"), 403);
  WsClient unknown = house.visit("/desk");
  EXPECT_EQ(unknown.status(), 401);
  EXPECT_THAT(unknown.head(), HasSubstr("www-authenticate: Portal realm=\"p\"\r\n"));
}

// An authorizer with rules of its own for paths is asked about the path that is served.
TEST(Ask, IsAboutWhatIsServedHoweverItWasWritten) {
  HttpServer authorizer([](const std::string&) { return reply(403); });
  Guarded house(fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\"}}}}\n", authorizer.port()),
                "  - {name: root, path: /, auth: sso, answer: health}\n");
  const auto answer =
      asked(house->port(), "GET http://127.0.0.1?/public/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(lowered(authorizer.heads().front()),
              AllOf(HasSubstr("x-forwarded-uri: /?/public/x\r\n"), HasSubstr("x-forwarded-host: 127.0.0.1\r\n"),
                    HasSubstr("x-original-url: http://127.0.0.1/?/public/x\r\n")));
}

TEST(Ask, AnAnswerThatNamesNobodyLetsNobodyIn) {
  HttpServer authorizer([](const std::string&) { return reply(200); });
  Guarded house(
      fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\", user_from: x-user}}}}\n", authorizer.port()),
      echo_at("desk", "sso"));
  EXPECT_EQ(house.status("/desk"), 503);
}

TEST(Ask, FailsClosed) {
  const DeadPort dead;
  Guarded house(fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\"}}}}\n", dead.port()),
                echo_at("desk", "sso"));
  EXPECT_EQ(house.status("/desk"), 503);
}

TEST(Ask, MayNameTheTargetWithinTheBounds) {
  Listener service;
  std::atomic<int> asked = 0;
  HttpServer authorizer([&](const std::string&) {
    const std::string host = asked++ == 0 ? "127.0.0.1" : "192.0.2.1";
    return reply(200, fmt::format("X-Target: {}:{}\r\n", host, service.port()));
  });
  Guarded house(
      fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\", target_from: x-target, cache: none}}}}\n",
                  authorizer.port()),
      "  - {name: desk, path: /desk, auth: sso, to: {address: \"{target}\", within: [127.0.0.0/8]}}\n");
  EXPECT_EQ(house.status("/desk"), 101);
  EXPECT_EQ(house.status("/desk"), 404);
}

TEST(Ask, IsAskedAgainAndTakesTheSessionAway) {
  std::atomic<bool> welcome = true;
  HttpServer authorizer([&](const std::string&) { return reply(welcome ? 200 : 403); });
  Guarded house(
      fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\", recheck: 100ms}}}}\n", authorizer.port()),
      echo_at("desk", "sso"));
  WsClient client = house.visit("/desk");
  ASSERT_EQ(client.status(), 101);
  EXPECT_TRUE(eventually([&] { return authorizer.requests() >= 3; })) << "again and again";
  welcome = false;
  const ServerFrame close = client.receive_close();
  EXPECT_EQ(close.close_code(), 1008);
  EXPECT_EQ(close.close_reason(), "authorization withdrawn");
}

TEST(Ask, AskedAgainItMustSpeakOfTheSame) {
  std::atomic<int> answers = 0;
  HttpServer authorizer([&](const std::string&) {
    const bool later = ++answers > 2;
    return reply(200, later ? "X-User: mallory\r\n" : "X-User: ada\r\n");
  });
  Guarded house(
      fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\", user_from: x-user, recheck: 100ms}}}}\n",
                  authorizer.port()),
      echo_at("desk", "sso"));
  WsClient client = house.visit("/desk");
  ASSERT_EQ(client.status(), 101);
  EXPECT_EQ(client.receive_close().close_reason(), "authorization withdrawn");
  EXPECT_GE(answers, 3);
}

TEST(Ask, NobodyWaitsForASlowAuthorizerWhenBasculeStops) {
  std::atomic<bool> slow = false;
  HttpServer authorizer(
      [&](const std::string&) { return slow ? Reply{.bytes = {}, .then = Reply::Then::stall} : reply(200); });
  Guarded house(fmt::format("  sso: {{ask: {{url: \"http://127.0.0.1:{}/verify\", recheck: 50ms, cache: none}}}}\n",
                            authorizer.port()),
                echo_at("desk", "sso"));
  WsClient inside = house.visit("/desk");
  ASSERT_EQ(inside.status(), 101);
  slow = true;
  const std::size_t before = authorizer.requests();
  ASSERT_TRUE(eventually([&] { return authorizer.requests() > before; })) << "one who is asked about again";
  inside.socket().reset();
  Socket waiting = Socket::connect(house->port());
  waiting.send(upgrade_request("/desk", house->port()));
  ASSERT_TRUE(eventually([&] { return authorizer.requests() > before + 1; }))
      << "and one who is asked about at the door";
  house->signal(SIGTERM);
  EXPECT_EQ(house->wait_for_exit(), 0);
}

// --- certificates, behind a proxy that ends TLS ----------------------------------------------------------------------

TEST(ClientCertificate, IsWhatThePeerOfAProxyHasShown) {
  using namespace std::string_literals;
  Guarded house("  kiosk: {client_certificate: {user_from: subject.CN}}\n", echo_at("desk", "kiosk"),
                "{name: front, address: 127.0.0.1:0, proxy_protocol: {addresses: 127.0.0.1}}");
  const auto ask = [&](char client, std::uint32_t verify, const std::string& name) {
    std::string ssl = {client, static_cast<char>(verify >> 24U), '\0', '\0', static_cast<char>(verify)};
    ssl += "\x22"s + '\0' + static_cast<char>(name.size()) + name;
    const std::string tlv = "\x20"s + '\0' + static_cast<char>(ssl.size()) + ssl;
    std::string header = "\r\n\r\n\0\r\nQUIT\n\x21\x11"s;
    const std::string addresses = "\xc0\x00\x02\x01\x7f\x00\x00\x01\x30\x39\x17\xc0"s;
    header.push_back('\0');
    header.push_back(static_cast<char>(addresses.size() + tlv.size()));
    return WsClient(Socket::connect(house->port()), header + addresses + tlv + upgrade_request("/desk", house->port()))
        .status();
  };
  EXPECT_EQ(ask('\x07', 0, "terminal7"), 101);
  EXPECT_EQ(house->record("desk").value("user", ""), "terminal7");
  EXPECT_EQ(ask('\x07', 1, "terminal7"), 403) << "not verified";
  EXPECT_EQ(ask('\x01', 0, "terminal7"), 403) << "TLS without a certificate";
}

// --- secrets ---------------------------------------------------------------------------------------------------------

TEST(Secrets, StandInNothingThatIsWritten) {
  Guarded house(staff + invite + portal + robot, echo_at("desk", "[staff, robot, portal, invite]"));
  const std::string token = token_of(jwt_key, claims());
  const std::string ticket = ticket_of(ticket_key, {{"route", "desk"}});
  const std::vector<std::string> visits{"/desk?token=" + token, "/desk?ticket=" + ticket, "/desk?token=" + token + "x",
                                        "/nowhere?token=" + token};
  for (const std::string& visit : visits) { house.status(visit); }
  house.status("/desk", basic("ada", password));
  house.status("/desk", basic("ada", password + "x"));
  house.status("/desk", bearer(robot_token));
  house.status("/desk", bearer(robot_token + "x"));
  house.status("/desk", "Sec-WebSocket-Protocol: bearer." + base64url_of(robot_token) + "\r\n");
  std::string written = BasculeProcess::run({"show", house.rules()}).out;
  for (const std::string& visit : visits) {
    const auto explained = BasculeProcess::run({"explain", house.rules(), "ws://127.0.0.1" + visit});
    const auto as_json = BasculeProcess::run({"explain", "--json", house.rules(), "ws://127.0.0.1" + visit});
    written += explained.out + explained.err + as_json.out;
  }
  written += BasculeProcess::run({"check", house.rules()}).out;
  house->signal(SIGTERM);
  house->wait_for_exit();
  for (const Json& line : house->lines()) { written += line.dump() + "\n"; }
  const std::string signature = token.substr(token.rfind('.') + 1);
  for (const std::string& secret : {ticket_key, jwt_key, robot_token, password, base64_of("ada:" + password),
                                    base64url_of(robot_token), token, signature, ticket}) {
    EXPECT_EQ(written.find(secret), std::string::npos) << "a secret of " << secret.size() << " bytes was printed";
  }
  EXPECT_NE(written.find("desk"), std::string::npos);
}

// --- explain ---------------------------------------------------------------------------------------------------------

TEST(Explain, ShowsTheVerdictOfEachProof) {
  Guarded house(staff + portal, echo_at("desk", "[staff, portal]"));
  const auto refused = BasculeProcess::run(
      {"explain", house.rules(), "ws://127.0.0.1/desk", "--header", "Authorization: Basic " + base64_of("ada:wrong")});
  EXPECT_EQ(refused.status, 3) << refused.err;
  EXPECT_THAT(refused.out, AllOf(HasSubstr("staff (basic): wrong password of user 'ada'"), HasSubstr("portal (jwt): "),
                                 HasSubstr("refused at identity with 401")));
  const auto admitted = BasculeProcess::run({"explain", house.rules(), "ws://127.0.0.1/desk", "--header",
                                             "Authorization: Bearer " + token_of(jwt_key, claims())});
  EXPECT_EQ(admitted.status, 0) << admitted.out << admitted.err;
  EXPECT_THAT(admitted.out, HasSubstr("user 'ada' of support, admins"));
}

}  // namespace
}  // namespace bascule::test
