// Small rules files, written for one test.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace bascule::test {

// One route, named `route`, at /ws, to a service on this port; `extra` are further lines of the route.
inline std::string one_route(std::uint16_t service_port, const std::string& extra = {}) {
  std::string rules = fmt::format(
      "listen: 127.0.0.1:0\n"
      "routes:\n"
      "  - name: route\n"
      "    path: /ws\n"
      "    auth: none\n"
      "    to: 127.0.0.1:{}\n",
      service_port);
  if (!extra.empty()) { rules += "    " + extra + "\n"; }
  return rules;
}

}  // namespace bascule::test
