// A floor with all that stands around it, where no process has built a house: nothing is asked, and the log goes
// nowhere.
#pragma once

#include <fcntl.h>

#include <cstddef>
#include <memory>

#include "proxy/base/owned_fd.hpp"
#include "proxy/session/floor.hpp"

namespace bascule::test {

struct BareFloor {
  explicit BareFloor(std::size_t sessions_max) : ledger(sessions_max) {}

  OwnedFd nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  net::Loop loop;
  net::Resolver resolver{net::Resolver::Options{}};
  session::Ledger ledger;
  session::Roster roster;
  observe::Log log{nowhere.get(), observe::Format::json};
  observe::Refusals refusals;
  const tls::TicketKeys ticket_keys;
  auth::Shared proving{auth::Hashing::Options{}};
  session::Floor floor{loop,
                       {.resolver = resolver,
                        .ledger = ledger,
                        .roster = roster,
                        .log = log,
                        .refusals = refusals,
                        .proving = proving,
                        .ticket_keys = ticket_keys},
                       std::make_shared<const policy::Rules>()};
};

}  // namespace bascule::test
