// The command line: what each verb prints, and how it exits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/integration/rules.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Json = BasculeProcess::Json;

constexpr int well = 0;
constexpr int not_well = 1;
constexpr int wrong_usage = 2;
constexpr int refused = 3;

// A sidecar, without anything that is risky, and the same with something that is.
const std::string sidecar =
    "listen: 127.0.0.1:6080\n"
    "routes:\n"
    "  - {name: desk, path: /vnc, protocol: vnc, auth: none, to: \"127.0.0.1:5900\"}\n";
const std::string risky_sidecar = replaced(sidecar, "auth: none", "auth: none, origins: any");
const std::string bad_sidecar =
    "listen: 127.0.0.1:6080\n"
    "routes:\n"
    "  - name: desk\n"
    "    path: /vnc\n"
    "    orgins: [same]\n"
    "    to: 127.0.0.1:99999\n";

class CommandLine : public testing::Test {
 protected:
  std::string good() const { return folder.write("good.yaml", sidecar); }
  std::string risky() const { return folder.write("risky.yaml", risky_sidecar); }
  std::string bad() const { return folder.write("bad.yaml", bad_sidecar); }

  TemporaryFolder folder;
};

TEST_F(CommandLine, TellsItsVersionAndItsVerbs) {
  const auto version = BasculeProcess::run({"--version"});
  EXPECT_EQ(version.status, well);
  EXPECT_THAT(version.out, StartsWith("bascule 0."));
  const auto help = BasculeProcess::run({"--help"});
  EXPECT_EQ(help.status, well);
  for (const char* verb : {"serve", "check", "show", "explain", "test", "reload"}) {
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + verb + " "));
    const auto of_verb = BasculeProcess::run({verb, "--help"});
    EXPECT_EQ(of_verb.status, well);
    EXPECT_THAT(of_verb.out, HasSubstr("--json"));
  }
}

TEST_F(CommandLine, WrongUsageExitsWith2AndSaysWhatIsWrong) {
  const std::string rules = good();
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"dance"},
                                                    {"serve", rules, "--workers", "0"},
                                                    {"check", rules, "--dance"},
                                                    {"explain"},
                                                    {"explain", rules},
                                                    {"explain", rules, "wss://localhost/#x"},
                                                    {"explain", rules, "ws://localhost/", "--client", "nobody"},
                                                    {"explain", rules, "ws://localhost/", "--header", "x-region"},
                                                    {"explain", rules, "ws://localhost/", "--listener", "other"},
                                                    {"test"}}) {
    const auto ran = BasculeProcess::run(arguments);
    EXPECT_EQ(ran.status, wrong_usage) << testing::PrintToString(arguments);
    EXPECT_THAT(ran.err, Not(IsEmpty())) << testing::PrintToString(arguments);
    EXPECT_THAT(ran.out, IsEmpty()) << testing::PrintToString(arguments);
  }
}

TEST_F(CommandLine, RulesAreLookedForInTheirFolderUnlessTheyAreNamed) {
  const auto ran = BasculeProcess::run({"check"});
  EXPECT_THAT(ran.out + ran.err, HasSubstr("/etc/bascule/rules.d"));
}

// --- check -----------------------------------------------------------------------------------------------------------

