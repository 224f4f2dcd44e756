#include "proxy/wire/http/forwarded.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace bascule::wire::http {
namespace {

using enum ForwardingField;
using Fields = std::vector<std::pair<std::string, std::string>>;

RequestHead head_with(const Fields& fields) {
  RequestHead head;
  for (const auto& [name, value] : fields) { head.fields.push_back({name, value}); }
  return head;
}

// Hops as text, the nearest last: "192.0.2.1:0 https example.org | - | ..."; in front "..." where more was malformed.
std::string hops_of(ForwardingField field, const Fields& fields) {
  const ForwardedHops read = forwarded_hops(head_with(fields), field);
  std::string text = read.malformed_before ? "..." : "";
  for (const ForwardedHop& hop : read.hops) {
    if (!text.empty()) { text += " | "; }
    text += hop.client.text();
    if (!hop.proto.empty()) { text += " " + hop.proto; }
    if (!hop.host.empty()) { text += " " + hop.host; }
  }
  return text;
}

std::string x_forwarded_for_of(const std::string& value) {
  return hops_of(x_forwarded_for, {{"x-forwarded-for", value}});
}
std::string forwarded_of(const std::string& value) {
  return hops_of(forwarded, {{"forwarded", value}});
}

// --- both fields -----------------------------------------------------------------------------------------------------

struct Node {
  std::string written;
  std::string read;  // empty: malformed
};

const std::vector<Node> nodes{
    {"192.0.2.1", "192.0.2.1:0"},
    {"192.0.2.1:4711", "192.0.2.1:4711"},
    {"192.0.2.1:0", "192.0.2.1:0"},
    {"192.0.2.1:65535", "192.0.2.1:65535"},
    {"192.0.2.1:_gate", "192.0.2.1:0"},
    {"[2001:db8::1]", "[2001:db8::1]:0"},
    {"[2001:DB8::1]:443", "[2001:db8::1]:443"},
    {"2001:db8::1", "[2001:db8::1]:0"},
    {"::ffff:192.0.2.1", "192.0.2.1:0"},
    {"[::ffff:192.0.2.1]:80", "192.0.2.1:80"},
    {"unknown", "-"},
    {"Unknown", "-"},
    {"unknown:80", "-"},
    {"_hidden", "-"},
    {"_Hid-den.2_:_p", "-"},

    {"192.0.2.1:", ""},
    {"192.0.2.1:65536", ""},
    {"192.0.2.1:000080", ""},
    {"192.0.2.1:-1", ""},
    {"192.0.2.1:80:80", ""},
    {"192.0.2", ""},
    {"192.0.2.256", ""},
    {"010.0.2.1", ""},
    {"2130706433", ""},
    {"[192.0.2.1]", ""},
    {"[2001:db8::1", ""},
    {"[2001:db8::1]443", ""},
    {"[2001:db8::1]:", ""},
    {"1:2:3:4:5:6:7:8:80", ""},
    {"fe80::1%eth0", ""},
    {"_", ""},
    {"_hid*den", ""},
    {"hidden", ""},
    {"localhost", ""},
    {":80", ""},
};

TEST(ForwardedHops, ReadTheNodesOfXForwardedFor) {
  for (const Node& node : nodes) {
    EXPECT_EQ(x_forwarded_for_of(node.written), node.read.empty() ? "..." : node.read) << node.written;
  }
}

TEST(ForwardedHops, ReadTheNodesOfForwarded) {
  for (const Node& node : nodes) {
    const std::string read = node.read.empty() ? "..." : node.read;
    EXPECT_EQ(forwarded_of("for=" + node.written), read) << node.written;
    EXPECT_EQ(forwarded_of("for=\"" + node.written + "\""), read) << node.written;
  }
}

TEST(ForwardedHops, AreAskedForByName) {
  EXPECT_EQ(name_of(x_forwarded_for), "x-forwarded-for");
  EXPECT_EQ(name_of(forwarded), "forwarded");
}

TEST(ForwardedHops, BelieveNoOtherField) {
  const Fields fields{{"x-forwarded-for", "192.0.2.1"}, {"forwarded", "for=192.0.2.2;proto=https"}};
  EXPECT_EQ(hops_of(x_forwarded_for, fields), "192.0.2.1:0");
  EXPECT_EQ(hops_of(forwarded, fields), "192.0.2.2:0 https");
  EXPECT_EQ(hops_of(forwarded, {{"x-forwarded-for", "192.0.2.1"}, {"x-forwarded-proto", "https"}}), "");
  EXPECT_EQ(hops_of(forwarded, {{"forwarded", "for=192.0.2.2"}, {"x-forwarded-proto", "https"}}), "192.0.2.2:0");
}

TEST(ForwardedHops, AreNoneWithoutItems) {
  for (const std::string_view value : {"", " ", ",", ",,,", " , \t, "}) {
    EXPECT_EQ(x_forwarded_for_of(std::string(value)), "") << '"' << value << '"';
    EXPECT_EQ(forwarded_of(std::string(value)), "") << '"' << value << '"';
  }
  EXPECT_EQ(hops_of(x_forwarded_for, {}), "");
  EXPECT_EQ(hops_of(forwarded, {}), "");
}

TEST(ForwardedHops, StandInTheirOrderHoweverTheyAreSpreadOverFields) {
  const std::vector<std::string> items{"192.0.2.1", "192.0.2.2:80", "2001:db8::3", "unknown"};
  const std::string expected = "192.0.2.1:0 | 192.0.2.2:80 | [2001:db8::3]:0 | -";
  // Bit i: is there a new field behind item i?
  for (unsigned borders = 0; borders < 8; ++borders) {
    Fields xff{{"x-forwarded-for", ""}};
    Fields rfc7239{{"forwarded", ""}};
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool comma = !xff.back().second.empty();
      xff.back().second += (comma ? " ,\t" : "") + items[i];
      rfc7239.back().second += (comma ? "," : "") + ("for=\"" + items[i] + "\"");
      if ((borders >> i & 1U) != 0) {
        xff.insert(xff.end(), {{"other", "192.0.2.99"}, {"x-forwarded-for", ""}});
        rfc7239.insert(rfc7239.end(), {{"other", "for=192.0.2.99"}, {"forwarded", ""}});
      }
    }
    EXPECT_EQ(hops_of(x_forwarded_for, xff), expected) << borders;
    EXPECT_EQ(hops_of(forwarded, rfc7239), expected) << borders;
  }
  EXPECT_EQ(x_forwarded_for_of(",192.0.2.1,, ,192.0.2.2,"), "192.0.2.1:0 | 192.0.2.2:0");
}

