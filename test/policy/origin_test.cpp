#include "proxy/policy/origin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bascule::policy {
namespace {

using testing::HasSubstr;
using testing::Not;

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

TEST(ParseWrittenOriginBelow, TakesAWildcardInFrontOfAName) {
  EXPECT_EQ(parse_written_origin_below("https://*.example.org"), origin("https://example.org"));
  EXPECT_EQ(parse_written_origin_below("HTTPS://*.Example.ORG:443"), origin("https://example.org"));
  EXPECT_EQ(parse_written_origin_below("http://*.example.org:8080"), origin("http://example.org:8080"));
  EXPECT_EQ(parse_written_origin_below("wss://*.a.example.org"), origin("https://a.example.org"));
}

TEST(ParseWrittenOriginBelow, RefusesEverythingElse) {
  for (const char* text :
       {"", "*", "*.example.org", "https://example.org", "https://*", "https://*.", "https://*.org",
        "https://*.localhost", "https://*example.org", "https://x.*.example.org", "https://*.*.example.org",
        "https://*.example.org.", "https://*.example.org/", "https://*.192.0.2.7", "https://*.[::1]",
        "https://*.example.org:0", "*://*.example.org", "https://ada@*.example.org", "https://*.ada@example.org"}) {
    EXPECT_FALSE(parse_written_origin_below(text).has_value()) << text;
  }
}

TEST(TextOfOrigin, WritesAWildcardAsItIsRead) {
  for (const char* text : {"https://*.example.org", "http://*.example.org:8080"}) {
    EXPECT_EQ(text_of_below(parse_written_origin_below(text).value_or(Origin())), text);
  }
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

OwnOrigin seen(std::string_view text, OwnOrigin::By by = OwnOrigin::By::request) {
  return {.origin = origin(text), .by = by};
}

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
    EXPECT_EQ(judge_origin(same, sent, seen(row.own)).admitted, row.same) << row.own << " from " << value;
    EXPECT_EQ(judge_origin(listed, sent, seen(row.own)).admitted, row.listed) << row.own << " from " << value;
  }
}

struct BelowRow {
  std::string sent;
  bool admitted;  // where `origins` is ["https://*.good.com", "http://*.good.com:8080"]
};

TEST(JudgeOrigin, AdmitsPagesBelowAWrittenParentOnly) {
  const OriginRule rule{.same = false,
                        .missing = false,
                        .below = {*parse_written_origin_below("https://*.good.com"),
                                  *parse_written_origin_below("http://*.good.com:8080")}};
  for (const BelowRow& row : {
           BelowRow{"https://a.good.com", true},
           BelowRow{"https://a.b.good.com", true},
           BelowRow{"https://A.GOOD.com", true},
           BelowRow{"https://a.good.com:443", true},
           BelowRow{"https://xn--bcher-kva.good.com", true},
           BelowRow{"http://a.good.com:8080", true},
           BelowRow{"https://good.com", false},
           BelowRow{"https://.good.com", false},
           BelowRow{"https://evilgood.com", false},
           BelowRow{"https://good.com.evil.com", false},
           BelowRow{"https://a.good.com.evil.com", false},
           BelowRow{"https://evil.com/a.good.com", false},
           BelowRow{"https://evil.com#a.good.com", false},
           BelowRow{"https://evil.com?.good.com", false},
           BelowRow{"https://evil.com\\.good.com", false},
           BelowRow{"https://a.good.com@evil.com", false},
           BelowRow{"https://evil.com@a.good.com", false},
           BelowRow{"https://a.good.com.", false},
           BelowRow{"https://a.good.com:444", false},
           BelowRow{"https://a.good.com:8080", false},
           BelowRow{"http://a.good.com", false},
           BelowRow{"wss://a.good.com", false},
           BelowRow{"https://*.good.com", false},
           BelowRow{"https://a.good.co", false},
           BelowRow{"https://a,https://b.good.com", false},
           BelowRow{"https://[::1].good.com", false},
           BelowRow{"https://\xc3\xa4.good.com", false},
           BelowRow{"null", false},
       }) {
    EXPECT_EQ(judge_origin(rule, &row.sent, seen("https://own.example")).admitted, row.admitted) << row.sent;
  }
}

