// Who somebody has proven to be.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/time.hpp"

namespace bascule::proof {

struct Proof;

// What else is known of somebody: from a token, a ticket. Each claim is a list of texts; numbers and yes/no as text.
// A claim inside of another has both names: "realm_access.roles".
using Claims = std::map<std::string, std::vector<std::string>, std::less<>>;

struct Identity {
  std::string user{};  // empty: somebody without a name, such as the bearer of a ticket for nobody in particular
  std::vector<std::string> groups{};
  Claims claims{};
  std::optional<WallTime> expires{};               // when the proof does
  std::optional<std::string> target{};             // "host:port", where an authorizer named it
  std::vector<std::shared_ptr<const Proof>> by{};  // what was proven

  // What authorizers have said of him: asked again, they must say no less.
  struct Answered {
    std::vector<std::string> users{};
    std::vector<std::string> groups{};
    std::vector<std::string> targets{};
  };
  Answered answered{};
};

}  // namespace bascule::proof
