// Frames as a test writes and reads them: the obvious way, byte by byte, sharing no code with proxy/wire.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::test {

inline constexpr std::uint8_t op_continuation = 0x0;
inline constexpr std::uint8_t op_text = 0x1;
inline constexpr std::uint8_t op_binary = 0x2;
inline constexpr std::uint8_t op_close = 0x8;
inline constexpr std::uint8_t op_ping = 0x9;
inline constexpr std::uint8_t op_pong = 0xa;

// A masked frame, as a client sends it.
std::string client_frame(std::uint8_t opcode, std::string_view payload, bool fin = true,
                         std::uint32_t key = 0x37fa213d);
std::string client_close(std::uint16_t code, std::string_view reason = {});
// The header alone, for payloads too large to hold.
std::string client_frame_header(std::uint8_t opcode, std::uint64_t payload_bytes, std::uint32_t key, bool fin = true);

struct ServerFrame {
  std::uint8_t opcode = 0;
  bool fin = true;
  std::string payload;

  std::uint16_t close_code() const;  // 1005 for an empty Close
  std::string close_reason() const;
};

// Takes the first whole frame off `bytes`; empty when there is none yet. Throws when it is no legal server frame.
std::optional<ServerFrame> take_server_frame(std::string& bytes);
std::vector<ServerFrame> server_frames(std::string bytes);  // all of them; throws when something is left over

}  // namespace bascule::test
