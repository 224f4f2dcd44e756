// The steps `identity` and `access`, and what a proof changes in the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/policy/judge.hpp"
#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using proof::Proof;
using proof::Wanted;
using test::Fields;
using test::session;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const Proof> a_token(std::string name, std::vector<proof::CredentialPlace> places = {{}}) {
  proof::Token token{.secrets = {{"0123456789abcdef", "{env: TOKEN}"}}, .user = "robot"};
  token.credential = std::move(places);
  return std::make_shared<const Proof>(Proof{.name = std::move(name), .how = std::move(token)});
}

std::shared_ptr<const Proof> a_login(std::string name) {
  proof::Basic basic{.realm = "Staff", .one = proof::Basic::One{"ada", {"secret", "{env: PASSWORD}"}}};
  return std::make_shared<const Proof>(
      Proof{.name = std::move(name), .how = std::move(basic), .cookie = proof::SessionCookie{.login = true}});
}

Wanted one(std::shared_ptr<const Proof> proof) {
  return {.kind = Wanted::Kind::one, .proof = std::move(proof)};
}

Identity ada(std::vector<std::shared_ptr<const Proof>> by) {
  return {.user = "ada", .groups = {"support"}, .claims = {{"plan", {"pro"}}, {"id", {"7"}}}, .by = std::move(by)};
}

struct House {
  std::shared_ptr<const Proof> token = a_token("robot", {{}, {proof::CredentialPlace::In::subprotocol, "bearer"}});
  std::shared_ptr<const Proof> staff = a_login("staff");
  Route desk = test::route("desk", "/desk/{id}");
  Route pages = test::route("pages", "/novnc/*");

  House() {
    desk.auth = {.kind = Wanted::Kind::any, .of = {one(token), one(staff)}};
    desk.subprotocols = {"binary"};
    pages.to = Files{.folder = "/nowhere"};
    pages.auth = one(staff);
  }

  Judgement judged(const wire::http::RequestHead& head, Visit visit = {}, Trace* trace = nullptr) const {
    visit.listener = "inner";
    return judge(test::rules_of({desk, pages}), visit, head, trace);
  }
};

template <typename Verdict>
Verdict verdict(const Judgement& judgement) {
  if (const auto* no = std::get_if<Denied>(&judgement.verdict); no != nullptr && !std::is_same_v<Verdict, Denied>) {
    ADD_FAILURE() << no->refused.detail;
  }
  const auto* found = std::get_if<Verdict>(&judgement.verdict);
  EXPECT_NE(found, nullptr) << "verdict " << judgement.verdict.index();
  return found == nullptr ? Verdict() : *found;
}

Refused no(const Judgement& judgement) {
  const auto* denied = std::get_if<Denied>(&judgement.verdict);
  EXPECT_NE(denied, nullptr) << "verdict " << judgement.verdict.index();
  return denied == nullptr ? Refused{.refusal = Refusal::internal_error} : denied->refused;
}

TEST(Identity, IsAskedForBeforeAnythingElseIsJudged) {
  const House house;
  const auto asked = verdict<Unproven>(house.judged(session("/desk/7?ticket=x%20y")));
  ASSERT_TRUE(asked.route);
  EXPECT_EQ(asked.route->name, "desk");
  EXPECT_EQ(asked.captures, (std::vector<std::pair<std::string, std::string>>{{"id", "7"}}));
  EXPECT_EQ(asked.query, "ticket=x%20y");
  EXPECT_EQ(asked.own_origin, "http://127.0.0.1:6080");
}

TEST(Identity, AForeignOriginIsRefusedBeforeAnybodyIsAsked) {
  const House house;
  EXPECT_EQ(no(house.judged(session("/desk/7", {{"origin", "https://evil.example"}}))).refusal,
            Refusal::foreign_origin);
}

TEST(Identity, WhoHasProvenOneOfThemComesIn) {
  const House house;
  for (const auto& by : {house.token, house.staff}) {
    const Identity identity = ada({by});
    EXPECT_EQ(verdict<Admitted>(house.judged(session("/desk/7"), {.identity = &identity})).user, "ada") << by->name;
  }
}

TEST(Identity, WhatWasProvenElsewhereIsNotTaken) {
  const House house;
  const Identity identity = ada({a_token("other")});
  verdict<Unproven>(house.judged(session("/desk/7"), {.identity = &identity}));
  const Identity changed = ada({a_token("robot")});
  verdict<Unproven>(house.judged(session("/desk/7"), {.identity = &changed}));
}

