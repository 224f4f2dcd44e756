// `bascule password` and `bascule ticket`: what they make, and that it opens what it is made for.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "proxy/base/owned_fd.hpp"
#include "test/support/bascule_process.hpp"

namespace bascule::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;
using Json = BasculeProcess::Json;

constexpr int well = 0;
constexpr int not_well = 1;
constexpr int wrong_usage = 2;

// --- password --------------------------------------------------------------------------------------------------------

class PasswordVerb : public testing::Test {
 protected:
  // The cheapest of the hashes, unless the test is about another.
  BasculeProcess::Ran run(const std::string& input, std::vector<std::string> arguments = {"--bcrypt"}) {
    arguments.insert(arguments.begin(), "password");
    // What this program has for standard input, the one that it starts has too.
    const OwnedFd file(::open(folder.write("input", input).c_str(), O_RDONLY | O_CLOEXEC));
    const OwnedFd before(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    ::dup2(file.get(), STDIN_FILENO);
    auto ran = BasculeProcess::run(arguments);
    ::dup2(before.get(), STDIN_FILENO);
    return ran;
  }

  TemporaryFolder folder;
};

TEST_F(PasswordVerb, IsReadFromStandardInputAndHashed) {
  const auto ran = run("swordfish\n");
  EXPECT_EQ(ran.status, well) << ran.err;
  EXPECT_THAT(ran.out, MatchesRegex("\\$2b\\$[0-9][0-9]\\$[./0-9A-Za-z]+\n"));
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(PasswordVerb, IsAWholeLineForAUser) {
  const auto ran = run("swordfish", {"ada", "--bcrypt"});
  EXPECT_EQ(ran.status, well) << ran.err;
  EXPECT_THAT(ran.out, MatchesRegex("ada:\\$2b\\$[0-9][0-9]\\$[./0-9A-Za-z]+\n"));
}

TEST_F(PasswordVerb, IsHashedAsAskedFor) {
  EXPECT_THAT(run("swordfish\n", {}).out, StartsWith("$y$"));
  EXPECT_THAT(run("swordfish\n", {"--sha512"}).out, StartsWith("$6$"));
  EXPECT_EQ(run("swordfish\n", {"--sha512", "--bcrypt"}).status, wrong_usage);
}

TEST_F(PasswordVerb, IsToldToProgramsInJson) {
  const Json answer = Json::parse(run("swordfish\n", {"ada", "--bcrypt", "--json"}).out);
  EXPECT_EQ(answer.at("user"), "ada");
  EXPECT_THAT(answer.at("hash").get<std::string>(), StartsWith("$2b$"));
}

// Only the first line is read; what ends it is no part of it.
TEST_F(PasswordVerb, IsOneLine) {
  const std::vector<std::string> same{"swordfish", "swordfish\n", "swordfish\r\n", "swordfish\nand more\n"};
  for (const std::string& input : same) { EXPECT_EQ(run(input).status, well) << input; }
}

TEST_F(PasswordVerb, IsRefusedWhereNobodyCouldLogInWithIt) {
  const std::vector<std::string> bad{"",
                                     "\n",
                                     "a\tb\n",
                                     std::string("a\0b\n", 4),
                                     "a\x1b[A\n",
                                     "\xff\xfe\n",
                                     std::string(600, 'x'),
                                     std::string(3000, 'x'),
                                     std::string(73, 'x')};
  for (const std::string& input : bad) {
    const auto ran = run(input);
    EXPECT_EQ(ran.status, not_well) << testing::PrintToString(input);
    EXPECT_THAT(ran.err, StartsWith("password: "));
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST_F(PasswordVerb, IsOfAUserWhoCanStandInAFile) {
  for (const char* user : {"", "a:b", "#ada", " ada", "a\nb"}) {
    const auto ran = run("swordfish\n", {user, "--bcrypt"});
    EXPECT_EQ(ran.status, wrong_usage) << user;
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST_F(PasswordVerb, IsNeverRepeated) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--bcrypt"}, {"ada", "--bcrypt", "--json"}, {"a:b"}}) {
    const auto ran = run("swordfish\n", arguments);
    EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("swordfish")));
  }
}

// --- ticket ----------------------------------------------------------------------------------------------------------

class TicketVerb : public testing::Test {
 protected:
  TicketVerb() {
    folder.write("ticket.key", "0123456789abcdef0123456789abcdef\n");
    folder.write("robot.token", "0123456789abcdef0123456789abcdef\n");
  }

  std::string rules() const {
    return folder.write("site.yaml",
                        "listen: 127.0.0.1:0\n"
                        "auth:\n"
                        "  invite: {ticket: {secret: {file: ticket.key}, max_age: 2m}}\n"
                        "  guest: {ticket: {secret: {file: ticket.key}}}\n"
                        "  robot: {token: {secret: {file: robot.token}, user: robot}}\n"
                        "routes:\n"
                        "  - {name: desk, path: \"/desk/{id}\", auth: [robot, {all: [invite]}], to: \"echo:\"}\n"
                        "  - {name: open, path: /open, auth: none, to: \"echo:\"}\n"
                        "  - {name: other, path: /other, auth: guest, to: \"echo:\"}\n");
  }
  BasculeProcess::Ran run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"ticket", rules()});
    return BasculeProcess::run(arguments);
  }

  TemporaryFolder folder;
};

