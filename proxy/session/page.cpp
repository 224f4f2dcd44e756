#include "proxy/session/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "proxy/base/text.hpp"
#include "proxy/proof/session_cookie.hpp"
#include "proxy/session/identify.hpp"
#include "proxy/session/transfer.hpp"
#include "proxy/wire/http/answer.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::session {

using net::Async;
using net::Wake;
using policy::Refusal;
using policy::Refused;
using web::KeepAlive;
using wire::http::RequestHead;

namespace {

enum class Shows : std::uint8_t { nothing, something };

// A ticket is used up once there is something to show for it. Else it is good again before the answer is heard.
void settle(auth::Passed& passed, Shows shows) {
  if (shows == Shows::something) {
    for (auth::TicketHold& hold : passed.holds) { hold.commit(); }
  }
  passed.holds.clear();
}

Async<Next> say_health(Talk& talk, const policy::Page& page, KeepAlive keep_alive) {
  const bool well = !talk.floor.draining();
  const std::string_view body = well ? "ok\n" : "draining\n";
  wire::http::AnswerHead head(well ? 200 : 503);
  head.field("content-type", "text/plain; charset=utf-8")
      .field("content-length", std::to_string(body.size()))
      .field("cache-control", "no-store");
  if (keep_alive == KeepAlive::no) { head.field("connection", "close"); }
  std::string bytes = head.done();
  if (!page.head_only) { bytes += body; }
  const Next next = co_await answer(talk, bytes, keep_alive, page_patience);
  co_return next;
}

// From now on the browser comes to this host by https only, on every port (RFC 6797, section 7.1); not where plain HTTP
// is welcome, and not to `localhost`, where others live.
void put_hsts(web::MoreFields& fields, const Talk& talk) {
  const policy::Listener* listener = listener_of(*talk.floor.rules(), talk.visitor);
  if (!talk.visitor.tls_here || listener == nullptr || !listener->tls) { return; }
  const policy::ListenerTls& tls = *listener->tls;
  const std::string& name = talk.visitor.sni;
  const bool shared_name = name.empty() || name == "localhost" || name.ends_with(".localhost");
  if (!tls.hsts || tls.plain == policy::PlainHttp::allow || shared_name) { return; }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*tls.hsts).count();
  fields.push_back({"strict-transport-security", fmt::format("max-age={}", seconds)});
}

// What a page that only some may read says besides: no cache that others use keeps it, and whoever has just proven who
// he is gets his session cookie.
web::MoreFields fields_for(const Talk& talk, const policy::Route& route, const auth::Passed& passed) {
  web::MoreFields fields;
  put_hsts(fields, talk);
  if (route.auth.open()) { return fields; }
  fields.push_back({"cache-control", "private"});
  fields.push_back({"vary", "authorization, cookie"});
  for (const std::string& cookie : passed.cookies) { fields.push_back({"set-cookie", cookie}); }
  return fields;
}

// --- a login ---------------------------------------------------------------------------------------------------------

constexpr std::string_view form_type = "application/x-www-form-urlencoded";

bool is_form(const RequestHead& head) {
  const std::string* type = head.find("content-type");
  return type != nullptr && same_ignoring_case(trimmed(std::string_view(*type).substr(0, type->find(';'))), form_type);
}

struct BodyRead {
  std::optional<std::string> body;
  std::optional<Refused> refused;  // neither: nobody is left to answer
};

