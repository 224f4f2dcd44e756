#include "proxy/session/exchange.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>
#include <variant>

#include "proxy/base/text.hpp"
#include "proxy/net/socket_address.hpp"
#include "proxy/observe/record.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/policy/match.hpp"
#include "proxy/session/dialing.hpp"
#include "proxy/session/live_session.hpp"
#include "proxy/session/transfer.hpp"
#include "proxy/web/files.hpp"
#include "proxy/wire/http/answer.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/ws/close.hpp"
#include "proxy/wire/ws/frame.hpp"
#include "proxy/wire/ws/handshake.hpp"

namespace bascule::session {

using namespace std::chrono_literals;
using net::Async;
using net::Wake;
using observe::Phase;
using observe::SessionRecord;
using policy::Refusal;
using policy::Refused;
using web::KeepAlive;
using wire::http::HeadParser;
using wire::http::RequestHead;

namespace {

// How long the last answer of a connection may take to arrive, and a client to take bytes of a page.
constexpr auto parting_patience = 5s;
constexpr auto page_patience = 60s;
constexpr std::size_t head_read_bytes = std::size_t{16} * 1024;
// RFC 9110, section 10.2.3: when it makes sense to come again, where nothing better is known.
constexpr auto retry_after = 5s;
// Rules that change while a visitor is being let in judge him again; more often than this nobody changes them in time.
constexpr int judgements_max = 10;

// One exchange, as its steps see it.
struct Talk {
  Floor& floor;
  net::Waiter& waiter;
  const Visitor& visitor;
  std::unique_ptr<net::SocketStream>& client;
  SessionRecord record;
};

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
  // One absolute deadline: a head that trickles in byte by byte gains nothing.
  const TimePoint deadline = after(talk.floor.loop.now(), limit);
  for (;;) {
    const MutableBytes into = talk.floor.bench.scratch(head_read_bytes);
    const IoResult read = talk.client->read(into);
    if (read.status == Io::bytes) {
      const std::size_t taken = parser.feed(into.first(read.bytes));
      talk.client->unread(into.subspan(taken, read.bytes - taken));  // what is behind the head is not lost
      result.started = parser.started();
      if (parser.state() == HeadParser::State::complete) {
        result.head = parser.take();
        co_return result;
      }
      if (parser.state() == HeadParser::State::failed) {
        result.refused = Refused{policy::refusal_of(parser.error()), parser.why(), {}, {}};
        co_return result;
      }
      continue;
    }
    if (!read.waits()) { co_return result; }
    const Wake wake = co_await talk.waiter.wait(deadline);
    if (wake == Wake::timeout && result.started) {
      result.refused = Refused{Refusal::head_too_slow, "the request head took too long", {}, {}};
    }
    if (wake != Wake::ready) { co_return result; }
  }
}

// --- saying no -------------------------------------------------------------------------------------------------------

// How a no is said.
struct Manner {
  bool head_only = false;  // to HEAD
  KeepAlive keep_alive = KeepAlive::no;
  std::chrono::seconds retry_after = session::retry_after;
  const policy::CloseAnswer* by_close = nullptr;  // as the route's `refuse` says
};

std::string answer_of(const Refused& refused, const std::string& reference, const Manner& manner) {
  const policy::RefusalEntry& entry = policy::entry_of(refused.refusal);
  std::string body = fmt::format("{} {}\n\n{}\n", entry.status, wire::http::reason_phrase(entry.status), entry.text);
  if (!refused.public_detail.empty()) { body += refused.public_detail + "\n"; }
  body += fmt::format("Reference: {}\n", reference);
  wire::http::AnswerHead head(entry.status);
  head.field("content-type", "text/plain; charset=utf-8")
      .field("content-length", std::to_string(body.size()))
      .field("cache-control", "no-store")
      .field("x-content-type-options", "nosniff")
      .field("bascule-reference", reference);
  if (!refused.allow.empty()) { head.field("allow", refused.allow); }
  if (entry.status == 426) {
    // RFC 9110, section 15.5.22 and RFC 6455, section 4.4: what to upgrade to.
    head.field("upgrade", "websocket").field("sec-websocket-version", "13");
  }
  if (entry.status == 429 || entry.status == 503) {
    head.field("retry-after", std::to_string(manner.retry_after.count()));
  }
  if (manner.keep_alive == KeepAlive::no) {
    head.field("connection", entry.status == 426 ? "upgrade, close" : "close");
  }
  return head.done() + (manner.head_only ? std::string() : body);
}

// 101 and at once a Close: the one no that a page can read. Its code is the status, in the range for private use
// (RFC 6455, section 7.4.2): 4403 for 403.
std::string close_answer_of(const Refused& refused, const std::string& reference, const policy::CloseAnswer& answer) {
  const policy::RefusalEntry& entry = policy::entry_of(refused.refusal);
  const auto code = static_cast<std::uint16_t>(4000 + entry.status);
  const auto payload = wire::ws::close_payload(code, fmt::format("{} Reference: {}", entry.text, reference));
  std::array<std::uint8_t, wire::ws::server_header_max> header{};
  std::uint8_t* const end = header.data() + header.size();
  const std::size_t header_bytes =
      wire::ws::put_server_header_before(end, wire::ws::Opcode::close, wire::ws::Fin::last, payload.size());
  std::string bytes = wire::ws::switching_protocols(answer.upgrade, answer.protocol);
  bytes.append(end - header_bytes, end);
  bytes.append(payload.begin(), payload.end());
  return bytes;
}

// What an earlier judgement by other rules had found out.
void forget_judgement(Talk& talk) {
  talk.record.phase = Phase::judgement;
  for (std::string* text : {&talk.record.route, &talk.record.place, &talk.record.service, &talk.record.user,
                            &talk.record.origin, &talk.record.subprotocol}) {
    text->clear();
  }
}

void note_route(Talk& talk, const policy::Route& route) {
  talk.record.route = route.name;
  // A part of the path that is the key to a table is a secret of the visitor's.
  const policy::Service* service = route.service();
  const auto* lookup = service == nullptr ? nullptr : std::get_if<policy::Lookup>(&service->where);
  if (lookup != nullptr && !lookup->key.captures().empty()) { talk.record.path = route.path.written; }
  talk.record.place = route.place.text();
}

void write_record(Talk& talk) {
  talk.record.lasted = talk.floor.loop.now() - talk.record.began_at;
  talk.floor.log.session(std::move(talk.record));
}

// The client left before it was answered, or we did.
void record_no_answer(Talk& talk) {
  const bool ours = talk.floor.draining();
  talk.record.ending = ours ? "draining" : "client_vanished";
  talk.record.ended_by = ours ? "bascule" : "client";
  write_record(talk);
}

// The one place that turns a no into an answer and a record. What follows on the connection is never spliced anywhere:
// it is dropped, or read as the next request.
Async<Next> refuse(Talk& talk, const Refused& refused, const Manner& manner) {
  const policy::RefusalEntry& entry = policy::entry_of(refused.refusal);
  const std::string reference = talk.floor.next_reference();
  talk.record.reference = reference;
  talk.record.refused_status = entry.status;
  talk.record.step = policy::word_of(policy::step_of(refused.refusal));
  talk.record.ending = entry.word;
  talk.record.ended_by = "bascule";
  talk.record.detail = refused.detail;
  talk.floor.refusals.add(talk.record);
  write_record(talk);
  if (entry.status == 0) { co_return Next::over; }
  const std::string answer = manner.by_close == nullptr ? answer_of(refused, reference, manner)
                                                        : close_answer_of(refused, reference, *manner.by_close);
  const bool written = co_await write_all(*talk.client, talk.waiter, answer, parting_patience);
  if (written && manner.keep_alive == KeepAlive::yes) { co_return Next::another; }
  if (written) { co_await part(*talk.client, talk.waiter, talk.floor.bench, parting_patience); }
  co_return Next::over;
}

// --- a page ----------------------------------------------------------------------------------------------------------

Async<Next> say_health(Talk& talk, const policy::Page& page, KeepAlive keep_alive) {
  const bool well = !talk.floor.draining();
  const std::string_view body = well ? "ok\n" : "draining\n";
  wire::http::AnswerHead head(well ? 200 : 503);
  head.field("content-type", "text/plain; charset=utf-8")
      .field("content-length", std::to_string(body.size()))
      .field("cache-control", "no-store");
  if (keep_alive == KeepAlive::no) { head.field("connection", "close"); }
  std::string answer = head.done();
  if (!page.head_only) { answer += body; }
  const bool written = co_await write_all(*talk.client, talk.waiter, answer, page_patience);
  if (written && keep_alive == KeepAlive::yes) { co_return Next::another; }
  if (written) { co_await part(*talk.client, talk.waiter, talk.floor.bench, parting_patience); }
  co_return Next::over;
}

Async<Next> serve_page(Talk& talk, const RequestHead& head, const policy::Page& page) {
  note_route(talk, *page.route);
  Manner manner{.head_only = page.head_only};
  if (head.announces_body()) {
    const Refused refused{Refusal::malformed_head, "a request for a page with a body", {}, {}};
    const Next next = co_await refuse(talk, refused, manner);
    co_return next;
  }
  const bool last = head.version_minor == 0 || head.has_token("connection", "close");
  const KeepAlive keep_alive = last ? KeepAlive::no : KeepAlive::yes;
  if (std::holds_alternative<policy::Answer>(page.route->to)) {
    const Next next = co_await say_health(talk, page, keep_alive);
    co_return next;
  }
  auto answer = web::answer_file(std::get<policy::Files>(page.route->to), page.below, page.head_only, head, keep_alive);
  if (const Refusal* refusal = std::get_if<Refusal>(&answer)) {
    const Refused refused{*refusal, {}, {}, {}};
    manner.keep_alive = keep_alive;
    const Next next = co_await refuse(talk, refused, manner);
    co_return next;
  }
  const auto& file = std::get<web::FileAnswer>(answer);
  const bool head_written = co_await write_all(*talk.client, talk.waiter, file.head, page_patience);
  if (!head_written) { co_return Next::over; }
  if (file.file) {
    const bool sent = co_await send_file(*talk.client, talk.waiter, talk.floor.bench, file.file.get(), file.offset,
                                         file.length, page_patience);
    if (!sent) {
      talk.client->abort();  // the head has promised more, and an end would look like all of it
      co_return Next::over;
    }
  }
  if (keep_alive == KeepAlive::yes) { co_return Next::another; }
  co_await part(*talk.client, talk.waiter, talk.floor.bench, parting_patience);
  co_return Next::over;
}

// --- a session -------------------------------------------------------------------------------------------------------

Refused refused_by(Ledger::Full full) {
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

enum class Opened : std::uint8_t {
  over,         // answered, with a session or with a no
  judge_again,  // the rules changed meanwhile, and the new ones may see it differently
};

// What new rules make of one whom the old ones had admitted: the same session, under the route as it reads now; or not.
std::shared_ptr<const policy::Route> same_way_in(const policy::Rules& rules, const Visitor& visitor,
                                                 const RequestHead& head, const policy::Admitted& before) {
  policy::Judgement judgement = policy::judge(rules, visit_of(rules, visitor), head);
  auto* admitted = std::get_if<policy::Admitted>(&judgement.verdict);
  if (admitted == nullptr || !(*admitted->route == *before.route) || admitted->target != before.target) {
    return nullptr;
  }
  return std::move(admitted->route);
}

Async<Opened> open_session(Talk& talk, const std::shared_ptr<const policy::Rules>& rules, RequestHead& head,
                           policy::Admitted& admitted) {
  const std::shared_ptr<const policy::Route> route = admitted.route;
  talk.record.origin = shown(admitted.origin);
  talk.record.subprotocol = admitted.protocol;
  talk.record.user = admitted.user;
  const policy::CloseAnswer by_close{.upgrade = admitted.upgrade, .protocol = admitted.protocol};
  Manner manner{.by_close = route->refuse == policy::RefuseBy::close ? &by_close : nullptr};

  Ledger::Taken taken =
      talk.floor.ledger.take(route->name, route->limits, talk.record.client, admitted.user, talk.floor.loop.now());
  if (!taken.seat) {
    const Refused full = refused_by(taken.full);
    manner.retry_after = taken.retry_after;
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
    const Refused unreached = reached.error();
    co_await refuse(talk, unreached, manner);
    co_return Opened::over;
  }
  if (reached->stream) { talk.record.service = reached->address.text(); }

  // Nobody is let in by rules that are no more.
  const std::shared_ptr<const policy::Rules> rules_now = talk.floor.rules();
  if (rules_now != rules) {
    admitted.route = same_way_in(*rules_now, talk.visitor, head, admitted);
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
  std::unique_ptr<WayIn> way_in;
  if (admitted.route->on_reload == policy::OnReload::close) {
    way_in = std::make_unique<WayIn>(WayIn{
        .visitor = talk.visitor, .head = std::move(head), .target = admitted.target, .reached = reached->address});
  }
  talk.record.place.clear();
  auto record = std::make_unique<SessionRecord>(std::move(talk.record));
  auto session = std::make_unique<LiveSession>(talk.floor, admitted.route, std::move(talk.client), std::move(*reached),
                                               std::move(*taken.seat), std::move(record), std::move(way_in));
  talk.floor.begin(std::move(session), rules_now);
  co_return Opened::over;
}

}  // namespace

Async<Next> exchange(Floor& floor, net::Waiter& waiter, const Visitor& visitor,
                     std::unique_ptr<net::SocketStream>& client) {
  Talk talk{floor, waiter, visitor, client, {}};
  talk.record.id = floor.ledger.next_id();
  talk.record.client = visitor.peer;
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
    forget_judgement(talk);
    policy::Judgement judgement = policy::judge(*rules, visit_of(*rules, visitor), *read.head);
    talk.record.client = judgement.client;
    talk.record.host = judgement.host;
    if (const auto* denied = std::get_if<policy::Denied>(&judgement.verdict)) {
      if (denied->route) { note_route(talk, *denied->route); }
      const Manner manner{.head_only = read.head->method == "HEAD",
                          .by_close = denied->by_close ? &*denied->by_close : nullptr};
      const Next next = co_await refuse(talk, denied->refused, manner);
      co_return next;
    }
    if (const auto* page = std::get_if<policy::Page>(&judgement.verdict)) {
      const Next next = co_await serve_page(talk, *read.head, *page);
      co_return next;
    }
    auto& admitted = std::get<policy::Admitted>(judgement.verdict);
    note_route(talk, *admitted.route);
    const Opened opened = co_await open_session(talk, rules, *read.head, admitted);
    if (opened == Opened::over) { co_return Next::over; }
  }
  const Refused changing{
      Refusal::service_unavailable, "the rules changed faster than the visitor could be let in", {}, {}};
  const Manner manner;
  const Next next = co_await refuse(talk, changing, manner);
  co_return next;
}

}  // namespace bascule::session
