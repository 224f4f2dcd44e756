#include "proxy/config/cases.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bascule::config {
namespace {

using policy::Step;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::vector<Case> cases_in(std::string_view text) {
  auto cases = read_cases(text, "cases.yaml");
  if (!cases) { throw std::runtime_error(cases.error().front().text); }
  return std::move(*cases);
}

// "3:5: text"
std::vector<std::string> mistakes_in(std::string_view text) {
  const auto cases = read_cases(text, "cases.yaml");
  std::vector<std::string> lines;
  if (cases) { return lines; }
  for (const Mistake& mistake : cases.error()) {
    EXPECT_EQ(mistake.place.file, "cases.yaml");
    lines.push_back(std::to_string(mistake.place.line) + ":" + std::to_string(mistake.place.column) + ": " +
                    mistake.text);
  }
  return lines;
}

TEST(Cases, AreReadWithEveryKey) {
  const auto cases = cases_in(
      "- {url: ws://localhost/, expect: admitted to desk}\n"
      "- url: wss://desk.example.org/desk/7\n"
      "  origin: https://app.example.org\n"
      "  as: ada:support\n"
      "  client: 192.0.2.7\n"
      "  header: {x-region: eu, Cookie: a=b}\n"
      "  protocol: [game.v2, binary]\n"
      "  listener: public\n"
      "  x-why: tickets 12\n"
      "  expect: refused at origin with 403\n");
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[0].visit.url, "ws://localhost/");
  EXPECT_FALSE(cases[0].visit.origin);
  EXPECT_FALSE(cases[0].visit.client);
  EXPECT_EQ(cases[0].expect.end, Expectation::End::admitted);

  const DescribedVisit& visit = cases[1].visit;
  EXPECT_EQ(visit.origin, "https://app.example.org");
  EXPECT_EQ(visit.as, "ada:support");
  EXPECT_EQ(visit.client, "192.0.2.7");
  EXPECT_THAT(visit.headers, ElementsAre(Pair("x-region", "eu"), Pair("Cookie", "a=b")));
  EXPECT_THAT(visit.protocols, ElementsAre("game.v2", "binary"));
  EXPECT_EQ(visit.listener, "public");
  EXPECT_EQ(cases[1].place.text(), "cases.yaml:2:3");
  EXPECT_EQ(cases[1].expect.written, "refused at origin with 403");
}

TEST(Cases, OneSubprotocolMayStandAlone) {
  EXPECT_THAT(cases_in("- {url: ws://localhost/, protocol: mqtt, expect: admitted to x}")[0].visit.protocols,
              ElementsAre("mqtt"));
}

TEST(Cases, ExpectationsAreSentences) {
  const auto yes = parse_expectation("admitted to desk");
  ASSERT_TRUE(yes);
  EXPECT_EQ(yes->end, Expectation::End::admitted);
  EXPECT_EQ(yes->route, "desk");
  EXPECT_FALSE(yes->address);

  const auto with_address = parse_expectation("admitted to desk at [::1]:5900");
  ASSERT_TRUE(with_address);
  EXPECT_EQ(with_address->route, "desk");
  EXPECT_EQ(with_address->address, "[::1]:5900");

  const auto no = parse_expectation("refused at origin");
  ASSERT_TRUE(no);
  EXPECT_EQ(no->end, Expectation::End::refused);
  EXPECT_EQ(no->step, Step::origin);
  EXPECT_FALSE(no->status);

  const auto with_status = parse_expectation("refused at route with 421");
  ASSERT_TRUE(with_status);
  EXPECT_EQ(with_status->step, Step::route);
  EXPECT_EQ(with_status->status, 421);

  const auto elsewhere = parse_expectation("redirected");
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(elsewhere->end, Expectation::End::redirected);
  EXPECT_FALSE(elsewhere->location);
  EXPECT_EQ(parse_expectation("redirected to https://a.example/x?y=z")->location, "https://a.example/x?y=z");
}

