#include "proxy/policy/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using test::Fields;
using test::head;
using test::session;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using wire::http::RequestHead;

// A desktop at /vnc and /desk/{id}, pages at /novnc/*, another desktop at desk.example.org.
Rules house() {
  Route desk = test::route("desk", "/desk/{id}");
  desk.subprotocols = {"v12.stomp", "v11.stomp"};
  Route pages = test::route("pages", "/novnc/*");
  pages.to = Files{.folder = "/nowhere"};
  Route alive = test::route("alive", "/alive");
  alive.to = Answer{};
  Route outside = test::route("outside", "/vnc");
  outside.host = test::hosts({"desk.example.org"});
  outside.listeners = {"public"};
  return test::rules_of({test::route("vnc", "/vnc"), desk, pages, alive, outside});
}

Judgement judged(const RequestHead& request, Visit visit = {.listener = "inner"}) {
  return judge(house(), visit, request);
}

Denied denied(const Judgement& judgement) {
  const auto* no = std::get_if<Denied>(&judgement.verdict);
  EXPECT_NE(no, nullptr);
  return no == nullptr ? Denied{.route = nullptr, .refused = {.refusal = Refusal::internal_error}} : *no;
}

Refused refused(const RequestHead& request, Visit visit = {.listener = "inner"}) {
  return denied(judged(request, visit)).refused;
}

Admitted admitted(const Judgement& judgement) {
  if (const auto* no = std::get_if<Denied>(&judgement.verdict)) { ADD_FAILURE() << no->refused.detail; }
  const auto* yes = std::get_if<Admitted>(&judgement.verdict);
  return yes == nullptr ? Admitted() : *yes;
}

Admitted admitted(const RequestHead& request, Visit visit = {.listener = "inner"}) {
  return admitted(judged(request, visit));
}

Page page(const RequestHead& request) {
  const Judgement judgement = judged(request);
  if (const auto* no = std::get_if<Denied>(&judgement.verdict)) { ADD_FAILURE() << no->refused.detail; }
  const auto* yes = std::get_if<Page>(&judgement.verdict);
  return yes == nullptr ? Page() : *yes;
}

// --- the step of the listener ----------------------------------------------------------------------------------------

TEST(MayConnect, AsksTheAllowOfTheListener) {
  Listener listener = test::listener("inner");
  EXPECT_TRUE(may_connect(listener, test::ip("192.0.2.7")));
  listener.allow = test::addresses({"10.0.0.0/8"});
  EXPECT_TRUE(may_connect(listener, test::ip("10.1.2.3")));
  EXPECT_TRUE(may_connect(listener, test::ip("::ffff:10.1.2.3")));
  EXPECT_FALSE(may_connect(listener, test::ip("192.0.2.7")));
  EXPECT_FALSE(may_connect(listener, Address::unix_path("")));
  listener.allow->unix_sockets = true;
  EXPECT_TRUE(may_connect(listener, Address::unix_path("")));
}

TEST(Judge, RefusesAPeerThatItsListenerDoesNotAllow) {
  Rules rules = house();
  rules.listeners[0].allow = test::addresses({"10.0.0.0/8"});
  EXPECT_EQ(admitted(judge(rules, {.listener = "inner", .peer = test::ip("10.0.0.1")}, session("/vnc"))).route->name,
            "vnc");
  const Refused no =
      denied(judge(rules, {.listener = "inner", .peer = test::ip("192.0.2.7")}, session("/vnc"))).refused;
  EXPECT_EQ(no.refusal, Refusal::address_not_welcome);
  EXPECT_THAT(no.detail, HasSubstr("listener 'inner' does not allow 192.0.2.7"));
}

// The visitor of a PROXY header has not connected to us; the balancer has.
TEST(Judge, AsksTheListenerAboutTheOneWhoConnected) {
  Rules rules = house();
  rules.listeners[0].allow = test::addresses({"10.0.0.0/8"});
  rules.listeners[0].proxy_protocol = test::addresses({"10.0.0.0/8"});
  const Address balancer = test::ip("10.0.0.1");
  const Address stranger = test::ip("192.0.2.1");
  const Visit by_balancer{.listener = "inner", .peer = test::ip("192.0.2.7"), .proxy = &balancer};
  EXPECT_EQ(admitted(judge(rules, by_balancer, session("/vnc"))).route->name, "vnc");
  const Visit by_stranger{.listener = "inner", .peer = test::ip("10.0.0.7"), .proxy = &stranger};
  EXPECT_EQ(denied(judge(rules, by_stranger, session("/vnc"))).refused.refusal, Refusal::address_not_welcome);
  const Visit untold{.listener = "inner", .peer = test::ip("192.0.2.7")};
  EXPECT_EQ(admitted(judge(rules, untold, session("/vnc"))).route->name, "vnc");
}

