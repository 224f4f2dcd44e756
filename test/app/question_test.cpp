#include "proxy/app/question.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/policy/origin.hpp"

namespace bascule::app {
namespace {

using config::DescribedVisit;
using policy::Listener;
using policy::Rules;
using testing::HasSubstr;

Listener listener_at(const std::string& name, const char* ip, std::uint16_t port) {
  return {.name = name, .place = {}, .address = *Address::parse_ip(ip, port), .written = {}};
}

Rules one_listener() {
  Rules rules;
  rules.listeners.push_back(listener_at("only", "127.0.0.1", 6080));
  return rules;
}

Question asked(const DescribedVisit& visit, const Rules& rules = one_listener()) {
  auto question = make_question(visit, rules);
  if (!question) { throw std::runtime_error(question.error().key + ": " + question.error().text); }
  return *question;
}

std::string field(const Question& question, std::string_view name) {
  const std::string* value = question.head.find(name);
  return value == nullptr ? "none" : *value;
}

AddressSet addresses(const char* network) {
  return {.networks = {*Network::parse(network)}};
}

// --- the request -----------------------------------------------------------------------------------------------------

TEST(Question, OfAWebSocketUrlIsAnUpgradeThatIsWellFormed) {
  const Question question = asked({.url = "ws://127.0.0.1:6080/vnc?token=a%20b"});
  EXPECT_EQ(question.head.method, "GET");
  EXPECT_EQ(question.head.target, "/vnc?token=a%20b");
  EXPECT_EQ(field(question, "host"), "127.0.0.1:6080");
  EXPECT_EQ(field(question, "origin"), "none");
  EXPECT_TRUE(std::holds_alternative<wire::ws::Upgrade>(wire::ws::judge_upgrade(question.head)));
}

TEST(Question, OfAPageIsAPlainGet) {
  const Question question = asked({.url = "http://localhost:6080"});
  EXPECT_EQ(question.head.target, "/");
  EXPECT_FALSE(wire::ws::asks_for_websocket(question.head));
}

TEST(Question, LeavesTheDefaultPortOutOfHostAsBrowsersDo) {
  EXPECT_EQ(field(asked({.url = "wss://desk.example.org:443/"}), "host"), "desk.example.org");
  EXPECT_EQ(field(asked({.url = "ws://desk.example.org:443/"}), "host"), "desk.example.org:443");
  EXPECT_EQ(field(asked({.url = "ws://[::1]:80/"}), "host"), "[::1]");
  EXPECT_EQ(field(asked({.url = "WSS://desk.example.org?x"}), "host"), "desk.example.org");
  EXPECT_EQ(asked({.url = "wss://desk.example.org?x"}).head.target, "/?x");
}

TEST(Question, SendsTheOriginThatIsDescribed) {
  EXPECT_EQ(field(asked({.url = "wss://desk.example.org/vnc", .origin = "same"}), "origin"),
            "https://desk.example.org");
  EXPECT_EQ(field(asked({.url = "ws://[::1]:6080/vnc", .origin = "same"}), "origin"), "http://[::1]:6080");
  EXPECT_EQ(field(asked({.url = "ws://localhost/", .origin = "https://evil.example"}), "origin"),
            "https://evil.example");
  EXPECT_EQ(field(asked({.url = "ws://localhost/", .origin = "null"}), "origin"), "null");
}

TEST(Question, OffersTheSubprotocolsInTheirOrder) {
  EXPECT_EQ(field(asked({.url = "ws://localhost/", .protocols = {"game.v2", "binary"}}), "sec-websocket-protocol"),
            "game.v2, binary");
}

TEST(Question, HeadersThatAreDescribedTakeThePlaceOfOurs) {
  const Question question =
      asked({.url = "ws://127.0.0.1/",
             .headers = {
                 {"Host", "evil.example"}, {"Sec-WebSocket-Version", "8"}, {"X-Region", " eu "}, {"x-region", "us"}}});
  EXPECT_EQ(field(question, "host"), "evil.example");
  EXPECT_EQ(question.head.count("host"), 1U);
  EXPECT_EQ(field(question, "sec-websocket-version"), "8");
  EXPECT_EQ(field(question, "x-region"), "eu");
  EXPECT_EQ(question.head.count("x-region"), 2U) << "what is described twice is sent twice";
}

TEST(Question, SaysWhatCannotBeAskedAndHowItIsWritten) {
  const std::vector<std::pair<DescribedVisit, std::string>> table{
      {{.url = "desk.example.org/vnc"}, "url: 'desk.example.org/vnc': a URL begins with ws://"},
      {{.url = "ftp://desk.example.org/"}, "a URL begins with"},
      {{.url = "wss://desk.example.org/vnc#top"}, "never sent"},
      {{.url = "wss://ada:secret@desk.example.org/"}, "a user in a URL is not sent"},
      {{.url = "wss:///vnc"}, "its host is not one"},
      {{.url = "wss://b\xc3\xbc"
               "cher.example/"},
       "xn--"},
      {{.url = "wss://256.1.1.1/"}, "its host is not one"},
      {{.url = "wss://desk.example.org:99999/"}, "its host is not one"},
      {{.url = "wss://desk.example.org/a b"}, "%XX"},
      {{.url = "ws://localhost/", .client = "nobody"}, "client: 'nobody' is no address"},
      {{.url = "ws://localhost/", .as = ":support"}, "as: ':support'"},
      {{.url = "ws://localhost/", .as = "ada:a,,b"}, "as: 'ada:a,,b'"},
      {{.url = "ws://localhost/", .headers = {{"x y", "z"}}}, "header: 'x y: z' is no header field"},
      {{.url = "ws://localhost/", .headers = {{"x", "a\r\nb: c"}}}, "header: "},
      {{.url = "ws://localhost/", .origin = "a\nb"}, "origin: "},
      {{.url = "ws://localhost/", .protocols = {"a, b"}}, "protocol: 'a, b' is no subprotocol"},
      {{.url = "ws://localhost/", .listener = "public"}, "listener: there is no listener 'public'; there is only"},
  };
  for (const auto& [visit, text] : table) {
    const auto question = make_question(visit, one_listener());
    ASSERT_FALSE(question) << text;
    EXPECT_THAT(question.error().key + ": " + question.error().text, HasSubstr(text));
  }
}

// --- the visitor -----------------------------------------------------------------------------------------------------

TEST(Question, ComesFromLoopbackUnlessDescribedOtherwise) {
  EXPECT_EQ(asked({.url = "ws://localhost/"}).peer.host_text(), "127.0.0.1");
  EXPECT_EQ(asked({.url = "ws://localhost/", .client = "2001:db8::7"}).peer.host_text(), "2001:db8::7");
  EXPECT_EQ(asked({.url = "ws://localhost/", .client = "::ffff:192.0.2.7"}).peer.host_text(), "192.0.2.7");
  EXPECT_EQ(asked({.url = "ws://localhost/", .client = "unix"}).peer.family(), Address::Family::unix_path);

  Rules local;
  local.listeners.push_back(
      {.name = "local", .place = {}, .address = Address::unix_path("/run/x.sock"), .written = {}});
  EXPECT_EQ(asked({.url = "ws://localhost/"}, local).peer.family(), Address::Family::unix_path);
}

TEST(Question, IsAskedAsTheUserThatIsDescribed) {
  EXPECT_FALSE(asked({.url = "ws://localhost/"}).identity);
  EXPECT_EQ(asked({.url = "ws://localhost/", .as = "ada"}).identity->user, "ada");
  const Question question = asked({.url = "ws://localhost/", .as = "ada:support,admins"});
  EXPECT_EQ(question.identity->user, "ada");
  EXPECT_THAT(question.identity->groups, testing::ElementsAre("support", "admins"));
}

// Nobody but a PROXY header tells a listener of TLS that ends in front of it: a `wss` URL does not make it so.
TEST(Question, IsSecureOnlyWhereTheConnectionCanTell) {
  EXPECT_FALSE(asked({.url = "wss://localhost/"}).secure);
  Rules balanced = one_listener();
  balanced.listeners[0].proxy_protocol = addresses("192.0.2.1");
  EXPECT_TRUE(asked({.url = "wss://localhost/"}, balanced).secure);
  EXPECT_FALSE(asked({.url = "ws://localhost/"}, balanced).secure);
}

Rules with_tls() {
  Rules rules = one_listener();
  rules.listeners[0].tls.emplace();
  return rules;
}

TEST(Question, ComesByTlsWhereItsUrlSaysSoAndTheListenerHasIt) {
  const Question wss = asked({.url = "wss://Desk.example.org/"}, with_tls());
  EXPECT_TRUE(wss.tls_here);
  EXPECT_TRUE(wss.secure);
  EXPECT_FALSE(wss.tls_unseen);
  EXPECT_EQ(wss.sni, "desk.example.org");
  for (const char* url : {"ws://desk.example.org/", "http://desk.example.org/"}) {
    const Question plain = asked({.url = url}, with_tls());
    EXPECT_FALSE(plain.tls_here) << url;
    EXPECT_FALSE(plain.secure) << url;
    EXPECT_EQ(plain.sni, "") << url;
  }
  const Question elsewhere = asked({.url = "wss://desk.example.org/"});
  EXPECT_FALSE(elsewhere.tls_here);
  EXPECT_TRUE(elsewhere.tls_unseen);
}

// RFC 6066, section 3.
TEST(Question, AsksForNoNameByTlsWhereTheUrlHasAnAddress) {
  for (const char* url : {"wss://192.0.2.7/", "wss://[2001:db8::7]/"}) {
    EXPECT_TRUE(asked({.url = url}, with_tls()).tls_here) << url;
    EXPECT_EQ(asked({.url = url}, with_tls()).sni, "") << url;
  }
}

// How the visitor came to it the proxy tells in its field; to us it comes by TLS.
TEST(Question, ThroughATrustedProxyComesByTlsToAListenerThatHasIt) {
  Rules behind = with_tls();
  behind.listeners[0].trusted_proxies = {addresses("192.0.2.1")};
  const Question question = asked({.url = "http://desk.example.org/"}, behind);
  EXPECT_TRUE(question.tls_here);
  EXPECT_EQ(question.sni, "");
  EXPECT_EQ(field(question, "x-forwarded-proto"), "http");
}

TEST(Question, BehindATrustedProxyIsToldByItInTheFieldThatIsBelieved) {
  Rules behind = one_listener();
  behind.listeners[0].trusted_proxies = {addresses("192.0.2.1")};
  const DescribedVisit visit{.url = "wss://desk.example.org/", .client = "2001:db8::7"};
  const Question by_x = asked(visit, behind);
  EXPECT_EQ(by_x.peer.host_text(), "192.0.2.1");
  EXPECT_EQ(by_x.through, "192.0.2.1");
  EXPECT_EQ(field(by_x, "x-forwarded-for"), "2001:db8::7");
  EXPECT_EQ(field(by_x, "x-forwarded-proto"), "https");

  behind.listeners[0].trusted_proxies->field = wire::http::ForwardingField::forwarded;
  const Question by_forwarded = asked(visit, behind);
  EXPECT_EQ(field(by_forwarded, "forwarded"), "for=\"[2001:db8::7]\";proto=https");
  EXPECT_EQ(field(by_forwarded, "x-forwarded-for"), "none");
}

TEST(Question, WithTheForwardingFieldDescribedComesFromTheClientHimself) {
  Rules behind = one_listener();
  behind.listeners[0].trusted_proxies = {addresses("192.0.2.1")};
  const Question forged =
      asked({.url = "wss://desk.example.org/", .client = "203.0.113.9", .headers = {{"X-Forwarded-For", "10.0.0.1"}}},
            behind);
  EXPECT_EQ(forged.peer.host_text(), "203.0.113.9");
  EXPECT_TRUE(forged.through.empty());
  EXPECT_EQ(field(forged, "x-forwarded-for"), "10.0.0.1");
}

TEST(Question, ComesThroughAProxyThatTheListenerAllows) {
  Rules behind = one_listener();
  behind.listeners[0].trusted_proxies = {{.networks = {*Network::parse("192.0.2.1"), *Network::parse("10.0.0.0/8")}}};
  behind.listeners[0].allow = addresses("10.0.0.0/8");
  EXPECT_EQ(asked({.url = "ws://localhost/"}, behind).through, "10.0.0.0");
}

// --- the listener ----------------------------------------------------------------------------------------------------

class QuestionListener : public testing::Test {
 protected:
  QuestionListener() {
    rules.listeners = {listener_at("all", "0.0.0.0", 8080), listener_at("local", "127.0.0.1", 8080),
                       listener_at("other", "127.0.0.1", 9090), listener_at("published", "127.0.0.1", 7070)};
    rules.listeners[3].public_url = policy::parse_origin("https://desk.example.org");
  }

