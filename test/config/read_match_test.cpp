// Which requests a route is for: `host` with wildcards, paths with patterns, `match`.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Condition;
using policy::HostRule;
using testing::ElementsAre;

policy::Route matching(const std::string& keys) {
  return route_of("  to: a.b:1\n" + keys);
}

TEST(ReadMatch, ReadsHostsAndWhatIsBelowThem) {
  const HostRule host = matching("  host: [desk.example.org, \"*.Example.org\", \"*.lan.example.net\"]\n").host;
  EXPECT_EQ(host.kind, HostRule::Kind::named);
  EXPECT_EQ(host.names, std::vector<std::string>{"desk.example.org"});
  EXPECT_EQ(host.parents, (std::vector<std::string>{"example.org", "lan.example.net"}));
}

TEST(ReadMatch, ReadsPatternsOfCaptures) {
  const policy::Rules rules =
      rules_of("listen: :1\nroutes: {name: a, path: \"/desk/{id:[0-9]+}/*\", auth: none, to: \"a.b:1\"}\n");
  ASSERT_EQ(rules.routes.size(), 1U);
  const policy::PathRule& path = rules.routes[0]->path;
  ASSERT_EQ(path.segments.size(), 2U);
  ASSERT_TRUE(path.segments[1].pattern.has_value());
  EXPECT_TRUE(path.segments[1].pattern->matches("42"));
  EXPECT_FALSE(path.segments[1].pattern->matches("4x"));
  EXPECT_TRUE(path.prefix);
}

// In the order query, header, cookie, subprotocol, whatever the file has: `show` writes them so.
TEST(ReadMatch, ReadsConditions) {
  const auto conditions = matching(
                              "  match:\n"
                              "    subprotocol: [a, b]\n"
                              "    header: {X-Region: [eu, us], x-tier: gold}\n"
                              "    query: {version: 2, x-note: \"\"}\n"
                              "    cookie: {lab: \"yes\"}\n"
                              "    x-why: mine\n")
                              .conditions;
  using Of = Condition::Of;
  EXPECT_THAT(conditions,
              ElementsAre(Condition{Of::query, "version", {"2"}}, Condition{Of::query, "x-note", {""}},
                          Condition{Of::header, "x-region", {"eu", "us"}}, Condition{Of::header, "x-tier", {"gold"}},
                          Condition{Of::cookie, "lab", {"yes"}}, Condition{Of::subprotocol, "", {"a", "b"}}));
  EXPECT_TRUE(matching("").conditions.empty());
}

struct Row {
  std::string line;
  std::string mistake;
};

// Each row is one line of a route that has everything else, in line 7.
void expect_each(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_THAT(mistakes(one_route("  path: /vnc\n  auth: none\n  to: a.b:1\n  " + row.line + "\n")),
                ElementsAre(row.mistake))
        << row.line;
  }
}

TEST(ReadMatch, SaysWhatIsWrongWithAHost) {
  expect_each({
      {"host: \"*.org\"",
       "7:9: 'host' of route 'desk': '*.org' would take a whole top-level domain; a wildcard stands over two labels at "
       "least, as in '*.example.org'"},
      {"host: \"*\"", "7:9: 'host' of route 'desk': '*' is written 'any'"},
      {"host: [a.b, \"d*.example.org\"]",
       "7:15: 'host' of route 'desk': in 'd*.example.org' the '*' stands alone and first, as in '*.example.org'"},
  });
}

TEST(ReadMatch, SaysWhatIsWrongWithAPath) {
  const auto of_path = [](const std::string& path) {
    return mistakes(one_route("  path: " + path + "\n  auth: none\n  to: a.b:1\n"));
  };
  EXPECT_THAT(of_path("\"/{id}/{id:x}\""),
              ElementsAre("4:9: 'path' of route 'desk': '{id}' stands twice in '/{id}/{id:x}'"));
  EXPECT_THAT(of_path("\"/{id:[}\""),
              ElementsAre(testing::StartsWith("4:9: 'path' of route 'desk': the pattern of '{id:[}': ")));
}

TEST(ReadMatch, SaysWhatIsWrongWithAMatch) {
  const std::string match = " of 'match' of route 'desk'";
  expect_each({
      {"match: version=2",
       "7:10: 'match' of route 'desk' is a map: match: {query: {version: \"2\"}, header: {x-region: eu}}"},
      {"match: {}", "7:10: 'match' of route 'desk' is empty; query, header, cookie or subprotocol"},
      {"match: {headers: {a: b}}", "7:11: unknown key 'headers' in 'match' of route 'desk'; did you mean 'header'?"},
      {"match: {query: version}", "7:18: 'query'" + match + " is a map of names and values: query: {name: value}"},
      {"match: {query: {}}", "7:18: 'query'" + match + " is a map of names and values: query: {name: value}"},
      {"match: {query: {version: []}}", "7:28: 'version' of 'query'" + match + " is empty; it needs a value"},
      {"match: {query: {version}}", "7:19: 'version' of 'query'" + match + " has no value"},
      {"match: {query: {version: null}}", "7:28: 'version' of 'query'" + match +
                                              ": YAML reads null as no value at all; if the word is meant, put quotes "
                                              "around it: \"null\""},
      {"match: {query: {version: {a: b}}}", "7:28: 'version' of 'query'" + match + " takes words, not a map"},
      {"match: {query: {a: b, a: c}}", "7:25: key 'a' stands twice in 'query'" + match + "; the first is in line 7"},
      {"match: {header: {a b: c}}", "7:20: 'header'" + match + ": 'a b' is no name of a header"},
      {"match: {header: {X-a: b, x-A: c}}", "7:28: 'header'" + match + ": 'x-a' stands there twice"},
      {"match: {header: {x: \"a\\nb\"}}", "7:23: 'x' of 'header'" + match + ": 'a\\x0ab' is never sent"},
      {"match: {header: {x: \" a\"}}", "7:23: 'x' of 'header'" + match + ": ' a' is never sent"},
      {"match: {cookie: {\"a;b\": c}}", "7:20: 'cookie'" + match + ": 'a;b' is no name of a cookie"},
      {"match: {subprotocol: a b}",
       "7:24: 'subprotocol'" + match + ": 'a b' is no subprotocol; it has no spaces, commas or the like in it"},
      {"match: {subprotocol: []}", "7:24: 'subprotocol'" + match + " is empty; leave it out to take them all"},
  });
}

}  // namespace
}  // namespace bascule::config
