// Who comes by TLS and who does not, at a listener that has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "proxy/policy/judge.hpp"
#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using test::session;
using testing::HasSubstr;
using wire::http::RequestHead;

std::shared_ptr<const proof::Proof> certificate_proof() {
  return std::make_shared<const proof::Proof>(proof::Proof{.name = "kiosk", .how = proof::ClientCertificate{}});
}

// A session at /ws of two names, one of which wants a certificate; pages at /pages/*; all at a listener with TLS.
Rules house(PlainHttp plain) {
  Route desk = test::route("desk", "/ws");
  desk.host = test::hosts({"desk.example.org"});
  Route guarded = test::route("guarded", "/ws");
  guarded.host = test::hosts({"guarded.example.org"});
  guarded.auth = {.kind = proof::Wanted::Kind::one, .proof = certificate_proof()};
  Route by_address = guarded;
  by_address.name = "by address";
  by_address.host = {};
  Route pages = test::route("pages", "/pages/*");
  pages.host = test::hosts({"desk.example.org"});
  pages.to = Files{.folder = "pages"};
  Rules rules = test::rules_of({desk, guarded, by_address, pages});
  rules.listeners[0].tls = ListenerTls{.plain = plain};
  return rules;
}

RequestHead page(const std::string& target, const std::string& host = "desk.example.org:8443") {
  return test::head("GET", target, {{"host", host}});
}

struct Came {
  bool tls = true;
  std::string sni{};
};

Judgement judged(const Rules& rules, const RequestHead& head, const Came& came) {
  const Visit visit{
      .listener = "inner", .peer = test::ip("192.0.2.1"), .secure = came.tls, .tls_here = came.tls, .sni = came.sni};
  return judge(rules, visit, head);
}

std::optional<Refusal> refusal_of(const Judgement& judgement) {
  const auto* denied = std::get_if<Denied>(&judgement.verdict);
  return denied == nullptr ? std::nullopt : std::optional(denied->refused.refusal);
}

TEST(ByTls, PlainHttpIsRefusedAllowedOrSentElsewhereAsTheRulesSay) {
  const RequestHead ws = session("/ws", {{"host", "desk.example.org"}});
  const Came plain{.tls = false};
  EXPECT_EQ(refusal_of(judged(house(PlainHttp::refuse), ws, plain)), Refusal::plain_not_taken);
  EXPECT_EQ(refusal_of(judged(house(PlainHttp::refuse), page("/pages/"), plain)), Refusal::plain_not_taken);
  EXPECT_EQ(refusal_of(judged(house(PlainHttp::redirect), ws, plain)), Refusal::plain_not_taken);
  EXPECT_TRUE(std::holds_alternative<Admitted>(judged(house(PlainHttp::allow), ws, plain).verdict));
  for (const PlainHttp rule : {PlainHttp::refuse, PlainHttp::redirect, PlainHttp::allow}) {
    const Came by_tls{.sni = "desk.example.org"};
    EXPECT_TRUE(std::holds_alternative<Admitted>(judged(house(rule), ws, by_tls).verdict));
    EXPECT_TRUE(std::holds_alternative<Page>(judged(house(rule), page("/pages/"), by_tls).verdict));
  }
}