TEST(JudgeOrigin, AdmitsTheOpaqueOriginOnlyWhereItIsWritten) {
  const std::string null = "null";
  const OwnOrigin own = seen("http://localhost");
  EXPECT_TRUE(judge_origin({.same = false, .missing = false, .opaque = true}, &null, own).admitted);
  EXPECT_FALSE(judge_origin({}, &null, own).admitted);
}

TEST(JudgeOrigin, AdmitsAClientWithoutOriginOnlyWhereMissingIsWritten) {
  const OwnOrigin own = seen("http://localhost");
  EXPECT_TRUE(judge_origin({.same = false, .missing = true}, nullptr, own).admitted);
  EXPECT_FALSE(judge_origin({.same = true, .missing = false}, nullptr, own).admitted);
}

TEST(JudgeOrigin, AdmitsAllWhereAnyIsWritten) {
  const OriginRule any{.same = false, .missing = false, .any = true};
  const OwnOrigin own = seen("http://localhost");
  for (const std::string sent : {"https://evil.com", "null", "nonsense", ""}) {
    EXPECT_TRUE(judge_origin(any, &sent, own).admitted) << sent;
  }
  EXPECT_TRUE(judge_origin(any, nullptr, own).admitted);
}

TEST(JudgeOrigin, SaysWhatWasComparedAndWhichKeyWouldHelp) {
  const OwnOrigin own = seen("http://127.0.0.1:8080");
  const auto detail = [&](const OriginRule& rule, const char* sent) {
    const std::string value = sent == nullptr ? "" : sent;
    return judge_origin(rule, sent == nullptr ? nullptr : &value, own).detail;
  };
  EXPECT_EQ(detail({}, "https://a.example"),
            "got https://a.example, own origin seen as http://127.0.0.1:8080; behind a proxy? set public_url or "
            "trusted_proxies; another page? add 'https://a.example' to origins");
  EXPECT_EQ(detail({.same = false}, "https://a.example"),
            "got https://a.example, own origin seen as http://127.0.0.1:8080; another page? add 'https://a.example' to "
            "origins");
  EXPECT_EQ(
      detail({.same = false, .missing = false}, "http://127.0.0.1:8080"),
      "got http://127.0.0.1:8080, own origin seen as http://127.0.0.1:8080; this server's own page? add 'same' to "
      "origins");
  EXPECT_EQ(detail({.same = true, .missing = false}, nullptr),
            "got no Origin; not a browser? add 'missing' to origins");
  EXPECT_THAT(detail({}, "null"), HasSubstr("add 'opaque' to origins"));
}

TEST(JudgeOrigin, AsksForTheTlsOfAProxyHeaderThatToldOfNone) {
  const auto detail = [](const OriginRule& rule, const std::string& sent) {
    return judge_origin(rule, &sent, seen("http://desk.example", OwnOrigin::By::proxy_header)).detail;
  };
  EXPECT_EQ(detail({}, "https://desk.example"),
            "got https://desk.example, own origin seen as http://desk.example; does the proxy end TLS? let its PROXY "
            "header tell so (HAProxy: send-proxy-v2-ssl), or set public_url; another page? add 'https://desk.example' "
            "to origins");
  EXPECT_THAT(detail({}, "http://else.example"), Not(HasSubstr("prox"))) << "no TLS would make it the same";
  EXPECT_THAT(detail({.same = false}, "https://desk.example"), Not(HasSubstr("prox")));
}

TEST(JudgeOrigin, AsksForNoProxyWhereOneHasSpoken) {
  const std::string sent = "https://a.example";
  for (const OwnOrigin::By by : {OwnOrigin::By::forwarding, OwnOrigin::By::public_url}) {
    EXPECT_THAT(judge_origin({}, &sent, seen("https://b.example", by)).detail, Not(HasSubstr("behind a proxy")));
  }
}

// The detail goes to a log; a client must not draw lines or colours in it.
TEST(JudgeOrigin, ShowsForeignBytesAsEscapes) {
  const std::string sent = "https://a\x1b[31m\n.example";
  EXPECT_EQ(judge_origin({}, &sent, seen("http://localhost")).detail,
            "got 'https://a\\x1b[31m\\x0a.example', which is not scheme://host[:port]");
}

}  // namespace
}  // namespace bascule::policy
