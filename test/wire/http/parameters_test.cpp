#include "proxy/wire/http/parameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bascule::wire::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* none = "(not there)";

std::string parameter(std::string_view query, std::string_view name = "a") {
  return query_parameter(query, name).value_or(none);
}

TEST(QueryParameter, DecodesTheFirstOfItsName) {
  struct Case {
    std::string query;
    std::string value;
  };
  for (const Case& each : std::vector<Case>{
           {"a=1", "1"},
           {"b=2&a=1", "1"},
           {"a=1&a=2", "1"},
           {"a=", ""},
           {"a", ""},
           {"&&a=1&", "1"},
           {"a=1=2", "1=2"},
           {"a==", "="},
           {"%61=1", "1"},
           {"A=2&a=1", "1"},
           {"aa=2&a=1", "1"},
           {"a=x+y%2Bz", "x y+z"},
           {"a=%C3%A9", "\xc3\xa9"},
           {"a=b%26c%3Dd", "b&c=d"},
           {"a=%2e%2E%2f", "../"},
           {"a=%25zz", "%zz"},
           {"a=%252e", "%2e"},
           {"a=b;a=c", "b;a=c"},
       }) {
    EXPECT_EQ(parameter(each.query), each.value) << each.query;
  }
}

TEST(QueryParameter, KeepsABadEscapeAsItIsWritten) {
  for (const std::string_view value : {"%", "%2", "%zz", "%g0", "100%", "%%", "%u0041", "%-1", "% 1"}) {
    std::string query = "a=";
    query += value;
    EXPECT_EQ(parameter(query), value);
  }
  EXPECT_EQ(parameter("a=%%41"), "%A");
}

TEST(QueryParameter, IsNotThereWithoutOne) {
  for (const std::string_view query : {"", "&", "&&&", "=", "=1", "b=1", "b=a", "A=1", "a%=1", "b&c", "a%00=1"}) {
    EXPECT_EQ(parameter(query), none) << query;
  }
}

TEST(QueryParameter, IsNotThereWhenItIsNoText) {
  for (const std::string_view query : {"a=%00", "a=x%0d%0ay", "a=%1b[0m", "a=%7f", "a=%ff", "a=%C3", "a=%C0%AF",
                                       "a=%ED%A0%80", "a=%09", "a=%ff&a=1"}) {
    EXPECT_EQ(parameter(query), none) << query;
  }
}

TEST(QueryParameter, FindsANameThatNeedsEscapes) {
  EXPECT_EQ(parameter("a+b=1", "a b"), "1");
  EXPECT_EQ(parameter("a%20b=1", "a b"), "1");
  EXPECT_EQ(parameter("=1", ""), "1");
}

TEST(QueryParameter, TakesAsLongAsTheQueryIs) {
  std::string query;
  for (int i = 0; i < 20'000; ++i) { query += "&&b=%41%"; }
  EXPECT_EQ(parameter(query + "&a=1"), "1");
  EXPECT_EQ(parameter("a=" + std::string(100'000, '%')).size(), 100'000U);
}

TEST(QueryParameters, AreAllOfTheirNameInTheirOrder) {
  const auto values = [](std::string_view query) { return query_parameters(query, "a"); };
  EXPECT_THAT(values("a=1&b=2&%61=3&a&a=x+y"), ElementsAre("1", "3", "", "x y"));
  EXPECT_THAT(values("b=1&aa=2&A=3"), IsEmpty());
  EXPECT_THAT(values(""), IsEmpty());
  EXPECT_THAT(values("a=1&a=%ff&a=%0a"), ElementsAre("1", "\xff", "\n")) << "clean or not, they are there";
}

std::string cookie_of(const std::vector<std::string>& values, std::string_view name = "sid") {
  RequestHead head;
  for (const std::string& value : values) {
    head.fields.push_back({"x", "sid=another field's"});
    head.fields.push_back({"cookie", value});
  }
  return cookie(head, name).value_or(none);
}

TEST(Cookie, IsFoundByItsNameAsSent) {
  EXPECT_EQ(cookie_of({"sid=1"}), "1");
  EXPECT_EQ(cookie_of({"a=b; sid=1; c=d"}), "1");
  EXPECT_EQ(cookie_of({"a=b;sid=1;c=d"}), "1");
  EXPECT_EQ(cookie_of({"a=b;  \t sid=1  "}), "1");
  EXPECT_EQ(cookie_of({"sid="}), "");
  EXPECT_EQ(cookie_of({"sid=a=b=="}), "a=b==");
  EXPECT_EQ(cookie_of({"sid=a%20b+c"}), "a%20b+c") << "nothing is decoded";
  EXPECT_EQ(cookie_of({";;; sid=1"}), "1");
}

TEST(Cookie, IsTheFirstOfItsName) {
  EXPECT_EQ(cookie_of({"sid=1; sid=2"}), "1");
  EXPECT_EQ(cookie_of({"SID=2; sid=1"}), "1") << "names are case-sensitive";
  EXPECT_EQ(cookie_of({"xsid=2; sid2=3; sid=1"}), "1");
  EXPECT_EQ(cookie_of({"a=b", "sid=1; c=d", "sid=2"}), "1") << "several fields are one";
}

TEST(Cookies, AreAllOfTheirNameInTheirOrder) {
  RequestHead head;
  head.fields = {{"cookie", "sid=1; a=b; sid=\"2\""}, {"x", "sid=3"}, {"cookie", "sid=; SID=4;sid"}};
  EXPECT_THAT(cookies(head, "sid"), ElementsAre("1", "2", ""));
  EXPECT_THAT(cookies(head, "other"), IsEmpty());
}

TEST(Cookie, LosesOnePairOfQuotes) {
  EXPECT_EQ(cookie_of({"sid=\"1\""}), "1");
  EXPECT_EQ(cookie_of({"sid=\"\""}), "");
  EXPECT_EQ(cookie_of({"sid=\"\"1\"\""}), "\"1\"");
  EXPECT_EQ(cookie_of({"sid=\""}), "\"");
  EXPECT_EQ(cookie_of({"sid=\"1"}), "\"1");
  EXPECT_EQ(cookie_of({"sid=1\""}), "1\"");
}

TEST(Cookie, IsNotThereWithoutOne) {
  EXPECT_EQ(cookie_of({}), none);
  EXPECT_EQ(cookie_of({""}), none);
  EXPECT_EQ(cookie_of({"sid"}), none) << "a word without a value has no name";
  EXPECT_EQ(cookie_of({"Sid=1"}), none);
  EXPECT_EQ(cookie_of({"sid =1"}), none) << "no name ends in a space";
  EXPECT_EQ(cookie_of({"a=\"; sid=1", "b=c"}), "1") << "quotes hide no semicolon";
  EXPECT_EQ(cookie_of({"a=sid=1"}), none);
}

}  // namespace
}  // namespace bascule::wire::http