// Whoever sends a field writes its left part; what a proxy adds on the right must mean the same whatever he wrote.
TEST(ForwardedHops, AreUntouchedByGarbageToTheLeftOfThem) {
  const std::vector<std::string> garbage{
      "\"",       "\\",          "\\\"",   "for=\"", "for=\"\\",    "for=\"a,",
      "x",        "for",         "=",      ";=",     "a b",         "for=\"192.0.2.7\" x",
      "\xff\xfe", "for=\"a\\\"", "\"\"\"", "[",      "for=;;;,,,\""};
  const std::string for_trusted = "192.0.2.1 , 2001:db8::2";
  const std::string trusted = "for=\"[2001:db8::2]:80\";by=\"a\\\",\\\\\";proto=https, for=192.0.2.1";
  for (const std::string& left : garbage) {
    EXPECT_EQ(x_forwarded_for_of(left + "," + for_trusted), "... | 192.0.2.1:0 | [2001:db8::2]:0") << left;
    EXPECT_EQ(hops_of(x_forwarded_for, {{"x-forwarded-for", left}, {"x-forwarded-for", for_trusted}}),
              "... | 192.0.2.1:0 | [2001:db8::2]:0")
        << left;
    EXPECT_EQ(forwarded_of(left + "," + trusted), "... | [2001:db8::2]:80 https | 192.0.2.1:0") << left;
    EXPECT_EQ(hops_of(forwarded, {{"forwarded", left}, {"forwarded", trusted}}),
              "... | [2001:db8::2]:80 https | 192.0.2.1:0")
        << left;
  }
}

