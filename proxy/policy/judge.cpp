#include "proxy/policy/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "proxy/base/text.hpp"
#include "proxy/policy/match.hpp"
#include "proxy/policy/origin.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::policy {

namespace {

using wire::http::RequestHead;

Denied denied(std::shared_ptr<const Route> route, Refusal refusal, std::string detail) {
  return {.route = std::move(route), .refused = {.refusal = refusal, .detail = std::move(detail)}};
}

// Whom the request means: the authority of an absolute-form target, else Host (RFC 9112, sections 3.2 and 3.2.2). A
// Host that is missing, doubled or wrong is an error even where the target wins. Null: malformed.
const std::string* authority_of(const RequestHead& head, const wire::http::Target& target) {
  const std::size_t hosts = head.count("host");
  const bool may_lack = head.version_minor == 0 && !target.authority.empty();
  if (hosts > 1 || (hosts == 0 && !may_lack)) { return nullptr; }
  const std::string* host = head.find("host");
  if (host != nullptr && !wire::http::parse_authority(*host)) { return nullptr; }
  return target.authority.empty() ? host : &target.authority;
}

Judgement judge_page(RouteMatch match, const RequestHead& head) {
  if (head.method != "GET" && head.method != "HEAD") {
    Denied no = denied(std::move(match.route), Refusal::method_not_allowed,
                       fmt::format("a page is read with GET or HEAD, not {}", shown(head.method, 20)));
    no.refused.allow = "GET, HEAD";
    return no;
  }
  return Page{
      .route = std::move(match.route), .below = std::move(match.path.below), .head_only = head.method == "HEAD"};
}

// The first offered subprotocol that the route takes; empty when none was offered. Without a value: some were offered,
// and none fits. A 101 without one would be failed by a browser, with no word to anybody.
std::optional<std::string> choose_subprotocol(const Route& route, const std::vector<std::string>& offered) {
  if (offered.empty()) { return std::string(); }
  for (const std::string& protocol : offered) {
    const bool taken =
        std::find(route.subprotocols.begin(), route.subprotocols.end(), protocol) != route.subprotocols.end();
    if (taken) { return protocol; }
  }
  return std::nullopt;
}

Judgement judge_session(RouteMatch match, const RequestHead& head, const Origin& own) {
  auto upgrade = wire::ws::judge_upgrade(head);
  if (const auto* no = std::get_if<wire::ws::UpgradeRefused>(&upgrade)) {
    Denied answer = denied(std::move(match.route), refusal_of(no->error), no->why);
    if (no->error == wire::ws::UpgradeError::method_not_get) { answer.refused.allow = "GET"; }
    return answer;
  }
  auto& asked = *std::get_if<wire::ws::Upgrade>(&upgrade);

  if (head.count("origin") > 1) {
    return denied(std::move(match.route), Refusal::malformed_upgrade, "more than one Origin");
  }
  const std::string* sent = head.find("origin");
  OriginVerdict origin = judge_origin(match.route->origins, sent, own);
  if (!origin.admitted) { return denied(std::move(match.route), Refusal::foreign_origin, std::move(origin.detail)); }

  auto protocol = choose_subprotocol(*match.route, asked.protocols);
  if (!protocol) {
    const std::string taken = fmt::format("{}", fmt::join(match.route->subprotocols, ", "));
    Denied no =
        denied(match.route, Refusal::subprotocol_unknown,
               fmt::format("offered {}; the route takes {}; add one of them to subprotocols?",
                           shown(fmt::format("{}", fmt::join(asked.protocols, ", "))), taken.empty() ? "none" : taken));
    no.refused.public_detail =
        taken.empty() ? "No subprotocol is taken here: offer none." : fmt::format("Taken here: {}.", taken);
    return no;
  }
  return Admitted{.route = std::move(match.route),
                  .upgrade = std::move(asked),
                  .protocol = std::move(*protocol),
                  .origin = sent == nullptr ? std::string() : *sent,
                  .captures = std::move(match.path.captures)};
}

}  // namespace

Judgement judge(const Rules& rules, const Visit& visit, const RequestHead& head) {
  const auto target = wire::http::parse_target(head.target);
  if (!target) {
    return denied(nullptr, Refusal::malformed_head, fmt::format("bad request target '{}'", shown(head.target)));
  }
  const std::string* authority = authority_of(head, *target);
  const auto host = authority == nullptr ? std::nullopt : wire::http::parse_authority(*authority);
  const auto own = authority == nullptr ? std::nullopt : make_origin(visit.scheme, *authority);
  if (!host || !own) { return denied(nullptr, Refusal::malformed_head, "no Host, more than one, or not a host"); }

  RouteMatch match = find_route(rules, visit.listener, *host, *target);
  if (!match.host_known) {
    return denied(nullptr, Refusal::unknown_host,
                  fmt::format("no route answers to host '{}'; is it yours? write it into 'host' of its route",
                              shown(host->host)));
  }
  if (!match.route) {
    return denied(nullptr, Refusal::no_route,
                  fmt::format("no route of host '{}' has the path '{}'", shown(host->host), shown(target->path)));
  }
  if (match.route->is_page()) { return judge_page(std::move(match), head); }
  return judge_session(std::move(match), head, *own);
}

}  // namespace bascule::policy
