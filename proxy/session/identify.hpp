// Between the judgement, which cannot wait, and the prover, which knows no rules: who is the visitor?
#pragma once

#include <optional>

#include "proxy/auth/prover.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/session/talk.hpp"
#include "proxy/web/login_page.hpp"

namespace bascule::session {

struct Identified {
  auth::Passed passed{};                     // he is somebody
  std::optional<policy::Refused> refused{};  // or he is not
  bool gone = false;                         // or nobody waits for the answer
};

net::Async<Identified> identify(Talk& talk, const policy::Unproven& asked, const wire::http::RequestHead& head);

net::Async<Identified> identify_by_form(Talk& talk, const policy::Route& route, const web::LoginForm& form);

// What a visitor is told who could not prove who he is.
policy::Refused refused_by(auth::Unproven unproven);

// What a proof may look at; borrows from all of these.
struct Seen {
  const Address& client;    // the visitor, as far as those in front of us are believed
  const std::string& host;  // as he asked for it
};
proof::Presented presented_by(const Visitor& visitor, const Seen& seen, const policy::Unproven& asked,
                              const wire::http::RequestHead& head);

}  // namespace bascule::session