TEST(ForwardedHops, StopAtTheFirstMalformedOneFromTheRight) {
  EXPECT_EQ(x_forwarded_for_of("192.0.2.1, evil, 192.0.2.2"), "... | 192.0.2.2:0");
  EXPECT_EQ(x_forwarded_for_of("192.0.2.1, 192.0.2.2, evil"), "...");
  EXPECT_EQ(x_forwarded_for_of("192.0.2.1 192.0.2.2"), "...");
  EXPECT_EQ(forwarded_of("for=192.0.2.1, for=evil, for=192.0.2.2"), "... | 192.0.2.2:0");
  EXPECT_EQ(hops_of(forwarded, {{"forwarded", "for=192.0.2.1"}, {"forwarded", "evil"}}), "...");
}

TEST(ForwardedHops, AreAtMostThirtyTwo) {
  for (const std::size_t count : {std::size_t{31}, std::size_t{32}, std::size_t{33}, std::size_t{100}}) {
    std::string xff;
    std::string rfc7239;
    for (std::size_t i = 0; i < count; ++i) {
      xff += (i > 0 ? "," : "") + ("192.0.2." + std::to_string(i));
      rfc7239 += (i > 0 ? "," : "") + ("for=192.0.2." + std::to_string(i));
    }
    for (const ForwardedHops& read : {forwarded_hops(head_with({{"x-forwarded-for", xff}}), x_forwarded_for),
                                      forwarded_hops(head_with({{"forwarded", rfc7239}}), forwarded)}) {
      ASSERT_EQ(read.hops.size(), std::min<std::size_t>(count, 32));
      EXPECT_EQ(read.malformed_before, count > 32);
      EXPECT_EQ(read.hops.back().client.host_text(), "192.0.2." + std::to_string(count - 1)) << "the nearest last";
    }
  }
}

// Far more than any head may hold; what is not linear does not come back.
TEST(ForwardedHops, TakeAsLongAsTheFieldIs) {
  constexpr std::size_t much = 1'000'000;
  const std::string last = ",for=192.0.2.1";
  for (const std::string_view piece :
       {",", "\"", "\\", "\\\"", "\",", "for=1,", "a", ";=", "\"\\\\\",", " ", "=", "[:"}) {
    std::string value;
    value.reserve(much + piece.size());
    while (value.size() < much) { value += piece; }
    const bool empty = value.find_first_not_of(", ") == std::string::npos;
    EXPECT_EQ(forwarded_of(value + last), empty ? "192.0.2.1:0" : "... | 192.0.2.1:0") << piece;
    EXPECT_EQ(x_forwarded_for_of(value + ",192.0.2.1"), empty ? "192.0.2.1:0" : "... | 192.0.2.1:0") << piece;
  }
  // One element of a million parameters is still one.
  std::string element = "for=192.0.2.1";
  while (element.size() < much) { element += ";x=\"\\\"\""; }
  EXPECT_EQ(forwarded_of(element), "192.0.2.1:0");
}

// --- X-Forwarded-Proto, X-Forwarded-Host -----------------------------------------------------------------------------

TEST(ForwardedHops, TakeASingleProtoAndHostForEveryHop) {
  EXPECT_EQ(hops_of(x_forwarded_for, {{"x-forwarded-for", "192.0.2.1, 192.0.2.2"},
                                      {"x-forwarded-proto", "HTTPS"},
                                      {"x-forwarded-host", "Desk.example.org:8443"}}),
            "192.0.2.1:0 https Desk.example.org:8443 | 192.0.2.2:0 https Desk.example.org:8443");
}

TEST(ForwardedHops, GiveEachHopTheProtoAndHostThatStandAsFarFromTheRight) {
  EXPECT_EQ(hops_of(x_forwarded_for, {{"x-forwarded-proto", "https"},
                                      {"x-forwarded-for", "192.0.2.1, 192.0.2.2, 192.0.2.3"},
                                      {"x-forwarded-host", "c,b,a"},
                                      {"x-forwarded-proto", "http"}}),
            "192.0.2.1:0 c | 192.0.2.2:0 https b | 192.0.2.3:0 http a");
  EXPECT_EQ(hops_of(x_forwarded_for, {{"x-forwarded-for", "192.0.2.1"}, {"x-forwarded-proto", "https, http"}}),
            "192.0.2.1:0 http")
      << "what stands further left belongs to nobody that is known";
}

