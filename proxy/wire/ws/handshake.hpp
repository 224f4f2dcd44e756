// The opening handshake, server side: RFC 6455, sections 4.2 and 4.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/wire/http/head_parser.hpp"

namespace bascule::wire::ws {

// A well-formed request for an upgrade.
struct Upgrade {
  std::string key;                     // Sec-WebSocket-Key, base64 of 16 bytes
  std::vector<std::string> protocols;  // Sec-WebSocket-Protocol, in the client's order of preference
};

enum class UpgradeError : std::uint8_t {
  method_not_get,  // 405 with Allow: GET
  not_an_upgrade,  // 426: no `Upgrade: websocket`, or HTTP/1.0, where Upgrade is ignored (RFC 9110, section 7.8)
  malformed,  // 400: Connection without Upgrade, key, version, protocols or extensions missing or not as they must be
  other_version,  // 426 with Sec-WebSocket-Version: 13
};

struct UpgradeRefused {
  UpgradeError error;
  const char* why;  // a constant text for people
};

// Does this head ask for a WebSocket upgrade at all (GET or not, right or wrong)? Pages answer it as a plain request.
bool asks_for_websocket(const http::RequestHead& head);

std::variant<Upgrade, UpgradeRefused> judge_upgrade(const http::RequestHead& head);

// Sec-WebSocket-Accept for a key (section 4.2.2, step 5.4).
std::string accept_for(std::string_view key);

// The whole 101, ready to send. `protocol` is empty when none is to be named; otherwise one of the route's own words.
std::string switching_protocols(const Upgrade& upgrade, std::string_view protocol);

}  // namespace bascule::wire::ws
