#include "proxy/config/paths.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/parsing.hpp"

namespace bascule::config {
namespace {

// "lit|{cap}|lit" and a '*' at the end of a prefix.
std::string outline(const policy::PathRule& rule) {
  std::string text;
  for (const auto& segment : rule.segments) {
    text += (text.empty() ? "" : "|") + (segment.capture.empty() ? "'" + segment.literal + "'" : segment.capture) +
            (segment.pattern ? ":" + segment.pattern->text() : "");
  }
  return text + (rule.prefix ? "*" : "");
}

TEST(ParsePath, CutsAPathIntoSegments) {
  EXPECT_EQ(outline(value(parse_path("/"))), "''");
  EXPECT_EQ(outline(value(parse_path("/vnc"))), "'vnc'");
  EXPECT_EQ(outline(value(parse_path("/vnc/"))), "'vnc'|''");
  EXPECT_EQ(outline(value(parse_path("/*"))), "*");
  EXPECT_EQ(outline(value(parse_path("/novnc/*"))), "'novnc'*");
  EXPECT_EQ(outline(value(parse_path("/desk/{id}/x/{part_2}"))), "'desk'|id|'x'|part_2");
  EXPECT_EQ(outline(value(parse_path("/desk/{id}/*"))), "'desk'|id*");
  EXPECT_EQ(outline(value(parse_path("/a%20b/c d/%c3%bc"))), "'a b'|'c d'|'\xc3\xbc'");
  EXPECT_EQ(outline(value(parse_path("/desk/{id:[0-9]{1,3}}/{rest:a?[#?]*}"))), "'desk'|id:[0-9]{1,3}|rest:a?[#?]*");
  EXPECT_EQ(outline(value(parse_path("/{id:(a|b)*}/*"))), "id:(a|b)**");
  EXPECT_EQ(value(parse_path("/a%20b")).written, "/a%20b");
}

TEST(ParsePath, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"vnc", "a path begins with '/': '/vnc'"},
      {"", "a path begins with '/': '/'"},
      {"*", "a path begins with '/': '/*'"},
      {"/a?b=c", "'/a?b=c' has more than a path in it: a path has no '?' and no '#'"},
      {"/a#b", "'/a#b' has more than a path in it: a path has no '?' and no '#'"},
      {"//", "'//' has an empty segment in it ('//')"},
      {"//*", "'//*' has an empty segment in it ('//')"},
      {"/a//b", "'/a//b' has an empty segment in it ('//')"},
      {"/x*", "'*' stands alone and last, as in '/novnc/*'; here it is in 'x*'"},
      {"/*/x", "'*' stands alone and last, as in '/novnc/*'; here it is in '*'"},
      {"/**", "'*' stands alone and last, as in '/novnc/*'; here it is in '**'"},
      {"/desk-{id}", "in 'desk-{id}' the braces take a part of a segment; they take a whole one: '/desk/{id}'"},
      {"/{id", "in '{id' the braces take a part of a segment; they take a whole one: '/desk/{id}'"},
      {"/{}", "'{}' is no name of a part of a path; letters, digits and '_' make one: '{id}'"},
      {"/{1a}", "'{1a}' is no name of a part of a path; letters, digits and '_' make one: '{id}'"},
      {"/{a.b}", "'{a.b}' is no name of a part of a path; letters, digits and '_' make one: '{id}'"},
      {"/{1a:x}", "'1a' is no name of a part of a path; letters, digits and '_' make one: '{id}'"},
      {"/{:x}", "'' is no name of a part of a path; letters, digits and '_' make one: '{id}'"},
      {"/{id:[^/]+}", "a pattern has no '/' in it, for a capture takes one segment; here it is in '{id:[^/]+}'"},
      {"/a/{id:x/y}/b", "a pattern has no '/' in it, for a capture takes one segment; here it is in '{id:x/y}/b'"},
      {"/{a}{b}", "'{a}{b}' is no name of a part of a path; letters, digits and '_' make one: '{id}'"},
      {"/x{id:[0-9]+}", "in 'x{id:[0-9]+}' the braces take a part of a segment; they take a whole one: '/desk/{id}'"},
      {"/{id}/{id}", "'{id}' stands twice in '/{id}/{id}'"},
      {"/a/../b", "no request ever has the segment '..'"},
      {"/%2e%2e", "no request ever has the segment '%2e%2e'"},
      {"/a%2fb", "no request ever has the segment 'a%2fb'"},
      {"/%zz", "no request ever has the segment '%zz'"},
      {"/a\\b", "no request ever has the segment 'a\\x5cb'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_path(text)), sentence); }
}

TEST(ParsePath, SaysWhatIsWrongWithAPattern) {
  EXPECT_TRUE(wrong(parse_path("/{id:[0-9}")).starts_with("the pattern of '{id:[0-9}': "))
      << wrong(parse_path("/{id:[0-9}"));
  EXPECT_TRUE(wrong(parse_path("/{id:}")).starts_with("the pattern of '{id:}': ")) << wrong(parse_path("/{id:}"));
}

TEST(ParsePath, TakesPathsOfAtMost4096Bytes) {
  EXPECT_TRUE(parse_path("/" + std::string(4095, 'x')).ok());
  EXPECT_EQ(wrong(parse_path("/" + std::string(4096, 'x'))), "a path has at most 4096 bytes");
}

}  // namespace
}  // namespace bascule::config
