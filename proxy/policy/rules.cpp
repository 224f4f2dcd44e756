#include "proxy/policy/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace bascule::policy {

namespace {

// Everything that a route says but where it leads.
auto sayings(const Route& route) {
  return std::tie(route.name, route.listeners, route.host, route.path, route.conditions, route.origins, route.allow,
                  route.protocol, route.subprotocols, route.session, route.limits, route.refuse, route.on_reload);
}

}  // namespace

std::string Place::text() const {
  if (line == 0) { return file; }
  return fmt::format("{}:{}:{}", file, line, column);
}

bool operator==(const Route& a, const Route& b) {
  if (sayings(a) != sayings(b)) { return false; }
  const Service* one = a.service();
  const Service* other = b.service();
  if (one != nullptr && other != nullptr) { return one == other || *one == *other; }
  return a.to == b.to;
}

const Listener* Rules::listener(std::string_view name) const {
  const auto found =
      std::find_if(listeners.begin(), listeners.end(), [&](const Listener& listener) { return listener.name == name; });
  return found == listeners.end() ? nullptr : &*found;
}

const Route* Rules::route(std::string_view name) const {
  const auto found = std::find_if(routes.begin(), routes.end(), [&](const auto& route) { return route->name == name; });
  return found == routes.end() ? nullptr : found->get();
}

std::vector<std::shared_ptr<TableSource>> Rules::tables() const {
  std::vector<std::shared_ptr<TableSource>> tables;
  for (const auto& route : routes) {
    const Service* service = route->service();
    const auto* lookup = service == nullptr ? nullptr : std::get_if<Lookup>(&service->where);
    if (lookup == nullptr) { continue; }
    const bool known = std::find(tables.begin(), tables.end(), lookup->table) != tables.end();
    if (!known) { tables.push_back(lookup->table); }
  }
  return tables;
}

}  // namespace bascule::policy
