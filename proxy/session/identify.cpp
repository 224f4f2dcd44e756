#include "proxy/session/identify.hpp"

#include <utility>

#include "proxy/session/ledger.hpp"

namespace bascule::session {

using net::Async;
using policy::Refusal;
using policy::Refused;

namespace {

// How long finding out may take: a hash in a queue, an authorizer that thinks.
constexpr auto proof_patience = 15s;

Refusal refusal_of(auth::Unproven::Why why) {
  using Why = auth::Unproven::Why;
  switch (why) {
    case Why::malformed: return Refusal::proof_malformed;
    case Why::absent: return Refusal::no_proof;
    case Why::wrong: return Refusal::wrong_proof;
    case Why::forbidden: return Refusal::forbidden;
    case Why::guessing: return Refusal::guessing;
    case Why::unavailable: return Refusal::proof_unavailable;
    case Why::gone: break;
  }
  return Refusal::draining;
}

Identified identified_by(auth::Prover::Outcome outcome) {
  Identified identified;
  if (outcome) {
    identified.passed = std::move(*outcome);
    return identified;
  }
  identified.gone = outcome.error().why == auth::Unproven::Why::gone;
  identified.refused = refused_by(std::move(outcome.error()));
  return identified;
}

}  // namespace

Refused refused_by(auth::Unproven unproven) {
  return {.refusal = refusal_of(unproven.why),
          .detail = std::move(unproven.detail),
          .challenges = std::move(unproven.challenges),
          .retry_after = unproven.retry_after};
}

proof::Presented presented_by(const Visitor& visitor, const Seen& seen, const policy::Unproven& asked,
                              const wire::http::RequestHead& head) {
  return {.head = &head,
          .host = seen.host,
          .path = asked.path,
          .query = asked.query,
          .route = asked.route->name,
          .captures = &asked.captures,
          .client = seen.client,
          .own_origin = asked.own_origin,
          .certificate = visitor.certificate.get()};
}

Async<Identified> identify(Talk& talk, const policy::Unproven& asked, const wire::http::RequestHead& head) {
  const Seen seen{.client = talk.record.client, .host = talk.record.host};
  const proof::Presented presented = presented_by(talk.visitor, seen, asked, head);
  const std::string counted = counted_as(talk.record.client);
  const TimePoint deadline = talk.floor.loop.now() + proof_patience;
  auth::Prover::Outcome outcome =
      co_await talk.floor.prover.prove(talk.waiter, asked.route->auth, presented, counted, deadline);
  Identified identified = identified_by(std::move(outcome));
  // No challenge would help: whoever has a certificate shows it before he says anything (RFC 8446, section 4.4.2).
  const bool nothing_sent = identified.refused && identified.refused->refusal == Refusal::no_proof;
  if (nothing_sent && !talk.visitor.certificate && asked.route->auth.needs_certificate()) {
    identified.refused->refusal = Refusal::no_certificate;
    identified.refused->challenges.clear();
  }
  co_return identified;
}

Async<Identified> identify_by_form(Talk& talk, const policy::Route& route, const web::LoginForm& form) {
  const std::string counted = counted_as(talk.record.client);
  const TimePoint deadline = talk.floor.loop.now() + proof_patience;
  auth::Prover::Outcome outcome =
      co_await talk.floor.prover.log_in(talk.waiter, route.auth, form.user, form.password, counted, deadline);
  co_return identified_by(std::move(outcome));
}

}  // namespace bascule::session