TEST_F(CommandLine, CheckOfGoodRulesIsOneLine) {
  const auto ran = BasculeProcess::run({"check", good()});
  EXPECT_EQ(ran.status, well);
  EXPECT_EQ(ran.out, good() + ": well: 1 listener, 1 route\n");
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(CommandLine, CheckTellsEveryMistakeWithItsPlace) {
  const std::string file = bad();
  for (const char* verb : {"check", "serve", "show", "reload"}) {
    const auto ran = BasculeProcess::run({verb, file});
    EXPECT_EQ(ran.status, not_well);
    EXPECT_THAT(ran.err, HasSubstr(file + ":5:5: "));
    EXPECT_THAT(ran.err, HasSubstr("did you mean 'origins'?"));
    EXPECT_THAT(ran.err, HasSubstr(file + ":6:9: "));
  }
  EXPECT_EQ(BasculeProcess::run({"check", folder.path("missing.yaml")}).status, not_well);
}

TEST_F(CommandLine, CheckReadsSeveralFilesAsOneSetOfRules) {
  const std::string more =
      folder.write("more.yaml", "routes:\n  - {name: game, path: /game, auth: none, to: \"echo:\"}\n");
  const auto both = BasculeProcess::run({"check", good(), more});
  EXPECT_EQ(both.status, well) << both.err;
  EXPECT_THAT(both.out, HasSubstr("1 listener, 2 routes"));
  EXPECT_EQ(BasculeProcess::run({"check", more}).status, not_well) << "nowhere to listen";
}

TEST_F(CommandLine, CheckWarnsOfWhatIsRiskyAndStrictlyRefusesIt) {
  const auto ran = BasculeProcess::run({"check", risky()});
  EXPECT_EQ(ran.status, well);
  EXPECT_THAT(ran.err, StartsWith(fmt::format("warning: {}:3:", risky())));
  EXPECT_THAT(ran.out, HasSubstr("1 listener, 1 route, 1 warning\n"));
  const auto strict = BasculeProcess::run({"check", "--strict", risky()});
  EXPECT_EQ(strict.status, not_well);
  EXPECT_THAT(strict.err, StartsWith(risky() + ":3:"));
  EXPECT_THAT(strict.out, IsEmpty());
}

TEST_F(CommandLine, CheckAnswersInJson) {
  const auto fine = BasculeProcess::run({"check", "--json", risky()});
  EXPECT_EQ(fine.status, well);
  EXPECT_THAT(fine.err, IsEmpty());
  const Json report = Json::parse(fine.out);
  EXPECT_EQ(report.at("well"), true);
  EXPECT_EQ(report.at("warnings").size(), 1U);
  EXPECT_EQ(report.at("routes"), 1);

  const auto wrong = BasculeProcess::run({"check", "--json", bad()});
  EXPECT_EQ(wrong.status, not_well);
  const Json mistakes = Json::parse(wrong.out).at("mistakes");
  ASSERT_GE(mistakes.size(), 2U);
  bool found = false;
  for (const Json& mistake : mistakes) {
    found = found || (mistake.at("file") == bad() && mistake.at("line") == 5 && mistake.at("column") == 5);
  }
  EXPECT_TRUE(found) << wrong.out;
}

// --- show ------------------------------------------------------------------------------------------------------------

TEST_F(CommandLine, ShowPrintsRulesThatReadTheSame) {
  const auto shown = BasculeProcess::run({"show", good()});
  EXPECT_EQ(shown.status, well) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("missing")) << "the origins that nobody wrote";
  const auto again = BasculeProcess::run({"show", folder.write("shown.yaml", shown.out)});
  EXPECT_EQ(again.status, well) << again.err;
  EXPECT_EQ(again.out, shown.out);
  const auto json = BasculeProcess::run({"show", "--json", good()});
  EXPECT_EQ(Json::parse(json.out).at("routes").at(0).at("name"), "desk");
  const auto from_json = BasculeProcess::run({"show", folder.write("shown.json", json.out)});
  EXPECT_EQ(from_json.status, well) << from_json.err;
  EXPECT_EQ(from_json.out, shown.out);
}

// --- explain ---------------------------------------------------------------------------------------------------------

