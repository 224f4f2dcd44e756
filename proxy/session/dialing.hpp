// Reaching the service that a visitor has been admitted to: which of its addresses, in which order, by when.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/result.hpp"
#include "proxy/net/dialer.hpp"
#include "proxy/net/polled_stream.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/session/floor.hpp"
#include "proxy/session/roster.hpp"

namespace bascule::session {

net::DialTarget dial_target(const policy::Endpoint& endpoint);

// On whose behalf: what the service is told by a PROXY header, and what `hash` goes by.
struct OnBehalfOf {
  Address client;
  Address came_to;  // where the visitor had come to
  std::string user{};
};

struct Reached {
  std::unique_ptr<net::PolledStream> stream;  // null for the echo, which is nowhere
  Address address;                            // the one that answered
  Use use;
};

// REQUIRES: `admitted.route` leads to a service. Everything passed in outlives the call.
net::Async<Result<Reached, policy::Refused>> reach(Floor& floor, net::Waiter& waiter, const policy::Admitted& admitted,
                                                   const OnBehalfOf& visitor);

}  // namespace bascule::session
