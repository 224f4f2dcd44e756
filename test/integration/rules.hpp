// Small rules files and requests, written for one test.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bascule::test {

// One route, named `route`, at /ws, to a service on this port; `extra` are further lines of the route.
inline std::string one_route(std::uint16_t service_port, const std::string& extra = {}) {
  std::string rules = fmt::format(
      "listen: 127.0.0.1:0\n"
      "routes:\n"
      "  - name: route\n"
      "    path: /ws\n"
      "    auth: none\n"
      "    to: 127.0.0.1:{}\n",
      service_port);
  if (!extra.empty()) { rules += "    " + extra + "\n"; }
  return rules;
}

// The same to the echo.
inline std::string one_echo(const std::string& extra = {}) {
  std::string rules =
      "listen: 127.0.0.1:0\n"
      "routes:\n"
      "  - name: route\n"
      "    path: /ws\n"
      "    auth: none\n"
      "    to: \"echo:\"\n";
  if (!extra.empty()) { rules += "    " + extra + "\n"; }
  return rules;
}

inline std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  if (at == std::string::npos) { throw std::runtime_error("nothing to replace"); }
  return text.replace(at, what.size(), by);
}

// A request for an upgrade under another name.
inline std::string upgrade_at(std::string_view host, std::string_view path, std::string_view extra_fields = {}) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
      path, host, extra_fields);
}

}  // namespace bascule::test
