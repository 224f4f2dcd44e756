#include "proxy/app/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/config/read_rules.hpp"

namespace bascule::app {
namespace {

using config::DescribedVisit;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view rules_text = R"(listen: 127.0.0.1:6080

services:
  broker: {addresses: [10.0.0.1:61613, 10.0.0.2:61613], balance: round_robin}

routes:
  - name: desk
    host: desk.example.org
    path: "/desk/{id:[0-9]+}"
    protocol: vnc
    auth: none
    to: {address: "10.20.0.{path.id}:5900", within: 10.20.0.0/24}

  - {name: live, path: /stomp, protocol: stomp, auth: none, to: broker}
  - {name: probe, path: /echo, auth: none, refuse: close, subprotocols: echo, to: "echo:"}
  - {name: alive, path: /alive, auth: none, answer: health}
)";

policy::Rules the_rules() {
  auto reading = config::read_rules(rules_text, "rules.yaml");
  if (!reading) {
    std::string all;
    for (const config::Mistake& mistake : reading.error()) { all += mistake.place.text() + ": " + mistake.text + "\n"; }
    throw std::runtime_error(all);
  }
  return std::move(reading->rules);
}

Explanation explained(const DescribedVisit& visit) {
  const policy::Rules rules = the_rules();
  auto question = make_question(visit, rules);
  if (!question) { throw std::runtime_error(question.error().text); }
  return explain(std::move(*question), rules);
}

std::string told(const DescribedVisit& visit) {
  return text_of(explained(visit), Paint(Paint::Colours::off));
}

TEST(Explain, TellsEachStepWithItsVerdictAndItsPlaceAndThenWhereItLeads) {
  const std::string text =
      told({.url = "ws://desk.example.org:6080/desk/7", .origin = "same", .protocols = {"binary"}});
  EXPECT_THAT(text, testing::StartsWith("ws://desk.example.org:6080/desk/7 at listener 127.0.0.1:6080 (its port fits), "
                                        "from 127.0.0.1, origin http://desk.example.org:6080\n"
                                        "  listener     passed   "));
  EXPECT_THAT(text, testing::ContainsRegex("\n  route        passed   route 'desk' .*\\(rules.yaml:7:5\\)\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\n  origin       passed   "));
  EXPECT_THAT(text, HasSubstr("\nadmitted to desk: to 10.20.0.7:5900, subprotocol binary\n"));
  EXPECT_THAT(text, HasSubstr("not asked here: session limits"));
  EXPECT_THAT(text, Not(HasSubstr("\033"))) << "no colours unless asked";
}

TEST(Explain, ARefusalIsTheLastStepAndSaysWhy) {
  const Explanation explanation = explained({.url = "ws://127.0.0.1:6080/stomp", .origin = "https://evil.example"});
  EXPECT_TRUE(explanation.refused());
  const std::string text = text_of(explanation, Paint(Paint::Colours::off));
  EXPECT_THAT(text,
              testing::ContainsRegex("\n  origin       refused  got https://evil.example, own origin seen as "
                                     "http://127.0.0.1:6080.*\nrefused at origin with 403 \\(foreign_origin\\)\n$"));
  EXPECT_EQ(verdict_of(explanation), "refused at origin with 403");
}

// DNS rebinding: a name of somebody else's that was made to lead to us.
TEST(Explain, AHostThatNobodyWroteIsRefusedAtTheRoute) {
  EXPECT_THAT(told({.url = "ws://evil.example:6080/stomp", .origin = "same"}), HasSubstr("refused at route with 421"));
}

// A page of https://... is foreign where the listener believes that it is visited by http://...
TEST(Explain, SaysWhenNothingTellsTheListenerOfTheTlsOfTheUrl) {
  const std::string text = told({.url = "wss://127.0.0.1/stomp", .origin = "same"});
  EXPECT_THAT(text, HasSubstr("without TLS, of which nothing tells this listener"));
  EXPECT_THAT(text, HasSubstr("refused at origin with 403"));
}

// The rules with TLS at their listener. A judgement needs no certificate.
policy::Rules rules_with_tls(policy::PlainHttp plain) {
  policy::Rules rules = the_rules();
  rules.listeners.front().tls.emplace().plain = plain;
  return rules;
}

TEST(Explain, TakesAUrlOfTlsForAVisitByTlsWhereTheListenerHasIt) {
  const policy::Rules rules = rules_with_tls(policy::PlainHttp::refuse);
  const auto verdict = [&](const std::string& url) {
    return verdict_of(explain(*make_question({.url = url, .origin = "same"}, rules), rules));
  };
  EXPECT_EQ(verdict("wss://127.0.0.1:6080/stomp"), "admitted to live");
  EXPECT_EQ(verdict("https://127.0.0.1:6080/alive"), "admitted to alive");
  EXPECT_EQ(verdict("ws://127.0.0.1:6080/stomp"), "refused at listener with 400");
}

TEST(Explain, SaysWhereAPageIsSentTo) {
  const policy::Rules rules = rules_with_tls(policy::PlainHttp::redirect);
  const Explanation explanation = explain(*make_question({.url = "http://127.0.0.1:6080/alive?x=y"}, rules), rules);
  EXPECT_FALSE(explanation.refused());
  EXPECT_THAT(text_of(explanation, Paint(Paint::Colours::off)),
              testing::EndsWith("\nredirected to https://127.0.0.1:6080/alive?x=y\n"));
}

TEST(Explain, SaysThatNoOriginWasSent) {
  EXPECT_THAT(told({.url = "ws://127.0.0.1:6080/stomp"}), HasSubstr("from 127.0.0.1, no origin sent\n"));
}

TEST(Explain, AServiceIsToldWithItsAddressesAndHowOneIsChosen) {
  EXPECT_THAT(
      told({.url = "ws://127.0.0.1:6080/stomp"}),
      HasSubstr("admitted to live: to broker = 10.0.0.1:61613, 10.0.0.2:61613 (each in turn), no subprotocol\n"));
  EXPECT_THAT(told({.url = "ws://127.0.0.1:6080/echo"}), HasSubstr("admitted to probe: to echo:, no subprotocol\n"));
}

TEST(Explain, AServiceThatIsComeToByTlsIsToldSo) {
  policy::Rules rules = the_rules();
  policy::Route live = *rules.route("live");
  policy::Service broker = *live.service();
  broker.tls.emplace();
  live.to = std::make_shared<const policy::Service>(std::move(broker));
  policy::Admitted admitted;
  admitted.route = std::make_shared<const policy::Route>(std::move(live));
  EXPECT_EQ(destination_of(admitted), "broker = tls://10.0.0.1:61613, tls://10.0.0.2:61613 (each in turn)");
}

TEST(Explain, APageIsToldAsOne) {
  EXPECT_THAT(told({.url = "http://127.0.0.1:6080/alive"}), HasSubstr("admitted to alive: a page of bascule's own\n"));
}

TEST(Explain, SaysWhenTheNoIsToldByAClose) {
  EXPECT_THAT(told({.url = "ws://127.0.0.1:6080/echo", .protocols = {"other"}}),
              HasSubstr("refused at subprotocol with 400 (subprotocol_unknown), told by a Close\n"));
}

TEST(Explain, WhatAVisitorSentIsShownWithItsControlBytesWrittenOut) {
  const std::string text = told({.url = "ws://127.0.0.1:6080/stomp", .origin = "https://a\xc3\xa4.example"});
  EXPECT_THAT(text, HasSubstr("https://a\\xc3\\xa4.example"));
}

TEST(Explain, ColoursOnlyTheWordsOfTheVerdict) {
  const std::string text = text_of(explained({.url = "ws://127.0.0.1:6080/nowhere"}), Paint(Paint::Colours::on));
  EXPECT_THAT(text, HasSubstr("\033[31mrefused\033[0m"));
  EXPECT_THAT(text, HasSubstr("\033[32mpassed \033[0m"));
}

// --- test ---

class CasesRun : public testing::Test {
 protected:
  CaseOutcome outcome_of(const DescribedVisit& visit, const std::string& expect) {
    auto parsed = config::parse_expectation(expect);
    if (!parsed) { throw std::runtime_error(parsed.error().text); }
    one = {.place = {.file = "cases.yaml", .line = 3, .column = 3}, .visit = visit, .expect = *parsed};
    return run_case(one, rules);
  }
  bool holds(const DescribedVisit& visit, const std::string& expect) { return outcome_of(visit, expect).passed; }

