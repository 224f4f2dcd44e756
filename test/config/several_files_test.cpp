// Several files, or a folder of them, as one set of rules.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using testing::ElementsAre;

const std::string route_a = "routes: {name: a, path: /a, auth: none, to: \"x.y:1\"}\n";
const std::string route_b = "routes: {name: b, path: /b, auth: none, to: \"x.y:1\"}\n";

std::vector<std::string> mistakes_at(const std::vector<std::string>& paths) {
  const auto reading = read_rules_at(paths);
  return reading ? std::vector<std::string>() : texts_with_files_of(reading.error());
}

TEST(SeveralFiles, AreReadInTheOrderOfTheirNames) {
  const TemporaryFolder folder;
  folder.write("20-b.yaml", "listen: :2\n" + route_b);
  folder.write("10-a.yaml", "listen: :1\nprocess: {workers: 3}\n" + route_a);
  folder.write("30-empty.yaml", "# nothing yet\n");
  folder.write("notes.txt", "not YAML: [");
  folder.write(".20-b.yaml.swp.yaml", "not YAML: [");
  folder.write("deeper/c.yaml", "not YAML: [");
  const Reading reading = reading_of(read_rules_at({folder.text()}));
  ASSERT_EQ(reading.rules.routes.size(), 2U);
  EXPECT_EQ(reading.rules.routes[0]->name, "a");
  EXPECT_EQ(reading.rules.routes[1]->name, "b");
  ASSERT_EQ(reading.rules.listeners.size(), 2U);
  EXPECT_EQ(reading.rules.listeners[0].name, ":1");
  EXPECT_EQ(reading.rules.process.workers, 3U);
  ASSERT_NE(reading.rules.index, nullptr);
  EXPECT_THAT(reading.files, ElementsAre(folder.text(), folder.text() + "/10-a.yaml", folder.text() + "/20-b.yaml",
                                         folder.text() + "/30-empty.yaml"));
}

TEST(SeveralFiles, AreReadInTheOrderTheyAreGiven) {
  const TemporaryFolder folder;
  const std::string one = folder.write("z.yaml", "listen: :1\n" + route_a);
  const std::string two = folder.write("a.yaml", route_b);
  const Reading reading = reading_of(read_rules_at({one, two}));
  ASSERT_EQ(reading.rules.routes.size(), 2U);
  EXPECT_EQ(reading.rules.routes[0]->name, "a");
  EXPECT_THAT(reading.files, ElementsAre(one, two));
}

// A route may name the listener and the service of any file, before or behind its own.
TEST(SeveralFiles, KnowEachOthersListenersAndServices) {
  const TemporaryFolder folder;
  folder.write("1.yaml", "routes: {name: a, listeners: out, path: /a, auth: none, to: broker}\n");
  folder.write("2.yaml", "listen: [{name: in, address: \":1\"}, {name: out, address: \":2\"}]\n");
  folder.write("3.yaml", "services: {broker: {address: \"x.y:1\"}}\n");
  const Reading reading = reading_of(read_rules_at({folder.text()}));
  ASSERT_EQ(reading.rules.routes.size(), 1U);
  EXPECT_EQ(reading.rules.routes[0]->service(), reading.rules.services.at("broker").get());
}

TEST(SeveralFiles, HaveDefaultsOfTheirOwn) {
  const TemporaryFolder folder;
  folder.write("1.yaml", "listen: :1\ndefaults: {host: one.example.org}\n" + route_a);
  folder.write("2.yaml", route_b);
  const Reading reading = reading_of(read_rules_at({folder.text()}));
  ASSERT_EQ(reading.rules.routes.size(), 2U);
  EXPECT_EQ(reading.rules.routes[0]->host.names, std::vector<std::string>{"one.example.org"});
  EXPECT_EQ(reading.rules.routes[1]->host.kind, policy::HostRule::Kind::addresses_and_localhost);
}

TEST(SeveralFiles, FindWhatTheyNameBesideThemselves) {
  const TemporaryFolder folder;
  folder.write("pages/index.html", "");
  folder.write("rules/1.yaml", "listen: :1\n" + route_a);
  const std::string other =
      folder.write("other.yaml", "routes: {name: p, path: /p/*, auth: none, files: {folder: pages}}\n");
  const Reading reading = reading_of(read_rules_at({(folder.path() / "rules").string(), other}));
  ASSERT_EQ(reading.rules.routes.size(), 2U);
  EXPECT_EQ(std::get<policy::Files>(reading.rules.routes[1]->to).folder, (folder.path() / "pages").string());
}

