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
constexpr bool of_each = false;  // each route writes its own

constexpr std::array table{
    Key{Section::top, "version"},
    Key{Section::top, "listen"},
    Key{Section::top, "services"},
    Key{Section::top, "auth"},
    Key{Section::top, "defaults"},
    Key{Section::top, "routes"},
    Key{Section::top, "process"},
    Key{Section::top, "admin", later},
    Key{Section::top, "log", later},

    Key{Section::listen, "name"},
    Key{Section::listen, "address"},
    Key{Section::listen, "mode"},
    Key{Section::listen, "share_port"},
    Key{Section::listen, "allow"},
    Key{Section::listen, "proxy_protocol"},
    Key{Section::listen, "trusted_proxies"},
    Key{Section::listen, "public_url"},
    Key{Section::listen, "tls"},

    Key{Section::listen_allow, "addresses"},

    Key{Section::proxy_protocol, "addresses"},

    Key{Section::trusted_proxies, "addresses"},
    Key{Section::trusted_proxies, "header"},

    Key{Section::listen_tls, "certificates"},
    Key{Section::listen_tls, "versions"},
    Key{Section::listen_tls, "client_ca"},
    Key{Section::listen_tls, "ticket_keys"},
    Key{Section::listen_tls, "plain"},
    Key{Section::listen_tls, "hsts"},
    Key{Section::listen_tls, "unknown_names"},

    Key{Section::certificate, "certificate"},
    Key{Section::certificate, "key"},
    Key{Section::certificate, "names"},
    Key{Section::certificate, "ocsp"},

    Key{Section::service, "address"},
    Key{Section::service, "addresses"},
    Key{Section::service, "within"},
    Key{Section::service, "balance"},
    Key{Section::service, "health"},
    Key{Section::service, "retry"},
    Key{Section::service, "proxy_protocol"},
    Key{Section::service, "tls"},

    Key{Section::service_health, "every"},
    Key{Section::service_health, "timeout"},
    Key{Section::service_health, "down_after"},
    Key{Section::service_health, "up_after"},

    Key{Section::service_tls, "ca"},
    Key{Section::service_tls, "server_name"},
    Key{Section::service_tls, "certificate"},
    Key{Section::service_tls, "key"},
    Key{Section::service_tls, "verify"},

    Key{Section::route, "name", true, of_each},
    Key{Section::route, "listeners"},
    Key{Section::route, "host"},
    Key{Section::route, "path", true, of_each},
    Key{Section::route, "match", true, of_each},
    Key{Section::route, "origins"},
    Key{Section::route, "auth"},
    Key{Section::route, "allow"},
    Key{Section::route, "protocol"},
    Key{Section::route, "subprotocols"},
    Key{Section::route, "frames"},
    Key{Section::route, "to", true, of_each},
    Key{Section::route, "files", true, of_each},
    Key{Section::route, "answer", true, of_each},
    Key{Section::route, "timeouts"},
    Key{Section::route, "limits"},
    Key{Section::route, "bandwidth"},
    Key{Section::route, "refuse"},
    Key{Section::route, "on_expiry"},
    Key{Section::route, "on_reload"},

    Key{Section::match, "query"},
    Key{Section::match, "header"},
    Key{Section::match, "cookie"},
    Key{Section::match, "subprotocol"},

    Key{Section::allow, "users"},
    Key{Section::allow, "groups"},
    Key{Section::allow, "claims"},
    Key{Section::allow, "addresses"},

    Key{Section::frames, "from_client"},
    Key{Section::frames, "to_client"},
    Key{Section::frames, "max"},

    Key{Section::to, "address"},
    Key{Section::to, "addresses"},
    Key{Section::to, "lookup"},
    Key{Section::to, "within"},
    Key{Section::to, "balance"},
    Key{Section::to, "health"},
    Key{Section::to, "retry"},
    Key{Section::to, "proxy_protocol"},
    Key{Section::to, "tls"},

    Key{Section::to_health, "every"},
    Key{Section::to_health, "timeout"},
    Key{Section::to_health, "down_after"},
    Key{Section::to_health, "up_after"},

    Key{Section::to_tls, "ca"},
    Key{Section::to_tls, "server_name"},
    Key{Section::to_tls, "certificate"},
    Key{Section::to_tls, "key"},
    Key{Section::to_tls, "verify"},

    Key{Section::lookup, "table"},
    Key{Section::lookup, "key"},

    Key{Section::files, "folder"},
    Key{Section::files, "index"},
    Key{Section::files, "scripts"},

    Key{Section::timeouts, "tls"},
    Key{Section::timeouts, "head"},
    Key{Section::timeouts, "connect"},
    Key{Section::timeouts, "ping"},
    Key{Section::timeouts, "pong"},
    Key{Section::timeouts, "stall"},
    Key{Section::timeouts, "close"},
    Key{Section::timeouts, "half_close"},
    Key{Section::timeouts, "idle"},
    Key{Section::timeouts, "lifetime"},

    Key{Section::limits, "sessions"},
    Key{Section::limits, "sessions_per_address"},
    Key{Section::limits, "sessions_per_user"},
    Key{Section::limits, "new_sessions"},
    Key{Section::limits, "head_size"},
    Key{Section::limits, "head_fields"},
    Key{Section::limits, "frames"},
    Key{Section::limits, "control_frames"},

    Key{Section::bandwidth, "to_client"},
    Key{Section::bandwidth, "from_client"},

    Key{Section::proof, "basic"},
    Key{Section::proof, "jwt"},
    Key{Section::proof, "ticket"},
    Key{Section::proof, "token"},
    Key{Section::proof, "client_certificate"},
    Key{Section::proof, "ask"},
    Key{Section::proof, "session_cookie"},

    Key{Section::basic, "users"},
    Key{Section::basic, "user"},
    Key{Section::basic, "password"},
    Key{Section::basic, "realm"},
    Key{Section::basic, "groups"},

    Key{Section::jwt, "keys"},
    Key{Section::jwt, "algorithms"},
    Key{Section::jwt, "issuer"},
    Key{Section::jwt, "audience"},
    Key{Section::jwt, "leeway"},
    Key{Section::jwt, "credential"},
    Key{Section::jwt, "user_from"},
    Key{Section::jwt, "groups_from"},
    Key{Section::jwt, "refresh"},
    Key{Section::jwt, "authorities"},

    Key{Section::ticket, "secret"},
    Key{Section::ticket, "secrets"},
    Key{Section::ticket, "max_age"},
    Key{Section::ticket, "single_use"},
    Key{Section::ticket, "credential"},

    Key{Section::token, "secret"},
    Key{Section::token, "secrets"},
    Key{Section::token, "user"},
    Key{Section::token, "groups"},
    Key{Section::token, "credential"},

    Key{Section::client_certificate, "user_from"},
    Key{Section::client_certificate, "issuers"},
    Key{Section::client_certificate, "fingerprints"},
    Key{Section::client_certificate, "authorities"},

    Key{Section::ask, "url"},
    Key{Section::ask, "pass"},
    Key{Section::ask, "user_from"},
    Key{Section::ask, "groups_from"},
    Key{Section::ask, "target_from"},
    Key{Section::ask, "timeout"},
    Key{Section::ask, "cache"},
    Key{Section::ask, "recheck"},
    Key{Section::ask, "authorities"},

    Key{Section::session_cookie, "max_age"},
    Key{Section::session_cookie, "secret"},
    Key{Section::session_cookie, "secrets"},
    Key{Section::session_cookie, "login"},

    Key{Section::process, "workers"},
    Key{Section::process, "drain"},
    Key{Section::process, "watch"},
    Key{Section::process, "user", later},
    Key{Section::process, "sandbox", later},
};

