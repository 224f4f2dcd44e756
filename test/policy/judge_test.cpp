#include "proxy/policy/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bascule::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using wire::http::RequestHead;

PathRule::Segment literal(std::string text) {
  return {.literal = std::move(text), .capture = {}};
}
PathRule::Segment capture(std::string name) {
  return {.literal = {}, .capture = std::move(name)};
}

PathRule path(std::vector<PathRule::Segment> segments, bool prefix = false) {
  return {.written = "test", .segments = std::move(segments), .prefix = prefix};
}

// A desktop at /vnc and /desk/{id}, pages at /novnc/*, another desktop at desk.example.org.
Rules house() {
  Rules rules;
  const auto add = [&](Route route) { rules.routes.push_back(std::make_shared<const Route>(std::move(route))); };
  Route vnc;
  vnc.name = "vnc";
  vnc.path = path({literal("vnc")});
  vnc.to = Target{.host = "127.0.0.1", .port = 5900};
  add(vnc);
  Route desk = vnc;
  desk.name = "desk";
  desk.path = path({literal("desk"), capture("id")});
  desk.subprotocols = {"v12.stomp", "v11.stomp"};
  add(desk);
  Route pages;
  pages.name = "pages";
  pages.path = path({literal("novnc")}, true);
  pages.to = Files{.folder = "/nowhere"};
  add(pages);
  Route outside = vnc;
  outside.name = "outside";
  outside.host = {.kind = HostRule::Kind::exact, .names = {"desk.example.org"}};
  outside.listeners = {"public"};
  add(outside);
  return rules;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

RequestHead head(std::string method, std::string target, const Fields& fields) {
  RequestHead result;
  result.method = std::move(method);
  result.target = std::move(target);
  for (const auto& [name, value] : fields) { result.fields.push_back({.name = name, .value = value}); }
  return result;
}

const Fields upgrade_fields{{"host", "127.0.0.1:6080"},
                            {"upgrade", "websocket"},
                            {"connection", "Upgrade"},
                            {"sec-websocket-version", "13"},
                            {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};

// A right request for a session at `target`; fields in `changes` replace those of that name, one with an empty value
// takes it away.
RequestHead session(std::string target, const Fields& changes = {}) {
  Fields fields = upgrade_fields;
  for (const auto& [name, value] : changes) {
    std::erase_if(fields, [&, wanted = name](const auto& field) { return field.first == wanted; });
    if (!value.empty()) { fields.emplace_back(name, value); }
  }
  return head("GET", std::move(target), fields);
}

Judgement judged(const RequestHead& request, Visit visit = {.listener = "inner"}) {
  return judge(house(), visit, request);
}

Refused refused(const RequestHead& request, Visit visit = {.listener = "inner"}) {
  const Judgement judgement = judged(request, visit);
  const auto* denied = std::get_if<Denied>(&judgement);
  EXPECT_NE(denied, nullptr) << request.target;
  return denied == nullptr ? Refused{.refusal = Refusal::internal_error} : denied->refused;
}

Admitted admitted(const RequestHead& request, Visit visit = {.listener = "inner"}) {
  Judgement judgement = judged(request, visit);
  if (const auto* denied = std::get_if<Denied>(&judgement)) { ADD_FAILURE() << denied->refused.detail; }
  auto* yes = std::get_if<Admitted>(&judgement);
  return yes == nullptr ? Admitted() : std::move(*yes);
}

Page page(const RequestHead& request) {
  Judgement judgement = judged(request);
  if (const auto* denied = std::get_if<Denied>(&judgement)) { ADD_FAILURE() << denied->refused.detail; }
  auto* yes = std::get_if<Page>(&judgement);
  return yes == nullptr ? Page() : std::move(*yes);
}

// --- the step of host and path ---------------------------------------------------------------------------------------

TEST(Judge, LeadsARightRequestToItsRoute) {
  const Admitted yes = admitted(session("/vnc"));
  EXPECT_EQ(yes.route->name, "vnc");
  EXPECT_EQ(yes.upgrade.key, "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(yes.protocol, "");
  EXPECT_EQ(yes.origin, "");
}

TEST(Judge, HandsOverWhatThePathCaptured) {
  EXPECT_THAT(admitted(session("/desk/a%20b")).captures, ElementsAre(Pair("id", "a b")));
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
  const Judgement judgement = judged(session("/other"));
  EXPECT_EQ(std::get<Denied>(judgement).route, nullptr);
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
  const Judgement judgement = judged(session("/vnc", {{"upgrade", ""}}));
  ASSERT_NE(std::get<Denied>(judgement).route, nullptr);
  EXPECT_EQ(std::get<Denied>(judgement).route->name, "vnc");
}

// --- the step of the origin ------------------------------------------------------------------------------------------

TEST(Judge, AdmitsItsOwnOriginAndRemembersIt) {
  EXPECT_EQ(admitted(session("/vnc", {{"origin", "http://127.0.0.1:6080"}})).origin, "http://127.0.0.1:6080");
}

TEST(Judge, SeesItsOwnOriginByTheSchemeOfTheVisit) {
  const RequestHead request = session("/vnc", {{"host", "127.0.0.1"}, {"origin", "https://127.0.0.1"}});
  EXPECT_EQ(refused(request, {.listener = "inner", .scheme = "http"}).refusal, Refusal::foreign_origin);
  EXPECT_EQ(admitted(request, {.listener = "inner", .scheme = "https"}).route->name, "vnc");
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
  const Fields foreign{{"origin", "https://evil.example"}, {"sec-websocket-protocol", "mqtt"}};
  Fields and_no_upgrade = foreign;
  and_no_upgrade.emplace_back("upgrade", "");
  Fields and_other_host = and_no_upgrade;
  and_other_host.emplace_back("host", "evil.example");

  EXPECT_EQ(refused(session("/other", and_other_host)).refusal, Refusal::unknown_host);
  EXPECT_EQ(refused(session("/other", and_no_upgrade)).refusal, Refusal::no_route);
  EXPECT_EQ(refused(session("/vnc", and_no_upgrade)).refusal, Refusal::not_an_upgrade);
  EXPECT_EQ(refused(session("/vnc", foreign)).refusal, Refusal::foreign_origin);
  EXPECT_EQ(refused(session("/vnc", {{"sec-websocket-protocol", "mqtt"}})).refusal, Refusal::subprotocol_unknown);
}

}  // namespace
}  // namespace bascule::policy