TEST_F(CommandLine, ExplainTellsWhereAVisitLeads) {
  const auto ran = BasculeProcess::run({"explain", good(), "ws://127.0.0.1:6080/vnc", "--origin", "same", "--protocol",
                                        "base64", "--protocol", "binary"});
  EXPECT_EQ(ran.status, well);
  EXPECT_THAT(ran.out, StartsWith("ws://127.0.0.1:6080/vnc at listener "));
  EXPECT_THAT(ran.out, HasSubstr(fmt::format("({}:3:", good())));
  EXPECT_THAT(ran.out, HasSubstr("\nadmitted to desk: to 127.0.0.1:5900, subprotocol binary\n"));
  EXPECT_THAT(ran.out, Not(HasSubstr("\033"))) << "no colours but at a terminal";
}

TEST_F(CommandLine, ExplainOfARefusalExitsWith3AndNamesTheStep) {
  const auto ran =
      BasculeProcess::run({"explain", good(), "ws://127.0.0.1:6080/vnc", "--origin", "http://evil.example"});
  EXPECT_EQ(ran.status, refused);
  EXPECT_THAT(ran.out, HasSubstr("  origin       refused  got http://evil.example"));
  EXPECT_THAT(ran.out, HasSubstr("\nrefused at origin with 403 (foreign_origin)\n"));
  EXPECT_EQ(BasculeProcess::run({"explain", bad(), "ws://127.0.0.1:6080/vnc"}).status, not_well);
}

TEST_F(CommandLine, ExplainTakesHeadersAndClientsAsDescribed) {
  const std::string rules = folder.write("allow.yaml",
                                         "listen: 127.0.0.1:6080\n"
                                         "routes:\n"
                                         "  - name: desk\n"
                                         "    path: /vnc\n"
                                         "    match: {header: {x-region: eu}}\n"
                                         "    allow: {addresses: [10.0.0.0/8]}\n"
                                         "    auth: none\n"
                                         "    to: 127.0.0.1:5900\n");
  const auto explain = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments{"explain", rules, "ws://127.0.0.1:6080/vnc"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return BasculeProcess::run(arguments);
  };
  EXPECT_EQ(explain({"--client", "10.1.2.3", "--header", "X-Region: eu"}).status, well);
  EXPECT_THAT(explain({"--client", "10.1.2.3"}).out, HasSubstr("refused at route with 404"));
  EXPECT_THAT(explain({"--client", "192.0.2.7", "--header", "X-Region: eu"}).out,
              HasSubstr("refused at access with 403"));
}

TEST_F(CommandLine, ExplainTakesOptionsBeforeAndBehindTheWords) {
  const std::string rules = folder.write("header.yaml",
                                         "listen: 127.0.0.1:6080\n"
                                         "routes:\n"
                                         "  - name: desk\n"
                                         "    path: /vnc\n"
                                         "    match: {header: {x-region: eu, x-floor: \"3\"}}\n"
                                         "    auth: none\n"
                                         "    to: 127.0.0.1:5900\n");
  using Words = std::vector<std::string>;
  const Words region{"--header", "x-region: eu"};
  const Words floor{"--header", "x-floor: 3"};
  const Words protocols{"--protocol", "base64", "--protocol", "binary"};
  const Words positionals{rules, "ws://127.0.0.1:6080/vnc"};
  for (const auto& parts : std::vector<std::vector<Words>>{{region, floor, protocols, positionals},
                                                           {protocols, region, floor, positionals},
                                                           {region, positionals, protocols, floor},
                                                           {positionals, protocols, floor, region},
                                                           {{rules}, protocols, region, {positionals[1]}, floor},
                                                           {{rules}, floor, region, protocols, {positionals[1]}}}) {
    Words words{"explain"};
    for (const Words& part : parts) { words.insert(words.end(), part.begin(), part.end()); }
    const auto ran = BasculeProcess::run(words);
    EXPECT_EQ(ran.status, well) << testing::PrintToString(words) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("\nadmitted to desk: to 127.0.0.1:5900, subprotocol binary\n"))
        << testing::PrintToString(words);
  }
}