TEST(Cases, EveryStepThatRulesDecideCanBeExpected) {
  for (int number = 0; number <= static_cast<int>(Step::target); ++number) {
    const auto step = static_cast<Step>(number);
    const auto expect = parse_expectation("refused at " + std::string(policy::word_of(step)));
    ASSERT_TRUE(expect) << policy::word_of(step);
    EXPECT_EQ(expect->step, step);
  }
}

TEST(Cases, WhatIsNoSentenceIsToldHowItIsWritten) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"", "neither yes nor no"},
      {"admitted", "neither yes nor no"},
      {"redirected elsewhere", "neither yes nor no"},
      {"redirected to ", "behind 'redirected' may stand where to"},
      {"403", "write 'admitted to ROUTE', 'refused at STEP' or 'redirected'"},
      {"admitted to ", "names none"},
      {"admitted to desk or so", "admitted to desk at 10.20.0.7:5900"},
      {"admitted to desk at ", "admitted to desk at"},
      {"refused at orign", "there is no step 'orign'; did you mean 'origin'?"},
      {"refused at limits", "only while bascule runs"},
      {"refused at service with 502", "only while bascule runs"},
      {"refused at origin with", "refused at origin with 403"},
      {"refused at origin with 200", "refused at origin with 403"},
      {"refused at origin with 4030", "refused at origin with 403"},
      {"refused at origin 403", "refused at origin with 403"},
  };
  for (const auto& [text, wrong] : table) {
    const auto expect = parse_expectation(text);
    ASSERT_FALSE(expect) << text;
    EXPECT_THAT(expect.error().text, HasSubstr(wrong));
  }
}

TEST(Cases, EveryMistakeIsToldWithItsPlace) {
  EXPECT_THAT(
      mistakes_in("- url: ws://localhost/\n"
                  "  orgin: same\n"
                  "- {expect: admitted to desk}\n"
                  "- desk\n"
                  "- {url: ws://localhost/, origin: null, expect: refused at nowhere}\n"
                  "- {url: ws://localhost/, expect: admitted to desk, url: ws://localhost/}\n"
                  "- {url: [ws://localhost/], header: x-region, protocol: [{a: b}], expect: admitted to desk}\n"),
      ElementsAre(HasSubstr("1:3: a case needs 'expect'"),
                  HasSubstr("2:3: unknown key 'orgin' in a case; did you mean 'origin'?"),
                  HasSubstr("3:3: a case needs 'url'"), HasSubstr("4:3: a case is a map"),
                  HasSubstr("5:34: 'origin': YAML reads null as no value at all"),
                  HasSubstr("5:48: 'expect': there is no step 'nowhere'"), HasSubstr("6:52: key 'url' stands twice"),
                  HasSubstr("7:9: 'url' takes one word"), HasSubstr("7:36: 'header' is a map"),
                  HasSubstr("7:57: 'protocol' takes one word")));
}

TEST(Cases, AFileThatIsNoListIsAMistake) {
  for (const char* text : {"", "# nothing yet\n", "url: ws://localhost/\n", "cases"}) {
    EXPECT_THAT(mistakes_in(text), ElementsAre(HasSubstr("a file of cases is a list of maps"))) << text;
  }
  EXPECT_THAT(mistakes_in("- {url: 'ws://localhost/\n"), testing::SizeIs(1));
  EXPECT_TRUE(cases_in("[]").empty());
}

TEST(Cases, AFileThatIsNotThereOrAFolderIsAMistakeThatNamesIt) {
  for (const char* path : {"/nowhere/cases.yaml", "/"}) {
    const auto cases = read_cases_file(path);
    ASSERT_FALSE(cases);
    EXPECT_EQ(cases.error().front().place.text(), path);
    EXPECT_THAT(cases.error().front().text, HasSubstr("cannot be read: "));
  }
}

}  // namespace
}  // namespace bascule::config
