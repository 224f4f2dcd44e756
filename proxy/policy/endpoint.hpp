// One address of a service: a host with a port, or a Unix socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule::policy {

struct Endpoint {
  enum class Kind : std::uint8_t { tcp, unix_socket };
  Kind kind = Kind::tcp;
  std::string host{};  // tcp: a name, or an address without brackets
  std::uint16_t port = 0;
  std::string path{};  // unix_socket

  std::string text() const;  // "broker:61613", "[::1]:5900", "unix:/run/x.sock"
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "host:port", with IPv6 in brackets. Strict as wire::http::parse_authority: an IPv4 address has four decimal parts, a
// name whose last label is a number is none. A dot at the end of a name stays, for it keeps the resolver from trying
// search domains. Empty for anything else.
std::optional<Endpoint> parse_host_and_port(std::string_view text);

}  // namespace bascule::policy
