// Host and port as they stand in a Host field or an Origin: RFC 9110, section 7.2; RFC 3986, section 3.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule::wire::http {

struct Authority {
  enum class Kind : std::uint8_t { name, ipv4, ipv6 };

  Kind kind = Kind::name;
  std::string host;  // lower case; an IPv6 address in its shortest form, without brackets; no dot at the end of a name
  std::optional<std::uint16_t> port;  // empty where none is written ("host" and "host:")
};

// Strict: letters, digits, '-', '_' and '.' in names, no empty label (one dot at the end is dropped), four decimal
// parts in an IPv4 address (a name whose last label is a number is refused: browsers would read it as an address),
// brackets around IPv6, a port of 1 to 65535. No user information, no white space, no comma, no percent escapes.
std::optional<Authority> parse_authority(std::string_view text);

}  // namespace bascule::wire::http