TEST_F(CommandLine, ExplainAnswersInJson) {
  const auto ran =
      BasculeProcess::run({"explain", "--json", good(), "ws://127.0.0.1:6080/vnc", "--origin", "http://evil.example"});
  EXPECT_EQ(ran.status, refused);
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json.at("admitted"), false);
  EXPECT_EQ(json.at("step"), "origin");
  EXPECT_EQ(json.at("status"), 403);
  EXPECT_EQ(json.at("steps").back().at("passed"), false);
}

// --- explain --ref ---------------------------------------------------------------------------------------------------

TEST_F(CommandLine, ExplainRefShowsARefusalOfTheRunningProcess) {
  BasculeProcess bascule(one_echo());
  Socket client = Socket::connect(bascule.port());
  client.send(upgrade_at("localhost", "/ws", "Origin: http://evil.example\r\n"));
  const HttpAnswer answer = read_answer(client);
  ASSERT_EQ(answer.status, 403);
  const std::string reference = bascule.record("route").at("reference");
  EXPECT_THAT(answer.body, HasSubstr(reference)) << "the visitor can quote it";

  const auto ran = BasculeProcess::run({"explain", bascule.rules_file(), "--ref", reference});
  EXPECT_EQ(ran.status, well) << ran.err;
  EXPECT_THAT(ran.out, StartsWith(reference + " "));
  EXPECT_THAT(ran.out, HasSubstr("  route        passed   route 'route'\n"));
  EXPECT_THAT(ran.out, HasSubstr("  origin       refused  got http://evil.example"));
  EXPECT_THAT(ran.out, HasSubstr("refused at origin with 403 (foreign_origin)\n"));

  const auto json = BasculeProcess::run({"explain", "--json", bascule.rules_file(), "--ref", reference});
  EXPECT_EQ(Json::parse(json.out).at("refusal").at("reference"), reference);

  const auto unknown = BasculeProcess::run({"explain", bascule.rules_file(), "--ref", "nothing"});
  EXPECT_EQ(unknown.status, not_well);
  EXPECT_THAT(unknown.err, HasSubstr("log"));
}

TEST_F(CommandLine, ExplainRefWithoutAProcessSaysWhereToLook) {
  const auto ran = BasculeProcess::run({"explain", good(), "--ref", "7gq2"});
  EXPECT_EQ(ran.status, not_well);
  EXPECT_THAT(ran.err, HasSubstr("no running bascule"));
  EXPECT_THAT(ran.err, HasSubstr("look for \"7gq2\""));
}

// --- test ------------------------------------------------------------------------------------------------------------

TEST_F(CommandLine, TestCountsWhatPassedAndShowsWhatDidNot) {
  const std::string passing = folder.write("passing.yaml",
                                           "- {url: ws://127.0.0.1:6080/vnc, origin: same, expect: admitted to desk}\n"
                                           "- {url: ws://evil.example/vnc, expect: refused at route with 421}\n");
  const auto all_well = BasculeProcess::run({"test", good(), passing});
  EXPECT_EQ(all_well.status, well) << all_well.out << all_well.err;
  EXPECT_EQ(all_well.out, "2 passed, 0 failed\n");

  const std::string failing = folder.write("failing.yaml",
                                           "- {url: ws://127.0.0.1:6080/vnc, expect: admitted to desk}\n"
                                           "- url: ws://127.0.0.1:6080/vnc\n"
                                           "  origin: http://evil.example\n"
                                           "  expect: admitted to desk\n");
  const auto one_failed = BasculeProcess::run({"test", good(), failing});
  EXPECT_EQ(one_failed.status, not_well);
  EXPECT_THAT(one_failed.out, StartsWith(failing + ":2:3: failed: expected admitted to desk, came refused at origin"));
  EXPECT_THAT(one_failed.out, HasSubstr("  origin       refused  got http://evil.example"));
  EXPECT_THAT(one_failed.out, testing::EndsWith("1 passed, 1 failed\n"));

  const auto json = BasculeProcess::run({"test", "--json", good(), failing});
  EXPECT_EQ(json.status, not_well);
  EXPECT_EQ(Json::parse(json.out).at("failed"), 1);
  EXPECT_EQ(Json::parse(json.out).at("cases").at(1).at("explanation").at("step"), "origin");
}

