// The `to` of a route: names of services, and tables to look things up in.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Lookup;
using testing::ElementsAre;

std::string rules_with_lookup(const std::string& lookup) {
  return one_route("  path: /room\n  auth: none\n  to: {lookup: " + lookup + "}\n");
}

TEST(ReadTarget, FindsATableBesideItsFile) {
  const TemporaryFolder folder;
  folder.write("tokens.d/a", "red: red.lan:5900\nblue: unix:/run/blue.sock\n");
  folder.write("tokens.d/b", "red: redder.lan:5900\n");
  const std::string file = folder.write("rules.yaml", rules_with_lookup("{table: tokens.d, key: \"{query.token}\"}"));
  const Reading reading = reading_of(read_rules_at({file}));
  ASSERT_EQ(reading.rules.routes.size(), 1U);
  const auto& lookup = std::get<Lookup>(reading.rules.routes[0]->service()->where);
  EXPECT_EQ(lookup.key.text(), "{query.token}");
  EXPECT_EQ(lookup.table->path(), (folder.path() / "tokens.d").string());
  const auto table = lookup.table->current();
  EXPECT_EQ(table->size(), 2U);
  EXPECT_EQ(table->find("red")->text(), "redder.lan:5900");
  ASSERT_EQ(reading.rules.tables().size(), 1U);
  EXPECT_EQ(reading.rules.tables()[0], lookup.table);
}

TEST(ReadTarget, SharesATable) {
  const TemporaryFolder folder;
  folder.write("tokens", "red: red.lan:5900\n");
  const std::string file =
      folder.write("rules.yaml",
                   "listen: 127.0.0.1:1\nroutes:\n"
                   "- {name: a, path: /a, auth: none, to: {lookup: {table: tokens, key: \"{query.a}\"}}}\n"
                   "- {name: b, path: /b, auth: none, to: {lookup: {table: ./tokens, key: \"{query.b}\"}, within: "
                   "10.0.0.0/8}}\n");
  const Reading reading = reading_of(read_rules_at({file}));
  ASSERT_EQ(reading.rules.routes.size(), 2U);
  EXPECT_EQ(std::get<Lookup>(reading.rules.routes[0]->service()->where).table,
            std::get<Lookup>(reading.rules.routes[1]->service()->where).table);
  EXPECT_EQ(reading.rules.routes[1]->service()->within.size(), 1U);
}

// What one line of a table says must not stop the others.
TEST(ReadTarget, WarnsOfLinesThatCannotBeRead) {
  const TemporaryFolder folder;
  folder.write("tokens", "# comment\nred: red.lan:5900\nnonsense\nblue: nowhere\n");
  const std::string file = folder.write("rules.yaml", rules_with_lookup("{table: tokens, key: \"{query.token}\"}"));
  const Reading reading = reading_of(read_rules_at({file}));
  const auto texts = texts_with_files_of(reading.warnings);
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_TRUE(texts[0].starts_with("tokens:3:1: ")) << texts[0];
  EXPECT_TRUE(texts[1].starts_with("tokens:4:1: ")) << texts[1];
}

TEST(ReadTarget, SaysWhatIsWrongWithALookup) {
  const TemporaryFolder folder;
  const std::string tokens = folder.write("tokens", "red: red.lan:5900\n");
  struct Row {
    std::string lookup;
    std::string mistake;
  };
  const std::string lookup = " of 'lookup' of 'to' of route 'desk'";
  const std::vector<Row> rows{
      {tokens, "6:16: 'lookup' of 'to' of route 'desk' is a map: lookup: {table: tokens.d, key: \"{query.token}\"}"},
      {"{key: \"{host}\"}", "6:16: 'lookup' of 'to' of route 'desk' has no 'table': 'table: tokens.d'"},
      {"{table: " + tokens + "}", "6:16: 'lookup' of 'to' of route 'desk' has no 'key': 'key: \"{query.token}\"'"},
      {"{table: /no/such, key: \"{host}\"}", "6:24: 'table'" + lookup + ": there is no '/no/such'"},
      {"{table: /dev/null, key: \"{host}\"}",
       "6:24: 'table'" + lookup + ": '/dev/null' is neither a file nor a folder"},
      {"{table: \"redis://localhost/1\", key: \"{host}\"}",
       "6:24: 'table'" + lookup + ": a table in Redis is not supported by this version of bascule"},
      {"{key: token, table: " + tokens + "}",
       "6:22: 'key'" + lookup +
           ": 'token' is the same for every visitor; a word of his stands in braces: "
           "\"{query.token}\""},
      {"{key: \"{path.id}\", table: " + tokens + "}",
       "6:7: 'to' of route 'desk': there is no '{id}' in the path '/room'"},
      {"{key: {query.token}, table: " + tokens + "}",
       "6:22: 'key'" + lookup + ": YAML reads this as a map; put quotes around it: \"{query.token}\""},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(mistakes(rules_with_lookup(row.lookup)), ElementsAre(row.mistake)) << row.lookup;
  }
}

TEST(ReadTarget, NamesTheServiceThatWasMeant) {
  const std::string services = "services: {broker: {address: \"a:1\"}}\n";
  const auto of_to = [&](const std::string& to) {
    return mistakes(services + one_route("  path: /\n  auth: none\n  to: " + to + "\n"));
  };
  EXPECT_THAT(of_to("brokr"),
              ElementsAre("7:7: 'to' of route 'desk': there is no service 'brokr'; did you mean 'broker'?"));
  EXPECT_THAT(of_to("desktop"),
              ElementsAre("7:7: 'to' of route 'desk': there is no service 'desktop'; for a host write its port: "
                          "'desktop:5900'"));
  EXPECT_THAT(of_to("{service: broker}"),
              ElementsAre("7:7: 'to' of route 'desk' has no 'address'; where is the service? 'address: host:port'",
                          "7:8: unknown key 'service' in 'to' of route 'desk'"));
}

// A service with a mistake is still there for the routes that name it: one mistake, one message.
TEST(ReadTarget, TakesAServiceWithAMistakeForOne) {
  EXPECT_THAT(mistakes("services: {broker: {address: \"a\"}}\n" + one_route("  path: /\n  auth: none\n  to: broker\n")),
              ElementsAre("1:30: 'address' of service 'broker': 'a' has no port; write 'host:port'"));
}

TEST(ReadTarget, AsksForAMapWhereATextHasWords) {
  EXPECT_THAT(
      mistakes(one_route("  path: \"/{id}\"\n  auth: none\n  to: d-{path.id}:1\n")),
      ElementsAre("6:7: 'to' of route 'desk': 'd-{path.id}:1' is made from the visitor's words, so it needs the "
                  "networks it may lead to; write {address: \"d-{path.id}:1\", within: [10.20.0.0/16]}"));
}

}  // namespace
}  // namespace bascule::config
