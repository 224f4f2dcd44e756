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

bool is_used_by(const proof::Proof& proof, const Route& route) {
  const auto proofs = route.auth.proofs();
  return std::any_of(proofs.begin(), proofs.end(), [&](const auto& asked) { return asked.get() == &proof; });
}

bool asks_for_an_address(const Route& route) {
  return !route.allow.empty() && std::all_of(route.allow.begin(), route.allow.end(),
                                             [](const auto& rule) { return rule.addresses.has_value(); });
}

// Leads whoever comes to a service of somebody else's. The echo is nobody's.
bool is_open_door(const Route& route) {
  return route.auth.open() && route.service() != nullptr && !route.service()->is_echo() && !asks_for_an_address(route);
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
    if (!route->origins.any || !route->auth.open()) { continue; }
    warnings.add_at(route->place,
                    fmt::format("route '{}' has 'origins: any' and 'auth: none': each page that a visitor happens to "
                                "open may use it in his name; list the pages that are meant",
                                route->name));
  }
}

// --- auth ------------------------------------------------------------------------------------------------------------

// Does a browser bring it along by itself, whichever page asks?
bool comes_by_itself(const proof::Proof& proof) {
  if (proof.cookie || std::holds_alternative<proof::Basic>(proof.how) ||
      std::holds_alternative<proof::ClientCertificate>(proof.how)) {
    return true;
  }
  if (const auto* ask = std::get_if<proof::Ask>(&proof.how)) {
    return std::any_of(ask->pass.begin(), ask->pass.end(),
                       [](const std::string& field) { return field == "cookie" || field == "authorization"; });
  }
  const auto& places = proof.credential_places();
  return std::any_of(places.begin(), places.end(), [](const proof::CredentialPlace& place) {
    return place.in == proof::CredentialPlace::In::cookie;
  });
}

bool comes_by_itself(const proof::Wanted& wanted) {
  using Kind = proof::Wanted::Kind;
  const auto comes = [](const proof::Wanted& each) { return comes_by_itself(each); };
  switch (wanted.kind) {
    case Kind::nothing: return false;
    case Kind::one: return comes_by_itself(*wanted.proof);
    case Kind::any: return std::any_of(wanted.of.begin(), wanted.of.end(), comes);
    case Kind::all: break;
  }
  return std::all_of(wanted.of.begin(), wanted.of.end(), comes);
}

// What a browser adds to the request of any page, any page may use, unless its origin is asked for.
void warn_of_borrowed_proofs(const Rules& rules, MistakeList& warnings) {
  for (const auto& route : rules.routes) {
    if (route->service() == nullptr || !(route->origins.any || route->origins.opaque)) { continue; }
    if (!comes_by_itself(route->auth)) { continue; }
    warnings.add_at(route->place,
                    fmt::format("route '{}' has 'origins: {}', and a browser brings what proves its user along by "
                                "itself: each page that he happens to open may use it in his name; list the pages that "
                                "are meant",
                                route->name, route->origins.any ? "any" : "opaque"));
  }
}

// Cookies of the kind we give are kept over https, and by most browsers on localhost.
bool keeps_secure_cookies(const Listener& listener) {
  const bool https = listener.tls || (listener.public_url && listener.public_url->scheme == "https");
  const bool fronted = listener.trusted_proxies || listener.proxy_protocol;
  return https || (fronted && !listener.public_url) || !listener.address.is_ip() || listener.address.is_loopback();
}

template <typename Fits>
bool at_a_listener(const Rules& rules, const Route& route, Fits fits) {
  return std::any_of(rules.listeners.begin(), rules.listeners.end(),
                     [&](const Listener& listener) { return is_at(route, listener) && fits(listener); });
}

// One warning a proof, with the first route there is something to be said of.
template <typename Risky>
const Route* first_route(const Rules& rules, const proof::Proof& proof, Risky risky) {
  const auto found = std::find_if(rules.routes.begin(), rules.routes.end(),
                                  [&](const auto& route) { return is_used_by(proof, *route) && risky(*route); });
  return found == rules.routes.end() ? nullptr : found->get();
}

void warn_of_cookies_nobody_keeps(const Rules& rules, const proof::Proof& proof, MistakeList& warnings) {
  if (!proof.cookie) { return; }
  const Route* route =
      first_route(rules, proof, [&](const Route& each) { return !at_a_listener(rules, each, keeps_secure_cookies); });
  if (route == nullptr) { return; }
  warnings.add_at(proof.place,
                  fmt::format("browsers keep the cookie of proof '{}' over https and on localhost only, and route '{}' "
                              "is found at neither; is there a proxy that ends TLS? 'public_url: https://...' or "
                              "'trusted_proxies' says so",
                              proof.name, route->name));
}

