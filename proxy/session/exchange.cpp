#include "proxy/session/exchange.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <variant>

#include "proxy/base/text.hpp"
#include "proxy/net/dialer.hpp"
#include "proxy/observe/record.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/policy/match.hpp"
#include "proxy/session/live_session.hpp"
#include "proxy/session/transfer.hpp"
#include "proxy/web/files.hpp"
#include "proxy/wire/http/answer.hpp"
#include "proxy/wire/http/head_parser.hpp"
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
// RFC 9110, section 10.2.3: when it makes sense to come again.
constexpr std::string_view retry_after_seconds = "5";

// One exchange, as its steps see it.
struct Talk {
  Floor& floor;
  net::Waiter& waiter;
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

Async<HeadRead> read_head(Talk& talk, Limit limit) {
  HeadRead result;
  HeadParser parser{wire::http::HeadLimits{}};
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

std::string answer_of(const Refused& refused, bool head_only, KeepAlive keep_alive) {
  const policy::RefusalEntry& entry = policy::entry_of(refused.refusal);
  std::string body = fmt::format("{} {}\n\n{}\n", entry.status, wire::http::reason_phrase(entry.status), entry.text);
  if (!refused.public_detail.empty()) { body += refused.public_detail + "\n"; }
  wire::http::AnswerHead head(entry.status);
  head.field("content-type", "text/plain; charset=utf-8")
      .field("content-length", std::to_string(body.size()))
      .field("cache-control", "no-store")
      .field("x-content-type-options", "nosniff");
  if (!refused.allow.empty()) { head.field("allow", refused.allow); }
  if (entry.status == 426) {
    // RFC 9110, section 15.5.22 and RFC 6455, section 4.4: what to upgrade to.
    head.field("upgrade", "websocket").field("sec-websocket-version", "13");
  }
  if (entry.status == 503) { head.field("retry-after", retry_after_seconds); }
  if (keep_alive == KeepAlive::no) { head.field("connection", entry.status == 426 ? "upgrade, close" : "close"); }
  return head.done() + (head_only ? std::string() : body);
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
Async<Next> refuse(Talk& talk, const Refused& refused, bool head_only = false, KeepAlive keep_alive = KeepAlive::no) {
  const policy::RefusalEntry& entry = policy::entry_of(refused.refusal);
  talk.record.refused_status = entry.status;
  talk.record.ending = entry.word;
  talk.record.ended_by = "bascule";
  talk.record.detail = refused.detail;
  write_record(talk);
  const std::string answer = answer_of(refused, head_only, keep_alive);
  const bool written = co_await write_all(*talk.client, talk.waiter, answer, parting_patience);
  if (written && keep_alive == KeepAlive::yes) { co_return Next::another; }
  if (written) { co_await part(*talk.client, talk.waiter, talk.floor.bench, parting_patience); }
  co_return Next::over;
}

// --- a page ----------------------------------------------------------------------------------------------------------

Async<Next> serve_page(Talk& talk, const RequestHead& head, const policy::Page& page) {
  talk.record.route = page.route->name;
  if (head.announces_body()) {
    const Refused refused{Refusal::malformed_head, "a request for a page with a body", {}, {}};
    const Next next = co_await refuse(talk, refused, page.head_only);
    co_return next;
  }
  const bool last = head.version_minor == 0 || head.has_token("connection", "close");
  const KeepAlive keep_alive = last ? KeepAlive::no : KeepAlive::yes;
  auto answer = web::answer_file(std::get<policy::Files>(page.route->to), page.below, page.head_only, head, keep_alive);
  if (const Refusal* refusal = std::get_if<Refusal>(&answer)) {
    const Refused refused{*refusal, {}, {}, {}};
    const Next next = co_await refuse(talk, refused, page.head_only, keep_alive);
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

net::DialTarget dial_target(const policy::Target& to) {
  net::DialTarget target;
  target.port = to.port;
  if (to.kind == policy::Target::Kind::unix_socket) {
    target.address = Address::unix_path(to.path);
  } else if (const auto literal = Address::parse_ip(to.host, to.port)) {
    target.address = *literal;
  } else {
    target.name = to.host;
  }
  return target;
}

net::DialOptions dial_options(const policy::Timeouts& timeouts, TimePoint now) {
  net::DialOptions options;
  options.deadline = after(now, timeouts.connect);
  // The kernel's word comes after our own: `stall` and `close` end such a session with a reason first.
  if (timeouts.stall) { options.liveness.unacknowledged = *timeouts.stall + timeouts.close.value_or(0ms) + 1s; }
  return options;
}

Refused refused_by(const net::DialError& error) {
  using Why = net::DialError::Why;
  switch (error.why) {
    case Why::unresolved: return {Refusal::service_unresolved, error.detail, {}, {}};
    case Why::refused: return {Refusal::service_refused, error.detail, {}, {}};
    case Why::timed_out: return {Refusal::service_timeout, error.detail, {}, {}};
    case Why::short_of: return {Refusal::service_unavailable, error.detail, {}, {}};
    case Why::stopped: return {Refusal::draining, {}, {}, {}};
  }
  return {Refusal::internal_error, error.detail, {}, {}};
}

Refused refused_by(Ledger::Full full) {
  if (full == Ledger::Full::route) { return {Refusal::route_full, "limits.sessions of the route is reached", {}, {}}; }
  return {Refusal::process_full, "the sessions of the process are all taken; see RLIMIT_NOFILE", {}, {}};
}

Async<Next> open_session(Talk& talk, const policy::Admitted& admitted) {
  const policy::Route& route = *admitted.route;
  const policy::Target& to = std::get<policy::Target>(route.to);
  talk.record.route = route.name;
  talk.record.origin = shown(admitted.origin);
  talk.record.subprotocol = admitted.protocol;

  Ledger::Taken taken = talk.floor.ledger.take(route.name, route.sessions_max);
  if (!taken.seat) {
    const Refused full = refused_by(taken.full);
    const Next next = co_await refuse(talk, full);
    co_return next;
  }

  // The service is reached before the 101, so that a failure is an HTTP status that tools and people understand.
  talk.record.phase = Phase::dial;
  talk.record.service = to.written;
  std::unique_ptr<net::SocketStream> service;
  if (to.kind != policy::Target::Kind::echo) {
    const TimePoint dial_began = talk.floor.loop.now();
    const net::DialTarget target = dial_target(to);
    const net::DialOptions options = dial_options(route.session.timeouts, dial_began);
    auto dialed = co_await net::dial(talk.waiter, talk.floor.resolver, target, options);
    talk.record.dial_took = talk.floor.loop.now() - dial_began;
    if (!dialed) {
      const Refused unreached = refused_by(dialed.error());
      const Next next = co_await refuse(talk, unreached);
      co_return next;
    }
    talk.record.service = dialed->address.text();
    service = std::move(dialed->stream);
  }

  talk.record.phase = Phase::answer;
  const std::string answer = wire::ws::switching_protocols(admitted.upgrade, admitted.protocol);
  const bool answered = co_await write_all(*talk.client, talk.waiter, answer, parting_patience);
  if (!answered) {
    record_no_answer(talk);
    co_return Next::over;
  }
  auto record = std::make_unique<SessionRecord>(std::move(talk.record));
  talk.floor.begin(std::make_unique<LiveSession>(talk.floor, admitted.route, std::move(talk.client), std::move(service),
                                                 std::move(*taken.seat), std::move(record)));
  co_return Next::over;
}

}  // namespace

Async<Next> exchange(Floor& floor, net::Waiter& waiter, const Visitor& visitor,
                     std::unique_ptr<net::SocketStream>& client) {
  const std::shared_ptr<const policy::Rules> rules = floor.rules();
  Talk talk{floor, waiter, client, {}};
  talk.record.id = floor.ledger.next_id();
  talk.record.listener = visitor.listener;
  talk.record.client = visitor.address;
  talk.record.began = std::chrono::system_clock::now();
  talk.record.began_at = floor.loop.now();

  const Limit limit = policy::head_limit(*rules, visitor.listener);
  const HeadRead read = co_await read_head(talk, limit);
  if (read.refused) {
    const Next next = co_await refuse(talk, *read.refused);
    co_return next;
  }
  if (!read.head) {
    if (read.started) { record_no_answer(talk); }  // a connection that never asked for anything leaves no record
    co_return Next::over;
  }

  talk.record.phase = Phase::judgement;
  talk.record.path = shown(std::string_view(read.head->target).substr(0, read.head->target.find('?')));
  const policy::Visit visit{.listener = visitor.listener};
  const policy::Judgement judgement = policy::judge(*rules, visit, *read.head);
  if (const auto* denied = std::get_if<policy::Denied>(&judgement)) {
    if (denied->route) { talk.record.route = denied->route->name; }
    const Next next = co_await refuse(talk, denied->refused, read.head->method == "HEAD");
    co_return next;
  }
  if (const auto* page = std::get_if<policy::Page>(&judgement)) {
    const Next next = co_await serve_page(talk, *read.head, *page);
    co_return next;
  }
  const Next next = co_await open_session(talk, std::get<policy::Admitted>(judgement));
  co_return next;
}

}  // namespace bascule::session
