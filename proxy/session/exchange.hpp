// The conversation: one request, judged and answered. A session is an answer that lasts.
#pragma once

#include <memory>

#include "proxy/net/polled_stream.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/session/floor.hpp"
#include "proxy/session/talk.hpp"
#include "proxy/session/visitor.hpp"

namespace bascule::session {

// Everything passed in outlives the call; `client` is watched by `waiter`.
net::Async<Next> exchange(Floor& floor, net::Waiter& waiter, const Visitor& visitor,
                          std::unique_ptr<net::PolledStream>& client);

}  // namespace bascule::session
