// Who the visitor is and how his browser sees us, behind proxies that are believed and behind those that are not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/policy/judge.hpp"
#include "proxy/policy/origin.hpp"
#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using test::Fields;
using test::session;
using testing::HasSubstr;
using wire::http::ForwardingField;
using wire::http::RequestHead;

// Proxies at 10.0.0.0/8, 2001:db8:a::/48 and behind a Unix socket are believed; any host, for what is told of hosts.
Rules behind(ForwardingField field) {
  Route route = test::route("vnc", "/vnc");
  route.host.kind = HostRule::Kind::any;
  route.origins = {.same = true, .missing = true};
  Rules rules = test::rules_of({route});
  rules.listeners[0].trusted_proxies = {.addresses = test::addresses({"10.0.0.0/8", "2001:db8:a::/48"}),
                                        .field = field};
  rules.listeners[0].trusted_proxies->addresses.unix_sockets = true;
  return rules;
}

// Fields behind each other, several of a name among them.
RequestHead with(const Fields& fields) {
  RequestHead request = session("/vnc");
  for (const auto& [name, value] : fields) { request.fields.push_back({.name = name, .value = value}); }
  return request;
}

struct Row {
  std::string_view peer;  // "unix" for a Unix socket
  ForwardingField field;
  Fields fields;
  std::string client;  // "-": unknown; "!": refused
};

constexpr auto x = ForwardingField::x_forwarded_for;
constexpr auto rfc = ForwardingField::forwarded;

Address peer_of(std::string_view text) {
  return text == "unix" ? Address::unix_path("") : test::ip(text);
}

TEST(Visitor, IsTheFirstFromTheRightWhoIsNoProxyOfOurs) {
  const std::vector<Row> rows{
      // Nobody is told, or nobody is believed.
      {"192.0.2.1", x, {}, "192.0.2.1"},
      {"192.0.2.1", x, {{"x-forwarded-for", "198.51.100.9"}}, "192.0.2.1"},
      {"192.0.2.1", x, {{"x-forwarded-for", "nonsense"}}, "192.0.2.1"},
      {"192.0.2.1", rfc, {{"forwarded", "for=198.51.100.9"}}, "192.0.2.1"},
      {"10.0.0.1", x, {}, "10.0.0.1"},
      {"10.0.0.1", x, {{"forwarded", "for=198.51.100.9"}}, "10.0.0.1"},
      {"10.0.0.1", rfc, {{"x-forwarded-for", "198.51.100.9"}}, "10.0.0.1"},
      // One proxy.
      {"10.0.0.1", x, {{"x-forwarded-for", "198.51.100.9"}}, "198.51.100.9"},
      {"::ffff:10.0.0.1", x, {{"x-forwarded-for", "198.51.100.9"}}, "198.51.100.9"},
      {"10.0.0.1", x, {{"x-forwarded-for", "198.51.100.9:1234"}}, "198.51.100.9"},
      {"10.0.0.1", x, {{"x-forwarded-for", "2001:db8::7"}}, "2001:db8::7"},
      {"10.0.0.1", x, {{"x-forwarded-for", "[2001:db8::7]:1234"}}, "2001:db8::7"},
      {"10.0.0.1", rfc, {{"forwarded", "for=198.51.100.9;proto=https"}}, "198.51.100.9"},
      {"10.0.0.1", rfc, {{"forwarded", "For=\"[2001:db8::7]:1234\""}}, "2001:db8::7"},
      {"2001:db8:a::1", x, {{"x-forwarded-for", "198.51.100.9"}}, "198.51.100.9"},
      {"unix", x, {{"x-forwarded-for", "198.51.100.9"}}, "198.51.100.9"},
      // What the visitor forged stands to the left.
      {"10.0.0.1", x, {{"x-forwarded-for", "127.0.0.1, 198.51.100.9"}}, "198.51.100.9"},
      {"10.0.0.1", x, {{"x-forwarded-for", "127.0.0.1"}, {"x-forwarded-for", "198.51.100.9"}}, "198.51.100.9"},
      {"10.0.0.1", x, {{"x-forwarded-for", "10.0.0.2, 198.51.100.9"}}, "198.51.100.9"},
      {"10.0.0.1", x, {{"x-forwarded-for", "<script>, 198.51.100.9"}}, "198.51.100.9"},
      {"10.0.0.1", rfc, {{"forwarded", "for=127.0.0.1"}, {"forwarded", "for=198.51.100.9"}}, "198.51.100.9"},
      {"10.0.0.1", rfc, {{"forwarded", "for=\"unclosed, for=198.51.100.9"}}, "198.51.100.9"},
      // A chain of ours.
      {"10.0.0.1", x, {{"x-forwarded-for", "127.0.0.1, 198.51.100.9, 10.0.0.3, 10.0.0.2"}}, "198.51.100.9"},
      {"10.0.0.1", x, {{"x-forwarded-for", "198.51.100.9, 2001:db8:a::2"}}, "198.51.100.9"},
      {"10.0.0.1", x, {{"x-forwarded-for", "10.0.0.3, 10.0.0.2"}}, "10.0.0.3"},
      {"10.0.0.1", x, {{"x-forwarded-for", "198.51.100.9, 192.0.2.1, 10.0.0.2"}}, "192.0.2.1"},
      // Unknown stays unknown, and nobody guesses what is behind it.
      {"10.0.0.1", x, {{"x-forwarded-for", "unknown"}}, "-"},
      {"10.0.0.1", x, {{"x-forwarded-for", "198.51.100.9, unknown"}}, "-"},
      {"10.0.0.1", rfc, {{"forwarded", "for=_hidden"}}, "-"},
      {"10.0.0.1", rfc, {{"forwarded", "for=198.51.100.9, proto=https"}}, "-"},
      // What a believed proxy says and nobody can read.
      {"10.0.0.1", x, {{"x-forwarded-for", "nonsense"}}, "!"},
      {"10.0.0.1", x, {{"x-forwarded-for", "198.51.100.9, nonsense"}}, "!"},
      {"10.0.0.1", x, {{"x-forwarded-for", "nonsense, 10.0.0.2"}}, "!"},
      {"10.0.0.1", x, {{"x-forwarded-for", "127.1"}}, "!"},
      {"10.0.0.1", rfc, {{"forwarded", "nonsense"}}, "!"},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const Judgement judgement =
        judge(behind(row.field), {.listener = "inner", .peer = peer_of(row.peer)}, with(row.fields));
    const auto* no = std::get_if<Denied>(&judgement.verdict);
    if (row.client == "!") {
      ASSERT_NE(no, nullptr) << "row " << i;
      EXPECT_EQ(no->refused.refusal, Refusal::malformed_forwarding) << "row " << i;
    } else {
      EXPECT_EQ(no, nullptr) << "row " << i;
      EXPECT_EQ(judgement.client.is_ip() ? judgement.client.host_text() : "-", row.client) << "row " << i;
    }
  }
}

