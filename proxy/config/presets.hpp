// What `protocol: vnc` stands for: the subprotocols and frames that the clients of a service speak. Data, not code.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/policy/rules.hpp"

namespace bascule::config {

struct Preset {
  std::string_view name;
  std::vector<std::string> subprotocols;
  policy::FrameRule frames;
};

std::span<const Preset> presets();
const Preset* find_preset(std::string_view name);

}  // namespace bascule::config