// By a TLS of its own.
bool asks_for_certificates(const Listener& listener) {
  return listener.tls && !listener.tls->client_ca.empty();
}

void warn_of_certificates_nobody_brings(const Rules& rules, const proof::Proof& proof, MistakeList& warnings) {
  if (!std::holds_alternative<proof::ClientCertificate>(proof.how)) { return; }
  const auto tells = [](const Listener& listener) {
    return listener.proxy_protocol || asks_for_certificates(listener);
  };
  const Route* route = first_route(rules, proof, [&](const Route& each) { return !at_a_listener(rules, each, tells); });
  if (route == nullptr) { return; }
  warnings.add_at(
      proof.place,
      fmt::format("no listener of route '{}' learns of client certificates, so nobody can prove '{}' there; "
                  "'client_ca' of its 'tls' asks for them, and a proxy that ends TLS tells of them by "
                  "'proxy_protocol', version 2",
                  route->name, proof.name));
}

// A PROXY header tells of a certificate that it was good and whose it was; the certificate itself is not in it.
void warn_of_certificates_nobody_sees(const Rules& rules, const proof::Proof& proof, MistakeList& warnings) {
  const auto* certificate = std::get_if<proof::ClientCertificate>(&proof.how);
  if (certificate == nullptr) { return; }
  const std::string_view key = !certificate->issuers.empty()        ? "issuers"
                               : !certificate->fingerprints.empty() ? "fingerprints"
                               : certificate->authorities           ? "authorities"
                                                                    : "";
  if (key.empty()) { return; }
  const Route* route = first_route(rules, proof, [&](const Route& each) {
    const auto told = [](const Listener& listener) { return listener.proxy_protocol.has_value(); };
    return at_a_listener(rules, each, told) && !at_a_listener(rules, each, asks_for_certificates);
  });
  if (route == nullptr) { return; }
  warnings.add_at(proof.place, fmt::format("'{}' of proof '{}' wants the certificate itself, and what a PROXY header "
                                           "tells route '{}' of it is the name alone, so nobody can prove it there; "
                                           "'client_ca' of a listener's 'tls' asks for it",
                                           key, proof.name, route->name));
}

void warn_of_authorities_nobody_needs(const Rules& rules, MistakeList& warnings) {
  for (const Listener& listener : rules.listeners) {
    if (!asks_for_certificates(listener) || rules.names_that_ask(listener) != tls::NameSet()) { continue; }
    warnings.add_at(listener.place, fmt::format("listener '{}' has 'client_ca', but none of its routes wants a client "
                                                "certificate, so nobody is asked for one; 'auth' of a route says so",
                                                listener.name));
  }
}

void warn_of_foreign_tokens(const proof::Proof& proof, MistakeList& warnings) {
  const auto* jwt = std::get_if<proof::Jwt>(&proof.how);
  if (jwt == nullptr) { return; }
  const bool issuer = !jwt->rule.issuers.empty();
  const bool audience = !jwt->rule.audiences.empty();
  if (issuer && audience) { return; }
  const std::string_view missing = issuer ? "'audience'" : audience ? "'issuer'" : "'issuer' and no 'audience'";
  warnings.add_at(proof.place, fmt::format("proof '{}' has no {}, so it takes every token that is signed with these "
                                           "keys, those for other services among them",
                                           proof.name, missing));
}

void warn_of_proofs(const Rules& rules, MistakeList& warnings) {
  for (const auto& [name, proof] : rules.proofs) {
    if (first_route(rules, *proof, [](const Route&) { return true; }) == nullptr) {
      warnings.add_at(proof->place, fmt::format("no route asks for proof '{}'", name));
    }
    warn_of_foreign_tokens(*proof, warnings);
    warn_of_cookies_nobody_keeps(rules, *proof, warnings);
    warn_of_certificates_nobody_brings(rules, *proof, warnings);
    warn_of_certificates_nobody_sees(rules, *proof, warnings);
  }
}

// --- routes ----------------------------------------------------------------------------------------------------------

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
  warn_of_borrowed_proofs(rules, warnings);
  warn_of_proofs(rules, warnings);
  warn_of_authorities_nobody_needs(rules, warnings);
  warn_of_overlaps(rules, warnings);
}

}  // namespace bascule::config
