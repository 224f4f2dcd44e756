// Every key of the rules language, in one table: the reader knows these and no others, and the page of the keys
// (rules/README.md) is held to it by a test.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bascule::config {

// A map in which keys stand. The order is the one of the table.
enum class Section : std::uint8_t {
  top,
  listen,
  listen_allow,
  proxy_protocol,
  trusted_proxies,
  listen_tls,
  certificate,  // one of its `certificates`
  service,      // one of `services`
  service_health,
  service_tls,
  route,
  match,
  allow,
  frames,
  to,
  to_health,
  to_tls,
  lookup,
  files,
  timeouts,
  limits,
  bandwidth,
  proof,  // one of `auth`
  basic,
  jwt,
  ticket,
  token,
  client_certificate,
  ask,
  session_cookie,
  process,
};

struct Key {
  Section section;
  std::string_view name;
  bool supported = true;    // false: of the language, but of a later version of bascule
  bool in_defaults = true;  // of a key of a route: it may stand in `defaults` too
};

std::span<const Key> keys();

const Key* find_key(Section section, std::string_view name);

std::string path_of(const Key& key);  // "routes[].frames.max", "services.*.balance"

// How a message calls the place: "the top level", "a listener", "a route", "'frames'".
std::string_view name_of(Section section);

// The known key or word that `written` was probably meant to be; empty when none is near.
std::string_view closest(std::string_view written, std::span<const std::string_view> candidates);

// "; did you mean 'origins'?", or "" when nothing of that section is near. A key that stands in the wrong place is told
// where it belongs.
std::string suggestion(Section section, std::string_view written);

}  // namespace bascule::config
