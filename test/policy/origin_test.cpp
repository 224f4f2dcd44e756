#include "proxy/policy/origin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bascule::policy {
namespace {

using testing::HasSubstr;

Origin origin(std::string_view text) {
  const auto parsed = parse_origin(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Origin());
}

// --- reading ---------------------------------------------------------------------------------------------------------

TEST(ParseOrigin, FillsInDefaultPortsAndLowersCase) {
  EXPECT_EQ(origin("https://example.org"), (Origin{"https", "example.org", 443}));
  EXPECT_EQ(origin("http://example.org"), (Origin{"http", "example.org", 80}));
  EXPECT_EQ(origin("ws://example.org"), (Origin{"ws", "example.org", 80}));
  EXPECT_EQ(origin("wss://example.org"), (Origin{"wss", "example.org", 443}));
  EXPECT_EQ(origin("HTTPS://Example.ORG:443"), (Origin{"https", "example.org", 443}));
  EXPECT_EQ(origin("http://127.0.0.1:6080"), (Origin{"http", "127.0.0.1", 6080}));
  EXPECT_EQ(origin("http://[2001:DB8:0:0::1]:6080"), (Origin{"http", "2001:db8::1", 6080}));
}

TEST(ParseOrigin, TakesTheSchemesOfAppsAndExtensions) {
  EXPECT_EQ(origin("capacitor://localhost"), (Origin{"capacitor", "localhost", 0}));
  EXPECT_EQ(origin("chrome-extension://abcdefghijklmnop"), (Origin{"chrome-extension", "abcdefghijklmnop", 0}));
}

TEST(ParseOrigin, KeepsTheDotAtTheEndOfAName) {
  EXPECT_EQ(origin("https://example.org."), (Origin{"https", "example.org.", 443}));
  EXPECT_EQ(origin("https://example.org.:8443"), (Origin{"https", "example.org.", 8443}));
}

TEST(ParseOrigin, RefusesWhatIsNotSchemeHostAndPort) {
  for (const char* text : {"",
                           "null",
                           "example.org",
                           "//example.org",
                           "https:",
                           "https://",
                           "https:///",
                           "https://example.org/",
                           "https://example.org/index.html",
                           "https://example.org?x",
                           "https://example.org#x",
                           "https://ada@example.org",
                           "https://ada:pw@example.org",
                           "https://example.org:",
                           "https://example.org:0",
                           "https://example.org:65536",
                           "https://example.org:44x",
                           "https://exa mple.org",
                           "https://example.org, https://example.org",
                           "file://",
                           "1http://example.org",
                           "ht_tp://example.org",
                           "://example.org",
                           "https://[::1",
                           "https://::1",
                           "https://b\xc3\xbc\x63her.example",
                           "https://example..org",
                           "https://127.1",
                           "https://0x7f.0.0.1",
                           "https://%65xample.org",
                           " https://example.org"}) {
    EXPECT_FALSE(parse_origin(text).has_value()) << text;
  }
}

TEST(ParseWrittenOrigin, TakesWsForHttp) {
  EXPECT_EQ(parse_written_origin("wss://example.org"), origin("https://example.org"));
  EXPECT_EQ(parse_written_origin("ws://example.org:8080"), origin("http://example.org:8080"));
  EXPECT_EQ(parse_written_origin("https://example.org"), origin("https://example.org"));
}

TEST(TextOfOrigin, WritesAPortOnlyWhereItIsNotTheDefault) {
  for (const char* text : {"https://example.org", "http://example.org:443", "http://[::1]:6080", "https://example.org.",
                           "capacitor://localhost"}) {
    EXPECT_EQ(text_of(origin(text)), text);
  }
  EXPECT_EQ(text_of(origin("https://EXAMPLE.org:443")), "https://example.org");
}

// --- judging ---------------------------------------------------------------------------------------------------------

constexpr const char* no_origin = nullptr;

struct Row {
  std::string_view own;  // as the Host of the request and the scheme give it
  const char* sent;
  bool same;    // admitted where `origins` is [same]
  bool listed;  // admitted where `origins` is ["https://good.com", "http://[::1]:6080", "capacitor://localhost"]
};

// The classics: RFC 6454, section 4, and what has gone wrong in others' allow-lists.
const std::vector<Row> rows{
    {"http://www.example.com", "http://www.example.com", true, false},
    {"http://www.example.com", "https://www.example.com", false, false},
    {"http://www.example.com", "http://img.example.com", false, false},
    {"http://www.example.com", "http://www.example.com:8080", false, false},
    {"http://www.example.com", "http://192.0.2.10:80", false, false},
    {"http://www.example.com", "http://www.example.com:80", true, false},
    {"http://www.example.com", "http://www.example.com:443", false, false},
    {"http://www.example.com:8080", "http://www.example.com", false, false},
    {"http://www.example.com:8080", "http://www.example.com:8080", true, false},
    {"https://good.com", "https://good.com", true, true},
    {"https://good.com", "https://good.com:443", true, true},
    {"https://good.com", "https://GOOD.com", true, true},
    {"https://good.com", "HTTPS://good.com", true, true},
    {"https://good.com", "https://good.com.", false, false},
    {"https://good.com.", "https://good.com.", true, false},
    {"https://good.com", "https://good.com.evil.com", false, false},
    {"https://good.com", "https://evilgood.com", false, false},
    {"https://good.com", "https://evil.com", false, false},
    {"https://good.com", "https://x.good.com", false, false},
    {"https://good.com", "https://good.co", false, false},
    {"https://good.com", "https://good.com:444", false, false},
    {"https://good.com", "http://good.com", false, false},
    {"https://good.com", "http://good.com:443", false, false},
    {"https://good.com", "wss://good.com", false, false},
    {"https://good.com", "https://good.com@evil.com", false, false},
    {"https://good.com", "https://ada@good.com", false, false},
    {"https://good.com", "https://good.com/", false, false},
    {"https://good.com", "https://good.com/page", false, false},
    {"https://good.com", "https://evil.com/https://good.com", false, false},
    {"https://good.com", "https://good.com:443x", false, false},
    {"https://good.com", "https://good.com https://evil.com", false, false},
    {"https://good.com", "https://good.com,https://evil.com", false, false},
    {"https://good.com", "good.com", false, false},
    {"https://good.com", "//good.com", false, false},
    {"https://good.com", "", false, false},
    {"https://good.com", "null", false, false},
    {"https://good.com", "NULL", false, false},
    {"https://good.com", "file://", false, false},
    {"https://good.com", "https://xn--gd-jkaa.com", false, false},
    {"https://good.com", "https://g\xd0\xbe\xd0\xbe\x64.com", false, false},
    {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example", true, false},
    {"https://xn--bcher-kva.example", "https://b\xc3\xbc\x63her.example", false, false},
    {"https://good.com", "chrome-extension://abcdefghijklmnop", false, false},
    {"https://good.com", "capacitor://localhost", false, true},
    {"https://good.com", "capacitor://localhost:1", false, false},
    {"http://[::1]:6080", "http://[::1]:6080", true, true},
    {"http://[::1]:6080", "http://[0:0:0:0:0:0:0:1]:6080", true, true},
    {"http://[::1]:6080", "http://[::1]", false, false},
    {"http://[::1]:6080", "http://[::2]:6080", false, false},
    {"http://[::1]:6080", "http://127.0.0.1:6080", false, false},
    {"http://[::1]:6080", "http://localhost:6080", false, false},
    {"http://127.0.0.1:6080", "http://127.0.0.1:6080", true, false},
    {"http://127.0.0.1:6080", "http://127.0.0.1:6081", false, false},
    {"http://127.0.0.1:6080", "http://127.1:6080", false, false},
    {"http://127.0.0.1:6080", "http://2130706433:6080", false, false},
    {"http://localhost:6080", "http://localhost:6080", true, false},
    {"http://localhost:6080", "http://127.0.0.1:6080", false, false},
    {"http://localhost:6080", no_origin, false, false},
};

TEST(JudgeOrigin, FollowsTheTable) {
  const OriginRule same{.same = true, .missing = false};
  const OriginRule listed{
      .same = false,
      .missing = false,
      .exact = {origin("https://good.com"), origin("http://[::1]:6080"), origin("capacitor://localhost")}};
  for (const Row& row : rows) {
    const std::string value = row.sent == nullptr ? "" : row.sent;
    const std::string* sent = row.sent == nullptr ? nullptr : &value;
    EXPECT_EQ(judge_origin(same, sent, origin(row.own)).admitted, row.same) << row.own << " from " << value;
    EXPECT_EQ(judge_origin(listed, sent, origin(row.own)).admitted, row.listed) << row.own << " from " << value;
  }
}

TEST(JudgeOrigin, AdmitsTheOpaqueOriginOnlyWhereItIsWritten) {
  const std::string null = "null";
  const Origin own = origin("http://localhost");
  EXPECT_TRUE(judge_origin({.same = false, .missing = false, .opaque = true}, &null, own).admitted);
  EXPECT_FALSE(judge_origin({}, &null, own).admitted);
}

TEST(JudgeOrigin, AdmitsAClientWithoutOriginOnlyWhereMissingIsWritten) {
  const Origin own = origin("http://localhost");
  EXPECT_TRUE(judge_origin({.same = false, .missing = true}, nullptr, own).admitted);
  EXPECT_FALSE(judge_origin({.same = true, .missing = false}, nullptr, own).admitted);
}

TEST(JudgeOrigin, AdmitsAllWhereAnyIsWritten) {
  const OriginRule any{.same = false, .missing = false, .any = true};
  const Origin own = origin("http://localhost");
  for (const std::string sent : {"https://evil.com", "null", "nonsense", ""}) {
    EXPECT_TRUE(judge_origin(any, &sent, own).admitted) << sent;
  }
  EXPECT_TRUE(judge_origin(any, nullptr, own).admitted);
}

TEST(JudgeOrigin, SaysWhatWasComparedAndWhichKeyWouldHelp) {
  const Origin own = origin("http://127.0.0.1:8080");
  const auto detail = [&](const OriginRule& rule, const char* sent) {
    const std::string value = sent == nullptr ? "" : sent;
    return judge_origin(rule, sent == nullptr ? nullptr : &value, own).detail;
  };
  EXPECT_EQ(detail({}, "https://a.example"),
            "got https://a.example, own origin seen as http://127.0.0.1:8080; another page that may connect? add "
            "'https://a.example' to origins");
  EXPECT_EQ(detail({}, "https://127.0.0.1"),
            "got https://127.0.0.1, own origin seen as http://127.0.0.1:8080; behind a proxy that ends TLS? add "
            "'https://127.0.0.1' to origins");
  EXPECT_EQ(
      detail({.same = false, .missing = false}, "http://127.0.0.1:8080"),
      "got http://127.0.0.1:8080, own origin seen as http://127.0.0.1:8080; this server's own page? add 'same' to "
      "origins");
  EXPECT_THAT(detail({.same = true, .missing = false}, nullptr), HasSubstr("add 'missing' to origins"));
  EXPECT_THAT(detail({}, "null"), HasSubstr("add 'opaque' to origins"));
}

// The detail goes to a log; a client must not draw lines or colours in it.
TEST(JudgeOrigin, ShowsForeignBytesAsEscapes) {
  const std::string sent = "https://a\x1b[31m\n.example";
  EXPECT_EQ(judge_origin({}, &sent, origin("http://localhost")).detail,
            "got 'https://a\\x1b[31m\\x0a.example', which is not scheme://host[:port]");
}

}  // namespace
}  // namespace bascule::policy