// The body of a form, which has a length (a browser always says it) and a deadline.
Async<BodyRead> read_form(Talk& talk, const RequestHead& head, TimePoint deadline) {
  BodyRead result;
  const std::string* length = head.find("content-length");
  const auto bytes = length == nullptr || head.count("content-length") > 1 || head.count("transfer-encoding") > 0
                         ? std::nullopt
                         : parse_decimal(*length, std::uint64_t{1} << 62U);
  if (!bytes || !is_form(head)) {
    result.refused = Refused{.refusal = Refusal::malformed_head, .detail = "a login is a form with a Content-Length"};
    co_return result;
  }
  if (*bytes > web::login_bytes_max) {
    result.refused = Refused{.refusal = Refusal::body_too_large, .detail = "the form of a login has at most 4 KiB"};
    co_return result;
  }
  std::string body(static_cast<std::size_t>(*bytes), '\0');
  Pieces pieces;
  for (std::size_t have = 0; have < body.size();) {
    const IoResult read = talk.client->read(bytes_of(body).subspan(have));
    if (read.status == Io::bytes) {
      have += read.bytes;
      continue;
    }
    if (!read.waits()) { co_return result; }
    const Wake wake = co_await pieces.wait(talk.waiter, deadline);
    if (wake == Wake::timeout) {
      result.refused = Refused{.refusal = Refusal::head_too_slow, .detail = "the form of a login took too long"};
    }
    if (wake != Wake::ready) { co_return result; }
  }
  result.body = std::move(body);
  co_return result;
}

// Back to where the form stands. A target that begins with two slashes would be another host to a browser.
std::string back_to(const RequestHead& head) {
  const auto target = wire::http::parse_target(head.target);
  if (!target || target->path.starts_with("//")) { return "/"; }
  return target->query.empty() ? target->path : fmt::format("{}?{}", target->path, target->query);
}

std::string see_other(const RequestHead& head, const std::vector<std::string>& cookies, KeepAlive keep_alive) {
  wire::http::AnswerHead answer(303);
  answer.field("location", back_to(head)).field("content-length", "0").field("cache-control", "no-store");
  for (const std::string& cookie : cookies) { answer.field("set-cookie", cookie); }
  if (keep_alive == KeepAlive::no) { answer.field("connection", "close"); }
  return answer.done();
}

std::vector<std::string> clearing_cookies(const policy::Route& route) {
  std::vector<std::string> cookies;
  for (const auto& proof : route.auth.proofs()) {
    if (proof->cookie) { cookies.push_back(proof::clear_cookie(proof->name)); }
  }
  return cookies;
}

void note_login(const Talk& talk, const policy::Route& route, const proof::Identity& identity) {
  talk.floor.log.note({.level = observe::Level::info,
                       .event = "login",
                       .text = fmt::format("user '{}' has logged in at route '{}' from {}", shown(identity.user),
                                           route.name, talk.record.client.text()),
                       .fields = {{"user", identity.user}, {"route", route.name}},
                       .at = {}});
}

// Does whoever asks show pages to a person? Then a page to log in is of more use than a challenge.
bool shows_pages(const RequestHead& head) {
  return std::any_of(head.fields.begin(), head.fields.end(), [](const wire::http::Field& field) {
    return field.name == "accept" && field.value.find("text/html") != std::string::npos;
  });
}

std::string_view message_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::wrong_proof: return "That is not right. Please try again.";
    case Refusal::guessing: return "Too many attempts. Please wait a while before you try again.";
    case Refusal::proof_unavailable: return "This cannot be checked just now. Please try again in a moment.";
    default: return {};
  }
}

}  // namespace

bool asks_no_window(const policy::Route& route, const RequestHead& head) {
  // Sent by browsers, and by no script of theirs (Fetch Metadata).
  const bool browser = head.find("sec-fetch-mode") != nullptr || head.find("origin") != nullptr || shows_pages(head);
  return browser && route.auth.has_login();
}

std::optional<web::LoginPage> login_page_for(const policy::Route& route, const RequestHead& head, Refusal refusal) {
  const bool may_help = refusal == Refusal::no_proof || !message_of(refusal).empty();
  if (route.service() != nullptr || !may_help || !shows_pages(head)) { return std::nullopt; }
  for (const auto& proof : route.auth.proofs()) {
    if (!proof->has_login()) { continue; }
    const bool tried = head.method == "POST";
    return web::LoginPage{.realm = std::get<proof::Basic>(proof->how).realm,
                          .message = tried ? message_of(refusal) : std::string_view()};
  }
  return std::nullopt;
}

