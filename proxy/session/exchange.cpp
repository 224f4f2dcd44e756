#include "proxy/session/exchange.hpp"

#include <optional>
#include <utility>
#include <variant>

#include "proxy/base/text.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/policy/match.hpp"
#include "proxy/session/identify.hpp"
#include "proxy/session/opening.hpp"
#include "proxy/session/page.hpp"
#include "proxy/session/transfer.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::session {

using net::Async;
using net::Wake;
using policy::Refusal;
using policy::Refused;
using wire::http::HeadParser;
using wire::http::RequestHead;

namespace {

constexpr std::size_t head_read_bytes = std::size_t{16} * 1024;
// Rules that change while a visitor is being let in judge him again; more often than this nobody changes them in time.
constexpr int judgements_max = 10;

// --- the head --------------------------------------------------------------------------------------------------------

// A head, or why there is none: a reason to refuse, or nobody left to answer.
struct HeadRead {
  std::optional<RequestHead> head;
  std::optional<Refused> refused;
  bool started = false;  // some of a head had come
};

Async<HeadRead> read_head(Talk& talk, Limit limit, wire::http::HeadLimits size_limit) {
  HeadRead result;
  HeadParser parser(size_limit);
  Pieces pieces;
  // One absolute deadline: a head that trickles in byte by byte gains nothing.
  const TimePoint deadline = after(talk.floor.loop.now(), limit);
  for (;;) {
    const MutableBytes into = talk.floor.bench.scratch(head_read_bytes);
    const IoResult read = talk.client->read(into);
    if (read.status == Io::bytes) {
      const bool speaks_tls = !parser.started() && into.front() == 0x16;  // RFC 8446, section 5.1: a handshake
      const std::size_t taken = parser.feed(into.first(read.bytes));
      talk.client->unread(into.subspan(taken, read.bytes - taken));  // what is behind the head is not lost
      result.started = parser.started();
      if (parser.state() == HeadParser::State::complete) {
        result.head = parser.take();
        co_return result;
      }
      if (parser.state() == HeadParser::State::failed) {
        result.refused = Refused{.refusal = policy::refusal_of(parser.error()), .detail = parser.why()};
        if (speaks_tls) { result.refused->detail = "TLS, and the listener has none: add 'tls' to it?"; }
        co_return result;
      }
      continue;
    }
    if (!read.waits()) { co_return result; }
    const Wake wake = co_await pieces.wait(talk.waiter, deadline);
    if (wake == Wake::timeout && result.started) {
      result.refused = Refused{.refusal = Refusal::head_too_slow, .detail = "the request head took too long"};
    }
    if (wake != Wake::ready) { co_return result; }
  }
}

// --- the judgement ---------------------------------------------------------------------------------------------------

void note_judgement(Talk& talk, const policy::Judgement& judgement) {
  talk.record.client = judgement.client;
  talk.record.host = judgement.host;
}

// By which proofs he came in: "portal", "kiosk+staff".
std::string names_of(const std::vector<std::shared_ptr<const proof::Proof>>& proofs) {
  std::string names;
  for (const auto& proof : proofs) { names += (names.empty() ? "" : "+") + proof->name; }
  return names;
}

Async<Next> say_no(Talk& talk, const RequestHead& head, const policy::Denied& denied) {
  if (denied.route) { note_route(talk, *denied.route); }
  const auto login = denied.route ? login_page_for(*denied.route, head, denied.refused.refusal) : std::nullopt;
  // A browser asks again on the same connection, with what it was asked for.
  const bool asks_again = policy::entry_of(denied.refused.refusal).status == 401 && !denied.by_close;
  const Manner manner{.head_only = head.method == "HEAD",
                      .keep_alive = asks_again ? keep_alive_after(head) : web::KeepAlive::no,
                      .by_close = denied.by_close ? &*denied.by_close : nullptr,
                      .login = login ? &*login : nullptr,
                      .asks_no_window = denied.route && asks_no_window(*denied.route, head)};
  const Next next = co_await refuse(talk, denied.refused, manner);
  co_return next;
}

struct Told {
  std::optional<Next> next;  // empty: the rules have changed, and he is to be judged again
};

// From the first step of the judgement to the last word of the answer.
Async<Told> judge_and_answer(Talk& talk, const std::shared_ptr<const policy::Rules>& rules, RequestHead& head) {
  forget_judgement(talk);
  policy::Visit visit = visit_of(*rules, talk.visitor);
  policy::Judgement judgement = policy::judge(*rules, visit, head);
  note_judgement(talk, judgement);

  std::optional<policy::Unproven> asked;
  Identified identified;
  if (auto* unproven = std::get_if<policy::Unproven>(&judgement.verdict)) {
    asked = std::move(*unproven);
    note_route(talk, *asked->route);
    identified = co_await identify(talk, *asked, head);
    if (identified.gone) {
      record_no_answer(talk);
      co_return Told{Next::over};
    }
    // Finding out takes its time; nobody is let in by rules that are no more.
    if (talk.floor.rules() != rules) { co_return Told{}; }
    visit.unproven = identified.refused ? &*identified.refused : nullptr;
    visit.identity = identified.refused ? nullptr : &identified.passed.identity;
    talk.record.user = shown(identified.passed.identity.user);
    talk.record.proof = names_of(identified.passed.identity.by);
    judgement = policy::judge(*rules, visit, head);
  }

  if (const auto* denied = std::get_if<policy::Denied>(&judgement.verdict)) {
    identified.passed.holds.clear();  // a ticket that lets nobody in is good again before he hears of it
    const Next next = co_await say_no(talk, head, *denied);
    co_return Told{next};
  }
  if (const auto* login = std::get_if<policy::Login>(&judgement.verdict)) {
    note_route(talk, *login->route);
    const Next next = co_await log_in(talk, head, *login);
    co_return Told{next};
  }
  if (const auto* redirect = std::get_if<policy::Redirect>(&judgement.verdict)) {
    const Next next = co_await send_elsewhere(talk, head, *redirect);
    co_return Told{next};
  }
  if (const auto* page = std::get_if<policy::Page>(&judgement.verdict)) {
    const Next next = co_await serve_page(talk, head, *page, identified.passed);
    co_return Told{next};
  }
  auto& admitted = std::get<policy::Admitted>(judgement.verdict);
  note_route(talk, *admitted.route);
  const Candidate candidate{.rules = rules, .head = head, .passed = identified.passed, .asked = asked};
  const Opened opened = co_await open_session(talk, candidate, admitted);
  co_return Told{opened == Opened::over ? std::optional(Next::over) : std::nullopt};
}

}  // namespace

