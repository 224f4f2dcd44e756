#include "proxy/config/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "proxy/base/text.hpp"

namespace bascule::config {

namespace {

constexpr bool later = false;

constexpr std::array table{
    Key{Section::top, "version"},
    Key{Section::top, "listen"},
    Key{Section::top, "routes"},
    Key{Section::top, "process"},
    Key{Section::top, "auth", later},
    Key{Section::top, "services", later},
    Key{Section::top, "defaults", later},
    Key{Section::top, "admin", later},
    Key{Section::top, "log", later},

    Key{Section::listen, "name"},
    Key{Section::listen, "address"},
    Key{Section::listen, "mode"},
    Key{Section::listen, "tls", later},
    Key{Section::listen, "proxy_protocol", later},
    Key{Section::listen, "public_url", later},
    Key{Section::listen, "trusted_proxies", later},
    Key{Section::listen, "allow", later},

    Key{Section::route, "name"},
    Key{Section::route, "listeners"},
    Key{Section::route, "host"},
    Key{Section::route, "path"},
    Key{Section::route, "origins"},
    Key{Section::route, "auth"},
    Key{Section::route, "protocol"},
    Key{Section::route, "subprotocols"},
    Key{Section::route, "frames"},
    Key{Section::route, "to"},
    Key{Section::route, "files"},
    Key{Section::route, "timeouts"},
    Key{Section::route, "limits"},
    Key{Section::route, "match", later},
    Key{Section::route, "allow", later},
    Key{Section::route, "bandwidth", later},
    Key{Section::route, "on_reload", later},
    Key{Section::route, "refuse", later},
    Key{Section::route, "answer", later},

    Key{Section::frames, "from_client"},
    Key{Section::frames, "to_client"},
    Key{Section::frames, "max"},

    Key{Section::files, "folder"},
    Key{Section::files, "index"},

    Key{Section::timeouts, "head"},
    Key{Section::timeouts, "connect"},
    Key{Section::timeouts, "ping"},
    Key{Section::timeouts, "pong"},
    Key{Section::timeouts, "stall"},
    Key{Section::timeouts, "close"},
    Key{Section::timeouts, "half_close"},
    Key{Section::timeouts, "idle"},
    Key{Section::timeouts, "lifetime"},
    Key{Section::timeouts, "tls", later},

    Key{Section::limits, "sessions"},
    Key{Section::limits, "sessions_per_address", later},
    Key{Section::limits, "sessions_per_user", later},
    Key{Section::limits, "new_sessions", later},
    Key{Section::limits, "head_size", later},
    Key{Section::limits, "head_fields", later},
    Key{Section::limits, "frames", later},
    Key{Section::limits, "control_frames", later},

    Key{Section::process, "workers"},
    Key{Section::process, "drain"},
    Key{Section::process, "user", later},
    Key{Section::process, "sandbox", later},
    Key{Section::process, "watch", later},
};

struct SectionNames {
  std::string_view path;
  std::string_view name;
};

constexpr std::array<SectionNames, 8> sections{{{"", "the top level"},
                                                {"listen[].", "a listener"},
                                                {"routes[].", "a route"},
                                                {"routes[].frames.", "'frames'"},
                                                {"routes[].files.", "'files'"},
                                                {"routes[].timeouts.", "'timeouts'"},
                                                {"routes[].limits.", "'limits'"},
                                                {"process.", "'process'"}}};

// What other bridges and proxies call it; too far off for a count of letters.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> synonyms{{{"target", "to"},
                                                                                 {"upstream", "to"},
                                                                                 {"backend", "to"},
                                                                                 {"bind", "listen"},
                                                                                 {"locations", "routes"},
                                                                                 {"location", "path"},
                                                                                 {"server_name", "host"},
                                                                                 {"root", "folder"},
                                                                                 {"allowed_origins", "origins"}}};

}  // namespace

std::span<const Key> keys() {
  return table;
}

const Key* find_key(Section section, std::string_view name) {
  const auto* const found = std::find_if(table.begin(), table.end(),
                                         [&](const Key& key) { return key.section == section && key.name == name; });
  return found == table.end() ? nullptr : found;
}

std::string path_of(const Key& key) {
  return fmt::format("{}{}", sections.at(static_cast<std::size_t>(key.section)).path, key.name);
}

std::string_view name_of(Section section) {
  return sections.at(static_cast<std::size_t>(section)).name;
}

std::string_view closest(std::string_view written, std::span<const std::string_view> candidates) {
  if (written.size() > 40) { return {}; }
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, written.size() / 3) + 1;
  const std::string word = lowered(written);
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggestion(Section section, std::string_view written) {
  std::vector<std::string_view> here;
  for (const Key& key : table) {
    if (key.section == section && key.supported) { here.push_back(key.name); }
  }
  if (const std::string_view near = closest(written, here); !near.empty()) {
    return fmt::format("; did you mean '{}'?", near);
  }
  for (const auto& [word, meant] : synonyms) {
    if (word == written && find_key(section, meant) != nullptr) { return fmt::format("; did you mean '{}'?", meant); }
  }
  for (const Key& key : table) {
    if (key.name == written) {
      return fmt::format("; it is a key of {}{}", name_of(key.section),
                         key.supported ? "" : ", in a later version of bascule");
    }
  }
  return {};
}

}  // namespace bascule::config