  std::string chosen(const std::string& url) {
    const Question question = asked({.url = url}, rules);
    return question.listener + ": " + question.listener_why;
  }

  Rules rules;
};

TEST_F(QuestionListener, IsTheOneThatTheUrlFits) {
  EXPECT_EQ(chosen("wss://desk.example.org/"), "published: its public_url fits");
  EXPECT_EQ(chosen("ws://127.0.0.1:9090/"), "other: its port fits");
  EXPECT_EQ(chosen("ws://127.0.0.1:8080/"), "local: its port fits");
  EXPECT_EQ(chosen("ws://desk.example.org:8080/"), "all: its port fits");
}

// Port 80 sends to https: what is seen there is the other one's URL.
TEST_F(QuestionListener, IsTheOneThatSpeaksTlsOnThePortOfTheUrl) {
  rules.listeners = {listener_at("http", "0.0.0.0", 80), listener_at("public", "0.0.0.0", 443)};
  for (Listener& listener : rules.listeners) { listener.tls.emplace(); }
  rules.listeners[0].public_url = policy::parse_origin("https://desk.example.org");
  EXPECT_EQ(chosen("wss://desk.example.org/"), "public: its port fits");
  EXPECT_EQ(chosen("http://desk.example.org/"), "http: its port fits");
}

TEST_F(QuestionListener, IsElseTheFirstThatFitsTheScheme) {
  EXPECT_EQ(chosen("wss://elsewhere.example/"), "published: the first behind something that speaks TLS");
  EXPECT_EQ(chosen("ws://elsewhere.example/"), "all: the first without TLS in front");
  rules.listeners.pop_back();
  EXPECT_EQ(chosen("wss://elsewhere.example/"), "all: the first");
  rules.listeners[2].tls.emplace();
  EXPECT_EQ(chosen("wss://elsewhere.example/"), "other: the first with TLS");
}

TEST_F(QuestionListener, IsTheOnlyOneOrTheOneThatIsNamed) {
  EXPECT_EQ(asked({.url = "wss://elsewhere.example/"}).listener_why, "the only one");
  const Question question = asked({.url = "wss://desk.example.org/", .listener = "other"}, rules);
  EXPECT_EQ(question.listener, "other");
  EXPECT_EQ(question.listener_why, "as asked");
}

}  // namespace
}  // namespace bascule::app