TEST(ForwardedHops, AreNotToldAProtoThatIsNone) {
  for (const std::string_view proto :
       {"", ",", "ht tp", "1http", "http:", "https://x", "\"https\"", "a-very-long-word-it-is"}) {
    EXPECT_EQ(hops_of(x_forwarded_for, {{"x-forwarded-for", "192.0.2.1"}, {"x-forwarded-proto", std::string(proto)}}),
              "192.0.2.1:0")
        << proto;
  }
}

// --- Forwarded: RFC 7239 ---------------------------------------------------------------------------------------------

TEST(ForwardedHops, ReadTheExamplesOfRfc7239) {
  EXPECT_EQ(forwarded_of("for=\"_gazonk\""), "-");
  EXPECT_EQ(forwarded_of("For=\"[2001:db8:cafe::17]:4711\""), "[2001:db8:cafe::17]:4711");
  EXPECT_EQ(forwarded_of("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60:0 http");
  EXPECT_EQ(forwarded_of("for=192.0.2.43, for=198.51.100.17"), "192.0.2.43:0 | 198.51.100.17:0");
  EXPECT_EQ(forwarded_of("for=_hidden, for=_SEVKISEK"), "- | -");
  EXPECT_EQ(forwarded_of("for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown"),
            "192.0.2.43:0 | [2001:db8:cafe::17]:0 | -");
}

TEST(ForwardedHops, TakeTheParametersOfAnElementInAnyOrderAndCase) {
  EXPECT_EQ(forwarded_of("HOST=a.example;Proto=HTTPS;FOR=192.0.2.1"), "192.0.2.1:0 https a.example");
  EXPECT_EQ(forwarded_of("proto=https"), "- https");
  EXPECT_EQ(forwarded_of("host=\"a.example:8443\""), "- a.example:8443");
  EXPECT_EQ(forwarded_of("host=a.example:8443;for=192.0.2.1:80"), "192.0.2.1:80 a.example:8443")
      << "a colon without quotes is no token, but many send it";
  EXPECT_EQ(forwarded_of("for=192.0.2.1; proto=https ;\thost=a"), "192.0.2.1:0 https a");
  EXPECT_EQ(forwarded_of(";;for=192.0.2.1;"), "192.0.2.1:0");
  EXPECT_EQ(forwarded_of(";"), "-") << "an element that tells nothing";
  EXPECT_EQ(forwarded_of("secret=\"x,y;z\";for=192.0.2.1;ext=1;ext=2"), "192.0.2.1:0");
}

TEST(ForwardedHops, UndoTheEscapesOfAQuotedString) {
  EXPECT_EQ(forwarded_of("for=\"\\1\\9\\2.0.2.1\""), "192.0.2.1:0");
  EXPECT_EQ(forwarded_of("host=\"a\\\"b\\\\c,d;e\""), "- a\"b\\c,d;e");
  EXPECT_EQ(forwarded_of("host=\"a,\\\",\";for=192.0.2.1, for=192.0.2.2"), "192.0.2.1:0 a,\", | 192.0.2.2:0");
}

TEST(ForwardedHops, RefuseAnElementThatIsNone) {
  for (const std::string_view value : {"192.0.2.1",
                                       "for",
                                       "for=",
                                       "for =192.0.2.1",
                                       "for= 192.0.2.1",
                                       "=192.0.2.1",
                                       "for=192.0.2.1 proto=https",
                                       "for=192.0.2.1;for=192.0.2.1",
                                       "for=192.0.2.1;FOR=192.0.2.2",
                                       "proto=https;proto=https",
                                       "host=a;host=b",
                                       "for=\"192.0.2.1",
                                       "for=192.0.2.1\"",
                                       "for=\"192.0.2.1\"x",
                                       "for=\"\"",
                                       "proto=\"\"",
                                       "proto=ht/tp",
                                       "fo r=192.0.2.1",
                                       "for=\"192.0.2.1\\\"",
                                       "f\"o=1",
                                       "for=192.0.2.1;by",
                                       "for=192.0.2.1;by=",
                                       "for=192.0.2.1;b@y=1"}) {
    EXPECT_EQ(forwarded_of(std::string(value)), "...") << value;
  }
}

}  // namespace
}  // namespace bascule::wire::http
