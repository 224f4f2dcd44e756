// Finding out who somebody is outside of a running process: for `explain` and `test`. By the same prover, but nobody
// else is asked: neither an authorizer nor a server for its keys; and nothing is used up.
#pragma once

#include "proxy/auth/prover.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/session/identify.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::app {

auth::Prover::Outcome prove_now(const policy::Unproven& asked, const wire::http::RequestHead& head,
                                const session::Seen& seen);

}  // namespace bascule::app
