#include "proxy/config/values.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bascule::config {
namespace {

using namespace std::chrono_literals;

// The value of what parses; a failure where it does not.
template <typename T>
T value(Parsed<T> parsed) {
  if (!parsed) {
    ADD_FAILURE() << parsed.error().text;
    return T();
  }
  return std::move(*parsed);
}

// The sentence about what does not parse.
template <typename T>
std::string wrong(const Parsed<T>& parsed) {
  return parsed ? "(nothing wrong)" : parsed.error().text;
}

struct WrongRow {
  std::string_view text;
  std::string_view sentence;
};

// --- units -----------------------------------------------------------------------------------------------------------

TEST(ParseDuration, ReadsEachUnit) {
  EXPECT_EQ(value(parse_duration("500ms")), Limit(500ms));
  EXPECT_EQ(value(parse_duration("30s")), Limit(30s));
  EXPECT_EQ(value(parse_duration("10m")), Limit(10min));
  EXPECT_EQ(value(parse_duration("24h")), Limit(24h));
  EXPECT_EQ(value(parse_duration("1ms")), Limit(1ms));
  EXPECT_EQ(value(parse_duration("8760h")), Limit(8760h));
  EXPECT_EQ(value(parse_duration("none")), Limit());
}

TEST(ParseDuration, ShowsTheRightSpelling) {
  const std::vector<WrongRow> rows{
      {"30", "'30' has no unit; write '30s' for seconds"},
      {"30 s", "'30 s' is written '30s'"},
      {"5sec", "'5sec' is written '5s'"},
      {"5 minutes", "'5 minutes' is written '5m'"},
      {"10M", "'10M' is written '10m'"},
      {"2hours", "'2hours' is written '2h'"},
      {"1.5s", "'1.5s' is not a whole number of a unit; write '1500ms' instead of '1.5s'"},
      {"1d", "unknown unit 'd' in '1d'; there are ms, s, m and h"},
      {"1h30m", "unknown unit 'h30m' in '1h30m'; there are ms, s, m and h"},
      {"0s", "'0s' is over before it begins; 'none' switches it off"},
      {"8761h", "'8761h' is more than 8760h; is 'none' meant?"},
      {"99999999999999999999s", "'99999999999999999999s' is more than 8760h; is 'none' meant?"},
      {"", "'' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
      {"-5s", "'-5s' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
      {"soon", "'soon' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
      {"s", "'s' is not a time; write '30s', '500ms', '10m', '24h' or 'none'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_duration(text)), sentence); }
}

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

TEST(ParseSize, ReadsEachUnit) {
  EXPECT_EQ(value(parse_size("1024B", kib, 16 * mib)), kib);
  EXPECT_EQ(value(parse_size("64KiB", kib, 16 * mib)), 64 * kib);
  EXPECT_EQ(value(parse_size("16MiB", kib, 16 * mib)), 16 * mib);
  EXPECT_EQ(value(parse_size("1GiB", kib, 1024 * mib)), 1024 * mib);
}

TEST(ParseSize, ShowsTheRightSpelling) {
  const std::vector<WrongRow> rows{
      {"64", "'64' has no unit; write '64B' for bytes, or '64KiB'"},
      {"64KB", "'64KB' is written '64KiB'"},
      {"64k", "'64k' is written '64KiB'"},
      {"1 MiB", "'1 MiB' is written '1MiB'"},
      {"1mb", "'1mb' is written '1MiB'"},
      {"1.5MiB", "'1.5MiB' is not a whole number of a unit; write '1536KiB' instead of '1.5MiB'"},
      {"64X", "unknown unit 'X' in '64X'; there are B, KiB, MiB and GiB"},
      {"1023B", "'1023B' is less than 1KiB"},
      {"17MiB", "'17MiB' is more than 16MiB"},
      {"18446744073709551616B", "'18446744073709551616B' is more than 16MiB"},
      {"none", "'none' is not a size; write '64KiB' or '1MiB'"},
      {"-1KiB", "'-1KiB' is not a size; write '64KiB' or '1MiB'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_size(text, kib, 16 * mib)), sentence); }
}

TEST(SizeText, UsesTheLargestWholeUnit) {
  EXPECT_EQ(size_text(256 * kib), "256KiB");
  EXPECT_EQ(size_text(kib + 1), "1025B");
  EXPECT_EQ(size_text(16 * mib), "16MiB");
  EXPECT_EQ(size_text(0), "0B");
}

TEST(ParseCount, TakesWholeNumbersAndNone) {
  EXPECT_EQ(value(parse_count("500")), std::optional<std::size_t>(500));
  EXPECT_EQ(value(parse_count("none")), std::optional<std::size_t>());
  EXPECT_EQ(wrong(parse_count("0")), "0 would let nobody in; 'none' switches the limit off");
  for (const char* text : {"", "-1", "1e3", "0x10", "010", "5.0", "many", "1000000001"}) {
    EXPECT_EQ(wrong(parse_count(text)),
              "'" + std::string(text) + "' is not a count; write a whole number such as '500', or 'none'");
  }
}

// --- names, modes ----------------------------------------------------------------------------------------------------

TEST(ParseName, TakesWhatAFileNameMayHold) {
  EXPECT_EQ(value(parse_name("Desk-1.a_b")), "Desk-1.a_b");
  for (const std::string& text : {std::string(), std::string("a b"), std::string("a/b"), std::string("\xc3\xa4"),
                                  std::string("a\nb"), std::string(65, 'x')}) {
    EXPECT_FALSE(parse_name(text).ok()) << text;
  }
}

TEST(ParseMode, ReadsThreeOctalDigits) {
  EXPECT_EQ(value(parse_mode("0660")), 0660U);
  EXPECT_EQ(value(parse_mode("600")), 0600U);
  for (const char* text : {"", "66", "0888", "1777", "rw-rw----", "00660", "-660"}) {
    EXPECT_FALSE(parse_mode(text).ok()) << text;
  }
}

// --- listen ----------------------------------------------------------------------------------------------------------

TEST(ParseListenAddress, ReadsAddressesAndSockets) {
  EXPECT_EQ(value(parse_listen_address("127.0.0.1:6080")).text(), "127.0.0.1:6080");
  EXPECT_EQ(value(parse_listen_address("[::1]:6080")).text(), "[::1]:6080");
  EXPECT_EQ(value(parse_listen_address(":6080")).text(), "[::]:6080");
  EXPECT_EQ(value(parse_listen_address("0.0.0.0:0")).text(), "0.0.0.0:0");
  EXPECT_EQ(value(parse_listen_address("unix:/run/x.sock")).text(), "unix:/run/x.sock");
}

TEST(ParseListenAddress, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"6080",
       "'6080' is a port without an address; write '127.0.0.1:6080' for this machine only, or ':6080' for all "
       "addresses"},
      {"127.0.0.1", "'127.0.0.1' has no port; write 'host:port'"},
      {"[::1]", "'[::1]' has no port; write 'host:port'"},
      {"localhost:6080", "an address to listen at is no name; write '127.0.0.1:6080' or \"[::1]:6080\""},
      {"*:6080", "'*' is no address; write ':6080' for all of them"},
      {"::1:6080", "an IPv6 address stands in brackets: \"[::1]:6080\""},
      {"example.org:80", "'example.org' is no address of this machine; write an IP address, or ':80' for all of them"},
      {"127.1:80", "'127.1' is no address of this machine; write an IP address, or ':80' for all of them"},
      {"127.0.0.1:65536", "port 65536 is out of range (0 to 65535)"},
      {"127.0.0.1:", "'' is not a port number"},
      {"127.0.0.1:+80", "'+80' is not a port number"},
      {"127.0.0.1:0x50", "'0x50' is not a port number"},
      {"", "'' has no port; write 'host:port'"},
      {"unix:", "'unix:' needs a whole path, one that begins with '/'"},
      {"unix:run/x", "'unix:run/x' needs a whole path, one that begins with '/'"},
      {"unix:/run/", "'/run/' names a folder, not a socket"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_listen_address(text)), sentence); }
}

// sun_path holds 108 bytes, and the last is a NUL.
TEST(ParseListenAddress, TakesAPathOf107BytesAndNoLonger) {
  const std::string longest = "/" + std::string(106, 'x');
  EXPECT_EQ(value(parse_listen_address("unix:" + longest)).path(), longest);
  EXPECT_EQ(wrong(parse_listen_address("unix:" + longest + "x")),
            "the path of a Unix socket holds at most 107 bytes; this one has 108");
  EXPECT_EQ(wrong(parse_service("unix:" + longest + "x")),
            "the path of a Unix socket holds at most 107 bytes; this one has 108");
}

// --- host ------------------------------------------------------------------------------------------------------------

TEST(ParseHost, ReadsNamesAndAddressesAsARequestHasThem) {
  EXPECT_EQ(value(parse_host("Desk.Example.ORG")), "desk.example.org");
  EXPECT_EQ(value(parse_host("desk.example.org.")), "desk.example.org");
  EXPECT_EQ(value(parse_host("localhost")), "localhost");
  EXPECT_EQ(value(parse_host("192.0.2.7")), "192.0.2.7");
  EXPECT_EQ(value(parse_host("[2001:DB8:0::1]")), "2001:db8::1");
  EXPECT_EQ(value(parse_host("2001:db8::1")), "2001:db8::1");
  EXPECT_EQ(value(parse_host("xn--bcher-kva.example")), "xn--bcher-kva.example");
}

TEST(ParseHost, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"*", "'*' is written 'any'"},
      {"*.example.org", "a wildcard host ('*.example.org') is not supported by this version of bascule"},
      {"https://example.org",
       "'https://example.org' is an address of a page; a host is a name alone: 'desk.example.org'"},
      {"example.org:80", "a host is written without its port: 'example.org'"},
      {"b\xc3\xbc.example", "'b\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--'"},
      {"a b", "'a b' is not a host name"},
      {"a..b", "'a..b' is not a host name"},
      {"127.1", "'127.1' is not a host name"},
      {"", "'' is not a host name"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_host(text)), sentence); }
}

// --- path ------------------------------------------------------------------------------------------------------------

// "lit|{cap}|lit" and a '*' at the end of a prefix.
std::string outline(const policy::PathRule& rule) {
  std::string text;
  for (const auto& segment : rule.segments) {
    text += (text.empty() ? "" : "|") + (segment.capture.empty() ? "'" + segment.literal + "'" : segment.capture);
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
      {"/{id:[0-9]+}", "a pattern in a path ('{id:[0-9]+}') is not supported by this version of bascule"},
      {"/{id}/{id}", "'{id}' stands twice in '/{id}/{id}'"},
      {"/a/../b", "no request ever has the segment '..'"},
      {"/%2e%2e", "no request ever has the segment '%2e%2e'"},
      {"/a%2fb", "no request ever has the segment 'a%2fb'"},
      {"/%zz", "no request ever has the segment '%zz'"},
      {"/a\\b", "no request ever has the segment 'a\\x5cb'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_path(text)), sentence); }
}

// --- origins ---------------------------------------------------------------------------------------------------------

TEST(ParseExactOrigin, ReadsOriginsAsBrowsersSendThem) {
  EXPECT_EQ(value(parse_exact_origin("https://App.example.org")), (policy::Origin{"https", "app.example.org", 443}));
  EXPECT_EQ(value(parse_exact_origin("wss://app.example.org")), (policy::Origin{"https", "app.example.org", 443}));
  EXPECT_EQ(value(parse_exact_origin("http://[::1]:6080")), (policy::Origin{"http", "::1", 6080}));
  EXPECT_EQ(value(parse_exact_origin("capacitor://localhost")), (policy::Origin{"capacitor", "localhost", 0}));
}

TEST(ParseExactOrigin, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"*", "'*' is written 'any'"},
      {"null", "the origin null is written 'opaque'"},
      {"https://*.example.org",
       "a wildcard origin ('https://*.example.org') is not supported by this version of bascule"},
      {"app.example.org", "an origin begins with its scheme: 'https://app.example.org'"},
      {"app.example.org:8443", "an origin begins with its scheme: 'https://app.example.org:8443'"},
      {"https://app.example.org/", "an origin has no path: 'https://app.example.org'"},
      {"https://app.example.org/a/b", "an origin has no path: 'https://app.example.org'"},
      {"https://\xc3\xbc.example",
       "'https://\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--'"},
      {"https://ada@app.example.org",
       "'https://ada@app.example.org' is not an origin; write 'https://app.example.org', or one of same, missing, "
       "opaque, any"},
      {"https://",
       "'https://' is not an origin; write 'https://app.example.org', or one of same, missing, opaque, any"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_exact_origin(text)), sentence); }
}

// --- to --------------------------------------------------------------------------------------------------------------

using Kind = policy::Target::Kind;

TEST(ParseService, ReadsHostsAndPorts) {
  for (const char* text : {"Broker.lan:61613", "tcp://broker.lan:61613"}) {
    const policy::Target target = value(parse_service(text));
    EXPECT_EQ(target.kind, Kind::tcp);
    EXPECT_EQ(target.host, "broker.lan");
    EXPECT_EQ(target.port, 61613);
    EXPECT_EQ(target.written, text);
  }
  EXPECT_EQ(value(parse_service("127.0.0.1:5900")).host, "127.0.0.1");
  EXPECT_EQ(value(parse_service("[::1]:5900")).host, "::1");
  EXPECT_EQ(value(parse_service("my_service:5900")).host, "my_service");
  EXPECT_EQ(value(parse_service("broker.lan.:5900")).host, "broker.lan.");
}

TEST(ParseService, ReadsSocketsAndTheEcho) {
  EXPECT_EQ(value(parse_service("unix:/run/x.sock")).kind, Kind::unix_socket);
  EXPECT_EQ(value(parse_service("unix:/run/x.sock")).path, "/run/x.sock");
  EXPECT_EQ(value(parse_service("echo:")).kind, Kind::echo);
}

TEST(ParseService, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"echo", "the built-in echo is written \"echo:\""},
      {"broker",
       "'broker' has no port; write 'broker:5900' (named services are not supported by this version of bascule)"},
      {"broker.lan", "'broker.lan' has no port; write 'host:port'"},
      {"broker:0", "port 0 is out of range (1 to 65535)"},
      {"broker:65536", "port 65536 is out of range (1 to 65535)"},
      {"broker:.nan", "'.nan' is not a port number"},
      {"broker:", "'' is not a port number"},
      {":5900", "'' is not a host name or an address"},
      {"::1:5900", "an IPv6 address stands in brackets: \"[::1]:5900\""},
      {"127.1:5900", "'127.1' is not a host name or an address"},
      {"a b:5900", "'a b' is not a host name or an address"},
      {"tls://broker:61614", "TLS towards a service ('tls://') is not supported by this version of bascule"},
      {"http://broker:80",
       "'http://broker:80' is no way to a service; there are 'host:port', 'tcp://host:port', "
       "'unix:/path' and \"echo:\""},
      {"broker:80/x", "'broker:80/x' has a path in it; a service has a host and a port only"},
      {"desk-{path.id}:5900",
       "a target made from the visitor's words ('desk-{path.id}:5900') is not supported by this version of bascule"},
      {"unix:x", "'unix:x' needs a whole path, one that begins with '/'"},
      {"", "'' has no port; write 'host:port'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_service(text)), sentence); }
}

}  // namespace
}  // namespace bascule::config
