#include "proxy/proof/credential.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/base/base64.hpp"

namespace bascule::proof {
namespace {

using wire::http::Field;
using wire::http::RequestHead;
using In = CredentialPlace::In;
using namespace std::string_literals;

RequestHead head_with(std::vector<Field> fields) {
  RequestHead head;
  head.method = "GET";
  head.target = "/";
  head.fields = std::move(fields);
  return head;
}

// --- Bearer, header, cookie, query, subprotocol ----------------------------------------------------------------------

const std::vector<CredentialPlace> everywhere{
    {.in = In::authorization},          {.in = In::header, .name = "x-token"},     {.in = In::cookie, .name = "sid"},
    {.in = In::query, .name = "token"}, {.in = In::subprotocol, .name = "bearer"},
};

constexpr const char* none = "(none)";
constexpr const char* refused = "(refused)";

std::string found(const std::vector<Field>& fields, std::string_view query = {},
                  const std::vector<CredentialPlace>& places = everywhere) {
  const RequestHead head = head_with(fields);
  const auto credential = find_credential(places, {.head = &head, .query = query});
  if (!credential) { return refused; }
  return credential->value_or(none);
}

std::string why_refused(const std::vector<Field>& fields, std::string_view query = {}) {
  const RequestHead head = head_with(fields);
  const auto credential = find_credential(everywhere, {.head = &head, .query = query});
  return credential ? none : credential.error().why;
}

std::string offered(std::string_view credential) {
  return "bearer." + base64url(credential);
}

TEST(FindCredential, FindsItWhereverItMayStand) {
  EXPECT_EQ(found({}), none);
  EXPECT_EQ(found({{"authorization", "Bearer abc"}}), "abc");
  EXPECT_EQ(found({{"x-token", "abc"}}), "abc");
  EXPECT_EQ(found({{"cookie", "a=b; sid=abc"}}), "abc");
  EXPECT_EQ(found({}, "a=b&token=abc"), "abc");
  EXPECT_EQ(found({{"sec-websocket-protocol", "binary, " + offered("abc")}}), "abc");
}

TEST(FindCredential, LooksNowhereElse) {
  const std::vector<Field> fields{{"authorization", "Bearer abc"},
                                  {"x-token", "abc"},
                                  {"cookie", "sid=abc"},
                                  {"sec-websocket-protocol", offered("abc")}};
  EXPECT_EQ(found(fields, "token=abc", {}), none);
  EXPECT_EQ(found(fields, "token=abc", {{.in = In::cookie, .name = "other"}}), none);
  EXPECT_EQ(found(fields, "token=abc", {{.in = In::query, .name = "sid"}}), none);
  EXPECT_EQ(found(fields, "token=abc", {{.in = In::header, .name = "x-other"}}), none);
  EXPECT_EQ(found(fields, "token=abc", {{.in = In::subprotocol, .name = "other"}}), none);
}

TEST(FindCredential, TakesTheSameCredentialFromEveryPlace) {
  EXPECT_EQ(found({{"authorization", "Bearer abc"},
                   {"x-token", "abc"},
                   {"cookie", "sid=abc"},
                   {"sec-websocket-protocol", offered("abc")}},
                  "token=abc"),
            "abc");
}

// Abuse 49.
TEST(FindCredential, RefusesTwoThatDiffer) {
  EXPECT_EQ(found({}, "token=abc&token=abd"), refused);
  EXPECT_EQ(found({}, "token=abc&tok%65n=abd"), refused);
  EXPECT_EQ(found({{"authorization", "Bearer abc"}}, "token=abd"), refused);
  EXPECT_EQ(found({{"x-token", "abc"}, {"x-token", "abd"}}), refused);
  EXPECT_EQ(found({{"cookie", "sid=abc; sid=abd"}}), refused);
  EXPECT_EQ(found({{"cookie", "sid=abc"}, {"cookie", "sid=abd"}}), refused);
  EXPECT_EQ(found({{"sec-websocket-protocol", offered("abc") + ", " + offered("abd")}}), refused);
  EXPECT_EQ(found({{"sec-websocket-protocol", offered("abc")}, {"sec-websocket-protocol", offered("abd")}}), refused);
  EXPECT_EQ(found({{"cookie", "sid=abc"}, {"x-token", "abd"}}), refused);
  EXPECT_EQ(found({}, "token=abc&token=%FF"), refused) << "also one that is no text";
}

TEST(FindCredential, TakesTheSameOneTwice) {
  EXPECT_EQ(found({}, "token=abc&token=%61bc"), "abc");
  EXPECT_EQ(found({{"cookie", "sid=abc; sid=\"abc\""}}), "abc");
  EXPECT_EQ(found({{"x-token", "abc"}, {"x-token", "abc"}}), "abc");
}

TEST(FindCredential, TakesAnEmptyTextForNone) {
  EXPECT_EQ(found({}, "token="), none);
  EXPECT_EQ(found({}, "token"), none);
  EXPECT_EQ(found({}, "token=&token=abc"), "abc");
  EXPECT_EQ(found({{"cookie", "sid="}}), none);
  EXPECT_EQ(found({{"cookie", "sid=\"\""}}), none);
  EXPECT_EQ(found({{"x-token", ""}}), none);
  EXPECT_EQ(found({{"sec-websocket-protocol", "bearer."}}), none);
}

TEST(FindCredential, NamesThePlacesAndNeverTheCredential) {
  EXPECT_EQ(why_refused({{"authorization", "Bearer abc"}}, "token=abd"),
            "two credentials that differ, in Authorization and in query parameter 'token'");
  EXPECT_EQ(why_refused({}, "token=abc&token=abd"), "two credentials that differ in query parameter 'token'");
  EXPECT_EQ(why_refused({{"cookie", "sid=abc"}, {"sec-websocket-protocol", offered("abd")}}),
            "two credentials that differ, in cookie 'sid' and in subprotocol 'bearer.'");
  for (const std::vector<Field>& fields : std::vector<std::vector<Field>>{
           {{"authorization", "Bearer hush hush"}},
           {{"authorization", "Bearer hush"}, {"authorization", "Bearer hush"}},
           {{"sec-websocket-protocol", "bearer.hush!"}},
       }) {
    EXPECT_NE(why_refused(fields), none);
    EXPECT_EQ(why_refused(fields).find("hush"), std::string::npos) << why_refused(fields);
  }
}

TEST(FindCredential, ReadsAuthorizationAsRfc6750Says) {
  EXPECT_EQ(found({{"authorization", "bearer abc"}}), "abc");
  EXPECT_EQ(found({{"authorization", "BEARER   abc"}}), "abc");
  EXPECT_EQ(found({{"authorization", "Bearer a-Z0.9_~+/=="}}), "a-Z0.9_~+/==");
  EXPECT_EQ(found({{"authorization", "Basic YTpi"}}), none) << "another scheme";
  EXPECT_EQ(found({{"authorization", "Bearerabc"}}), none);
  EXPECT_EQ(found({{"authorization", "abc"}}), none);
  EXPECT_EQ(found({{"authorization", ""}}), none);
  for (const char* value : {"Bearer", "Bearer a b", "Bearer a,b", "Bearer \"a\"", "Bearer a=b",
                            "Bearer =", "Bearer a\tb", "Bearer caf\xc3\xa9", "Bearer token=\"a\""}) {
    EXPECT_EQ(found({{"authorization", value}}), refused) << value;
  }
}

TEST(FindCredential, RefusesTwoAuthorizationFieldsWhateverTheySay) {
  EXPECT_EQ(found({{"authorization", "Bearer abc"}, {"authorization", "Bearer abc"}}), refused);
  EXPECT_EQ(found({{"authorization", "Basic YTpi"}, {"authorization", "Bearer abc"}}), refused);
  EXPECT_EQ(found({{"authorization", "Basic YTpi"}, {"authorization", "Basic YTpi"}}), refused);
}

TEST(FindCredential, ReadsSubprotocolsAmongOthers) {
  EXPECT_EQ(found({{"sec-websocket-protocol", "binary"}, {"sec-websocket-protocol", offered("a.b.c") + ",base64"}}),
            "a.b.c");
  EXPECT_EQ(found({{"sec-websocket-protocol", "BEARER." + base64url("abc")}}), "abc");
  EXPECT_EQ(found({{"sec-websocket-protocol", "bearer"}}), none);
  EXPECT_EQ(found({{"sec-websocket-protocol", "bearerx." + base64url("abc")}}), none);
  EXPECT_EQ(found({{"sec-websocket-protocol", "x-bearer." + base64url("abc")}}), none);
  for (const char* bad : {"bearer.YQ==", "bearer.a", "bearer.a.b", "bearer.Y!", "bearer.YR", "bearer.a/b+"}) {
    EXPECT_EQ(found({{"sec-websocket-protocol", bad}}), refused) << bad;
  }
}

TEST(FindCredential, GivesALongOneAsItIs) {
  const std::string huge(64'000, 'x');
  EXPECT_EQ(found({{"authorization", "Bearer " + huge}}), huge);
  EXPECT_EQ(found({}, "token=" + huge), huge);
}

TEST(IsCredential, KnowsThemBySubprotocolOfThePlaces) {
  EXPECT_TRUE(is_credential("bearer.YWJj", everywhere));
  EXPECT_TRUE(is_credential("Bearer.not base64", everywhere)) << "not shown to anybody, however it is misspelt";
  EXPECT_TRUE(is_credential("bearer.", everywhere));
  EXPECT_FALSE(is_credential("bearer", everywhere));
  EXPECT_FALSE(is_credential("binary", everywhere));
  EXPECT_FALSE(is_credential("", everywhere));
  EXPECT_FALSE(is_credential("bearer.YWJj", {{.in = In::cookie, .name = "bearer"}}));
  EXPECT_FALSE(is_credential("bearer.YWJj", {}));
}

// --- Basic -----------------------------------------------------------------------------------------------------------

std::string basic(const std::string& field) {
  const RequestHead head = head_with({{"authorization", field}});
  const auto given = find_basic(head);
  if (!given) { return refused; }
  return *given ? (*given)->user + "|" + (*given)->password : none;
}

// RFC 7617, sections 2 and 2.1.
TEST(FindBasic, ReadsTheExamplesOfTheRfc) {
  EXPECT_EQ(basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "Aladdin|open sesame");
  EXPECT_EQ(basic("Basic dGVzdDoxMjPCow=="), "test|123\xc2\xa3");
}

TEST(FindBasic, TakesTheFirstColonAndAnyCaseOfTheScheme) {
  EXPECT_EQ(basic("basic " + base64("ada:a:b:")), "ada|a:b:");
  EXPECT_EQ(basic("BASIC  " + base64("ada:")), "ada|");
  EXPECT_EQ(basic("Basic " + base64("ada lovelace: x ")), "ada lovelace| x ");
}

TEST(FindBasic, LeavesOtherSchemesAlone) {
  for (const char* value : {"Bearer abc", "Digest username=\"a\"", "Basicx YTpi", "", "YTpi"}) {
    EXPECT_EQ(basic(value), none) << value;
  }
  EXPECT_TRUE(find_basic(head_with({{"proxy-authorization", "Basic YTpi"}, {"cookie", "a=b"}})).ok());
}

// Abuse 44.
TEST(FindBasic, RefusesWhatIsMalformed) {
  for (const std::string& credentials : {
           base64("no colon"),
           base64(""),
           base64(":no user"),
           base64(":"),
           base64("ada:a\nb"),
           base64("ada:a\rb"),
           base64("a\x01:b"),
           base64("ada:\x7f"),
           base64("ada:\0"s),
           base64("ada:a\tb"),
           base64("ada:caf\xe9"),
           base64("caf\xe9:ada"),
           base64("ada:\xc0\x80"),
           base64("ada:\xed\xa0\x80"),
           "YTpi="s,
           "YTpi=="s,
           "YTp"s,
           "YTo"s,
           "YTpi YTpi"s,
           "YT pi"s,
           "YTpi,"s,
           "Y%Tpi"s,
           "YTpj\xc3\xa9"s,
           "YWRhOmE_"s,
           "YTr="s,
           ""s,
           "user:password"s,
       }) {
    EXPECT_EQ(basic("Basic " + credentials), refused) << testing::PrintToString(credentials);
  }
  EXPECT_EQ(basic("Basic"), refused);
}

TEST(FindBasic, RefusesMoreThanFourKibibytes) {
  const std::string fits = base64("ada:" + std::string(3068, 'x'));
  ASSERT_EQ(fits.size(), basic_bytes_max);
  EXPECT_NE(basic("Basic " + fits), refused);
  EXPECT_EQ(basic("Basic " + base64("ada:" + std::string(3069, 'x'))), refused);
  EXPECT_EQ(basic("Basic " + base64("ada:" + std::string(64'000, 'x'))), refused);
}

TEST(FindBasic, RefusesTwoAuthorizationFields) {
  for (const char* second : {"Basic YTpi", "Bearer abc", ""}) {
    EXPECT_FALSE(find_basic(head_with({{"authorization", "Basic YTpi"}, {"authorization", second}})).ok());
  }
}

TEST(FindBasic, NeverRepeatsWhatWasSent) {
  for (const std::string& credentials : {base64("hush"), "hush!"s, base64("hush:hush\n")}) {
    const auto given = find_basic(head_with({{"authorization", "Basic " + credentials}}));
    ASSERT_FALSE(given.ok());
    EXPECT_EQ(given.error().why.find("hush"), std::string::npos);
  }
}

}  // namespace
}  // namespace bascule::proof