struct SectionNames {
  std::string_view path;
  std::string_view name;
};

constexpr std::array<SectionNames, 31> sections{{{"", "the top level"},
                                                 {"listen[].", "a listener"},
                                                 {"listen[].allow.", "'allow' of a listener"},
                                                 {"listen[].proxy_protocol.", "'proxy_protocol' of a listener"},
                                                 {"listen[].trusted_proxies.", "'trusted_proxies'"},
                                                 {"listen[].tls.", "'tls' of a listener"},
                                                 {"listen[].tls.certificates[].", "'certificates'"},
                                                 {"services.*.", "a service"},
                                                 {"services.*.health.", "'health'"},
                                                 {"services.*.tls.", "'tls' of a service"},
                                                 {"routes[].", "a route"},
                                                 {"routes[].match.", "'match'"},
                                                 {"routes[].allow[].", "'allow' of a route"},
                                                 {"routes[].frames.", "'frames'"},
                                                 {"routes[].to.", "'to'"},
                                                 {"routes[].to.health.", "'health'"},
                                                 {"routes[].to.tls.", "'tls' of 'to'"},
                                                 {"routes[].to.lookup.", "'lookup'"},
                                                 {"routes[].files.", "'files'"},
                                                 {"routes[].timeouts.", "'timeouts'"},
                                                 {"routes[].limits.", "'limits'"},
                                                 {"routes[].bandwidth.", "'bandwidth'"},
                                                 {"auth.*.", "a proof"},
                                                 {"auth.*.basic.", "'basic'"},
                                                 {"auth.*.jwt.", "'jwt'"},
                                                 {"auth.*.ticket.", "'ticket'"},
                                                 {"auth.*.token.", "'token'"},
                                                 {"auth.*.client_certificate.", "'client_certificate'"},
                                                 {"auth.*.ask.", "'ask'"},
                                                 {"auth.*.session_cookie.", "'session_cookie'"},
                                                 {"process.", "'process'"}}};

