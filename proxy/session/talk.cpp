#include "proxy/session/talk.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <variant>

#include "proxy/base/text.hpp"
#include "proxy/session/transfer.hpp"
#include "proxy/wire/http/answer.hpp"
#include "proxy/wire/ws/close.hpp"
#include "proxy/wire/ws/frame.hpp"
#include "proxy/wire/ws/handshake.hpp"

namespace bascule::session {

using net::Async;
using observe::Phase;
using policy::Refused;
using web::KeepAlive;

namespace {

// RFC 9110, section 10.2.3: when it makes sense to come again, where nothing better is known.
constexpr auto come_again_after = 5s;

std::string text_of(const policy::RefusalEntry& entry, const Refused& refused, const std::string& reference) {
  std::string body = fmt::format("{} {}\n\n{}\n", entry.status, wire::http::reason_phrase(entry.status), entry.text);
  if (!refused.public_detail.empty()) { body += refused.public_detail + "\n"; }
  return body + fmt::format("Reference: {}\n", reference);
}

// RFC 9110, section 15.5.2: a 401 has a challenge, also where no known scheme would help.
void put_challenges(wire::http::AnswerHead& head, const Refused& refused, const Manner& manner) {
  bool any = false;
  for (const std::string& challenge : refused.challenges) {
    if (manner.asks_no_window && challenge.starts_with("Basic ")) { continue; }
    head.field("www-authenticate", challenge);
    any = true;
  }
  if (!any) { head.field("www-authenticate", "Bascule"); }
}

std::string answer_of(const Refused& refused, const std::string& reference, const Manner& manner) {
  const policy::RefusalEntry& entry = policy::entry_of(refused.refusal);
  const std::string body = manner.login == nullptr ? text_of(entry, refused, reference) : web::html_of(*manner.login);
  wire::http::AnswerHead head(entry.status);
  head.field("content-length", std::to_string(body.size()))
      .field("cache-control", "no-store")
      .field("x-content-type-options", "nosniff")
      .field("bascule-reference", reference);
  if (manner.login == nullptr) {
    head.field("content-type", "text/plain; charset=utf-8");
  } else {
    web::put_login_fields(head);
  }
  if (entry.status == 401) { put_challenges(head, refused, manner); }
  if (!refused.allow.empty()) { head.field("allow", refused.allow); }
  if (entry.status == 426) {
    // RFC 9110, section 15.5.22 and RFC 6455, section 4.4: what to upgrade to.
    head.field("upgrade", "websocket").field("sec-websocket-version", "13");
  }
  if (entry.status == 429 || entry.status == 503) {
    head.field("retry-after", std::to_string(refused.retry_after.value_or(come_again_after).count()));
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

void write_record(Talk& talk) {
  talk.record.lasted = talk.floor.loop.now() - talk.record.began_at;
  talk.floor.log.session(std::move(talk.record));
}

}  // namespace

void forget_judgement(Talk& talk) {
  talk.record.phase = Phase::judgement;
  for (std::string* text : {&talk.record.route, &talk.record.place, &talk.record.service, &talk.record.user,
                            &talk.record.proof, &talk.record.origin, &talk.record.subprotocol}) {
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

void record_no_answer(Talk& talk) {
  const bool ours = talk.floor.draining();
  talk.record.ending = ours ? "draining" : "client_vanished";
  talk.record.ended_by = ours ? "bascule" : "client";
  write_record(talk);
}

Async<Next> answer(Talk& talk, const std::string& bytes, KeepAlive keep_alive, Duration patience) {
  const bool written = co_await write_all(*talk.client, talk.waiter, bytes, patience);
  if (written && keep_alive == KeepAlive::yes) { co_return Next::another; }
  if (written) { co_await part(*talk.client, talk.waiter, talk.floor.bench, parting_patience); }
  co_return Next::over;
}

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
  const Next next = co_await session::answer(talk, answer, manner.keep_alive, parting_patience);
  co_return next;
}

KeepAlive keep_alive_after(const wire::http::RequestHead& head) {
  const bool last = head.version_minor == 0 || head.has_token("connection", "close") || head.announces_body();
  return last ? KeepAlive::no : KeepAlive::yes;
}

}  // namespace bascule::session
