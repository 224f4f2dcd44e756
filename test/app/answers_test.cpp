#include "proxy/app/answers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "proxy/app/explain.hpp"

namespace bascule::app {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const policy::Place here{.file = "rules.yaml", .line = 12, .column = 5};

TEST(Answers, RequestsComeOutAsTheyWentIn) {
  const auto reload = parse_request(json_of(ControlRequest{}));
  ASSERT_TRUE(reload);
  EXPECT_EQ(reload->verb, ControlRequest::Verb::reload);
  const auto refusal =
      parse_request(json_of(ControlRequest{.verb = ControlRequest::Verb::refusal, .reference = "7\"gq\n2"}));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->verb, ControlRequest::Verb::refusal);
  EXPECT_EQ(refusal->reference, "7\"gq\n2");
  EXPECT_EQ(json_of(ControlRequest{}).find('\n'), std::string::npos) << "a request is one line";
}

TEST(Answers, WhatIsNoRequestIsNone) {
  for (const char* text : {"", "{", "[]", "7", "\"reload\"", "{}", R"({"verb":["reload"]})", R"({"verb":"stop"})"}) {
    EXPECT_FALSE(parse_request(text)) << text;
  }
}

TEST(Answers, ToACheckListEveryMistakeWithItsPlace) {
  const Json well = Json::parse(json_of_check({}, {{.place = here, .text = "risky"}}, 1, 3));
  EXPECT_EQ(well, Json::parse(R"({"well": true, "mistakes": [], "listeners": 1, "routes": 3,
                                  "warnings": [{"file": "rules.yaml", "line": 12, "column": 5, "text": "risky"}]})"));
  EXPECT_EQ(Json::parse(json_of_check({{.place = here, .text = "wrong"}}, {}, 0, 0)).at("well"), false);
}

TEST(Answers, ToAReloadTellWhatChanged) {
  const Changes changes{{{.of = Change::Of::route,
                          .kind = Change::Kind::changed,
                          .name = "desk",
                          .keys = {"origins", "to"},
                          .place = here},
                         {.of = Change::Of::process, .keys = {"workers"}, .needs_restart = true}}};
  const std::string text = json_of_reload(changes, {{.place = here, .text = "risky"}});
  const Json json = Json::parse(text);
  EXPECT_EQ(json.at("changes").at(0).at("what"), "route");
  EXPECT_EQ(json.at("changes").at(0).at("keys"), (Json{"origins", "to"}));
  EXPECT_EQ(json.at("changes").at(0).at("place").at("line"), 12);
  EXPECT_EQ(json.at("changes").at(1).at("needs_restart"), true);

  const auto answer = parse_reload_answer(text);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->well);
  EXPECT_THAT(answer->lines, ElementsAre("route 'desk' changed: origins, to",
                                         "process changed: workers (takes effect at the next start)"));
  EXPECT_THAT(answer->warnings, ElementsAre("rules.yaml:12:5: risky"));
}

TEST(Answers, ToAReloadThatFailedTellWhyNot) {
  const auto mistakes = parse_reload_answer(json_of_mistakes({{.place = here, .text = "wrong"}}));
  ASSERT_TRUE(mistakes);
  EXPECT_FALSE(mistakes->well);
  EXPECT_THAT(mistakes->lines, ElementsAre("rules.yaml:12:5: wrong"));
  const auto no = parse_reload_answer(json_of_no("bascule is stopping"));
  ASSERT_TRUE(no);
  EXPECT_FALSE(no->well);
  EXPECT_THAT(no->lines, ElementsAre("bascule is stopping"));
}

TEST(Answers, ThatAreNoneAreNotUnderstood) {
  for (const char* text : {"", "{", "[]", "7", "{}", R"({"well":"yes"})"}) {
    EXPECT_FALSE(parse_reload_answer(text)) << text;
    EXPECT_FALSE(parse_refusal_answer(text)) << text;
  }
  EXPECT_FALSE(parse_refusal_answer(R"({"well":true,"refusal":7})"));
  EXPECT_TRUE(parse_reload_answer(R"({"well":true,"lines":7,"warnings":[7,{"line":"x"}]})"));
}

observe::SessionRecord a_refusal() {
  observe::SessionRecord record;
  record.reference = "7gq2";
  record.listener = "public";
  record.route = "desk";
  record.client = *Address::parse_ip("192.0.2.7", 40222);
  record.host = "desk.example.org";
  record.path = "/desk/7";
  record.origin = "https://evil.example";
  record.refused_status = 403;
  record.ending = "foreign_origin";
  record.ended_by = "bascule";
  record.step = "origin";
  record.place = "rules.yaml:12:5";
  record.detail = "got https://evil.example, own origin seen as ...";
  return record;
}

TEST(Answers, ToAReferenceTellTheRefusalStepByStep) {
  const auto refusal = parse_refusal_answer(json_of_refusal(a_refusal()));
  ASSERT_TRUE(refusal);
  EXPECT_TRUE(refusal->why_not.empty());
  const std::string text = text_of(*refusal, Paint(Paint::Colours::off));
  EXPECT_THAT(text, testing::StartsWith("7gq2 "));
  EXPECT_THAT(text, HasSubstr("desk.example.org/desk/7 at listener public, from 192.0.2.7:40222, "
                              "origin https://evil.example\n"
                              "  listener     passed\n"
                              "  head         passed\n"
                              "  route        passed   route 'desk'\n"
                              "  upgrade      passed\n"
                              "  origin       refused  got https://evil.example, own origin seen as ...  "
                              "(rules.yaml:12:5)\n"
                              "refused at origin with 403 (foreign_origin)\n"));
}

TEST(Answers, ToAReferenceOfNothingSayWhyNot) {
  const auto refusal = parse_refusal_answer(json_of_no("no refusal of late has this reference"));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->why_not, "no refusal of late has this reference");
}

TEST(Answers, OfRulesAreTheRulesFileInJson) {
  EXPECT_EQ(Json::parse(json_of_rules("version: 1\nroutes:\n  - {name: desk, origins: [same, missing]}\n")),
            Json::parse(R"({"version": "1", "routes": [{"name": "desk", "origins": ["same", "missing"]}]})"));
}

}  // namespace
}  // namespace bascule::app