Async<Next> exchange(Floor& floor, net::Waiter& waiter, const Visitor& visitor,
                     std::unique_ptr<net::PolledStream>& client) {
  Talk talk{floor, waiter, visitor, client, {}};
  talk.record.id = floor.ledger.next_id();
  talk.record.client = visitor.peer;
  talk.record.tls = visitor.tls_version;
  talk.record.began = std::chrono::system_clock::now();
  talk.record.began_at = floor.loop.now();

  std::shared_ptr<const policy::Rules> rules = floor.rules();
  const std::string_view listener = visit_of(*rules, visitor).listener;
  talk.record.listener = listener;
  const Limit limit = policy::head_limit(*rules, listener);
  const wire::http::HeadLimits size_limit = policy::head_size_limit(*rules, listener);
  HeadRead read = co_await read_head(talk, limit, size_limit);
  if (read.refused) {
    const Manner manner;
    const Next next = co_await refuse(talk, *read.refused, manner);
    co_return next;
  }
  if (!read.head) {
    if (read.started) { record_no_answer(talk); }  // a connection that never asked for anything leaves no record
    co_return Next::over;
  }

  talk.record.path = shown(std::string_view(read.head->target).substr(0, read.head->target.find('?')));
  for (int judgements = 0; judgements < judgements_max; ++judgements) {
    rules = floor.rules();
    const Told told = co_await judge_and_answer(talk, rules, *read.head);
    if (told.next) { co_return *told.next; }
  }
  const Refused changing{.refusal = Refusal::service_unavailable,
                         .detail = "the rules changed faster than the visitor could be let in"};
  const Manner manner;
  const Next next = co_await refuse(talk, changing, manner);
  co_return next;
}

}  // namespace bascule::session
