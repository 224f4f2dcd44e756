// YAML's own traps on the keys of rules: what happened, and the quotes that help.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using testing::ElementsAre;

struct Row {
  std::string lines;  // of a route; they begin in line 4
  std::string mistake;
};

void expect_each(const std::vector<Row>& rows) {
  for (const Row& row : rows) { EXPECT_THAT(mistakes(one_route(row.lines)), ElementsAre(row.mistake)) << row.lines; }
}

const std::string rest = "  path: /vnc\n  auth: none\n  to: a.b:1\n";

TEST(Traps, AreExplainedWhereAValueBeginsWithAStar) {
  expect_each({
      {rest + "  host: *.example.org\n",
       "7:9: YAML reads '*.example.org' as an alias, for it begins with '*'; put quotes around it: \"*.example.org\""},
      {rest + "  host: [a.b, *.example.org]\n",
       "7:15: YAML reads '*.example.org' as an alias, for it begins with '*'; put quotes around it: \"*.example.org\""},
      {rest + "  origins: *\n", "7:12: YAML reads '*' as an alias; the word for all of them is 'any'"},
  });
}

TEST(Traps, AreExplainedWhereAValueHasBraces) {
  expect_each({
      {"  path: {id}\n  auth: none\n  to: a.b:1\n",
       "4:9: 'path' of route 'desk': YAML reads this as a map; put quotes around it: \"{id}\""},
      {"  path: /x\n  auth: none\n  to: {path.id}:5900\n",
       "6:7: YAML reads '{...}' as a map; put quotes around it: \"{path.id}:5900\""},
      {"  path: /x\n  auth: none\n  to: {path.id}\n",
       "6:7: 'to' of route 'desk': YAML reads this as a map; put quotes around it: \"{path.id}\""},
      {"  path: /x\n  auth: none\n  to: {address: {host}, within: 10.0.0.0/8}\n",
       "6:17: 'address' of 'to' of route 'desk': YAML reads this as a map; put quotes around it: \"{host}\""},
      {"  path: /x\n  auth: none\n  to:\n    lookup:\n      table: /\n      key: {query.token}\n",
       "9:12: 'key' of 'lookup' of 'to' of route 'desk': YAML reads this as a map; put quotes around it: "
       "\"{query.token}\""},
  });
}

TEST(Traps, AreExplainedWhereAnAddressHasColons) {
  expect_each({
      {rest + "  allow: {addresses: [fe80::]}\n",
       "7:23: 'addresses' of 'allow' of route 'desk': YAML reads this as a map; put quotes around it: \"fe80::\""},
      {rest + "  allow:\n    addresses:\n    - fe80::\n",
       "9:7: 'addresses' of 'allow' of route 'desk': YAML reads this as a map; put quotes around it: \"fe80::\""},
      {"  path: /x\n  auth: none\n  to: {address: [::1]:5900}\n",
       "6:17: YAML reads '[...]' as a list; put quotes around it: \"[::1]:5900\""},
      {"  path: /x\n  auth: none\n  to: {echo:}\n",
       "6:7: 'to' of route 'desk': YAML reads this as a map; put quotes around it: \"echo:\""},
  });
}

// In a list of addresses the brackets are the list's, not the address's.
TEST(Traps, AreNoneWhereAListIsMeant) {
  EXPECT_THAT(mistakes(one_route(rest + "  allow: {addresses: [::1]}\n")), ElementsAre());
  EXPECT_THAT(mistakes(one_route(rest + "  allow: {addresses: [10.0.0.0/8, ::1, 2001:db8::/32]}\n")), ElementsAre());
  EXPECT_THAT(mistakes(one_route("  path: /x\n  auth: none\n  to: {address: \"a:1\", within: [::1]}\n")),
              ElementsAre());
}

TEST(Traps, AreExplainedWhereAWordIsNoValue) {
  expect_each({
      {rest + "  match: {query: {debug: null}}\n",
       "7:26: 'debug' of 'query' of 'match' of route 'desk': YAML reads null as no value at all; if the word is meant, "
       "put quotes around it: \"null\""},
      {rest + "  refuse:\n", "7:3: 'refuse' of route 'desk' has no value"},
      {rest + "  limits: {frames: ~}\n",
       "7:20: 'frames' of 'limits' of route 'desk': YAML reads ~ as no value at all; if the word is meant, put quotes "
       "around it: \"~\""},
      {rest + "  limits:\n", "7:3: 'limits' of route 'desk' is a map: limits: {sessions: 500}"},
  });
}

TEST(Traps, AreExplainedInAListener) {
  const std::string routes = "\nroutes: {name: a, path: /, auth: none, to: \"echo:\"}\n";
  EXPECT_THAT(mistakes("listen: {address: [::]:443}" + routes),
              ElementsAre("1:19: YAML reads '[...]' as a list; put quotes around it: \"[::]:443\""));
  EXPECT_THAT(
      mistakes("listen:\n- address: :1\n  public_url: *site" + routes),
      ElementsAre("3:15: YAML reads '*site' as an alias, for it begins with '*'; put quotes around it: \"*site\""));
  EXPECT_THAT(mistakes("listen: {address: \":1\", mode: 0660}" + routes),
              ElementsAre("1:31: 'mode' of a listener: only a Unix socket has one"));
}

}  // namespace
}  // namespace bascule::config
