#include "proxy/session/opening.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "proxy/base/text.hpp"
#include "proxy/net/socket_address.hpp"
#include "proxy/session/dialing.hpp"
#include "proxy/session/live_session.hpp"
#include "proxy/session/transfer.hpp"
#include "proxy/wire/ws/handshake.hpp"

namespace bascule::session {

using net::Async;
using observe::Phase;
using policy::Refusal;
using policy::Refused;

namespace {

Refused full_because(Ledger::Full full) {
  switch (full) {
    case Ledger::Full::process:
      return {Refusal::process_full, "the sessions of the process are all taken; see RLIMIT_NOFILE", {}, {}};
    case Ledger::Full::route: return {Refusal::route_full, "limits.sessions of the route is reached", {}, {}};
    case Ledger::Full::route_rate:
      return {Refusal::route_too_fast, "limits.new_sessions of the route is reached", {}, {}};
    case Ledger::Full::address:
      return {Refusal::address_full, "limits.sessions_per_address of the route is reached", {}, {}};
    case Ledger::Full::user: return {Refusal::user_full, "limits.sessions_per_user of the route is reached", {}, {}};
  }
  return {Refusal::internal_error, {}, {}, {}};
}

// Where he was refused before he could be told who is there.
bool is_our_fault(Refusal refusal) {
  return policy::entry_of(refusal).status >= 500;
}

OnBehalfOf on_behalf_of(const Talk& talk, const policy::Admitted& admitted) {
  OnBehalfOf visitor{.client = talk.record.client, .came_to = talk.visitor.came_to, .user = admitted.user};
  const bool asked = admitted.route->service()->proxy_protocol.has_value();
  if (asked && visitor.came_to.family() == Address::Family::none) {
    visitor.came_to = net::local_address(talk.client->descriptor()).unmapped();
  }
  return visitor;
}

// What new rules make of one whom the old ones had admitted: the same session, under the route as it reads now; or not.
std::shared_ptr<const policy::Route> same_way_in(const policy::Rules& rules, const Visitor& visitor,
                                                 const Candidate& candidate, const policy::Admitted& before) {
  policy::Visit visit = visit_of(rules, visitor);
  visit.identity = candidate.asked ? &candidate.passed.identity : nullptr;
  policy::Judgement judgement = policy::judge(rules, visit, candidate.head);
  auto* admitted = std::get_if<policy::Admitted>(&judgement.verdict);
  if (admitted == nullptr || !(*admitted->route == *before.route) || admitted->target != before.target) {
    return nullptr;
  }
  return std::move(admitted->route);
}

// The moment a session ends because its proof does. Calendars may be set; the session's own clock runs on.
TimePoint expiry_of(const policy::Route& route, const proof::Identity& identity, TimePoint now) {
  if (!identity.expires || route.on_expiry == policy::OnExpiry::keep) { return never; }
  constexpr auto longest = std::chrono::hours(24 * 365);
  const auto left = *identity.expires - std::chrono::system_clock::now();
  return now + std::clamp<std::chrono::system_clock::duration>(left, 0s, longest);
}

// What is kept of his coming in, where it will be needed again.
std::unique_ptr<WayIn> way_in_of(const Talk& talk, const Candidate& candidate, const policy::Admitted& admitted,
                                 const Address& reached) {
  const bool judged_again = admitted.route->on_reload == policy::OnReload::close;
  if (!judged_again && !recheck_of(candidate.passed.identity)) { return nullptr; }
  return std::make_unique<WayIn>(WayIn{.visitor = talk.visitor,
                                       .head = std::move(candidate.head),
                                       .identity = std::move(candidate.passed.identity),
                                       .asked = candidate.asked,
                                       .client = talk.record.client,
                                       .host = talk.record.host,
                                       .target = admitted.target,
                                       .reached = reached});
}

}  // namespace

Async<Opened> open_session(Talk& talk, const Candidate& candidate, policy::Admitted& admitted) {
  const std::shared_ptr<const policy::Route> route = admitted.route;
  talk.record.origin = shown(admitted.origin);
  talk.record.subprotocol = admitted.protocol;
  talk.record.user = admitted.user;
  const policy::CloseAnswer by_close{.upgrade = admitted.upgrade, .protocol = admitted.protocol};
  const Manner manner{.by_close = route->refuse == policy::RefuseBy::close ? &by_close : nullptr};

  Ledger::Taken taken =
      talk.floor.ledger.take(route->name, route->limits, talk.record.client, admitted.user, talk.floor.loop.now());
  if (!taken.seat) {
    Refused full = full_because(taken.full);
    full.retry_after = taken.retry_after;
    candidate.passed.holds.clear();  // a ticket is good again before he hears of it
    co_await refuse(talk, full, manner);
    co_return Opened::over;
  }

  // The service is reached before the 101, so that a failure is an HTTP status that tools and people understand.
  talk.record.phase = Phase::dial;
  talk.record.service = admitted.target ? admitted.target->text() : route->service()->written;
  const OnBehalfOf visitor = on_behalf_of(talk, admitted);
  const TimePoint dial_began = talk.floor.loop.now();
  auto reached = co_await reach(talk.floor, talk.waiter, admitted, visitor);
  if (!route->service()->is_echo()) { talk.record.dial_took = talk.floor.loop.now() - dial_began; }
  if (!reached) {
    if (is_our_fault(reached.error().refusal)) { taken.seat->not_his_fault(); }
    taken.seat.reset();
    candidate.passed.holds.clear();
    const Refused unreached = reached.error();
    co_await refuse(talk, unreached, manner);
    co_return Opened::over;
  }
  if (reached->stream) { talk.record.service = reached->address.text(); }

  // Nobody is let in by rules that are no more.
  const std::shared_ptr<const policy::Rules> rules_now = talk.floor.rules();
  if (rules_now != candidate.rules) {
    admitted.route = same_way_in(*rules_now, talk.visitor, candidate, admitted);
    if (!admitted.route) {
      taken.seat->not_his_fault();
      co_return Opened::judge_again;
    }
  }

  talk.record.phase = Phase::answer;
  const std::string answer = wire::ws::switching_protocols(admitted.upgrade, admitted.protocol);
  const bool answered = co_await write_all(*talk.client, talk.waiter, answer, parting_patience);
  if (!answered) {
    record_no_answer(talk);
    co_return Opened::over;
  }
  for (auth::TicketHold& hold : candidate.passed.holds) { hold.commit(); }
  const TimePoint expires_at = expiry_of(*admitted.route, candidate.passed.identity, talk.floor.loop.now());
  std::unique_ptr<WayIn> way_in = way_in_of(talk, candidate, admitted, reached->address);
  KeptRecord record(talk.record);
  Floor::Sessions session;
  session.emplace_back(talk.floor, admitted.route, std::move(talk.client), std::move(*reached), std::move(*taken.seat),
                       std::move(record), std::move(way_in), expires_at);
  talk.floor.begin(std::move(session), rules_now);
  co_return Opened::over;
}

}  // namespace bascule::session