TEST(SeveralFiles, TellTheirMistakesAllAtOnce) {
  const TemporaryFolder folder;
  folder.write("1.yaml", "lissten: :1\n" + route_a);
  folder.write("2.yaml", "listen: [\n");
  folder.write("3.yaml", "- a\n");
  folder.write("4.yaml", "version: 2\nroutes: {name: b, path: b, auth: none, to: \"x.y:1\"}\n");
  EXPECT_THAT(mistakes_at({folder.text(), "/no/such.yaml"}),
              ElementsAre("1.yaml:1:1: unknown key 'lissten' in the rules file; did you mean 'listen'?",
                          testing::StartsWith("2.yaml:"),
                          "3.yaml:1:1: a rules file is a map; it begins with 'listen:' "
                          "and 'routes:'",
                          "4.yaml:1:10: version 2 of the rules language is not supported by this version of bascule; "
                          "it is 1",
                          "4.yaml:2:25: 'path' of route 'b': a path begins with '/': '/b'",
                          "such.yaml: cannot be read: No such file or directory"));
}

// What is missing may stand in the file that could not be read: one mistake, one message.
TEST(SeveralFiles, DoNotMissWhatABrokenFileMayHave) {
  const TemporaryFolder folder;
  folder.write("1.yaml", "listen: {name: in, address: \":1\"}\nservices: {s: {address: \"x.y:1\"}\n");
  folder.write("2.yaml", "routes: {name: a, listeners: in, path: /, auth: none, to: s}\n");
  EXPECT_THAT(mistakes_at({folder.text()}), ElementsAre(testing::StartsWith("1.yaml:")));
}

TEST(SeveralFiles, NameBothPlacesOfWhatStandsTwice) {
  const TemporaryFolder folder;
  const std::string one = folder.write("1.yaml",
                                       "listen: {name: in, address: \":1\"}\nservices: {s: {address: \"x.y:1\"}}\n"
                                       "process: {drain: 1s}\n" +
                                           route_a);
  folder.write("2.yaml",
               "listen:\n- {name: in, address: \":2\"}\n- {name: out, address: \"[::]:1\"}\n"
               "services: {s: {address: \"x.y:2\"}}\nprocess: {workers: 1}\n"
               "routes:\n- {name: a, path: /b, auth: none, to: \"x.y:1\"}\n"
               "- {name: c, path: /a, auth: none, to: \"x.y:1\"}\n");
  EXPECT_THAT(
      mistakes_at({folder.text()}),
      ElementsAre("2.yaml:2:3: the name 'in' is used twice; the first listener of that name is in " + one + ":1",
                  "2.yaml:3:3: '[::]:1' is listened at twice; the first is in " + one + ":1",
                  "2.yaml:4:12: the name 's' is used twice; the first service of that name is in " + one + ":2",
                  "2.yaml:5:10: 'process' stands in one file only; it is in " + one + ":3",
                  "2.yaml:7:10: the name 'a' is used twice; the first route of that name is in " + one + ":4",
                  "2.yaml:8:3: route 'c' can never match: route 'a' in " + one +
                      ":4 takes all it would; one of them is too many"));
}

TEST(SeveralFiles, NeedAListenerAndARouteBetweenThem) {
  const TemporaryFolder folder;
  folder.write("1.yaml", "version: 1\n");
  folder.write("2.yaml", "# nothing\n");
  EXPECT_THAT(mistakes_at({folder.text()}),
              ElementsAre("1.yaml: none of the rules files has a 'listen'; where should bascule wait? 'listen: "
                          "127.0.0.1:6080'",
                          "1.yaml: none of the rules files has 'routes'; without one nobody gets in"));
}

TEST(SeveralFiles, AreNotAnEmptyFolder) {
  const TemporaryFolder folder;
  folder.write("rules.yml", "listen: :1\n");
  const auto reading = read_rules_at({folder.text()});
  ASSERT_FALSE(reading.ok());
  ASSERT_EQ(reading.error().size(), 1U);
  EXPECT_EQ(reading.error()[0].place.text(), folder.text());
  EXPECT_EQ(reading.error()[0].text, "no file in this folder is called '*.yaml'");
}

TEST(SeveralFiles, AreAtLeastOne) {
  EXPECT_THAT(mistakes_at({}), ElementsAre(": no rules file is named"));
}

TEST(OneFile, IsRefusedWithTheReasonWhereItCannotBeRead) {
  const TemporaryFolder folder;
  EXPECT_THAT(mistakes_at({folder.text() + "/missing.yaml"}),
              ElementsAre("missing.yaml: cannot be read: No such file or directory"));
}

TEST(OneFile, IsRefusedAbove16MiB) {
  const TemporaryFolder folder;
  const std::string large = folder.write("large.yaml", "listen: :1\n");
  std::filesystem::resize_file(large, std::uintmax_t{100} * 1024 * 1024);
  EXPECT_THAT(mistakes_at({large}), ElementsAre("large.yaml: more than 16MiB; a rules file is not that large"));
  // A file whose size nobody tells has no end.
  EXPECT_THAT(mistakes_at({"/dev/zero"}), ElementsAre("zero: more than 16MiB; a rules file is not that large"));
}

}  // namespace
}  // namespace bascule::config
