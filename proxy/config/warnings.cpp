#include "proxy/config/warnings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/hidden.hpp"

namespace bascule::config {

namespace {

using policy::Listener;
using policy::Route;
using policy::Rules;

constexpr std::size_t names_shown = 3;

bool is_public(const Listener& listener) {
  return listener.address.is_ip() && !listener.address.is_loopback() && !listener.allow;
}

bool is_at(const Route& route, const Listener& listener) {
  return route.listeners.empty() ||
         std::find(route.listeners.begin(), route.listeners.end(), listener.name) != route.listeners.end();
}

bool asks_for_an_address(const Route& route) {
  return !route.allow.empty() && std::all_of(route.allow.begin(), route.allow.end(),
                                             [](const auto& rule) { return rule.addresses.has_value(); });
}

// Leads whoever comes to a service of somebody else's. The echo is nobody's.
bool is_open_door(const Route& route) {
  return route.service() != nullptr && !route.service()->is_echo() && !asks_for_an_address(route);
}

// "route 'desk' leads", "routes 'a', 'b', 'c' and 197 more lead"
std::string lead(const std::vector<std::string_view>& names) {
  if (names.size() == 1) { return fmt::format("route '{}' leads", names.front()); }
  const std::size_t shown = std::min(names.size(), names_shown);
  std::string text = "routes";
  for (std::size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == names.size();
    text += fmt::format("{} '{}'", i == 0 ? "" : last ? " and" : ",", names[i]);
  }
  if (names.size() > shown) { text += fmt::format(" and {} more", names.size() - shown); }
  return text + " lead";
}

// One warning a listener: a set of a thousand open routes has one thing to be said of it.
void warn_of_open_doors(const Rules& rules, MistakeList& warnings) {
  for (const Listener& listener : rules.listeners) {
    if (!is_public(listener)) { continue; }
    std::vector<std::string_view> open;
    for (const auto& route : rules.routes) {
      if (is_at(*route, listener) && is_open_door(*route)) { open.push_back(route->name); }
    }
    if (open.empty()) { continue; }
    warnings.add_at(listener.place,
                    fmt::format("{} is no address of this machine alone, and {} everybody who reaches it to a service "
                                "('auth: none'); may they? 'allow: {{addresses: [...]}}' says who",
                                listener.address.text(), lead(open)));
  }
}

void warn_of_any_origin(const Rules& rules, MistakeList& warnings) {
  for (const auto& route : rules.routes) {
    if (!route->origins.any) { continue; }
    warnings.add_at(route->place,
                    fmt::format("route '{}' has 'origins: any' and 'auth: none': each page that a visitor happens to "
                                "open may use it in his name; list the pages that are meant",
                                route->name));
  }
}

void warn_of_overlaps(const Rules& rules, MistakeList& warnings) {
  for (const InTheWay& pair : overlapping_routes(rules.routes)) {
    const Route& earlier = *rules.routes[pair.earlier];
    const Route& later = *rules.routes[pair.later];
    warnings.add_at(later.place,
                    fmt::format("some requests fit both route '{}' and route '{}' {}, which gets them, for "
                                "it stands first; is that meant?",
                                later.name, earlier.name, whereabouts(earlier.place, later.place.file)));
  }
}

}  // namespace

void add_warnings(const Rules& rules, MistakeList& warnings) {
  warn_of_open_doors(rules, warnings);
  warn_of_any_origin(rules, warnings);
  warn_of_overlaps(rules, warnings);
}

}  // namespace bascule::config