TEST_F(CommandLine, TestTellsMistakesInTheCases) {
  const std::string cases = folder.write("cases.yaml", "- {urk: ws://127.0.0.1:6080/vnc, expect: admitted to desk}\n");
  const auto ran = BasculeProcess::run({"test", good(), cases});
  EXPECT_EQ(ran.status, not_well);
  EXPECT_THAT(ran.err, HasSubstr(cases + ":1:4: unknown key 'urk'"));
  EXPECT_EQ(BasculeProcess::run({"test", bad(), cases}).status, not_well);
  EXPECT_EQ(BasculeProcess::run({"test", good(), folder.path("missing.yaml")}).status, not_well);
}

// --- reload ----------------------------------------------------------------------------------------------------------

TEST_F(CommandLine, ReloadSaysWhatChanged) {
  BasculeProcess bascule(one_echo());
  EXPECT_EQ(BasculeProcess::run({"reload", bascule.rules_file()}).out, "nothing has changed\n");
  bascule.write_rules(replaced(one_echo("origins: any"), "path: /ws", "path: /other"));
  const auto ran = BasculeProcess::run({"reload", bascule.rules_file()});
  EXPECT_EQ(ran.status, well) << ran.err;
  EXPECT_EQ(ran.out, "route 'route' changed: path, origins\n");
  EXPECT_THAT(ran.err, StartsWith(fmt::format("warning: {}:", bascule.rules_file())))
      << "of what is risky in the new rules";
  EXPECT_EQ(WsClient(bascule.port(), "/other").status(), 101);
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 404);

  bascule.write_rules(one_echo());
  const auto json = BasculeProcess::run({"reload", "--json", bascule.rules_file()});
  EXPECT_EQ(json.status, well);
  EXPECT_EQ(Json::parse(json.out).at("changes").at(0).at("name"), "route");
}

TEST_F(CommandLine, ReloadOfABrokenFileLeavesTheProcessAsItWas) {
  BasculeProcess bascule(one_echo());
  bascule.write_rules(replaced(one_echo(), "path: /ws", "paht: /ws"));
  const auto ran = BasculeProcess::run({"reload", bascule.rules_file()});
  EXPECT_EQ(ran.status, not_well);
  EXPECT_THAT(ran.err, HasSubstr(bascule.rules_file() + ":4:5: unknown key 'paht'"));
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 101);
}

TEST_F(CommandLine, ReloadSaysWhyTheProcessRefusesWhatLooksWell) {
  const Listener taken;
  BasculeProcess bascule(one_echo());
  bascule.write_rules(
      replaced(one_echo(), "listen: 127.0.0.1:0", fmt::format("listen: [127.0.0.1:0, 127.0.0.1:{}]", taken.port())));
  const auto ran = BasculeProcess::run({"reload", bascule.rules_file()});
  EXPECT_EQ(ran.status, not_well);
  EXPECT_THAT(ran.err, HasSubstr("another program already does"));
  EXPECT_THAT(ran.err, HasSubstr("goes on with the rules it has"));
  EXPECT_EQ(WsClient(bascule.port(), "/ws").status(), 101);
}

TEST_F(CommandLine, ReloadWithoutAProcessSaysSo) {
  const auto ran = BasculeProcess::run({"reload", good()});
  EXPECT_EQ(ran.status, not_well);
  EXPECT_THAT(ran.err, HasSubstr("no running bascule"));
  EXPECT_EQ(Json::parse(BasculeProcess::run({"reload", "--json", good()}).out).at("well"), false);
}

// --- all of them -----------------------------------------------------------------------------------------------------