TEST(Judge, RefusesAListenerThatIsNoMore) {
  EXPECT_EQ(refused(session("/vnc"), {.listener = "gone"}).refusal, Refusal::address_not_welcome);
}

// --- the step of host and path ---------------------------------------------------------------------------------------

TEST(Judge, LeadsARightRequestToItsRoute) {
  const Admitted yes = admitted(session("/vnc"));
  EXPECT_EQ(yes.route->name, "vnc");
  EXPECT_EQ(yes.upgrade.key, "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(yes.protocol, "");
  EXPECT_EQ(yes.origin, "");
}

TEST(Judge, RefusesATargetThatIsNone) {
  for (const char* target : {"*", "vnc", "/../vnc", "/vnc#x", "/%zz", "ftp://127.0.0.1/vnc", "host:80"}) {
    EXPECT_EQ(refused(session(target)).refusal, Refusal::malformed_head) << target;
  }
}

TEST(Judge, RefusesAHostThatIsNone) {
  for (const char* host : {"a b", "a,b", "ada@127.0.0.1", "127.0.0.1:99999", "127.1", "[::1", "/"}) {
    EXPECT_EQ(refused(session("/vnc", {{"host", host}})).refusal, Refusal::malformed_head) << host;
  }
  EXPECT_EQ(refused(session("/vnc", {{"host", ""}})).refusal, Refusal::malformed_head);
}

TEST(Judge, RefusesTwoHosts) {
  RequestHead request = session("/vnc");
  request.fields.push_back({.name = "host", .value = "127.0.0.1:6080"});
  EXPECT_EQ(refused(request).refusal, Refusal::malformed_head);
}

// RFC 9112, section 3.2.2.
TEST(Judge, LetsTheAuthorityOfTheTargetWinOverHost) {
  EXPECT_EQ(refused(session("http://evil.example/vnc")).refusal, Refusal::unknown_host);
  EXPECT_EQ(admitted(session("http://127.0.0.1:6080/vnc", {{"host", "evil.example"}})).route->name, "vnc");
  EXPECT_EQ(refused(session("http://127.0.0.1/vnc", {{"host", "evil example"}})).refusal, Refusal::malformed_head);
  EXPECT_EQ(refused(session("http://127.0.0.1/vnc", {{"host", ""}})).refusal, Refusal::malformed_head);
}

// DNS rebinding: Host and Origin agree, and yet the name is nobody's.
TEST(Judge, RefusesAHostThatNobodyWroteEvenWithItsOwnOrigin) {
  const Refused no = refused(session("/vnc", {{"host", "evil.example"}, {"origin", "http://evil.example"}}));
  EXPECT_EQ(no.refusal, Refusal::unknown_host);
  EXPECT_THAT(no.detail, HasSubstr("'evil.example'"));
  EXPECT_THAT(no.detail, HasSubstr("'host'"));
  EXPECT_EQ(no.public_detail, "");
}

TEST(Judge, KnowsAHostAtItsListenerOnly) {
  const RequestHead request = session("/vnc", {{"host", "desk.example.org"}});
  EXPECT_EQ(refused(request, {.listener = "inner"}).refusal, Refusal::unknown_host);
  EXPECT_EQ(admitted(request, {.listener = "public"}).route->name, "outside");
}

TEST(Judge, RefusesAPathThatNoRouteHas) {
  EXPECT_EQ(refused(session("/other")).refusal, Refusal::no_route);
  EXPECT_EQ(refused(session("/desk/")).refusal, Refusal::no_route);
  EXPECT_EQ(denied(judged(session("/other"))).route, nullptr);
}

// --- pages -----------------------------------------------------------------------------------------------------------

TEST(Judge, ReadsAPageWithGetAndHead) {
  const Fields fields{{"host", "127.0.0.1"}};
  const Page got = page(head("GET", "/novnc/app/ui.js", fields));
  EXPECT_EQ(got.route->name, "pages");
  EXPECT_EQ(got.below, "app/ui.js");
  EXPECT_FALSE(got.head_only);
  EXPECT_TRUE(page(head("HEAD", "/novnc/", fields)).head_only);
  EXPECT_EQ(page(head("GET", "/novnc/", fields)).below, "");
}

TEST(Judge, ReadsAPageWhateverItsUpgradeSays) {
  EXPECT_EQ(page(session("/novnc/vnc.html")).below, "vnc.html");
}

TEST(Judge, RefusesOtherMethodsAtAPage) {
  for (const char* method : {"POST", "OPTIONS", "TRACE", "CONNECT", "get", "PUT"}) {
    const Refused no = refused(head(method, "/novnc/", {{"host", "127.0.0.1"}}));
    EXPECT_EQ(no.refusal, Refusal::method_not_allowed) << method;
    EXPECT_EQ(no.allow, "GET, HEAD");
  }
}

TEST(Judge, LetsPagesOfAnyOriginReadAPage) {
  EXPECT_EQ(page(head("GET", "/novnc/x", {{"host", "127.0.0.1"}, {"origin", "https://evil.example"}})).below, "x");
}

TEST(Judge, AnswersAnAnswerLikeAPage) {
  const Page answer = page(head("GET", "/alive", {{"host", "127.0.0.1"}}));
  EXPECT_EQ(answer.route->name, "alive");
  EXPECT_EQ(answer.below, "");
  EXPECT_EQ(refused(head("POST", "/alive", {{"host", "127.0.0.1"}})).allow, "GET, HEAD");
}

TEST(Judge, AsksTheAllowOfAPage) {
  Route pages = test::route("pages", "/*");
  pages.to = Files{.folder = "/nowhere"};
  pages.allow = {{.addresses = test::addresses({"10.0.0.0/8"})}};
  const Rules rules = test::rules_of({pages});
  const RequestHead request = head("GET", "/x", {{"host", "127.0.0.1"}});
  EXPECT_TRUE(
      std::holds_alternative<Page>(judge(rules, {.listener = "inner", .peer = test::ip("10.0.0.1")}, request).verdict));
  EXPECT_EQ(denied(judge(rules, {.listener = "inner", .peer = test::ip("192.0.2.1")}, request)).refused.refusal,
            Refusal::not_allowed);
}

// --- the step of method and upgrade ----------------------------------------------------------------------------------

TEST(Judge, RefusesAnotherMethodAtASession) {
  RequestHead request = session("/vnc");
  request.method = "POST";
  const Refused no = refused(request);
  EXPECT_EQ(no.refusal, Refusal::method_not_allowed);
  EXPECT_EQ(no.allow, "GET");
}

TEST(Judge, RefusesWhatIsNoRightUpgrade) {
  EXPECT_EQ(refused(session("/vnc", {{"upgrade", ""}})).refusal, Refusal::not_an_upgrade);
  EXPECT_EQ(refused(session("/vnc", {{"connection", ""}})).refusal, Refusal::malformed_upgrade);
  EXPECT_EQ(refused(session("/vnc", {{"sec-websocket-key", "short"}})).refusal, Refusal::malformed_upgrade);
  EXPECT_EQ(refused(session("/vnc", {{"sec-websocket-version", "8"}})).refusal, Refusal::other_version);
}

TEST(Judge, NamesTheRouteOfARefusalThatHadOne) {
  const Denied no = denied(judged(session("/vnc", {{"upgrade", ""}})));
  ASSERT_NE(no.route, nullptr);
  EXPECT_EQ(no.route->name, "vnc");
}

// --- the step of the origin ------------------------------------------------------------------------------------------

TEST(Judge, AdmitsItsOwnOriginAndRemembersIt) {
  EXPECT_EQ(admitted(session("/vnc", {{"origin", "http://127.0.0.1:6080"}})).origin, "http://127.0.0.1:6080");
}

TEST(Judge, SeesItsOwnOriginByTheTlsOfTheConnection) {
  const RequestHead request = session("/vnc", {{"host", "127.0.0.1"}, {"origin", "https://127.0.0.1"}});
  EXPECT_EQ(refused(request, {.listener = "inner", .secure = false}).refusal, Refusal::foreign_origin);
  EXPECT_EQ(admitted(request, {.listener = "inner", .secure = true}).route->name, "vnc");
}

// What would help is a header of the balancer's; `trusted_proxies` would change nothing.
TEST(Judge, AsksForTheTlsOfAProxyHeader) {
  Rules rules = house();
  rules.listeners[0].proxy_protocol = test::addresses({"10.0.0.0/8"});
  const auto detail = [&](const Visit& visit, const char* origin) {
    return denied(judge(rules, visit, session("/vnc", {{"host", "127.0.0.1"}, {"origin", origin}}))).refused.detail;
  };
  EXPECT_THAT(detail({.listener = "inner", .secure = false}, "https://127.0.0.1"),
              AllOf(HasSubstr("send-proxy-v2-ssl"), Not(HasSubstr("trusted_proxies"))));
  EXPECT_THAT(detail({.listener = "inner", .secure = true}, "https://evil.example"), Not(HasSubstr("prox")));
}

TEST(Judge, SeesItsOwnOriginByTheAuthorityOfTheTarget) {
  EXPECT_EQ(refused(session("http://127.0.0.1:1/vnc", {{"origin", "http://127.0.0.1:6080"}})).refusal,
            Refusal::foreign_origin);
}

TEST(Judge, RefusesAForeignOrigin) {
  const Refused no = refused(session("/vnc", {{"origin", "https://evil.example"}}));
  EXPECT_EQ(no.refusal, Refusal::foreign_origin);
  EXPECT_THAT(no.detail, HasSubstr("got https://evil.example, own origin seen as http://127.0.0.1:6080"));
  EXPECT_EQ(no.public_detail, "");
}

TEST(Judge, RefusesTwoOrigins) {
  RequestHead request = session("/vnc", {{"origin", "http://127.0.0.1:6080"}});
  request.fields.push_back({.name = "origin", .value = "http://127.0.0.1:6080"});
  EXPECT_EQ(refused(request).refusal, Refusal::malformed_upgrade);
}

// --- the step of access ----------------------------------------------------------------------------------------------

struct AccessRow {
  std::vector<AllowRule> allow;
  const char* user;  // nullptr: nobody
  std::vector<std::string> groups;
  const char* address;  // nullptr: unknown
  bool allowed;
};

TEST(Judge, AllowsWhomAnItemOfAllowTakesAsAWhole) {
  const AllowRule ada{.users = {"ada"}};
  const AllowRule support_inside{.groups = {"support", "ops"}, .addresses = test::addresses({"10.0.0.0/8"})};
  const AllowRule inside{.addresses = test::addresses({"10.0.0.0/8", "2001:db8::/32"})};
  const AllowRule ada_of_support{.users = {"ada"}, .groups = {"support"}};
  const std::vector<AccessRow> rows{
      {{}, nullptr, {}, nullptr, true},
      {{ada}, "ada", {}, "192.0.2.1", true},
      {{ada}, "Ada", {}, "192.0.2.1", false},
      {{ada}, "bob", {"ada"}, "192.0.2.1", false},
      {{ada}, "", {}, "192.0.2.1", false},
      {{ada}, nullptr, {}, "192.0.2.1", false},
      {{inside}, nullptr, {}, "10.1.2.3", true},
      {{inside}, nullptr, {}, "::ffff:10.1.2.3", true},
      {{inside}, nullptr, {}, "2001:db8::7", true},
      {{inside}, nullptr, {}, "11.0.0.1", false},
      {{inside}, nullptr, {}, nullptr, false},
      {{support_inside}, "bob", {"support"}, "10.0.0.1", true},
      {{support_inside}, "bob", {"x", "ops"}, "10.0.0.1", true},
      {{support_inside}, "bob", {"support"}, "192.0.2.1", false},
      {{support_inside}, "bob", {"others"}, "10.0.0.1", false},
      {{support_inside}, "support", {}, "10.0.0.1", false},
      {{support_inside, ada}, "ada", {}, "192.0.2.1", true},
      {{support_inside, ada}, "bob", {"ops"}, "10.0.0.1", true},
      {{support_inside, ada}, "bob", {"ops"}, "192.0.2.1", false},
      {{ada_of_support}, "ada", {"support"}, nullptr, true},
      {{ada_of_support}, "ada", {}, nullptr, false},
      {{ada_of_support}, "bob", {"support"}, nullptr, false},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const AccessRow& row = rows[i];
    Route route = test::route("vnc", "/vnc");
    route.allow = row.allow;
    const Identity identity{.user = row.user == nullptr ? "" : row.user, .groups = row.groups};
    const Judgement judgement = judge(test::rules_of({route}),
                                      {.listener = "inner",
                                       .peer = row.address == nullptr ? Address() : test::ip(row.address),
                                       .identity = row.user == nullptr ? nullptr : &identity},
                                      session("/vnc"));
    EXPECT_EQ(std::holds_alternative<Admitted>(judgement.verdict), row.allowed) << "row " << i;
    if (!row.allowed) { EXPECT_EQ(denied(judgement).refused.refusal, Refusal::not_allowed) << "row " << i; }
  }
}

TEST(Judge, SaysWhomItSawAndWhatWouldHelp) {
  Route route = test::route("vnc", "/vnc");
  route.allow = {{.groups = {"support"}, .addresses = test::addresses({"10.0.0.0/8"})}};
  const auto no = [&](const Identity& identity, std::string_view address) {
    return denied(judge(test::rules_of({route}),
                        {.listener = "inner", .peer = test::ip(address), .identity = &identity}, session("/vnc")))
        .refused;
  };
  EXPECT_EQ(
      no({.user = "ada", .groups = {"support", "x"}}, "192.0.2.1").detail,
      "saw 192.0.2.1 (user 'ada' of support, x); no item of 'allow' of route 'vnc' takes that; add the address to it? "
      "behind a proxy? set trusted_proxies");
  EXPECT_THAT(no({.user = "ada", .groups = {}}, "10.0.0.1").detail, HasSubstr("add the user or a group of his to it?"));
  EXPECT_EQ(no({.user = "ada", .groups = {}}, "10.0.0.1").public_detail, "");
}

TEST(Judge, AsksForNoTrustedProxyWhereAProxyHeaderTellsTheVisitor) {
  Route route = test::route("vnc", "/vnc");
  route.allow = {{.addresses = test::addresses({"10.0.0.0/8"})}};
  Rules rules = test::rules_of({route});
  rules.listeners[0].proxy_protocol = test::addresses({"10.0.0.0/8"});
  const Address balancer = test::ip("10.0.0.1");
  const Visit visit{.listener = "inner", .peer = test::ip("192.0.2.1"), .proxy = &balancer};
  EXPECT_EQ(denied(judge(rules, visit, session("/vnc"))).refused.detail,
            "saw 192.0.2.1 (no name); no item of 'allow' of route 'vnc' takes that; add the address to it?");
}

TEST(Judge, HandsOverTheUser) {
  const Identity ada{.user = "ada", .groups = {}};
  EXPECT_EQ(admitted(session("/vnc"), {.listener = "inner", .identity = &ada}).user, "ada");
  EXPECT_EQ(admitted(session("/vnc")).user, "");
}

// --- the step of the subprotocol -------------------------------------------------------------------------------------

TEST(Judge, AnswersTheFirstOfferedSubprotocolThatTheRouteTakes) {
  EXPECT_EQ(admitted(session("/vnc", {{"sec-websocket-protocol", "base64, binary"}})).protocol, "binary");
  EXPECT_EQ(admitted(session("/desk/1", {{"sec-websocket-protocol", "v11.stomp,v12.stomp"}})).protocol, "v11.stomp");
}

TEST(Judge, AnswersNoSubprotocolWhereNoneWasOffered) {
  EXPECT_EQ(admitted(session("/desk/1")).protocol, "");
}

TEST(Judge, RefusesAnOfferOfWhichNothingIsTakenAndNamesWhatIs) {
  const Refused no = refused(session("/desk/1", {{"sec-websocket-protocol", "mqtt, V12.STOMP"}}));
  EXPECT_EQ(no.refusal, Refusal::subprotocol_unknown);
  EXPECT_EQ(no.public_detail, "Taken here: v12.stomp, v11.stomp.");
  EXPECT_EQ(no.detail,
            "offered mqtt, V12.STOMP; the route takes v12.stomp, v11.stomp; add one of them to subprotocols?");
}

// --- the order -------------------------------------------------------------------------------------------------------

// Each request is wrong in two ways, or more; the earlier step answers.
TEST(Judge, StopsAtTheFirstStepThatSaysNo) {
  Rules rules = house();
  Route guarded = test::route("guarded", "/guarded/{id}", test::service_made("{path.id}", "1", {}));
  guarded.allow = {{.users = {"ada"}}};
  guarded.limits.head_fields = 9;
  rules.routes.push_back(std::make_shared<const Route>(guarded));
  const Identity ada{.user = "ada", .groups = {}};
  const auto no = [&](const RequestHead& request, const Identity* identity = nullptr) {
    return denied(judge(rules, {.listener = "inner", .identity = identity}, request)).refused.refusal;
  };

  Fields fields{{"sec-websocket-protocol", "mqtt"}};
  EXPECT_EQ(no(session("/guarded/a:b", fields), &ada), Refusal::subprotocol_unknown);
  EXPECT_EQ(no(session("/guarded/a:b", fields)), Refusal::not_allowed);
  fields.emplace_back("origin", "https://evil.example");
  EXPECT_EQ(no(session("/guarded/a:b", fields)), Refusal::foreign_origin);
  fields.emplace_back("upgrade", "");
  EXPECT_EQ(no(session("/guarded/a:b", fields)), Refusal::not_an_upgrade);
  Fields too_many = fields;
  for (const char* name : {"a", "b", "c", "d", "e"}) { too_many.emplace_back(name, "x"); }
  EXPECT_EQ(no(session("/guarded/a:b", too_many)), Refusal::head_too_large);
  EXPECT_EQ(no(session("/other", fields)), Refusal::no_route);
  fields.emplace_back("host", "evil.example");
  EXPECT_EQ(no(session("/other", fields)), Refusal::unknown_host);
  EXPECT_EQ(no(session("/%zz", fields)), Refusal::malformed_head);
}

// --- how large a head may be -----------------------------------------------------------------------------------------

// The listener has read what the most generous of its routes allows.
TEST(Judge, RefusesAHeadThatIsLargerThanItsRouteAllows) {
  // 140 bytes: "GET /vnc HTTP/1.1" and four fields, each with its line end, and the empty line.
  const Fields fields{{"host", "127.0.0.1"},
                      {"upgrade", "websocket"},
                      {"connection", "upgrade"},
                      {"sec-websocket-version", "13"},
                      {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  const std::string written =
      "GET /vnc HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  Route route = test::route("vnc", "/vnc");
  route.limits.head_bytes = written.size();
  route.limits.head_fields = fields.size();
  const auto judged_by = [&](const Route& rule) {
    return judge(test::rules_of({rule}), {.listener = "inner"}, head("GET", "/vnc", fields));
  };
  EXPECT_EQ(admitted(judged_by(route)).route->name, "vnc");
  Route fewer = route;
  fewer.limits.head_fields = fields.size() - 1;
  const Denied no = denied(judged_by(fewer));
  EXPECT_EQ(no.refused.refusal, Refusal::head_too_large);
  EXPECT_THAT(no.refused.detail, HasSubstr("limits.head_fields of route 'vnc' is 4"));
  EXPECT_EQ(no.route->name, "vnc");
  Route smaller = route;
  smaller.limits.head_bytes = written.size() - 1;
  EXPECT_EQ(denied(judged_by(smaller)).refused.refusal, Refusal::head_too_large);
  EXPECT_THAT(denied(judged_by(smaller)).refused.detail, HasSubstr("limits.head_size of route 'vnc'"));
}

// --- saying no by a Close --------------------------------------------------------------------------------------------

struct CloseRow {
  const char* what;
  RefuseBy refuse;
  const char* target;
  Fields fields;
  bool by_close;
  const char* protocol;
};

TEST(Judge, SaysNoByACloseOnlyAfterTheOriginHasPassed) {
  const std::vector<CloseRow> rows{
      {"access", RefuseBy::close, "/guarded/1", {}, true, ""},
      {"access", RefuseBy::close, "/guarded/1", {{"sec-websocket-protocol", "x, binary"}}, true, "binary"},
      {"access", RefuseBy::close, "/guarded/1", {{"sec-websocket-protocol", "x, y"}}, true, "x"},
      {"access", RefuseBy::http, "/guarded/1", {}, false, ""},
      {"subprotocol", RefuseBy::close, "/open/1", {{"sec-websocket-protocol", "x, y"}}, true, "x"},
      {"target", RefuseBy::close, "/open/a:b", {{"sec-websocket-protocol", "binary"}}, true, "binary"},
      {"target", RefuseBy::http, "/open/a:b", {}, false, ""},
      {"origin", RefuseBy::close, "/guarded/1", {{"origin", "https://evil.example"}}, false, ""},
      {"upgrade", RefuseBy::close, "/guarded/1", {{"sec-websocket-key", ""}}, false, ""},
      {"route", RefuseBy::close, "/other", {}, false, ""},
  };
  for (const CloseRow& row : rows) {
    Route guarded = test::route("guarded", "/guarded/{id}");
    guarded.allow = {{.users = {"ada"}}};
    guarded.refuse = row.refuse;
    Route open = test::route("open", "/open/{id}", test::service_made("{path.id}", "1", {}));
    open.refuse = row.refuse;
    const Denied no =
        denied(judge(test::rules_of({guarded, open}), {.listener = "inner"}, session(row.target, row.fields)));
    EXPECT_EQ(word_of(step_of(no.refused.refusal)), row.what);
    ASSERT_EQ(no.by_close.has_value(), row.by_close) << row.what;
    if (no.by_close) {
      EXPECT_EQ(no.by_close->protocol, row.protocol) << row.what;
      EXPECT_EQ(no.by_close->upgrade.key, "dGhlIHNhbXBsZSBub25jZQ==");
    }
  }
}

TEST(Judge, ClosesNoPage) {
  Route pages = test::route("pages", "/*");
  pages.to = Files{.folder = "/nowhere"};
  pages.allow = {{.users = {"ada"}}};
  pages.refuse = RefuseBy::close;
  EXPECT_FALSE(denied(judge(test::rules_of({pages}), {.listener = "inner"}, session("/x"))).by_close.has_value());
}

// --- the trace -------------------------------------------------------------------------------------------------------

std::vector<std::string> steps_of(const Trace& trace) {
  std::vector<std::string> steps;
  for (const Finding& finding : trace) {
    steps.push_back((finding.passed ? "" : "not ") + std::string(word_of(finding.step)));
  }
  return steps;
}

TEST(Trace, HasOneFindingAStepThatWasTaken) {
  Trace trace;
  judge(house(), {.listener = "inner"}, session("/vnc?token=s3cr3t"), &trace);
  EXPECT_THAT(steps_of(trace), ElementsAre("listener", "head", "route", "upgrade", "origin", "identity", "access",
                                           "subprotocol", "target"));
  EXPECT_EQ(trace[1].text,
            "GET /vnc at 127.0.0.1:6080; the visitor is unknown; own origin seen as "
            "http://127.0.0.1:6080");
  EXPECT_EQ(trace[2].text, "route 'vnc' takes /vnc at 127.0.0.1");
  EXPECT_EQ(trace.back().text, "127.0.0.1:5900");
}

TEST(Trace, SaysWhichItemOfAllowTookWhom) {
  Route route = test::route("vnc", "/vnc");
  route.allow = {{.users = {"ada"}}, {.addresses = test::addresses({"10.0.0.0/8"})}};
  const auto said = [&](const Identity* identity) {
    Trace trace;
    judge(test::rules_of({route}), {.listener = "inner", .peer = test::ip("10.1.2.3"), .identity = identity},
          session("/vnc"), &trace);
    const auto access =
        std::find_if(trace.begin(), trace.end(), [](const Finding& finding) { return finding.step == Step::access; });
    return access == trace.end() ? "" : access->text;
  };
  EXPECT_EQ(said(nullptr), "10.1.2.3 (no name) is in item 2 of 'allow'");
  const Identity ada{.user = "ada", .groups = {"support"}};
  EXPECT_EQ(said(&ada), "10.1.2.3 (user 'ada' of support) is in item 1 of 'allow'");
}

TEST(Trace, OfAPageAsksForNoOriginAndNoSubprotocol) {
  Trace trace;
  judge(house(), {.listener = "inner"}, head("GET", "/novnc/x", {{"host", "127.0.0.1"}}), &trace);
  EXPECT_THAT(steps_of(trace), ElementsAre("listener", "head", "route", "upgrade", "identity", "access"));
}

TEST(Trace, EndsWithTheStepThatRefused) {
  Rules rules = house();
  Route guarded =
      test::route("guarded", "/guarded/{id}", test::service_made("{path.id}", "1", test::networks({"10.0.0.0/8"})));
  guarded.allow = {{.addresses = test::addresses({"10.0.0.0/8"})}};
  rules.routes.push_back(std::make_shared<const Route>(guarded));
  Route small = test::route("small", "/small");
  small.limits.head_bytes = 10;
  rules.routes.push_back(std::make_shared<const Route>(small));
  const Address inside = test::ip("10.0.0.1");
  const std::vector<std::pair<Visit, RequestHead>> visits{
      {{.listener = "gone"}, session("/vnc")},
      {{.listener = "inner"}, session("/%zz")},
      {{.listener = "inner"}, session("/small")},
      {{.listener = "inner"}, session("/vnc", {{"host", "evil.example"}})},
      {{.listener = "inner"}, session("/other")},
      {{.listener = "inner"}, session("/vnc", {{"upgrade", ""}})},
      {{.listener = "inner"}, head("POST", "/novnc/", {{"host", "127.0.0.1"}})},
      {{.listener = "inner"}, session("/vnc", {{"origin", "https://evil.example"}})},
      {{.listener = "inner"}, session("/guarded/1")},
      {{.listener = "inner"}, session("/vnc", {{"sec-websocket-protocol", "x"}})},
      {{.listener = "inner", .peer = inside}, session("/guarded/a:b")},
      {{.listener = "inner", .peer = inside}, session("/guarded/192.0.2.1")},
  };
  for (const auto& [visit, request] : visits) {
    Trace trace;
    const Refused no = denied(judge(rules, visit, request, &trace)).refused;
    ASSERT_FALSE(trace.empty());
    EXPECT_FALSE(trace.back().passed) << no.detail;
    EXPECT_EQ(trace.back().step, step_of(no.refusal)) << no.detail;
    EXPECT_EQ(trace.back().text, no.detail);
    EXPECT_NE(no.detail, "");
    for (std::size_t i = 0; i + 1 < trace.size(); ++i) {
      EXPECT_TRUE(trace[i].passed);
      EXPECT_LT(trace[i].step, trace[i + 1].step);
    }
    EXPECT_EQ(denied(judge(rules, visit, request)).refused.detail, no.detail);  // nobody watching changes nothing
  }
}

TEST(Trace, NamesThePlaceOfTheRuleThatDecided) {
  Route route = test::route("vnc", "/vnc");
  route.place = {.file = "web.yaml", .line = 7, .column = 5};
  Rules rules = test::rules_of({route});
  rules.listeners[0].place = {.file = "web.yaml", .line = 2, .column = 5};
  Trace trace;
  judge(rules, {.listener = "inner"}, session("/vnc", {{"origin", "https://evil.example"}}), &trace);
  EXPECT_EQ(trace.front().place.text(), "web.yaml:2:5");
  EXPECT_EQ(trace.back().place.text(), "web.yaml:7:5");
}

TEST(Trace, HoldsNoSecretsAndNoForeignBytes) {
  Route looked_up = test::route("rooms", "/room", test::service_looked_up("{query.token}", "s3cr3t: 10.0.0.1:1"));
  Route conditional = test::route("conditional", "/conditional");
  conditional.conditions = {{.of = Condition::Of::cookie, .name = "session", .values = {"s3cr3t"}}};
  const Rules rules = test::rules_of({looked_up, conditional});
  for (const char* target : {"/room?token=s3cr3t", "/room?token=s3cr3t2", "/room", "/conditional?token=s3cr3t",
                             "/other?token=s3cr3t", "/%zz?token=s3cr3t", "/\x1b?token=s3cr3t"}) {
    Trace trace;
    judge(rules, {.listener = "inner"},
          session(target, {{"cookie", "session=s3cr3t2"}, {"authorization", "Basic s3cr3t"}}), &trace);
    for (const Finding& finding : trace) {
      EXPECT_THAT(finding.text, Not(HasSubstr("s3cr3t"))) << target;
      EXPECT_THAT(finding.text, Not(HasSubstr("\x1b"))) << target;
    }
  }
}

TEST(Step, HasAWordOfItsOwn) {
  EXPECT_EQ(word_of(Step::listener), "listener");
  EXPECT_EQ(word_of(Step::service), "service");
  for (std::size_t i = 1; i <= static_cast<std::size_t>(Step::service); ++i) {
    EXPECT_NE(word_of(static_cast<Step>(i)), word_of(static_cast<Step>(i - 1)));
  }
}

TEST(Judge, ToldWhoAskedForWhat) {
  const Judgement judgement = judged(session("/vnc", {{"host", "LOCALHOST:6080"}}),
                                     {.listener = "inner", .peer = test::ip("::ffff:192.0.2.7")});
  EXPECT_EQ(judgement.client, test::ip("192.0.2.7"));
  EXPECT_EQ(judgement.host, "LOCALHOST:6080");
  EXPECT_EQ(judged(session("/%zz")).host, "");
}

}  // namespace
}  // namespace bascule::policy
