#include "proxy/policy/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace bascule::policy {

namespace {

// Everything that a route says but where it leads.
auto sayings(const Route& route) {
  return std::tie(route.name, route.listeners, route.host, route.path, route.conditions, route.origins, route.auth,
                  route.allow, route.protocol, route.subprotocols, route.session, route.limits, route.refuse,
                  route.on_expiry, route.on_reload);
}

bool is_at(const Route& route, const Listener& listener) {
  return route.listeners.empty() ||
         std::find(route.listeners.begin(), route.listeners.end(), listener.name) != route.listeners.end();
}

// A visitor who comes to an address names none by TLS (RFC 6066, section 3), whichever address it is.
void add_names(tls::NameSet& set, const HostRule& host) {
  set.any = set.any || host.kind == HostRule::Kind::any;
  set.unnamed = set.unnamed || host.kind == HostRule::Kind::addresses_and_localhost;
  for (const std::string& name : host.names) {
    if (Address::parse_ip(name, 0)) {
      set.unnamed = true;
    } else {
      set.names.push_back(name);
    }
  }
  set.parents.insert(set.parents.end(), host.parents.begin(), host.parents.end());
}

}  // namespace

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

const proof::Proof* Rules::proof(std::string_view name) const {
  const auto found = std::find_if(proofs.begin(), proofs.end(), [&](const auto& entry) { return entry.first == name; });
  return found == proofs.end() ? nullptr : found->second.get();
}

std::vector<std::shared_ptr<proof::UserSource>> Rules::user_lists() const {
  std::vector<std::shared_ptr<proof::UserSource>> lists;
  for (const auto& [name, proof] : proofs) {
    const auto* basic = std::get_if<proof::Basic>(&proof->how);
    if (basic == nullptr || !basic->users || basic->users->path().empty()) { continue; }
    const bool known = std::find(lists.begin(), lists.end(), basic->users) != lists.end();
    if (!known) { lists.push_back(basic->users); }
  }
  return lists;
}

std::vector<proof::Keys> Rules::remote_keys() const {
  std::vector<proof::Keys> keys;
  for (const auto& [name, proof] : proofs) {
    const auto* jwt = std::get_if<proof::Jwt>(&proof->how);
    if (jwt != nullptr && jwt->keys.url) { keys.push_back(jwt->keys); }
  }
  return keys;
}

std::vector<const Service*> Rules::services_by_tls() const {
  std::vector<const Service*> found;
  for (const auto& route : routes) {
    const Service* service = route->service();
    const bool known = std::find(found.begin(), found.end(), service) != found.end();
    if (service != nullptr && service->tls && !known) { found.push_back(service); }
  }
  return found;
}

tls::NameSet Rules::names_that_ask(const Listener& listener) const {
  tls::NameSet set;
  for (const auto& route : routes) {
    if (is_at(*route, listener) && route->auth.wants_certificate()) { add_names(set, route->host); }
  }
  if (set.any) { return {.any = true}; }
  for (auto* names : {&set.names, &set.parents}) {
    std::sort(names->begin(), names->end());
    names->erase(std::unique(names->begin(), names->end()), names->end());
  }
  return set;
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