TEST_F(CommandLine, ServeTellsWhatIsRiskyBeforeItBegins) {
  BasculeProcess bascule(one_echo("origins: any"));
  EXPECT_EQ(bascule.count("rules_warning"), 1U);
}

// One code judges what is described and what is live.
TEST_F(CommandLine, ExplainTestAndTheLiveAnswerAgree) {
  BasculeProcess bascule(
      "listen: 127.0.0.1:0\n"
      "routes:\n"
      "  - {name: eu, path: /ws, match: {header: {x-region: eu}}, auth: none, subprotocols: game.v2, to: \"echo:\"}\n"
      "  - {name: shop, host: shop.example, path: \"/{id:[0-9]+}\", origins: [\"https://shop.example\"], auth: none, "
      "to: \"echo:\"}\n"
      "  - {name: ws, path: /ws, auth: none, to: \"echo:\"}\n");
  struct Row {
    std::string host;
    std::string path;
    std::vector<std::string> headers;
    std::string expect;
    int status;
  };
  const std::vector<Row> table{
      {"localhost", "/ws", {}, "admitted to ws", 101},
      {"localhost", "/ws", {"Origin: null"}, "refused at origin", 403},
      {"localhost", "/ws", {"X-Region: eu"}, "admitted to eu", 101},
      {"localhost", "/ws", {"X-Region: eu", "Sec-WebSocket-Protocol: game.v2"}, "admitted to eu", 101},
      {"localhost", "/ws", {"X-Region: eu", "Sec-WebSocket-Protocol: chess"}, "refused at subprotocol", 400},
      {"localhost", "/ws", {"Sec-WebSocket-Version: 8"}, "refused at upgrade", 426},
      {"localhost", "/%2e%2e", {}, "refused at head", 400},
      {"localhost", "/17", {}, "refused at route", 404},
      {"shop.example", "/17", {"Origin: https://shop.example"}, "admitted to shop", 101},
      {"shop.example", "/17", {}, "refused at origin", 403},
      {"shop.example", "/17a", {"Origin: https://shop.example"}, "refused at route", 404},
      {"evil.example", "/ws", {"Origin: http://evil.example"}, "refused at route", 421},
  };
  std::string cases;
  for (const Row& row : table) {
    std::string fields;
    std::vector<std::string> explain{"explain", "--json", bascule.rules_file(),
                                     fmt::format("ws://{}{}", row.host, row.path)};
    std::string described;
    for (const std::string& header : row.headers) {
      explain.insert(explain.end(), {"--header", header});
      const bool replaces = header.starts_with("Sec-WebSocket-Version");
      fields += replaces ? std::string() : header + "\r\n";
      const std::size_t colon = header.find(": ");
      described += fmt::format("{}: \"{}\", ", header.substr(0, colon), header.substr(colon + 2));
    }
    const std::string what = fmt::format("{}{} {}", row.host, row.path, testing::PrintToString(row.headers));
    cases += fmt::format("- {{url: \"ws://{}{}\", header: {{{}}}, expect: {}}}\n", row.host, row.path, described,
                         row.expect + (row.status == 101 ? "" : fmt::format(" with {}", row.status)));

    const Json told = Json::parse(BasculeProcess::run(explain).out);
    EXPECT_EQ(told.at("admitted"), row.status == 101) << what;
    EXPECT_EQ(told.value("status", 101), row.status) << what;

    std::string request = upgrade_at(row.host, row.path, fields);
    if (fields.empty() && !row.headers.empty()) {
      request = replaced(request, "Sec-WebSocket-Version: 13", row.headers.front());
    }
    Socket client = Socket::connect(bascule.port());
    client.send(request);
    EXPECT_EQ(read_answer(client).status, row.status) << what;
  }
  const auto ran = BasculeProcess::run({"test", bascule.rules_file(), folder.write("cases.yaml", cases)});
  EXPECT_EQ(ran.status, well) << ran.out << ran.err;
}

}  // namespace
}  // namespace bascule::test
