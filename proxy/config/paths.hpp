// Paths of routes: "/vnc", "/novnc/*", "/desk/{id}", "/desk/{id:[0-9]+}".
#pragma once

#include <string_view>

#include "proxy/config/parsed.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

Parsed<policy::PathRule> parse_path(std::string_view text);

}  // namespace bascule::config
