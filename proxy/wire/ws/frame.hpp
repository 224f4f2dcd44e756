// WebSocket frames: the header on the wire, RFC 6455, section 5.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.hpp"

namespace bascule::wire::ws {

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xa,
};

// Which end of the connection we are. A server's frames are never masked, a client's always (section 5.1).
enum class Role : std::uint8_t { server, client };

enum class Fin : std::uint8_t { more, last };

using MaskKey = std::array<std::uint8_t, 4>;

inline constexpr std::size_t control_payload_max = 125;  // section 5.5
inline constexpr std::size_t server_header_max = 10;     // no mask: 2 + 8
inline constexpr std::size_t client_header_max = 14;     // with the mask key

// The number of bytes that the header of an unmasked frame of this length takes: 2, 4 or 10.
std::size_t server_header_size(std::uint64_t payload_bytes);

// Writes the header of an unmasked frame so that it ends where `end` points, right before the payload, and gives its
// size. REQUIRES: server_header_max writable bytes before `end`.
std::size_t put_server_header_before(std::uint8_t* end, Opcode opcode, Fin fin, std::uint64_t payload_bytes);

}  // namespace bascule::wire::ws