TEST(Visitor, WhoIsUnknownIsInNoNetwork) {
  Rules rules = behind(x);
  Route route = *rules.routes[0];
  route.allow = {{.addresses = test::addresses({"0.0.0.0/0", "::/0"})}};
  rules.routes[0] = std::make_shared<const Route>(route);
  const Judgement judgement =
      judge(rules, {.listener = "inner", .peer = test::ip("10.0.0.1")}, with({{"x-forwarded-for", "unknown"}}));
  const auto* no = std::get_if<Denied>(&judgement.verdict);
  ASSERT_NE(no, nullptr);
  EXPECT_EQ(no->refused.refusal, Refusal::not_allowed);
  EXPECT_THAT(no->refused.detail, HasSubstr("saw unknown (no name)"));
}

// --- our own origin --------------------------------------------------------------------------------------------------

struct OwnRow {
  std::string_view peer;
  ForwardingField field;
  bool secure;
  std::string host;
  Fields fields;
  std::string own;
};

TEST(OwnOrigin, IsWhatTheVisitorsBrowserSees) {
  const std::vector<OwnRow> rows{
      {"192.0.2.1", x, false, "a.example", {}, "http://a.example"},
      {"192.0.2.1", x, true, "a.example", {}, "https://a.example"},
      {"192.0.2.1", x, true, "a.example:8443", {}, "https://a.example:8443"},
      // Whoever is not believed changes nothing.
      {"192.0.2.1",
       x,
       false,
       "a.example",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "https"}, {"x-forwarded-host", "evil.example"}},
       "http://a.example"},
      {"192.0.2.1",
       rfc,
       false,
       "a.example",
       {{"forwarded", "for=1.2.3.4;proto=https;host=evil.example"}},
       "http://a.example"},
      // A believed proxy.
      {"10.0.0.1", x, false, "a.example", {{"x-forwarded-for", "1.2.3.4"}}, "http://a.example"},
      {"10.0.0.1", x, true, "a.example", {{"x-forwarded-for", "1.2.3.4"}}, "https://a.example"},
      {"10.0.0.1",
       x,
       false,
       "a.example",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "https"}},
       "https://a.example"},
      {"10.0.0.1",
       x,
       false,
       "a.example",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "HTTPS"}},
       "https://a.example"},
      {"10.0.0.1",
       x,
       true,
       "a.example",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "http"}},
       "http://a.example"},
      {"10.0.0.1",
       x,
       true,
       "a.example",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "gopher"}},
       "https://a.example"},
      // Some (Traefik) tell the scheme of the WebSocket; the page's, which the browser sends, is the one below it.
      {"10.0.0.1",
       x,
       false,
       "a.example",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "wss"}},
       "https://a.example"},
      {"10.0.0.1",
       x,
       true,
       "a.example",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "ws"}},
       "http://a.example"},
      {"10.0.0.1", rfc, false, "a.example", {{"forwarded", "for=1.2.3.4;proto=wss"}}, "https://a.example"},
      {"10.0.0.1", rfc, true, "a.example", {{"forwarded", "for=1.2.3.4;proto=WS"}}, "http://a.example"},
      {"10.0.0.1",
       x,
       false,
       "inner:8080",
       {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "https"}, {"x-forwarded-host", "a.example"}},
       "https://a.example"},
      {"10.0.0.1",
       rfc,
       false,
       "inner:8080",
       {{"forwarded", "for=1.2.3.4;proto=https;host=\"a.example:8443\""}},
       "https://a.example:8443"},
      // The proxy to which the visitor himself has come tells it, not one behind it nor one in front.
      {"10.0.0.1",
       rfc,
       false,
       "inner:8080",
       {{"forwarded",
         "for=1.1.1.1;proto=http;host=forged.example, for=1.2.3.4;proto=https;host=a.example, "
         "for=10.0.0.2;proto=http;host=middle"}},
       "https://a.example"},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const OwnRow& row = rows[i];
    RequestHead request = session("/vnc", {{"host", row.host}});
    for (const auto& [name, value] : row.fields) { request.fields.push_back({.name = name, .value = value}); }
    RequestHead foreign = request;
    request.fields.push_back({.name = "origin", .value = row.own});
    foreign.fields.push_back({.name = "origin", .value = "https://evil.example"});
    const Visit visit{.listener = "inner", .peer = test::ip(row.peer), .secure = row.secure};
    EXPECT_TRUE(std::holds_alternative<Admitted>(judge(behind(row.field), visit, request).verdict)) << "row " << i;
    const Judgement no = judge(behind(row.field), visit, foreign);
    ASSERT_TRUE(std::holds_alternative<Denied>(no.verdict)) << "row " << i;
    EXPECT_THAT(std::get<Denied>(no.verdict).refused.detail, HasSubstr("own origin seen as " + row.own + ";"))
        << "row " << i;
  }
}