  policy::Rules rules = the_rules();
  config::Case one;
  DescribedVisit desk{.url = "ws://desk.example.org:6080/desk/7", .origin = "same"};
  DescribedVisit live{.url = "ws://127.0.0.1:6080/stomp"};
  DescribedVisit evil{.url = "ws://127.0.0.1:6080/stomp", .origin = "https://evil.example"};
  DescribedVisit page{.url = "http://127.0.0.1:6080/alive"};
};

TEST_F(CasesRun, PassWhereTheJudgementIsTheExpectedOne) {
  EXPECT_TRUE(holds(desk, "admitted to desk"));
  EXPECT_TRUE(holds(desk, "admitted to desk at 10.20.0.7:5900"));
  EXPECT_TRUE(holds(live, "admitted to live at 10.0.0.2:61613"));
  EXPECT_TRUE(holds(page, "admitted to alive"));
  EXPECT_TRUE(holds(evil, "refused at origin"));
  EXPECT_TRUE(holds(evil, "refused at origin with 403"));
}

TEST_F(CasesRun, KnowWhereAPageIsSentTo) {
  EXPECT_FALSE(holds(page, "redirected"));
  rules = rules_with_tls(policy::PlainHttp::redirect);
  EXPECT_TRUE(holds(page, "redirected"));
  EXPECT_TRUE(holds(page, "redirected to https://127.0.0.1:6080/alive"));
  EXPECT_FALSE(holds(page, "redirected to https://127.0.0.1/alive"));
  EXPECT_FALSE(holds(page, "admitted to alive"));
  EXPECT_FALSE(holds(page, "refused at listener"));
  EXPECT_TRUE(holds(live, "refused at listener with 400")) << "no browser follows with a WebSocket";
}

TEST_F(CasesRun, FailOnAnotherRouteAddressStepOrStatus) {
  EXPECT_FALSE(holds(desk, "admitted to live"));
  EXPECT_FALSE(holds(desk, "admitted to desk at 10.20.0.8:5900"));
  EXPECT_FALSE(holds(page, "admitted to alive at 10.20.0.8:5900"));
  EXPECT_FALSE(holds(desk, "refused at origin"));
  EXPECT_FALSE(holds(evil, "admitted to live"));
  EXPECT_FALSE(holds(evil, "refused at route"));
  EXPECT_FALSE(holds(evil, "refused at origin with 401"));
}

TEST_F(CasesRun, AFailureTellsItsPlaceWhatWasExpectedWhatCameAndTheSteps) {
  const std::string text = text_of(outcome_of(evil, "admitted to live"), Paint(Paint::Colours::off));
  EXPECT_THAT(text, testing::StartsWith(
                        "cases.yaml:3:3: failed: expected admitted to live, came refused at origin with 403\n"));
  EXPECT_THAT(text, HasSubstr("  origin       refused  got https://evil.example"));
}

TEST_F(CasesRun, ACaseThatCannotBeAskedFailsAndSaysWhy) {
  const CaseOutcome no_route = outcome_of(live, "admitted to lvie");
  EXPECT_FALSE(no_route.passed);
  EXPECT_EQ(no_route.came, "there is no route 'lvie'");
  const CaseOutcome no_url = outcome_of({.url = "127.0.0.1/stomp"}, "refused at route");
  EXPECT_FALSE(no_url.passed);
  EXPECT_THAT(no_url.came, HasSubstr("url: "));
}

}  // namespace
}  // namespace bascule::app
