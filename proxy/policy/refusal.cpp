#include "proxy/policy/refusal.hpp"

#include <array>
#include <cassert>
#include <cstddef>

namespace bascule::policy {

namespace {

struct Row {
  Refusal refusal;
  RefusalEntry entry;
};

// In the order of the enumeration. A refused file, a missing route and a target that the visitor may not have read
// alike: what is behind a door is not told.
constexpr std::string_view nothing_here = "There is nothing here.";
constexpr std::array table{
    Row{Refusal::address_not_welcome, {Step::listener, 0, "address_not_welcome", "This address may not connect here."}},
    Row{Refusal::bad_proxy_header,
        {Step::listener, 0, "bad_proxy_header", "This connection did not begin as it must."}},
    Row{Refusal::tls_failed, {Step::listener, 0, "tls_failed", "The TLS handshake did not succeed."}},
    Row{Refusal::plain_not_taken,
        {Step::listener, 400, "plain_not_taken", "Plain HTTP was sent to a port that speaks TLS."}},
    Row{Refusal::malformed_head, {Step::head, 400, "malformed_head", "The request is not well-formed HTTP."}},
    Row{Refusal::target_too_long, {Step::head, 414, "target_too_long", "The address of this request is too long."}},
    Row{Refusal::head_too_large,
        {Step::head, 431, "head_too_large", "The header fields of this request are too large."}},
    Row{Refusal::head_too_slow, {Step::head, 408, "head_too_slow", "The request did not arrive in time."}},
    Row{Refusal::version_not_ours, {Step::head, 505, "version_not_ours", "Only HTTP/1.1 is spoken here."}},
    Row{Refusal::malformed_forwarding,
        {Step::head, 400, "malformed_forwarding", "What the proxy says of the visitor is not well-formed."}},
    Row{Refusal::unknown_host, {Step::route, 421, "unknown_host", "This server does not answer to that host name."}},
    Row{Refusal::other_name,
        {Step::route, 421, "other_name", "This connection was made for another host name; please connect again."}},
    Row{Refusal::no_route, {Step::route, 404, "no_route", nothing_here}},
    Row{Refusal::method_not_allowed, {Step::upgrade, 405, "method_not_allowed", "This method is not taken here."}},
    Row{Refusal::not_an_upgrade, {Step::upgrade, 426, "not_an_upgrade", "This address speaks WebSocket only."}},
    Row{Refusal::malformed_upgrade,
        {Step::upgrade, 400, "malformed_upgrade", "The WebSocket handshake is not well-formed."}},
    Row{Refusal::other_version, {Step::upgrade, 426, "other_version", "Only version 13 of WebSocket is spoken here."}},
    Row{Refusal::foreign_origin, {Step::origin, 403, "foreign_origin", "Pages of this origin may not connect here."}},
    Row{Refusal::proof_malformed,
        {Step::identity, 400, "proof_malformed", "What should prove who you are cannot be read."}},
    Row{Refusal::no_certificate,
        {Step::identity, 403, "no_certificate", "This address asks for a client certificate."}},
    Row{Refusal::no_proof, {Step::identity, 401, "no_proof", "Who are you? This address asks for a proof."}},
    Row{Refusal::wrong_proof, {Step::identity, 401, "wrong_proof", "What you sent does not prove who you are."}},
    Row{Refusal::forbidden, {Step::identity, 403, "forbidden", "You may not connect here."}},
    Row{Refusal::guessing, {Step::identity, 429, "guessing", "Too many attempts; please try again later."}},
    Row{Refusal::proof_unavailable,
        {Step::identity, 503, "proof_unavailable",
         "It cannot be checked just now who you are; please try again later."}},
    Row{Refusal::body_too_large, {Step::identity, 413, "body_too_large", "The body of this request is too large."}},
    Row{Refusal::not_allowed, {Step::access, 403, "not_allowed", "You may not connect here."}},
    Row{Refusal::subprotocol_unknown,
        {Step::subprotocol, 400, "subprotocol_unknown", "None of the offered subprotocols is taken here."}},
    Row{Refusal::no_target, {Step::target, 404, "no_target", nothing_here}},
    Row{Refusal::target_outside, {Step::target, 404, "target_outside", nothing_here}},
    Row{Refusal::address_full,
        {Step::limits, 429, "address_full",
         "Your address has too many sessions here; please end one or try again later."}},
    Row{Refusal::user_full,
        {Step::limits, 429, "user_full", "You have too many sessions here; please end one or try again later."}},
    Row{Refusal::route_full, {Step::limits, 503, "route_full", "All places here are taken; please try again later."}},
    Row{Refusal::route_too_fast,
        {Step::limits, 503, "route_too_fast", "Too many sessions begin here; please try again later."}},
    Row{Refusal::process_full, {Step::limits, 503, "process_full", "This server is full; please try again later."}},
    Row{Refusal::draining, {Step::limits, 503, "draining", "This server is going down; please try again later."}},
    Row{Refusal::no_such_file, {Step::service, 404, "no_such_file", nothing_here}},
    Row{Refusal::service_unresolved, {Step::service, 502, "service_unresolved", "The service could not be found."}},
    Row{Refusal::service_refused, {Step::service, 502, "service_refused", "The service could not be reached."}},
    Row{Refusal::service_distrusted,
        {Step::service, 502, "service_distrusted", "The service could not be reached safely."}},
    Row{Refusal::service_unavailable,
        {Step::service, 503, "service_unavailable", "The service cannot be reached just now; please try again later."}},
    Row{Refusal::service_timeout, {Step::service, 504, "service_timeout", "The service did not answer in time."}},
    Row{Refusal::internal_error, {Step::service, 500, "internal_error", "Something went wrong here."}},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].refusal) != i) { return false; }
  }
  return true;
}
static_assert(in_order(), "entry_of() finds a row by its number");

}  // namespace

std::string_view word_of(Step step) {
  switch (step) {
    case Step::listener: return "listener";
    case Step::head: return "head";
    case Step::route: return "route";
    case Step::upgrade: return "upgrade";
    case Step::origin: return "origin";
    case Step::identity: return "identity";
    case Step::access: return "access";
    case Step::subprotocol: return "subprotocol";
    case Step::target: return "target";
    case Step::limits: return "limits";
    case Step::service: break;
  }
  return "service";
}

const RefusalEntry& entry_of(Refusal refusal) {
  const auto row = static_cast<std::size_t>(refusal);
  assert(row < table.size());
  return table[row].entry;
}

Refusal refusal_of(wire::http::HeadError error) {
  switch (error) {
    case wire::http::HeadError::malformed: return Refusal::malformed_head;
    case wire::http::HeadError::target_too_long: return Refusal::target_too_long;
    case wire::http::HeadError::fields_too_large: return Refusal::head_too_large;
    case wire::http::HeadError::version_not_ours: return Refusal::version_not_ours;
  }
  return Refusal::malformed_head;
}

Refusal refusal_of(wire::ws::UpgradeError error) {
  switch (error) {
    case wire::ws::UpgradeError::method_not_get: return Refusal::method_not_allowed;
    case wire::ws::UpgradeError::not_an_upgrade: return Refusal::not_an_upgrade;
    case wire::ws::UpgradeError::malformed: return Refusal::malformed_upgrade;
    case wire::ws::UpgradeError::other_version: return Refusal::other_version;
  }
  return Refusal::malformed_upgrade;
}

}  // namespace bascule::policy