TEST(OwnOrigin, IsThePublicUrlWhereThatIsWritten) {
  Rules rules = behind(x);
  rules.listeners[0].public_url = parse_origin("https://desk.example.org");
  const Visit visit{.listener = "inner", .peer = test::ip("10.0.0.1")};
  const Fields told{{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-host", "other.example"}};
  Fields own = told;
  own.emplace_back("origin", "https://desk.example.org");
  Fields other = told;
  other.emplace_back("origin", "http://other.example");
  EXPECT_TRUE(std::holds_alternative<Admitted>(judge(rules, visit, with(own)).verdict));
  EXPECT_TRUE(std::holds_alternative<Denied>(judge(rules, visit, with(other)).verdict));
}

// Which route a request is for is Host's to say: what a proxy tells of hosts opens no other.
TEST(OwnOrigin, OfAProxyLeadsToNoOtherRoute) {
  Rules rules = behind(x);
  Route route = *rules.routes[0];
  route.host = test::hosts({"desk.example.org"});
  rules.routes[0] = std::make_shared<const Route>(route);
  const Judgement judgement = judge(rules, {.listener = "inner", .peer = test::ip("10.0.0.1")},
                                    with({{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-host", "desk.example.org"}}));
  ASSERT_TRUE(std::holds_alternative<Denied>(judgement.verdict));
  EXPECT_EQ(std::get<Denied>(judgement.verdict).refused.refusal, Refusal::unknown_host);
}

TEST(OwnOrigin, OfAProxyThatIsNoneIsRefused) {
  for (const char* host : {"a b", "https://a.example", "ada@a.example", "a.example:99999"}) {
    const Judgement judgement = judge(behind(x), {.listener = "inner", .peer = test::ip("10.0.0.1")},
                                      with({{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-host", host}}));
    ASSERT_TRUE(std::holds_alternative<Denied>(judgement.verdict)) << host;
    EXPECT_EQ(std::get<Denied>(judgement.verdict).refused.refusal, Refusal::malformed_forwarding) << host;
  }
}

TEST(Visitor, IsNamedInTheTraceWithTheOneWhoToldIt) {
  Trace trace;
  judge(behind(x), {.listener = "inner", .peer = test::ip("10.0.0.1")}, with({{"x-forwarded-for", "1.2.3.4"}}), &trace);
  EXPECT_THAT(trace.at(1).text, HasSubstr("the visitor is 1.2.3.4 (x-forwarded-for of 10.0.0.1)"));
}

}  // namespace
}  // namespace bascule::policy
