// Opening a session for somebody who is admitted: his seat, the service, the 101.
#pragma once

#include <memory>

#include "proxy/auth/prover.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/session/talk.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::session {

enum class Opened : std::uint8_t {
  over,         // answered, with a session or with a no
  judge_again,  // the rules changed meanwhile, and the new ones may see it differently
};

// Whoever came here to be let in: by which rules, and as whom.
struct Candidate {
  const std::shared_ptr<const policy::Rules>& rules;
  wire::http::RequestHead& head;
  auth::Passed& passed;
  const std::optional<policy::Unproven>& asked;  // what his proofs were about; empty where none were asked for
};

net::Async<Opened> open_session(Talk& talk, const Candidate& candidate, policy::Admitted& admitted);

}  // namespace bascule::session
