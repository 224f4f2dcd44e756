// Asks the addresses of services from time to time whether they take connections, as their `health` says.
#pragma once

#include <list>
#include <memory>

#include "proxy/policy/rules.hpp"
#include "proxy/session/floor.hpp"
#include "proxy/session/roster.hpp"

namespace bascule::session {

// Lives on the floor's loop: every call on its thread.
class HealthChecks {
 public:
  // Both outlive it.
  explicit HealthChecks(Floor& floor) : floor_(floor) {}
  ~HealthChecks() { stop(); }
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  // From now on those of these rules; what is checked already in the same way goes on undisturbed.
  void apply(const policy::Rules& rules);
  void stop();

 private:
  struct Check;
  static net::Async<void> run(Floor& floor, std::shared_ptr<Check> check);

  Floor& floor_;
  std::list<std::shared_ptr<Check>> checks_;
};

}  // namespace bascule::session
