// An authorizer that is asked again while the session lives (`recheck`).
#pragma once

#include <memory>

#include "proxy/base/time.hpp"
#include "proxy/proof/identity.hpp"
#include "proxy/session/floor.hpp"

namespace bascule::session {

class LiveSession;
struct WayIn;

// How often somebody's authorizers are asked again: the shortest of theirs; empty: never.
Limit recheck_of(const proof::Identity& identity);

// Asks for as long as it lives, and ends the session when the answer is no. An authorizer that cannot be asked is tried
// again more often; when that has lasted for a whole `recheck`, it is taken for a no.
class Recheck {
 public:
  Recheck(Floor& floor, LiveSession& session, std::shared_ptr<const WayIn> way_in);
  ~Recheck();
  Recheck(const Recheck&) = delete;
  Recheck& operator=(const Recheck&) = delete;

 private:
  struct Round;
  static net::Async<void> run(Floor& floor, std::shared_ptr<Round> round);
  std::shared_ptr<Round> round_;
};

}  // namespace bascule::session
