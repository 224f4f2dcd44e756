// The door: from an accepted socket to its last exchange.
#pragma once

#include "proxy/base/owned_fd.hpp"
#include "proxy/session/exchange.hpp"
#include "proxy/session/floor.hpp"

namespace bascule::session {

// Serves a visitor on the floor's loop; to be called on its thread. The floor must outlive the visit: see Floor::drain.
void receive(Floor& floor, OwnedFd socket, Visitor visitor);

}  // namespace bascule::session
