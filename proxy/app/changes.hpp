// What a reload changes, told so that an operator sees at a glance whether it is what he meant.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/policy/rules.hpp"

namespace bascule::app {

struct Change {
  enum class Of : std::uint8_t { listener, proof, service, route, process };
  enum class Kind : std::uint8_t {
    added,
    removed,
    changed,
    moved,  // routes only: it stands at another place among those that were there before
  };
  Of of = Of::route;
  Kind kind = Kind::changed;
  std::string name{};               // empty for the process
  std::vector<std::string> keys{};  // changed: which keys of it, as they are called in the rules file
  policy::Place place{};            // in the new rules; of what was removed, in the old ones
  bool needs_restart = false;       // the running process goes on as it was

  std::string text() const;  // "route 'desk' changed: origins, to"
};
std::string_view word_of(Change::Of of);
std::string_view word_of(Change::Kind kind);

struct Changes {
  std::vector<Change> all;  // listeners, proofs, services, routes, the process; each in the order of its file

  bool empty() const { return all.empty(); }
  std::vector<std::string> lines() const;  // one a change; for none the one that says so
};

// Compares what the rules say, not where they stand. A route is not told as changed when only a service of `services`
// is: that is told once, of the service; and so with proofs.
Changes changes_between(const policy::Rules& before, const policy::Rules& after);

}  // namespace bascule::app