TEST_F(TicketVerb, StandsAloneOnStandardOutput) {
  const auto ran = run({"invite", "--route", "desk", "--user", "ada", "--group", "support", "--group", "desk",
                        "--address", "10.0.0.7", "--set", "id=7", "--set", "empty=", "--for", "30s"});
  EXPECT_EQ(ran.status, well) << ran.err;
  EXPECT_THAT(ran.out, MatchesRegex("bt1\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\n"));
}

TEST_F(TicketVerb, IsAnotherEachTime) {
  EXPECT_NE(run({"invite", "--route", "desk"}).out, run({"invite", "--route", "desk"}).out);
}

TEST_F(TicketVerb, IsToldToProgramsInJson) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const Json whole = Json::parse(run({"invite", "--route", "desk", "--json"}).out);
  EXPECT_THAT(whole.at("ticket").get<std::string>(), StartsWith("bt1."));
  EXPECT_GE(whole.at("expires").get<long>(), seconds + 120);
  const Json brief = Json::parse(run({"invite", "--route", "desk", "--json", "--for", "1s"}).out);
  EXPECT_LT(brief.at("expires").get<long>(), whole.at("expires").get<long>() - 60);
}

TEST_F(TicketVerb, SaysWhichThereAre) {
  struct Row {
    std::vector<std::string> arguments;
    std::string sentence;
  };
  const std::vector<Row> rows{
      {{"robot", "--route", "desk"}, "ticket: proof 'robot' is no ticket but 'token'; tickets are: guest, invite\n"},
      {{"invte", "--route", "desk"}, "ticket: there is no proof 'invte'; tickets are: guest, invite\n"},
      {{"invite", "--route", "dsk"}, "ticket: there is no route 'dsk'; routes that ask for it: desk\n"},
      {{"invite", "--route", "open"}, "ticket: route 'open' does not ask for 'invite'; routes that ask for it: desk\n"},
      {{"invite", "--route", "desk", "--for", "3m"}, "ticket: --for: '3m' is too long; 2m is the longest\n"},
      {{"invite", "--route", "desk", "--for", "30"}, "ticket: --for: '30' has no unit; write '30s' for seconds\n"},
      {{"invite", "--route", "desk", "--address", "desk.lan"},
       "ticket: --address: 'desk.lan' is no IP address and no network\n"},
      {{"invite", "--route", "desk", "--set", "id"}, "ticket: --set is written name=value; 'id' is not\n"},
      {{"invite", "--route", "desk", "--set", "id=1", "--set", "id=2"}, "ticket: --set has 'id' twice\n"},
      {{"invite", "--route", "desk", "--user", std::string(300, 'x')},
       "ticket: it would be refused: 'user' is no name\n"},
  };
  for (const Row& row : rows) {
    const auto ran = run(row.arguments);
    EXPECT_EQ(ran.status, wrong_usage) << row.sentence;
    EXPECT_EQ(ran.err, row.sentence);
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST_F(TicketVerb, NeedsAProofAndARoute) {
  EXPECT_EQ(BasculeProcess::run({"ticket"}).status, wrong_usage);
  EXPECT_EQ(run({"invite"}).status, wrong_usage);
}

TEST_F(TicketVerb, IsNotMintedFromRulesWithMistakes) {
  const std::string bad = folder.write("bad.yaml", "listen: 127.0.0.1:0\nroutes: []\n");
  const auto ran = BasculeProcess::run({"ticket", bad, "invite", "--route", "desk"});
  EXPECT_EQ(ran.status, not_well);
  EXPECT_THAT(ran.err, HasSubstr("bad.yaml:2:9: "));
  const auto json = BasculeProcess::run({"ticket", bad, "invite", "--route", "desk", "--json"});
  EXPECT_EQ(json.status, not_well);
  EXPECT_EQ(Json::parse(json.out).at("mistakes").size(), 1U);
}

// The secret is at work in it, and nowhere to be read.
TEST_F(TicketVerb, HoldsNoSecret) {
  const auto ran = run({"invite", "--route", "desk", "--json"});
  EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("0123456789abcdef")));
}

TEST_F(TicketVerb, OpensItsRouteAndOnlyThat) {
  const std::string file = rules();
  const auto told = [&](const std::string& url) { return BasculeProcess::run({"explain", file, url}); };
  std::string ticket = run({"invite", "--route", "desk", "--user", "ada", "--set", "id=7"}).out;
  ticket.pop_back();
  EXPECT_EQ(told("ws://localhost/desk/7?ticket=" + ticket).status, well);
  EXPECT_NE(told("ws://localhost/desk/8?ticket=" + ticket).status, well);
  EXPECT_NE(told("ws://localhost/other?ticket=" + ticket).status, well);
  EXPECT_THAT(told("ws://localhost/other?ticket=" + ticket).out, Not(HasSubstr(ticket)));
}

}  // namespace
}  // namespace bascule::test
