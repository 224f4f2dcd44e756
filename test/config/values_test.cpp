#include "proxy/config/values.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/parsing.hpp"

namespace bascule::config {
namespace {

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

TEST(ParseServiceName, TellsNamesFromHosts) {
  EXPECT_EQ(value(parse_service_name("broker-2")), "broker-2");
  EXPECT_EQ(wrong(parse_service_name("echo")), "'echo' is taken, by the built-in \"echo:\"");
  EXPECT_EQ(wrong(parse_service_name("broker.lan")),
            "'broker.lan' looks like a host; the name of a service has no '.'");
  EXPECT_EQ(wrong(parse_service_name("70")), "'70' looks like a port; the name of a service is more than digits");
  EXPECT_EQ(value(parse_service_name("70s")), "70s");
  EXPECT_EQ(value(parse_service_name("7-0")), "7-0");
  EXPECT_FALSE(parse_service_name("broker:1").ok());
  EXPECT_FALSE(parse_service_name("").ok());
}

// --- host ------------------------------------------------------------------------------------------------------------

// "*.example.org" for what stands below.
std::string name_of(const Parsed<HostName>& host) {
  const HostName name = value(host);
  return (name.below ? "*." : "") + name.name;
}

TEST(ParseHost, ReadsNamesAndAddressesAsARequestHasThem) {
  EXPECT_EQ(name_of(parse_host("Desk.Example.ORG")), "desk.example.org");
  EXPECT_EQ(name_of(parse_host("desk.example.org.")), "desk.example.org");
  EXPECT_EQ(name_of(parse_host("localhost")), "localhost");
  EXPECT_EQ(name_of(parse_host("192.0.2.7")), "192.0.2.7");
  EXPECT_EQ(name_of(parse_host("[2001:DB8:0::1]")), "2001:db8::1");
  EXPECT_EQ(name_of(parse_host("2001:db8::1")), "2001:db8::1");
  EXPECT_EQ(name_of(parse_host("*.Example.org")), "*.example.org");
  EXPECT_EQ(name_of(parse_host("*.desk.example.org.")), "*.desk.example.org");
  EXPECT_EQ(name_of(parse_host("xn--bcher-kva.example")), "xn--bcher-kva.example");
}

TEST(ParseHost, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"*", "'*' is written 'any'"},
      {"*.org",
       "'*.org' would take a whole top-level domain; a wildcard stands over two labels at least, as in "
       "'*.example.org'"},
      {"*.*.org", "in '*.*.org' the '*' stands alone and first, as in '*.example.org'"},
      {"desk.*", "in 'desk.*' the '*' stands alone and first, as in '*.example.org'"},
      {"d*.example.org", "in 'd*.example.org' the '*' stands alone and first, as in '*.example.org'"},
      {"*.192.0.2.7", "'*.192.0.2.7': an address has no names below it"},
      {"*.[::1]", "'*.[::1]': an address has no names below it"},
      {"*.example.org:80", "a host is written without its port: '*.example.org'"},
      {"*.", "'*.' is not a host name"},
      {"https://example.org",
       "'https://example.org' is an address of a page; a host is a name alone: 'desk.example.org'"},
      {"example.org:80", "a host is written without its port: 'example.org'"},
      {"b\xc3\xbc.example",
       "'b\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--': 'xn--b-eha.example'"},
      {"*.\xc3\xbc.example",
       "'*.\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--': '*.xn--tda.example'"},
      {"\xc3\x9c.example", "'\\xc3\\x9c.example' is not ASCII; browsers send the form that begins with 'xn--'"},
      {"a b", "'a b' is not a host name"},
      {"a..b", "'a..b' is not a host name"},
      {"127.1", "'127.1' is not a host name"},
      {"", "'' is not a host name"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_host(text)), sentence); }
}

// --- origins ---------------------------------------------------------------------------------------------------------

TEST(ParsePageOrigin, ReadsOriginsAsBrowsersSendThem) {
  EXPECT_EQ(value(parse_page_origin("https://App.example.org")), (PageOrigin{{"https", "app.example.org", 443}}));
  EXPECT_EQ(value(parse_page_origin("wss://app.example.org")), (PageOrigin{{"https", "app.example.org", 443}}));
  EXPECT_EQ(value(parse_page_origin("http://[::1]:6080")), (PageOrigin{{"http", "::1", 6080}}));
  EXPECT_EQ(value(parse_page_origin("capacitor://localhost")), (PageOrigin{{"capacitor", "localhost", 0}}));
}