// What other bridges and proxies call it; too far off for a count of letters.
constexpr std::array<std::pair<std::string_view, std::string_view>, 36> synonyms{{{"target", "to"},
                                                                                  {"upstream", "to"},
                                                                                  {"backend", "to"},
                                                                                  {"bind", "listen"},
                                                                                  {"locations", "routes"},
                                                                                  {"location", "path"},
                                                                                  {"server_name", "host"},
                                                                                  {"root", "folder"},
                                                                                  {"allowed_origins", "origins"},
                                                                                  {"upstreams", "services"},
                                                                                  {"backends", "services"},
                                                                                  {"servers", "addresses"},
                                                                                  {"load_balancing", "balance"},
                                                                                  {"algorithm", "balance"},
                                                                                  {"health_check", "health"},
                                                                                  {"interval", "every"},
                                                                                  {"retries", "retry"},
                                                                                  {"networks", "addresses"},
                                                                                  {"token_file", "table"},
                                                                                  {"rate_limit", "new_sessions"},
                                                                                  {"htpasswd", "users"},
                                                                                  {"jwks", "keys"},
                                                                                  {"iss", "issuer"},
                                                                                  {"aud", "audience"},
                                                                                  {"forward_auth", "ask"},
                                                                                  {"auth_request", "ask"},
                                                                                  {"mtls", "client_certificate"},
                                                                                  {"bearer", "token"},
                                                                                  {"ssl", "tls"},
                                                                                  {"cert", "certificate"},
                                                                                  {"crt", "certificate"},
                                                                                  {"private_key", "key"},
                                                                                  {"cafile", "ca"},
                                                                                  {"insecure", "verify"},
                                                                                  {"min_version", "versions"},
                                                                                  {"sni", "server_name"}}};

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
    const std::size_t distance = edit_distance(word, lowered(candidate));
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
  for (const bool supported : {true, false}) {
    for (const Key& key : table) {
      if (key.name != written || key.supported != supported) { continue; }
      return fmt::format("; it is a key of {}{}", name_of(key.section),
                         supported ? "" : ", in a later version of bascule");
    }
  }
  return {};
}

}  // namespace bascule::config
