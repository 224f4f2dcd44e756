// What both sides of a session know of it.
#pragma once

#include "proxy/policy/rules.hpp"
#include "proxy/relay/ending.hpp"
#include "proxy/relay/workbench.hpp"

namespace bascule::relay {

struct Session {
  const policy::SessionRule& rule;
  Workbench& bench;
  Ending ending{};  // both sides write their reasons into it
};

}  // namespace bascule::relay
