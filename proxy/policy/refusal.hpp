// Every way to say no before a session begins: one table of step, status, log word and text.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/ws/handshake.hpp"

namespace bascule::policy {

// The steps of a judgement, in the order in which they are taken. The last two are no part of it (policy/judge): who
// asks about a live process's limits and services must ask that process.
enum class Step : std::uint8_t {
  listener,  // the address may talk to it; the PROXY header is there
  head,      // well-formed, within the limits
  route,     // host, path and `match` lead to one
  upgrade,   // the method, and a WebSocket upgrade
  origin,
  identity,
  access,  // this user and address are allowed here
  subprotocol,
  target,  // the visitor's words make an address, or are in the table
  limits,
  service,  // it can be reached
};
std::string_view word_of(Step step);

enum class Refusal : std::uint8_t {
  address_not_welcome,   // closed without an answer: the listener's `allow`
  bad_proxy_header,      // closed: no PROXY header, a wrong one, or from a peer that may not send one
  tls_failed,            // closed: the TLS handshake did not succeed, or not in time
  plain_not_taken,       // 400: plain HTTP where TLS is asked for
  malformed_head,        // 400
  target_too_long,       // 414
  head_too_large,        // 431
  head_too_slow,         // 408
  version_not_ours,      // 505
  malformed_forwarding,  // 400: a trusted proxy's word about the visitor cannot be read
  unknown_host,          // 421
  other_name,            // 421: TLS asked for another name than the request, and a client certificate is wanted
  no_route,              // 404
  method_not_allowed,    // 405
  not_an_upgrade,        // 426
  malformed_upgrade,     // 400
  other_version,         // 426
  foreign_origin,        // 403
  proof_malformed,       // 400: a credential that cannot be read, or two that disagree
  no_certificate,        // 403: a client certificate is all that the route asks for, and none was shown
  no_proof,              // 401: with every challenge of the route
  wrong_proof,           // 401: likewise
  forbidden,             // 403: an authorizer's word
  guessing,              // 429: too many wrong credentials
  proof_unavailable,     // 503: it cannot be found out just now whether the proof is good
  body_too_large,        // 413: of a login
  not_allowed,           // 403: the route's `allow`
  subprotocol_unknown,   // 400
  no_target,             // 404: the visitor's words make no address, or are not in the table
  target_outside,        // 404: they make one that is not `within`; told like the last, so that nobody can search
  address_full,          // 429
  user_full,             // 429
  route_full,            // 503
  route_too_fast,        // 503
  process_full,          // 503
  draining,              // 503
  no_such_file,          // 404
  service_unresolved,    // 502
  service_refused,       // 502
  service_distrusted,    // 502: its certificate is not what it must be, or its TLS handshake failed
  service_unavailable,   // 503: we lack a resource to reach it (descriptors, ports)
  service_timeout,       // 504
  internal_error,        // 500
};

struct RefusalEntry {
  Step step;              // the one that says this no
  int status;             // 0: the connection is closed without an answer
  std::string_view word;  // in logs and metrics: "foreign_origin"
  std::string_view text;  // one sentence for the visitor; says nothing of the rules
};

const RefusalEntry& entry_of(Refusal refusal);
inline Step step_of(Refusal refusal) {
  return entry_of(refusal).step;
}

Refusal refusal_of(wire::http::HeadError error);
Refusal refusal_of(wire::ws::UpgradeError error);

// A no, with what the operator should know of it (never shown to the visitor unless `public_detail` says so).
struct Refused {
  Refusal refusal;
  std::string detail{};                   // for the log; already safe to print
  std::string public_detail{};            // for the visitor: what the answer may add to the table's text; may be empty
  std::string allow{};                    // 405: the value of Allow
  std::vector<std::string> challenges{};  // 401: a WWW-Authenticate field each
  std::optional<std::chrono::seconds> retry_after{};  // 429 and 503: when it makes sense to come again
};

}  // namespace bascule::policy
