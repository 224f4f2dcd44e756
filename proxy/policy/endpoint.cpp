#include "proxy/policy/endpoint.hpp"

#include <fmt/format.h>

#include "proxy/wire/http/authority.hpp"

namespace bascule::policy {

std::string Endpoint::text() const {
  if (kind == Kind::unix_socket) { return "unix:" + path; }
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::optional<Endpoint> parse_host_and_port(std::string_view text) {
  const auto authority = wire::http::parse_authority(text);
  if (!authority || !authority->port) { return std::nullopt; }
  Endpoint endpoint{.host = authority->host, .port = *authority->port};
  // parse_authority drops the dot at the end of a name, which here means something.
  const std::string_view name = text.substr(0, text.rfind(':'));
  if (authority->kind == wire::http::Authority::Kind::name && name.ends_with('.')) { endpoint.host += '.'; }
  return endpoint;
}

}  // namespace bascule::policy