TEST(Identity, AllOfThemMeansAll) {
  House house;
  house.desk.auth = {.kind = Wanted::Kind::all, .of = {one(house.token), one(house.staff)}};
  const Identity one_only = ada({house.token});
  verdict<Unproven>(house.judged(session("/desk/7"), {.identity = &one_only}));
  const Identity both = ada({house.token, house.staff});
  EXPECT_EQ(verdict<Admitted>(house.judged(session("/desk/7"), {.identity = &both})).user, "ada");
}

TEST(Identity, IsTakenAsItIsWhereItIsAssumed) {
  const House house;
  const Identity identity = ada({});
  EXPECT_EQ(verdict<Admitted>(house.judged(session("/desk/7"), {.identity = &identity, .assumed = true})).user, "ada");
}

TEST(Identity, ANoComesWithItsChallengesAndItsStep) {
  const House house;
  const Refused refused{.refusal = Refusal::no_proof, .detail = "nothing was sent", .challenges = {"Bearer"}};
  Trace trace;
  const Refused said = no(house.judged(session("/desk/7"), {.unproven = &refused}, &trace));
  EXPECT_EQ(said.refusal, Refusal::no_proof);
  EXPECT_EQ(said.challenges, refused.challenges);
  ASSERT_FALSE(trace.empty());
  EXPECT_EQ(trace.back().step, Step::identity);
  EXPECT_FALSE(trace.back().passed);
}

TEST(Identity, IsToldByACloseWhereTheRouteSaysSo) {
  House house;
  house.desk.refuse = RefuseBy::close;
  const Refused refused{.refusal = Refusal::no_proof};
  const Judgement judgement = house.judged(session("/desk/7"), {.unproven = &refused});
  EXPECT_TRUE(verdict<Denied>(judgement).by_close.has_value());
}

// --- access ----------------------------------------------------------------------------------------------------------

TEST(Access, GoesByUserGroupsAndClaimsAllOfWhichHold) {
  struct Row {
    AllowRule rule;
    bool allowed;
  };
  const std::vector<Row> rows{
      {{.users = {"ada"}}, true},
      {{.users = {"bob"}}, false},
      {{.groups = {"admins", "support"}}, true},
      {{.claims = {{"plan", {"team", "pro"}}}}, true},
      {{.claims = {{"plan", {"free"}}}}, false},
      {{.claims = {{"age", {"7"}}}}, false},
      {{.claims = {{"plan", {"pro"}}, {"id", {"8"}}}}, false},
      {{.users = {"ada"}, .groups = {"admins"}}, false},
      {{.users = {"ada"}, .groups = {"support"}, .claims = {{"id", {"7"}}}}, true},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    House house;
    house.desk.allow = {rows[i].rule};
    const Identity identity = ada({house.token});
    const Judgement judgement = house.judged(session("/desk/7"), {.identity = &identity});
    EXPECT_EQ(std::holds_alternative<Admitted>(judgement.verdict), rows[i].allowed) << "row " << i;
    if (!rows[i].allowed) { EXPECT_EQ(no(judgement).refusal, Refusal::not_allowed) << "row " << i; }
  }
}

// --- credentials among the subprotocols ------------------------------------------------------------------------------

TEST(Subprotocols, ACredentialIsNoneOfThem) {
  const House house;
  const Identity identity = ada({house.token});
  const auto admitted = verdict<Admitted>(house.judged(
      session("/desk/7", {{"sec-websocket-protocol", "bearer.c2VjcmV0, binary"}}), {.identity = &identity}));
  EXPECT_EQ(admitted.protocol, "binary");
  EXPECT_EQ(admitted.upgrade.protocols, std::vector<std::string>{"binary"});
}

TEST(Subprotocols, ACredentialAloneIsRefusedAndNeverPrinted) {
  const House house;
  const Identity identity = ada({house.token});
  const Refused refused =
      no(house.judged(session("/desk/7", {{"sec-websocket-protocol", "bearer.c2VjcmV0"}}), {.identity = &identity}));
  EXPECT_EQ(refused.refusal, Refusal::subprotocol_unknown);
  EXPECT_THAT(refused.detail, AllOf(HasSubstr("credential"), Not(HasSubstr("c2VjcmV0"))));
}

TEST(Subprotocols, ATokenOfferedToARouteThatKnowsNoneIsNotPrintedEither) {
  House house;
  house.desk.auth = {};
  const Refused refused = no(house.judged(session("/desk/7", {{"sec-websocket-protocol", "bearer.c2VjcmV0, chat"}})));
  EXPECT_EQ(refused.refusal, Refusal::subprotocol_unknown);
  EXPECT_THAT(refused.detail, AllOf(HasSubstr("chat"), Not(HasSubstr("c2VjcmV0"))));
}

