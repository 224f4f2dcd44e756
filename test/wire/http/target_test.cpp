#include "proxy/wire/http/target.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bascule::wire::http {
namespace {

using Segments = std::vector<std::string>;

TEST(ParseTarget, TakesThePathApartAndDecodesItOnce) {
  const std::vector<std::pair<std::string, Segments>> cases{
      {"/", {""}},
      {"/vnc", {"vnc"}},
      {"/a/b%20c/", {"a", "b c", ""}},
      {"//a", {"", "a"}},
      {"/a//b", {"a", "", "b"}},
      {"/%76nc", {"vnc"}},
      {"/%252e%252e/x", {"%2e%2e", "x"}},
      {"/...", {"..."}},
      {"/.hidden", {".hidden"}},
      {"/a..", {"a.."}},
      {"/~root", {"~root"}},
      {"/C:", {"C:"}},
      {"/caf%C3%A9", {"caf\xc3\xa9"}},
      {"/a+b", {"a+b"}},
      {"/a%3Fb%23c%25", {"a?b#c%"}},
      {"/-._~!$&'()*+,;=:@|^[]{}", {"-._~!$&'()*+,;=:@|^[]{}"}},
  };
  for (const auto& [raw, segments] : cases) {
    const auto target = parse_target(raw);
    ASSERT_TRUE(target) << raw;
    EXPECT_EQ(target->segments, segments) << raw;
    EXPECT_EQ(target->path, raw);
    EXPECT_EQ(target->query, "");
    EXPECT_EQ(target->authority, "");
  }
}

TEST(ParseTarget, KeepsTheQueryAsWritten) {
  const auto target = parse_target("/vnc?token=a%2Fb&x=../..?&%zz");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/vnc");
  EXPECT_EQ(target->segments, Segments{"vnc"});
  EXPECT_EQ(target->query, "token=a%2Fb&x=../..?&%zz");
  EXPECT_EQ(parse_target("/vnc?")->query, "");
  EXPECT_EQ(parse_target("/vnc?")->path, "/vnc");
}

TEST(ParseTarget, ReadsTheAbsoluteForm) {
  const auto target = parse_target("http://Desk.example.org:8080/vnc/a?b");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->authority, "Desk.example.org:8080");
  EXPECT_EQ(target->path, "/vnc/a");
  EXPECT_EQ(target->segments, (Segments{"vnc", "a"}));
  EXPECT_EQ(target->query, "b");

  const auto bare = parse_target("HTTPS://[::1]");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->authority, "[::1]");
  EXPECT_EQ(bare->path, "/");
  EXPECT_EQ(bare->segments, Segments{""});

  const auto query_only = parse_target("http://h?q");
  ASSERT_TRUE(query_only);
  EXPECT_EQ(query_only->authority, "h");
  EXPECT_EQ(query_only->path, "/");
  EXPECT_EQ(query_only->query, "q");
}

TEST(ParseTarget, RefusesOtherForms) {
  for (const std::string_view raw : {"",
                                     "*",
                                     "admin",
                                     "host:80",
                                     "?a",
                                     "#",
                                     "ftp://h/",
                                     "ws://h/",
                                     "http:/h/",
                                     "http//h/",
                                     "http://",
                                     "http:///a",
                                     "http://?q",
                                     "http://user@h/",
                                     "http://u:p@h/",
                                     "http://h:0/",
                                     "http://a b/",
                                     "http://127.1/",
                                     "http://h%20/",
                                     ":",
                                     "http:"}) {
    EXPECT_FALSE(parse_target(raw)) << raw;
  }
}

TEST(ParseTarget, RefusesFragmentsAndBytesThatNeedEscapes) {
  for (const std::string_view raw : {"/a#b", "/#", "/?a#b", "http://h/#", "/a b", "/a\tb", "/\x7f", "/\x80",
                                     "/caf\xc3\xa9", "/?\xff", "/a\r\nb", "/\x1b"}) {
    EXPECT_FALSE(parse_target(raw)) << raw;
  }
  EXPECT_FALSE(parse_target(std::string_view("/\0", 2)));
}

TEST(ParseTarget, RefusesEveryWayUpwards) {
  for (const std::string_view raw : {"/.",
                                     "/..",
                                     "/../",
                                     "/a/../b",
                                     "/a/..",
                                     "/./a",
                                     "/a/.",
                                     "/%2e%2e/",
                                     "/%2E%2e",
                                     "/.%2e/",
                                     "/%2e./a",
                                     "/%2e",
                                     "/..%2f",
                                     "/..%5c",
                                     "/..\\",
                                     "\\..",
                                     "/a\\b",
                                     "/%5C",
                                     "/%2F",
                                     "/%2f%2fevil.com",
                                     "//evil.com/..",
                                     "http://h/..",
                                     "http://h/%2e%2e/x"}) {
    EXPECT_FALSE(parse_target(raw)) << raw;
  }
}

TEST(ParseTarget, RefusesBadEscapes) {
  for (const std::string_view raw :
       {"/%",   "/%4",  "/a%",        "/%g0",          "/%0g", "/% 41",          "/%%41",   "/%u0041",
        "/%00", "/%0a", "/%0D%0A",    "/%1f",          "/%7f", "/%c0%ae%c0%ae/", "/%c0%af", "/%e0%80%af",
        "/%ff", "/%80", "/%ed%a0%80", "/%f4%90%80%80", "/%c3", "/%c3/%a9"}) {
    EXPECT_FALSE(parse_target(raw)) << raw;
  }
}

}  // namespace
}  // namespace bascule::wire::http