TEST(ByTls, APageIsSentToItselfAndNowhereElse) {
  const Rules rules = house(PlainHttp::redirect);
  const Came plain{.tls = false};
  const auto location = [&](const RequestHead& head) {
    const Judgement judgement = judged(rules, head, plain);
    const auto* redirect = std::get_if<Redirect>(&judgement.verdict);
    return redirect == nullptr ? "nowhere" : redirect->location;
  };
  EXPECT_EQ(location(page("/pages/a%20b?c=d&e")), "https://desk.example.org:8443/pages/a%20b?c=d&e");
  EXPECT_EQ(location(page("/pages//evil.example.net", "desk.example.org")), "nowhere") << "no such page";
  EXPECT_EQ(location(page("//evil.example.net/pages/", "desk.example.org")), "nowhere");
  EXPECT_EQ(refusal_of(judged(rules, page("/pages/", "evil.example.net"), plain)), Refusal::unknown_host);
  EXPECT_EQ(refusal_of(judged(rules, page("/other/"), plain)), Refusal::no_route);
  EXPECT_EQ(refusal_of(judged(rules, test::head("POST", "/pages/", {{"host", "desk.example.org"}}), plain)),
            Refusal::plain_not_taken)
      << "a login is never taken by plain HTTP";

  Rules known = house(PlainHttp::redirect);
  known.listeners[0].public_url = Origin{.scheme = "https", .host = "desk.example.org", .port = 443};
  const Judgement judgement = judged(known, page("/pages/x"), plain);
  ASSERT_TRUE(std::holds_alternative<Redirect>(judgement.verdict));
  EXPECT_EQ(std::get<Redirect>(judgement.verdict).location, "https://desk.example.org/pages/x");
}

TEST(ByTls, WhereACertificateIsWantedTheNamesMustBeTheSame) {
  const Rules rules = house(PlainHttp::refuse);
  const auto refusal = [&](const std::string& host, const std::string& sni) {
    return refusal_of(judged(rules, session("/ws", {{"host", host}}), {.sni = sni}));
  };
  EXPECT_EQ(refusal("guarded.example.org", "desk.example.org"), Refusal::other_name);
  EXPECT_EQ(refusal("guarded.example.org", ""), Refusal::other_name);
  EXPECT_EQ(refusal("guarded.example.org:443", "guarded.example.org"), std::nullopt);
  EXPECT_EQ(refusal("GUARDED.example.org", "guarded.example.org"), std::nullopt);
  EXPECT_EQ(refusal("desk.example.org", "guarded.example.org"), std::nullopt) << "nobody is asked there";
  EXPECT_EQ(refusal("127.0.0.1", ""), std::nullopt) << "an address is no name that could be asked for";
  EXPECT_EQ(refusal("127.0.0.1", "desk.example.org"), Refusal::other_name);
}

TEST(ByTls, WhatWasShownToOtherAuthoritiesDoesNotCount) {
  const Rules rules = house(PlainHttp::refuse);
  const auto refusal = [&](const std::string& name) {
    const Visit visit{.listener = "inner",
                      .peer = test::ip("192.0.2.1"),
                      .secure = true,
                      .tls_here = true,
                      .other_authorities = true,
                      .sni = name};
    return refusal_of(judge(rules, visit, session("/ws", {{"host", name}})));
  };
  EXPECT_EQ(refusal("guarded.example.org"), Refusal::other_name);
  EXPECT_EQ(refusal("desk.example.org"), std::nullopt) << "where none is wanted it does not matter";
}

TEST(ByTls, BehindSomebodyElsesTlsNamesAreNotCompared) {
  Rules rules = house(PlainHttp::refuse);
  rules.listeners[0].tls.reset();
  const Visit visit{.listener = "inner", .peer = test::ip("192.0.2.1"), .secure = true};
  const Judgement judgement = judge(rules, visit, session("/ws", {{"host", "guarded.example.org"}}));
  EXPECT_TRUE(std::holds_alternative<Unproven>(judgement.verdict));
}

TEST(ByTls, TheNameAskedForIsAWordOfTheVisitor) {
  Route route = test::route("made", "/ws", test::service_made("{sni}", "5900", {}));
  route.host.kind = HostRule::Kind::any;
  Rules rules = test::rules_of({route});
  rules.listeners[0].tls = ListenerTls{};
  const Judgement judgement = judged(rules, session("/ws"), {.sni = "desk.example.org"});
  ASSERT_TRUE(std::holds_alternative<Admitted>(judgement.verdict));
  EXPECT_EQ(std::get<Admitted>(judgement.verdict).target->text(), "desk.example.org:5900");
  EXPECT_EQ(refusal_of(judged(rules, session("/ws"), {})), Refusal::no_target) << "who asked for none has none";
}

}  // namespace
}  // namespace bascule::policy