TEST(Subprotocols, ACloseNeverEchoesACredential) {
  House house;
  house.desk.refuse = RefuseBy::close;
  const Refused refused{.refusal = Refusal::wrong_proof};
  const auto denied = verdict<Denied>(house.judged(
      session("/desk/7", {{"sec-websocket-protocol", "bearer.c2VjcmV0, unknown"}}), {.unproven = &refused}));
  ASSERT_TRUE(denied.by_close.has_value());
  EXPECT_EQ(denied.by_close->protocol, "unknown");
}

// --- targets ---------------------------------------------------------------------------------------------------------

TEST(Target, IsMadeFromAClaim) {
  House house;
  house.desk.to =
      std::make_shared<const Service>(test::service_made("10.0.0.{claim.id}", "5900", test::networks({"10.0.0.0/8"})));
  const Identity identity = ada({house.token});
  const auto admitted = verdict<Admitted>(house.judged(session("/desk/9"), {.identity = &identity}));
  ASSERT_TRUE(admitted.target.has_value());
  EXPECT_EQ(admitted.target->text(), "10.0.0.7:5900");
  Identity several = identity;
  several.claims["id"] = {"7", "8"};
  EXPECT_EQ(no(house.judged(session("/desk/9"), {.identity = &several})).refusal, Refusal::no_target);
}

TEST(Target, IsWhatTheAuthorizerNamesWithinTheBounds) {
  struct Row {
    std::optional<std::string> named;
    std::optional<std::string> leads_to;
    Refusal refusal = Refusal::internal_error;
  };
  const std::vector<Row> rows{
      {"10.1.2.3:5900", "10.1.2.3:5900"},
      {"desk-7.lan:5900", "desk-7.lan:5900"},
      {"192.0.2.1:5900", std::nullopt, Refusal::target_outside},
      {"unix:/run/x.sock", std::nullopt, Refusal::no_target},
      {"10.1.2.3", std::nullopt, Refusal::no_target},
      {"", std::nullopt, Refusal::no_target},
      {std::nullopt, std::nullopt, Refusal::no_target},
  };
  House house;
  Service service;
  service.where = MadeAddress{.by_authorizer = true, .written = "{target}"};
  service.within = test::networks({"10.0.0.0/8"});
  house.desk.to = std::make_shared<const Service>(service);
  for (const Row& row : rows) {
    Identity identity = ada({house.token});
    identity.target = row.named;
    const Judgement judgement = house.judged(session("/desk/7"), {.identity = &identity});
    if (row.leads_to) {
      EXPECT_EQ(verdict<Admitted>(judgement).target.value_or(Endpoint()).text(), *row.leads_to);
    } else {
      EXPECT_EQ(no(judgement).refusal, row.refusal) << row.named.value_or("nothing");
    }
  }
}

// --- logins ----------------------------------------------------------------------------------------------------------

TEST(Login, IsAFormSentByAPageOfOurs) {
  const House house;
  const auto post = [&](const std::string& path, Fields fields) {
    fields.emplace_back("host", "127.0.0.1:6080");
    return house.judged(test::head("POST", path, fields));
  };
  EXPECT_EQ(verdict<Login>(post("/novnc/", {{"origin", "http://127.0.0.1:6080"}})).route->name, "pages");
  EXPECT_EQ(no(post("/novnc/", {{"origin", "https://evil.example"}})).refusal, Refusal::foreign_origin);
  EXPECT_EQ(no(post("/novnc/", {{"origin", "null"}})).refusal, Refusal::foreign_origin);
  EXPECT_EQ(no(post("/novnc/", {})).refusal, Refusal::foreign_origin) << "every browser sends it with a form";
  EXPECT_EQ(no(post("/novnc/", {{"origin", "http://127.0.0.1:6080"}, {"origin", "https://evil.example"}})).refusal,
            Refusal::foreign_origin);
  EXPECT_EQ(no(post("/desk/7", {{"origin", "http://127.0.0.1:6080"}})).refusal, Refusal::method_not_allowed);
}

TEST(Login, IsNotTakenWhereThereIsNone) {
  House house;
  house.pages.auth = one(house.token);
  const Refused refused = no(
      house.judged(test::head("POST", "/novnc/", {{"host", "127.0.0.1:6080"}, {"origin", "http://127.0.0.1:6080"}})));
  EXPECT_EQ(refused.refusal, Refusal::method_not_allowed);
  EXPECT_EQ(refused.allow, "GET, HEAD");
}

TEST(Page, AsksForAProofToo) {
  const House house;
  const auto request = test::head("GET", "/novnc/vnc.html", {{"host", "127.0.0.1:6080"}});
  EXPECT_EQ(verdict<Unproven>(house.judged(request)).route->name, "pages");
  const Identity identity = ada({house.staff});
  EXPECT_EQ(verdict<Page>(house.judged(request, {.identity = &identity})).below, "vnc.html");
}

}  // namespace
}  // namespace bascule::policy
