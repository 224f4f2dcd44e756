#include "proxy/proof/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/base64.hpp"
#include "proxy/proof/password.hpp"
#include "proxy/proof/session_cookie.hpp"
#include "proxy/proof/ticket.hpp"

namespace bascule::proof {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using In = CredentialPlace::In;
using Pointer = std::shared_ptr<const Proof>;
using wire::http::Field;

const WallTime now{1'800'000'000s};
const Keyring keyring{.cookies = {{"the process's own", "this process"}}, .stand_in = "key"};

const std::string adas_hash = "$2y$04$zmau7i/vzvOq0Z4LUosHu.oeo0sxFSOt8EENUcor3Of4iyWs79Sga";  // secret
const std::string bobs_hash = "$2y$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq";

// One visit: what he sends, where he has come to, from where.
struct Visit {
  std::vector<Field> fields{};
  std::string query{};
  std::string route = "desk";
  std::vector<std::pair<std::string, std::string>> captures{};
  std::string client = "192.0.2.7";
  std::optional<Certificate> certificate{};
};

Verdict judged(const Pointer& proof, const Visit& visit, WallTime at = now) {
  wire::http::RequestHead head;
  head.fields = visit.fields;
  const Presented presented{.head = &head,
                            .query = visit.query,
                            .route = visit.route,
                            .captures = &visit.captures,
                            .client = Address::parse_ip(visit.client, 4711).value(),
                            .certificate = visit.certificate ? &*visit.certificate : nullptr};
  return judge_proof(proof, presented, keyring, at);
}

template <typename T>
T expect(const Verdict& verdict) {
  const T* const found = std::get_if<T>(&verdict);
  EXPECT_NE(found, nullptr) << "another verdict, number " << verdict.index();
  return found != nullptr ? *found : T{};
}

// Of every verdict that has one.
std::string why_of(const Verdict& verdict) {
  return std::visit(
      [](const auto& each) -> std::string {
        if constexpr (requires { each.why; }) {
          return each.why;
        } else {
          return {};
        }
      },
      verdict);
}

Pointer made(Proof proof) {
  return std::make_shared<const Proof>(std::move(proof));
}

// The cookie that this visitor would get, as he would send it.
std::vector<Field> cookie_from(const Pointer& proof, const Proven& proven, WallTime at = now) {
  const std::string field = cookie_for(*proof, proven, keyring, at);
  EXPECT_NE(field, "");
  return {{"cookie", field.substr(0, field.find(';'))}};
}

// --- basic -----------------------------------------------------------------------------------------------------------

std::shared_ptr<UserSource> users(const std::string& text) {
  auto source = std::make_shared<UserSource>("staff.htpasswd");
  source->put(std::make_shared<const UserList>(UserList::parse(text)));
  return source;
}

Pointer staff(const std::shared_ptr<UserSource>& source, std::optional<SessionCookie> cookie = {}) {
  return made({.name = "staff",
               .how = Basic{.realm = "Staff",
                            .users = source,
                            .groups = {{"support", {"ada", "eve"}}, {"night", {"bob"}}, {"all", {"ada", "bob"}}}},
               .cookie = std::move(cookie)});
}
Pointer staff() {
  return staff(users("ada:" + adas_hash + "\nbob:" + bobs_hash));
}

Visit with_basic(const std::string& text) {
  return {.fields = {{"authorization", "Basic " + base64(text)}}};
}

TEST(JudgeBasic, AsksWhetherThePasswordIsTheUsers) {
  const Pointer proof = staff();
  const auto ask = expect<AskPassword>(judged(proof, with_basic("ada:secret")));
  EXPECT_EQ(ask.user, "ada");
  EXPECT_EQ(ask.password, "secret");
  EXPECT_EQ(ask.hash, adas_hash);
  EXPECT_TRUE(ask.known);
  EXPECT_EQ(ask.then.identity.user, "ada");
  EXPECT_THAT(ask.then.identity.groups, ElementsAre("all", "support"));
  EXPECT_THAT(ask.then.identity.by, ElementsAre(proof));
  EXPECT_FALSE(ask.then.identity.expires);
}

// Abuse 45: whoever asks for nobody waits as long as whoever asks with a wrong password.
TEST(JudgeBasic, AsksForSomebodyElseWhereNobodyIsCalledSo) {
  const auto ask = expect<AskPassword>(judged(staff(), with_basic("mallory:secret")));
  EXPECT_FALSE(ask.known);
  EXPECT_THAT(ask.hash, testing::AnyOf(adas_hash, bobs_hash));
  EXPECT_EQ(ask.password, "secret");
  const auto locked = expect<AskPassword>(judged(staff(users("ada:!\n")), with_basic("ada:!")));
  EXPECT_FALSE(locked.known);
  EXPECT_EQ(strength_of(locked.hash), HashStrength::strong);
}

TEST(JudgeBasic, TellsNothingFromSomethingOdd) {
  EXPECT_EQ(why_of(judged(staff(), {})), "no Basic credentials in Authorization");
  expect<Absent>(judged(staff(), {}));
  expect<Absent>(judged(staff(), {.fields = {{"authorization", "Bearer abc"}}}));
  expect<Disagree>(judged(staff(), with_basic("no colon")));
  expect<Disagree>(judged(staff(), with_basic("caf\xe9:x")));
  expect<Disagree>(judged(staff(), {.fields = {{"authorization", "Basic YTpi"}, {"authorization", "Basic YTpi"}}}));
}

Pointer only_ada() {
  return made({.name = "staff",
               .how = Basic{.realm = "Staff",
                            .one = Basic::One{"ada", Secret("secret", "{env: ADA}")},
                            .groups = {{"support", {"ada"}}}},
               .cookie = SessionCookie{}});
}

TEST(JudgeBasic, ComparesTheOneUserAtOnce) {
  const auto proven = expect<Proven>(judged(only_ada(), with_basic("ada:secret")));
  EXPECT_EQ(proven.identity.user, "ada");
  EXPECT_THAT(proven.identity.groups, ElementsAre("support"));
  EXPECT_FALSE(proven.by_cookie);
  for (const std::string given : {"ada:Secret", "ada:", "ada:secret ", "Ada:secret", "bob:secret", "bob:x"}) {
    const auto wrong = expect<Wrong>(judged(only_ada(), with_basic(given)));
    EXPECT_EQ(wrong.why, "the user or the password is wrong");
    EXPECT_TRUE(wrong.guess);
    EXPECT_EQ(wrong.user, given.substr(0, 3));
  }
}

TEST(JudgePassword, IsTheSameForALoginPage) {
  const auto ask = expect<AskPassword>(judge_password(staff(), "bob", "x", keyring));
  EXPECT_EQ(ask.hash, bobs_hash);
  EXPECT_TRUE(ask.known);
  EXPECT_EQ(ask.then.identity.user, "bob");
  EXPECT_FALSE(expect<AskPassword>(judge_password(staff(), "nobody", "x", keyring)).known);
  EXPECT_EQ(expect<Proven>(judge_password(only_ada(), "ada", "secret", keyring)).identity.user, "ada");
  EXPECT_TRUE(expect<Wrong>(judge_password(only_ada(), "ada", "x", keyring)).guess);
  EXPECT_TRUE(expect<Wrong>(judge_password(staff(), "", "x", keyring)).guess);
  EXPECT_TRUE(expect<Wrong>(judge_password(staff(), "ada", "a\nb", keyring)).guess);
  EXPECT_TRUE(expect<Wrong>(judge_password(staff(), "ada", std::string(64'000, 'x'), keyring)).guess);
  EXPECT_EQ(expect<Wrong>(judge_password(staff(), "a\x1b[0m", "x", keyring)).user, "a\\x1b[0m");
}

// --- token -----------------------------------------------------------------------------------------------------------

Pointer robot(std::optional<SessionCookie> cookie = {}) {
  return made({.name = "robot",
               .how = Token{.secrets = {{"new-token", "{file: a}"}, {"old-token", "{file: b}"}},
                            .user = "robot",
                            .groups = {"machines"},
                            .credential = {{}, {.in = In::query, .name = "token"}}},
               .cookie = std::move(cookie)});
}

TEST(JudgeToken, TakesEachOfItsSecrets) {
  for (const std::string token : {"new-token", "old-token"}) {
    const auto proven = expect<Proven>(judged(robot(), {.fields = {{"authorization", "Bearer " + token}}}));
    EXPECT_EQ(proven.identity.user, "robot");
    EXPECT_THAT(proven.identity.groups, ElementsAre("machines"));
    EXPECT_FALSE(proven.identity.expires);
    EXPECT_FALSE(proven.once);
    expect<Proven>(judged(robot(), {.query = "token=" + token}));
  }
}

TEST(JudgeToken, CountsEveryOtherAsAGuess) {
  for (const std::string token : {"older-token", "new-tokem", "new-token.", "n", "NEW-TOKEN"}) {
    const auto wrong = expect<Wrong>(judged(robot(), {.query = "token=" + token}));
    EXPECT_TRUE(wrong.guess) << token;
    EXPECT_EQ(wrong.why, "the token is none of ours");
  }
  expect<Wrong>(judged(robot(), {.query = "token=" + std::string(64'000, 'x')}));
}

TEST(JudgeToken, TellsWhereItHasLooked) {
  EXPECT_EQ(expect<Absent>(judged(robot(), {})).why, "nothing in Authorization, query parameter 'token'");
  EXPECT_EQ(expect<Absent>(judged(robot(), {.query = "token="})).why,
            "nothing in Authorization, query parameter 'token'");
}

// Abuse 49.
TEST(JudgeToken, RefusesTwoThatDiffer) {
  EXPECT_EQ(
      expect<Disagree>(judged(robot(), {.fields = {{"authorization", "Bearer new-token"}}, .query = "token=old-token"}))
          .why,
      "two credentials that differ, in Authorization and in query parameter 'token'");
  expect<Disagree>(judged(robot(), {.query = "token=new-token&token=x"}));
}

// --- ticket ----------------------------------------------------------------------------------------------------------

Pointer invite(bool single_use = true, std::optional<SessionCookie> cookie = {}) {
  return made({.name = "invite",
               .how = Ticket{.secrets = {{"ticket secret", "{file: t}"}}, .single_use = single_use},
               .cookie = std::move(cookie)});
}

Visit with_ticket(const TicketContent& content) {
  return {.query = "ticket=" + mint_ticket(content, Secret("ticket secret", ""))};
}

TicketContent for_desk() {
  return {.route = "desk", .expires = now + 30s, .id = "0123456789"};
}

TEST(JudgeTicket, AdmitsOnceToItsRoute) {
  TicketContent content = for_desk();
  content.user = "ada";
  content.groups = {"support"};
  content.set = {{"room", "blue"}};
  const auto proven = expect<Proven>(judged(invite(), with_ticket(content)));
  EXPECT_EQ(proven.identity.user, "ada");
  EXPECT_THAT(proven.identity.groups, ElementsAre("support"));
  EXPECT_THAT(proven.identity.claims, ElementsAre(Pair("room", ElementsAre("blue"))));
  EXPECT_FALSE(proven.identity.expires) << "its end is for entering; the session goes on";
  ASSERT_TRUE(proven.once);
  EXPECT_EQ(proven.once->digest.size(), 32U);
  EXPECT_EQ(proven.once->until, now + 30s);
}

// Whichever proof takes it: two with one secret share what is used up.
TEST(JudgeTicket, IsTheSameOnceForTheSameIdAndSecretOnly) {
  const auto digest_of = [](const Pointer& proof, const TicketContent& content) {
    const auto proven = expect<Proven>(judged(proof, with_ticket(content)));
    return proven.once ? proven.once->digest : std::string();
  };
  TicketContent other_words = for_desk();
  other_words.user = "ada";
  TicketContent other_id = for_desk();
  other_id.id = "9876543210";
  EXPECT_EQ(digest_of(invite(), for_desk()), digest_of(invite(), other_words));
  EXPECT_NE(digest_of(invite(), for_desk()), digest_of(invite(), other_id));
  Proof other_proof = *invite();
  other_proof.name = "guests";
  EXPECT_EQ(digest_of(invite(), for_desk()), digest_of(made(other_proof), for_desk()));
  const Pointer strangers = made({.name = "strangers", .how = Ticket{.secrets = {{"another secret", "{file: s}"}}}});
  const Visit theirs{.query = "ticket=" + mint_ticket(for_desk(), Secret("another secret", ""))};
  EXPECT_NE(digest_of(invite(), for_desk()), expect<Proven>(judged(strangers, theirs)).once.value_or(Once()).digest);
}

TEST(JudgeTicket, NeedsAnIdOnlyWhereItIsForSingleUse) {
  TicketContent content = for_desk();
  content.id.clear();
  EXPECT_THAT(expect<Wrong>(judged(invite(), with_ticket(content))).why, HasSubstr("no 'id'"));
  EXPECT_FALSE(expect<Proven>(judged(invite(/*single_use=*/false), with_ticket(content))).once);
  EXPECT_FALSE(expect<Proven>(judged(invite(/*single_use=*/false), with_ticket(for_desk()))).once);
}

TEST(JudgeTicket, IsForItsRouteItsVisitorAndItsPath) {
  Visit visit = with_ticket(for_desk());
  visit.route = "other";
  EXPECT_EQ(expect<Wrong>(judged(invite(), visit)).why, "the ticket is for route 'desk'");

  TicketContent content = for_desk();
  content.address = Network::parse("192.0.2.0/24");
  expect<Proven>(judged(invite(), with_ticket(content)));
  content.address = Network::parse("192.0.2.8");
  EXPECT_EQ(expect<Wrong>(judged(invite(), with_ticket(content))).why, "the ticket is for visitors from 192.0.2.8");

  content = for_desk();
  content.set = {{"id", "7"}, {"unused", "x"}};
  visit = with_ticket(content);
  visit.captures = {{"id", "7"}, {"page", "index"}};
  expect<Proven>(judged(invite(), visit));
  for (const std::string id : {"8", "07", "7 ", ""}) {
    visit.captures = {{"id", id}};
    EXPECT_EQ(expect<Wrong>(judged(invite(), visit)).why, "the ticket is for another 'id' than the path has") << id;
  }
}

TEST(JudgeTicket, IsWrongButNoGuessWithoutASignatureOfOurs) {
  const auto wrong = expect<Wrong>(judged(invite(), {.query = "ticket=bt1.e30.AAAA"}));
  EXPECT_EQ(wrong.why, "the ticket: not signed with our secret");
  EXPECT_FALSE(wrong.guess);
  EXPECT_THAT(expect<Wrong>(judged(invite(), with_ticket(for_desk()), now + 31s)).why, HasSubstr("over for 1 seconds"));
  EXPECT_EQ(expect<Absent>(judged(invite(), {})).why, "nothing in query parameter 'ticket'");
}

// --- jwt -------------------------------------------------------------------------------------------------------------

const std::string hmac_secret = "a secret of thirty-two bytes, or more";

Jwt portal_rule() {
  Jwt jwt;
  jwt.keys.set = std::make_shared<Source<KeySet>>("portal");
  auto keys = KeySet::from_secret(hmac_secret, {});
  EXPECT_TRUE(keys.ok());
  jwt.keys.set->put(std::make_shared<const KeySet>(std::move(*keys)));
  jwt.groups_from = "roles";
  return jwt;
}

Pointer portal(Jwt rule = portal_rule(), std::optional<SessionCookie> cookie = {}) {
  return made({.name = "portal", .how = std::move(rule), .cookie = std::move(cookie)});
}

std::string token_of(const std::string& claims, const std::string& header = R"({"alg":"HS256"})",
                     const std::string& secret = hmac_secret) {
  const std::string body = base64url(header) + "." + base64url(claims);
  return body + "." + base64url(hmac_sha256(secret, body));
}

Visit with_token(const std::string& claims) {
  return {.fields = {{"authorization", "Bearer " + token_of(claims)}}};
}

TEST(JudgeJwt, MakesSomebodyOfItsClaims) {
  const auto proven = expect<Proven>(judged(
      portal(), with_token(R"({"sub":"ada","exp":1800000600,"roles":["support","night shift"],"org":{"id":7}})")));
  EXPECT_EQ(proven.identity.user, "ada");
  EXPECT_THAT(proven.identity.groups, ElementsAre("support", "night shift"));
  EXPECT_THAT(proven.identity.claims.at("org.id"), ElementsAre("7"));
  ASSERT_TRUE(proven.identity.expires);
  EXPECT_GE(*proven.identity.expires, now + 600s);
  EXPECT_LE(*proven.identity.expires, now + 630s);
}

TEST(JudgeJwt, TakesOneTextOfGroupsApart) {
  const auto groups_of = [](const std::string& roles) {
    return expect<Proven>(judged(portal(), with_token(R"({"sub":"ada","exp":1800000600,"roles":)" + roles + "}")))
        .identity.groups;
  };
  EXPECT_THAT(groups_of(R"("support")"), ElementsAre("support"));
  EXPECT_THAT(groups_of(R"("support night,staff")"), ElementsAre("support", "night", "staff"));
  EXPECT_THAT(groups_of(R"(" , support ,, ")"), ElementsAre("support"));
  EXPECT_THAT(groups_of(R"("")"), IsEmpty());
  EXPECT_THAT(groups_of("[]"), IsEmpty());
  EXPECT_THAT(groups_of(R"(["a\nb","support"])"), ElementsAre("support")) << "no name is no group";
}

TEST(JudgeJwt, IsWrongWithoutOneUser) {
  for (const std::string claims : {R"({"exp":1800000600})", R"({"exp":1800000600,"sub":["ada","bob"]})",
                                   R"({"exp":1800000600,"sub":[]})", R"({"exp":1800000600,"sub":""})",
                                   R"({"exp":1800000600,"sub":"a\u001b[0m"})", R"({"exp":1800000600,"sub":null})"}) {
    EXPECT_EQ(expect<Wrong>(judged(portal(), with_token(claims))).why, "the token does not name one user in 'sub'")
        << claims;
  }
  const std::string long_name(257, 'x');
  expect<Wrong>(judged(portal(), with_token(R"({"exp":1800000600,"sub":")" + long_name + "\"}")));
}

TEST(JudgeJwt, IsWrongAndNoGuessWhenItIsOverOrNotOurs) {
  const auto over = expect<Wrong>(judged(portal(), with_token(R"({"sub":"ada","exp":1700000000})")));
  EXPECT_THAT(over.why, HasSubstr("expired"));
  EXPECT_FALSE(over.guess);
  const std::string foreign =
      token_of(R"({"sub":"ada","exp":1800000600})", R"({"alg":"HS256"})", "another secret of thirty-two bytes");
  expect<Wrong>(judged(portal(), {.fields = {{"authorization", "Bearer " + foreign}}}));
}

TEST(JudgeJwt, AsksForKeysOnlyWhereTheyCanBeReadAgain) {
  const std::string good = R"({"sub":"ada","exp":1800000600})";
  Jwt fetched = portal_rule();
  fetched.keys.set = std::make_shared<Source<KeySet>>("portal");
  expect<Wrong>(judged(portal(fetched), with_token(good)));
  fetched.keys.url = Url{.secure = true, .host = "portal.example.org", .port = 443, .target = "/jwks"};
  expect<AskKeys>(judged(portal(fetched), with_token(good)));
  expect<Absent>(judged(portal(fetched), {}));  // nobody asks for keys without a token
}

// --- client_certificate ----------------------------------------------------------------------------------------------

Certificate adas_certificate() {
  return {.common_name = "ada",
          .subject = "CN=ada,O=Acme",
          .issuer = "CN=Acme Root",
          .emails = {"ada@example.org", "lovelace@example.org"},
          .dns_names = {"ada.example.org"},
          .uris = {"spiffe://example.org/ada"},
          .expires = now + 24h,
          .sha256 = std::string(64, 'a')};
}

Pointer kiosk(ClientCertificate rule = {}) {
  return made({.name = "kiosk", .how = std::move(rule)});
}

TEST(JudgeCertificate, NamesItsUserFromWhereTheRulesSay) {
  using From = ClientCertificate::UserFrom;
  for (const auto& [from, user] :
       std::vector<std::pair<From, std::string>>{{From::subject_cn, "ada"},
                                                 {From::subject_dn, "CN=ada,O=Acme"},
                                                 {From::san_email, "ada@example.org"},
                                                 {From::san_dns, "ada.example.org"},
                                                 {From::san_uri, "spiffe://example.org/ada"}}) {
    const auto proven = expect<Proven>(judged(kiosk({.user_from = from}), {.certificate = adas_certificate()}));
    EXPECT_EQ(proven.identity.user, user);
    EXPECT_EQ(proven.identity.expires, now + 24h);
    const auto wrong = expect<Wrong>(judged(kiosk({.user_from = from}), {.certificate = Certificate{}}));
    EXPECT_THAT(wrong.why, HasSubstr("does not name its user"));
  }
}

TEST(JudgeCertificate, HoldsAllItsConditions) {
  expect<Absent>(judged(kiosk(), {}));
  const auto fault_of = [](ClientCertificate rule, const Certificate& certificate = adas_certificate()) {
    return why_of(judged(kiosk(std::move(rule)), {.certificate = certificate}));
  };
  const std::string print(64, 'a');
  const std::string other_print(64, 'b');
  EXPECT_EQ(fault_of({.issuers = {"CN=Other", "CN=Acme Root"}, .fingerprints = {other_print, print}}), "");
  EXPECT_THAT(fault_of({.issuers = {"CN=Other"}}), HasSubstr("another issuer: 'CN=Acme Root'"));
  EXPECT_THAT(fault_of({.issuers = {"CN=Acme"}}), HasSubstr("another issuer")) << "as a whole";
  EXPECT_THAT(fault_of({.fingerprints = {other_print}}), HasSubstr("another fingerprint"));
  EXPECT_THAT(fault_of({.issuers = {"CN=Acme Root"}, .fingerprints = {other_print}}), HasSubstr("another fingerprint"));
  Certificate over = adas_certificate();
  over.expires = now;
  EXPECT_THAT(fault_of({}, over), HasSubstr("over"));
}

// Behind a proxy that ends TLS.
TEST(JudgeCertificate, FailsItsConditionsWhereOnlyTheNameIsKnown) {
  const Certificate name_only{.common_name = "ada"};
  EXPECT_EQ(expect<Proven>(judged(kiosk(), {.certificate = name_only})).identity.user, "ada");
  expect<Wrong>(judged(kiosk({.issuers = {"CN=Acme Root"}}), {.certificate = name_only}));
  expect<Wrong>(judged(kiosk({.fingerprints = {std::string(64, 'a')}}), {.certificate = name_only}));
}

// --- ask -------------------------------------------------------------------------------------------------------------

Pointer sso(std::optional<SessionCookie> cookie = {}) {
  return made({.name = "sso",
               .how = Ask{.user_from = "x-user", .groups_from = "x-groups", .target_from = "x-target"},
               .cookie = std::move(cookie)});
}

TEST(JudgeAsk, LeavesItToTheAuthorizer) {
  expect<AskAuthorizer>(judged(sso(), {}));
  expect<AskAuthorizer>(judged(sso(SessionCookie{}), {.fields = {{"authorization", "Basic !"}}}));
}

TEST(IdentityOfAnswer, IsWhatTheFieldsSay) {
  const Pointer proof = sso();
  const auto identity = identity_of_answer(
      proof, {{"x-user", "ada"}, {"x-groups", "support, night shift,,"}, {"x-groups", "all"}, {"x-target", "a:1"}});
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->user, "ada");
  EXPECT_THAT(identity->groups, ElementsAre("support", "night shift", "all"));
  EXPECT_EQ(identity->target, "a:1");
  EXPECT_THAT(identity->by, ElementsAre(proof));
  EXPECT_THAT(identity->answered.users, ElementsAre("ada"));
  EXPECT_THAT(identity->answered.groups, ElementsAre("support", "night shift", "all"));
  EXPECT_THAT(identity->answered.targets, ElementsAre("a:1"));
}

// It is to name somebody, and a place: an answer without them would let in nobody in particular, to nowhere.
TEST(IdentityOfAnswer, IsNoneWhereWhatItIsToSayIsMissingOrOdd) {
  using Fields = std::vector<wire::http::Field>;
  for (const Fields& fields :
       {Fields{}, Fields{{"x-user", "ada"}}, Fields{{"x-target", "a:1"}},
        Fields{{"x-user", "ada"}, {"x-user", "ada"}, {"x-target", "a:1"}},
        Fields{{"x-user", "\xff"}, {"x-target", "a:1"}}, Fields{{"x-user", ""}, {"x-target", "a:1"}},
        Fields{{"x-user", "ada"}, {"x-target", "\x01"}}}) {
    EXPECT_FALSE(identity_of_answer(sso(), fields).has_value()) << fields.size();
  }
  const Pointer unnamed = made({.name = "sso", .how = Ask{}});
  const auto nobody = identity_of_answer(unnamed, {{"", "ada"}, {"x-user", "ada"}});
  ASSERT_TRUE(nobody.has_value());
  EXPECT_EQ(nobody->user, "");
  EXPECT_FALSE(nobody->target);
}

// --- session cookies -------------------------------------------------------------------------------------------------

Proven by_password(const Pointer& proof, const std::string& user = "ada") {
  return expect<AskPassword>(judged(proof, with_basic(user + ":x"))).then;
}

TEST(JudgeCookie, KnowsWhoHasProvenItBefore) {
  const auto source = users("ada:" + adas_hash);
  const Pointer proof = staff(source, SessionCookie{});
  const auto proven = expect<Proven>(judged(proof, {.fields = cookie_from(proof, by_password(proof))}, now + 1h));
  EXPECT_TRUE(proven.by_cookie);
  EXPECT_EQ(proven.identity.user, "ada");
  EXPECT_THAT(proven.identity.groups, ElementsAre("all", "support"));
  EXPECT_EQ(proven.identity.expires, now + 8h);
  EXPECT_THAT(proven.identity.by, ElementsAre(proof));
  EXPECT_EQ(cookie_for(*proof, proven, keyring, now + 1h), "") << "by a cookie nobody gets another";
}

TEST(JudgeCookie, EndsWithItsTimeItsUserAndHisPassword) {
  const auto source = users("ada:" + adas_hash);
  const Pointer proof = staff(source, SessionCookie{});
  const Visit visit{.fields = cookie_from(proof, by_password(proof))};
  expect<Proven>(judged(proof, visit));
  EXPECT_EQ(expect<Absent>(judged(proof, visit, now + 8h)).why, "the session cookie is over");
  source->put(std::make_shared<const UserList>(UserList::parse("ada:" + bobs_hash)));
  EXPECT_THAT(expect<Absent>(judged(proof, visit)).why, HasSubstr("no longer so")) << "another password";
  source->put(std::make_shared<const UserList>(UserList::parse("bob:" + adas_hash)));
  EXPECT_THAT(expect<Absent>(judged(proof, visit)).why, HasSubstr("no longer so")) << "gone";
  source->put(std::make_shared<const UserList>(UserList::parse("ada:" + adas_hash)));
  expect<Proven>(judged(proof, visit));
}

TEST(JudgeCookie, YieldsToACredential) {
  const Pointer proof = robot(SessionCookie{});
  const auto proven = expect<Proven>(judged(proof, {.query = "token=new-token"}));
  Visit visit{.fields = cookie_from(proof, proven)};
  EXPECT_TRUE(expect<Proven>(judged(proof, visit)).by_cookie);
  visit.query = "token=wrong";
  expect<Wrong>(judged(proof, visit));
  visit.query = "token=old-token";
  EXPECT_FALSE(expect<Proven>(judged(proof, visit)).by_cookie);
}

TEST(JudgeCookie, RefusesTwoOfOneName) {
  const Pointer proof = robot(SessionCookie{});
  auto fields = cookie_from(proof, expect<Proven>(judged(proof, {.query = "token=new-token"})));
  fields.front().value += "; __Host-bascule-robot=x";
  EXPECT_EQ(expect<Disagree>(judged(proof, {.fields = fields})).why, "two session cookies of one name");
}

TEST(JudgeCookie, IsForItsProofAndOnlyWhereThatGivesCookies) {
  const Pointer proof = robot(SessionCookie{});
  const auto fields = cookie_from(proof, expect<Proven>(judged(proof, {.query = "token=new-token"})));
  expect<Absent>(judged(robot(), {.fields = fields}));
  Proof other = *proof;
  other.name = "android";
  std::vector<Field> renamed = fields;
  renamed.front().value.replace(0, std::string("__Host-bascule-robot").size(), "__Host-bascule-android");
  EXPECT_EQ(expect<Absent>(judged(made(other), {.fields = renamed})).why, "the session cookie is of another proof");
  Proof another_kind = *proof;
  another_kind.how = ClientCertificate{};
  expect<Absent>(judged(made(another_kind), {.fields = fields}));  // the proof of that name is now another
}

TEST(JudgeCookie, ForgetsATokenThatIsTakenAway) {
  const Pointer proof = robot(SessionCookie{});
  const auto fields = cookie_from(proof, expect<Proven>(judged(proof, {.query = "token=old-token"})));
  expect<Proven>(judged(proof, {.fields = fields}));
  Proof rotated = *proof;
  std::get<Token>(rotated.how).secrets.pop_back();
  expect<Absent>(judged(made(rotated), {.fields = fields}));
  Proof renamed = *proof;
  std::get<Token>(renamed.how).user = "android";
  EXPECT_EQ(expect<Proven>(judged(made(renamed), {.fields = fields})).identity.user, "android");
}

TEST(JudgeCookie, OfATicketIsForNoMoreThanTheTicketWas) {
  const Pointer proof = invite(/*single_use=*/true, SessionCookie{});
  TicketContent content = for_desk();
  content.set = {{"id", "7"}};
  Visit first = with_ticket(content);
  first.captures = {{"id", "7"}};
  Visit again{.fields = cookie_from(proof, expect<Proven>(judged(proof, first))), .captures = first.captures};
  const auto proven = expect<Proven>(judged(proof, again, now + 1h));
  EXPECT_FALSE(proven.once) << "the ticket was taken when he entered";
  EXPECT_THAT(proven.identity.claims, ElementsAre(Pair("id", ElementsAre("7"))));
  again.captures = {{"id", "8"}};
  expect<Absent>(judged(proof, again));
  again.captures = first.captures;
  again.client = "192.0.2.8";
  expect<Proven>(judged(proof, again));  // the ticket was for any address
  again.route = "other";
  expect<Absent>(judged(proof, again));
}

TEST(JudgeCookie, OfATicketForAnAddressStaysWithThatVisitor) {
  const Pointer proof = invite(/*single_use=*/true, SessionCookie{});
  TicketContent content = for_desk();
  content.address = Network::parse("192.0.2.0/24");
  Visit again{.fields = cookie_from(proof, expect<Proven>(judged(proof, with_ticket(content))))};
  expect<Proven>(judged(proof, again));
  again.client = "198.51.100.1";
  expect<Absent>(judged(proof, again));
}

TEST(JudgeCookie, OfAJwtEndsWithItAndWithItsRules) {
  const Pointer proof = portal(portal_rule(), SessionCookie{});
  const auto proven = expect<Proven>(judged(proof, with_token(R"({"sub":"ada","exp":1800000600,"roles":"support"})")));
  const Visit visit{.fields = cookie_from(proof, proven)};
  const auto again = expect<Proven>(judged(proof, visit, now + 600s));
  EXPECT_EQ(again.identity.user, "ada");
  EXPECT_THAT(again.identity.groups, ElementsAre("support"));
  EXPECT_EQ(again.identity.expires, proven.identity.expires);
  expect<Absent>(judged(proof, visit, *proven.identity.expires));
  Jwt stricter = portal_rule();
  stricter.rule.issuers = {"https://portal.example.org"};
  expect<Absent>(judged(portal(stricter, SessionCookie{}), visit));
}

TEST(JudgeCookie, IsSignedWithTheProofsSecretWhereItHasOne) {
  const Pointer process_wide = robot(SessionCookie{});
  const Pointer own = robot(SessionCookie{.secrets = {{"new", ""}, {"old", ""}}});
  const Pointer rotated = robot(SessionCookie{.secrets = {{"newer", ""}, {"new", ""}}});
  const auto fields = cookie_from(own, expect<Proven>(judged(own, {.query = "token=new-token"})));
  expect<Proven>(judged(own, {.fields = fields}));
  expect<Proven>(judged(rotated, {.fields = fields}));
  expect<Absent>(judged(process_wide, {.fields = fields}));
}

TEST(CookieFor, LastsAsLongAsTheShorterOfTheTwo) {
  const Pointer proof = robot(SessionCookie{.max_age = 1h});
  Proven proven = expect<Proven>(judged(proof, {.query = "token=new-token"}));
  EXPECT_THAT(cookie_for(*proof, proven, keyring, now),
              HasSubstr("; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax"));
  proven.identity.expires = now + 90s;
  EXPECT_THAT(cookie_for(*proof, proven, keyring, now), HasSubstr("; Max-Age=90;"));
  proven.identity.expires = now;
  EXPECT_EQ(cookie_for(*proof, proven, keyring, now), "");
}

TEST(CookieFor, IsNotMadeWhereNobodyWantsItOrItIsTooLarge) {
  Proven proven = expect<Proven>(judged(robot(), {.query = "token=new-token"}));
  EXPECT_EQ(cookie_for(*robot(), proven, keyring, now), "");
  proven.bond.clear();
  EXPECT_EQ(cookie_for(*robot(SessionCookie{}), proven, keyring, now), "") << "what rests on nothing";
  proven = expect<Proven>(judged(robot(), {.query = "token=new-token"}));
  proven.identity.claims = {{"large", {std::string(2'500, 'x')}}};
  const std::string fits = cookie_for(*robot(SessionCookie{}), proven, keyring, now);
  EXPECT_GT(fits.size(), 3'000U);
  EXPECT_LE(fits.size(), 4'000U);
  proven.identity.claims = {{"large", {std::string(3'500, 'x')}}};
  EXPECT_EQ(cookie_for(*robot(SessionCookie{}), proven, keyring, now), "");
}

// --- challenges and texts --------------------------------------------------------------------------------------------

TEST(ChallengeOf, SaysHowToComeAgain) {
  EXPECT_EQ(challenge_of(*staff(), false), R"(Basic realm="Staff", charset="UTF-8")");
  EXPECT_EQ(challenge_of(*staff(), true), R"(Basic realm="Staff", charset="UTF-8")");
  EXPECT_EQ(challenge_of({.name = "a", .how = Basic{.realm = R"(a "b" \c)"}}, false),
            R"(Basic realm="a \"b\" \\c", charset="UTF-8")");
  EXPECT_EQ(challenge_of(*portal(), false), R"(Bearer realm="portal")");
  EXPECT_EQ(challenge_of(*portal(), true), R"(Bearer realm="portal", error="invalid_token")");
  EXPECT_EQ(challenge_of(*robot(), true), R"(Bearer realm="robot", error="invalid_token")");
  EXPECT_EQ(challenge_of(*invite(), true), "");
  EXPECT_EQ(challenge_of(*kiosk(), true), "");
  EXPECT_EQ(challenge_of(*sso(), true), "");
}

TEST(Verdicts, NeverRepeatACredential) {
  const std::string hush = "hushhush";
  const std::vector<Pointer> proofs{staff(), only_ada(), robot(SessionCookie{}), invite(), portal()};
  for (const Pointer& proof : proofs) {
    for (const std::string& query :
         std::vector<std::string>{"token=" + hush, "token=a&token=" + hush, "ticket=" + hush,
                                  "ticket=bt1." + hush + "." + hush, "ticket=a&ticket=" + hush}) {
      for (const std::string& authorization : std::vector<std::string>{
               "Bearer " + hush, "Bearer " + hush + " " + hush, "Basic " + hush, "Basic " + base64("ada:" + hush),
               "Basic " + base64(hush), "Bearer " + hush + "." + hush + "." + hush}) {
        const Visit visit{.fields = {{"authorization", authorization}, {"cookie", "__Host-bascule-robot=" + hush}},
                          .query = query};
        EXPECT_EQ(why_of(judged(proof, visit)).find(hush), std::string::npos) << why_of(judged(proof, visit));
      }
    }
  }
}

TEST(Keyring, IsAnotherOneInEachProcess) {
  const Keyring first = make_keyring();
  const Keyring second = make_keyring();
  ASSERT_EQ(first.cookies.size(), 1U);
  EXPECT_GE(first.cookies.front().bytes().size(), 32U);
  EXPECT_FALSE(first.cookies.front() == second.cookies.front());
  EXPECT_NE(first.stand_in, second.stand_in);
}

}  // namespace
}  // namespace bascule::proof