Async<Next> serve_page(Talk& talk, const RequestHead& head, const policy::Page& page, auth::Passed& passed) {
  note_route(talk, *page.route);
  Manner manner{.head_only = page.head_only};
  if (head.announces_body()) {
    settle(passed, Shows::nothing);
    const Refused refused{.refusal = Refusal::malformed_head, .detail = "a request for a page with a body"};
    const Next next = co_await refuse(talk, refused, manner);
    co_return next;
  }
  const KeepAlive keep_alive = keep_alive_after(head);
  if (std::holds_alternative<policy::Answer>(page.route->to)) {
    settle(passed, page.head_only ? Shows::nothing : Shows::something);
    const Next next = co_await say_health(talk, page, keep_alive);
    co_return next;
  }
  auto found = web::answer_file(std::get<policy::Files>(page.route->to), page.below, page.head_only, head, keep_alive,
                                fields_for(talk, *page.route, passed));
  if (const Refusal* refusal = std::get_if<Refusal>(&found)) {
    settle(passed, Shows::nothing);
    const Refused refused{.refusal = *refusal};
    manner.keep_alive = keep_alive;
    const Next next = co_await refuse(talk, refused, manner);
    co_return next;
  }
  const auto& file = std::get<web::FileAnswer>(found);
  const bool has_bytes = !page.head_only && (file.status == 200 || file.status == 206);
  settle(passed, has_bytes ? Shows::something : Shows::nothing);
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

Async<Next> send_elsewhere(Talk& talk, const RequestHead& head, const policy::Redirect& redirect) {
  note_route(talk, *redirect.route);
  const KeepAlive keep_alive = keep_alive_after(head);
  wire::http::AnswerHead moved(308);
  moved.field("location", redirect.location).field("content-length", "0");
  if (keep_alive == KeepAlive::no) { moved.field("connection", "close"); }
  const std::string bytes = moved.done();
  const Next next = co_await answer(talk, bytes, keep_alive, page_patience);
  co_return next;
}

Async<Next> log_in(Talk& talk, const RequestHead& head, const policy::Login& login) {
  const policy::Route& route = *login.route;
  const TimePoint deadline = after(talk.floor.loop.now(), route.session.timeouts.head);
  BodyRead read = co_await read_form(talk, head, deadline);
  if (read.refused) {
    const Manner manner;
    const Next next = co_await refuse(talk, *read.refused, manner);
    co_return next;
  }
  if (!read.body) {
    record_no_answer(talk);
    co_return Next::over;
  }
  const auto form = web::read_login_form(*read.body);
  const KeepAlive keep_alive =
      head.version_minor == 0 || head.has_token("connection", "close") ? KeepAlive::no : KeepAlive::yes;
  if (!form) {
    const Refused refused{.refusal = Refusal::proof_malformed, .detail = "not the form of a login: user, password"};
    const Manner manner{.keep_alive = keep_alive};
    const Next next = co_await refuse(talk, refused, manner);
    co_return next;
  }
  if (form->logout) {
    const std::string bytes = see_other(head, clearing_cookies(route), keep_alive);
    const Next next = co_await answer(talk, bytes, keep_alive, parting_patience);
    co_return next;
  }
  Identified identified = co_await identify_by_form(talk, route, *form);
  if (identified.gone) {
    record_no_answer(talk);
    co_return Next::over;
  }
  if (identified.refused) {
    const auto page = login_page_for(route, head, identified.refused->refusal);
    const Manner manner{
        .keep_alive = keep_alive, .login = page ? &*page : nullptr, .asks_no_window = asks_no_window(route, head)};
    const Next next = co_await refuse(talk, *identified.refused, manner);
    co_return next;
  }
  note_login(talk, route, identified.passed.identity);
  const std::string bytes = see_other(head, identified.passed.cookies, keep_alive);
  const Next next = co_await answer(talk, bytes, keep_alive, parting_patience);
  co_return next;
}

}  // namespace bascule::session