TEST(ParsePageOrigin, ReadsThoseBelowAName) {
  EXPECT_EQ(value(parse_page_origin("https://*.Example.org")), (PageOrigin{{"https", "example.org", 443}, true}));
  EXPECT_EQ(value(parse_page_origin("wss://*.example.org:8443")), (PageOrigin{{"https", "example.org", 8443}, true}));
}

TEST(ParsePageOrigin, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"*", "'*' is written 'any'"},
      {"null", "the origin null is written 'opaque'"},
      {"https://*.org",
       "'https://*.org' would take a whole top-level domain; a wildcard stands over two labels at least, as in "
       "'*.example.org'"},
      {"https://app*.example.org",
       "in 'https://app*.example.org' the '*' stands alone and first, as in '*.example.org'"},
      {"https://*", "in 'https://*' the '*' stands alone and first, as in '*.example.org'"},
      {"*.example.org", "an origin begins with its scheme: 'https://*.example.org'"},
      {"https://*.example.org/", "an origin has no path: 'https://*.example.org'"},
      {"app.example.org", "an origin begins with its scheme: 'https://app.example.org'"},
      {"app.example.org:8443", "an origin begins with its scheme: 'https://app.example.org:8443'"},
      {"https://app.example.org/", "an origin has no path: 'https://app.example.org'"},
      {"https://app.example.org/a/b", "an origin has no path: 'https://app.example.org'"},
      {"https://\xc3\xbc.example",
       "'https://\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--': "
       "'https://xn--tda.example'"},
      {"https://\xc3\xbc.example:8443",
       "'https://\\xc3\\xbc.example:8443' is not ASCII; browsers send the form that begins with 'xn--': "
       "'https://xn--tda.example:8443'"},
      {"https://*.\xc3\xbc.example",
       "'https://*.\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--': "
       "'https://*.xn--tda.example'"},
      {"https\r://\xc3\xbc.example",
       "'https\\x0d://\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--': "
       "'https\\x0d://xn--tda.example'"},
      {"https://ada@app.example.org",
       "'https://ada@app.example.org' is not an origin; write 'https://app.example.org', or one of same, missing, "
       "opaque, any"},
      {"https://",
       "'https://' is not an origin; write 'https://app.example.org', or one of same, missing, opaque, any"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_page_origin(text)), sentence); }
}

TEST(ParsePublicUrl, ReadsAnOrigin) {
  EXPECT_EQ(value(parse_public_url("https://desk.example.org")), (policy::Origin{"https", "desk.example.org", 443}));
  EXPECT_EQ(value(parse_public_url("https://desk.example.org/")), (policy::Origin{"https", "desk.example.org", 443}));
  EXPECT_EQ(value(parse_public_url("wss://desk.example.org:8443")),
            (policy::Origin{"https", "desk.example.org", 8443}));
  EXPECT_EQ(value(parse_public_url("http://[::1]:6080/")), (policy::Origin{"http", "::1", 6080}));
}

TEST(ParsePublicUrl, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"https://desk.example.org/vnc",
       "a public URL has no path, for paths are the routes'; write 'https://desk.example.org'"},
      {"desk.example.org", "a public URL begins with its scheme: 'https://desk.example.org'"},
      {"desk.example.org:8443/", "a public URL begins with its scheme: 'https://desk.example.org:8443'"},
      {"ftp://desk.example.org",
       "'ftp://desk.example.org' is not a public URL; write 'https://desk.example.org', as "
       "visitors type it"},
      {"https://*.example.org",
       "'https://*.example.org' is not a public URL; write 'https://desk.example.org', as "
       "visitors type it"},
      {"https://ada@desk.example.org",
       "'https://ada@desk.example.org' is not a public URL; write 'https://desk.example.org', as visitors type it"},
      {"", "'' is not a public URL; write 'https://desk.example.org', as visitors type it"},
      {"https://b\xc3\xbc.example",
       "'https://b\\xc3\\xbc.example' is not ASCII; browsers send the form that begins with 'xn--': "
       "'https://xn--b-eha.example'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_public_url(text)), sentence); }
}

}  // namespace
}  // namespace bascule::config
