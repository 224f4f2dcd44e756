#include "proxy/config/auth_words.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "test/config/parsing.hpp"

namespace bascule::config {
namespace {

using namespace std::chrono_literals;
using proof::CredentialPlace;
using proof::Url;
using In = CredentialPlace::In;

TEST(ProofName, StandsInLogsAndCookies) {
  EXPECT_EQ(value(parse_proof_name("staff-2_x")), "staff-2_x");
  EXPECT_EQ(value(parse_proof_name(std::string(64, 'a'))).size(), 64U);
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a.b"), std::string("a;b"),
                                 std::string("caf\xc3\xa9"), std::string(65, 'a'), std::string("none")}) {
    EXPECT_FALSE(parse_proof_name(bad).ok()) << bad;
  }
}

TEST(User, IsAnyTextWithoutControlCharacters) {
  EXPECT_EQ(value(parse_user("J\xc3\xbcrgen von X")), "J\xc3\xbcrgen von X");
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string("a\x7f"), std::string(256, 'a')}) {
    EXPECT_FALSE(parse_user(bad).ok()) << bad;
  }
}

TEST(CredentialPlace, HasANameThatCanBeSent) {
  EXPECT_EQ(value(parse_credential_place("query", "a b")), (CredentialPlace{.in = In::query, .name = "a b"}));
  EXPECT_EQ(value(parse_credential_place("cookie", "Session")), (CredentialPlace{.in = In::cookie, .name = "Session"}));
  EXPECT_EQ(value(parse_credential_place("header", "X-Token")), (CredentialPlace{.in = In::header, .name = "x-token"}));
  EXPECT_EQ(wrong(parse_credential_place("query", "")), "a parameter of the query has a name: {query: token}");
  EXPECT_EQ(wrong(parse_credential_place("header", "")), "'' cannot be the name of a header");
}

TEST(PassedField, BelongsToNoConnection) {
  EXPECT_EQ(value(parse_passed_field("X-Forwarded-For")), "x-forwarded-for");
  for (const char* field : {"connection", "upgrade", "host", "content-length", "transfer-encoding", "Te", "Expect",
                            "sec-websocket-key", "Sec-WebSocket-Protocol"}) {
    EXPECT_FALSE(parse_passed_field(field).ok()) << field;
  }
}

TEST(ParseUrl, ReadsWhereAndWhat) {
  EXPECT_EQ(value(parse_url("http://127.0.0.1:9091/verify", Scheme::http_or_https)),
            (Url{.secure = false, .host = "127.0.0.1", .port = 9091, .target = "/verify"}));
  EXPECT_EQ(value(parse_url("HTTPS://A.example", Scheme::https)),
            (Url{.secure = true, .host = "a.example", .port = 443, .target = "/"}));
  EXPECT_EQ(value(parse_url("http://a.example?x=1", Scheme::http_or_https)),
            (Url{.secure = false, .host = "a.example", .port = 80, .target = "/?x=1"}));
}

TEST(ParseUrl, RefusesWhatIsNotAskedFor) {
  for (const char* bad : {"", "a.example", "http:/a.example", "ftp://a.example/", "http://", "http:///x", "http://a b/",
                          "http://a.example/a b", "http://a.example:0/", "http://a.example:99999/", "http://ada@a.b/",
                          "http://a.b/#x", "http://a.b/\xc3\xa9", "http://a.b/\r\nX: y"}) {
    EXPECT_FALSE(parse_url(bad, Scheme::http_or_https).ok()) << bad;
  }
  EXPECT_FALSE(parse_url("http://a.example/", Scheme::https).ok());
  EXPECT_FALSE(parse_url("http://a.example/" + std::string(2000, 'x'), Scheme::http_or_https).ok());
}

// What stands in a URL may be a password; a sentence about it repeats the host at most.
TEST(ParseUrl, RepeatsNoMoreThanTheHost) {
  for (const char* bad :
       {"http://ada:hunter2@a.b/", "http://a.b/?key=hunter2#x", "http://a..b/hunter2", "http://a.b/hunter2 x"}) {
    EXPECT_EQ(wrong(parse_url(bad, Scheme::http_or_https)).find("hunter2"), std::string::npos) << bad;
  }
}

TEST(Fingerprint, IsReadAsProgramsPrintIt) {
  const std::string plain = "2f8c0b7d3a51e6942f8c0b7d3a51e6942f8c0b7d3a51e6942f8c0b7d3a51e694";
  std::string with_colons;
  std::string upper;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    upper += c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    if (i > 0 && i % 2 == 0) { with_colons += ':'; }
    with_colons += upper.back();
  }
  for (const std::string& written : {plain, upper, with_colons}) {
    EXPECT_EQ(value(parse_fingerprint(written)), plain) << written;
  }
  for (const std::string& bad : {std::string(), plain.substr(1), plain + "0", "x" + plain.substr(1), with_colons + ":",
                                 ":" + plain, "2f:8c" + plain.substr(4), plain.substr(0, 40)}) {
    EXPECT_FALSE(parse_fingerprint(bad).ok()) << bad;
  }
}

TEST(Seconds, AreWholeAndBounded) {
  EXPECT_EQ(value(parse_seconds("2m", 1h)), 120s);
  EXPECT_EQ(value(parse_seconds("2000ms", 1h)), 2s);
  EXPECT_EQ(value(parse_seconds("1h", 1h)), 1h);
  EXPECT_EQ(wrong(parse_seconds("61m", 1h)), "'61m' is too long; 1h is the longest");
  EXPECT_EQ(wrong(parse_seconds("3m", 90s)), "'3m' is too long; 90s is the longest");
  EXPECT_EQ(wrong(parse_seconds("none", 2min)), "'none' is no time here; 2m is the longest");
  EXPECT_EQ(wrong(parse_seconds("500ms", 1h)), "'500ms' is not a whole number of seconds");
  EXPECT_FALSE(parse_seconds("0s", 1h).ok());
  EXPECT_FALSE(parse_seconds("60", 1h).ok());
}

}  // namespace
}  // namespace bascule::config
