// Close frames: RFC 6455, sections 5.5.1 and 7.4, and the registry of close codes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.hpp"

namespace bascule::wire::ws {

namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t no_code = 1005;   // never on the wire: what a Close without a body means
inline constexpr std::uint16_t abnormal = 1006;  // never on the wire: the connection ended without a Close
inline constexpr std::uint16_t invalid_payload = 1007;
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t message_too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t service_restart = 1012;
inline constexpr std::uint16_t try_again_later = 1013;
}  // namespace close_code

// May this code stand in a Close frame? 1000-1003, 1007-1014 and 3000-4999 may; 1004, 1005, 1006, 1015 and the
// unassigned rest below 3000 may not (section 7.4).
bool may_be_sent(std::uint16_t code);

struct CloseBody {
  std::uint16_t code = close_code::no_code;
  std::string reason;
};

// Reads the payload of a Close frame. Empty when it is malformed: one byte, a code that may not be sent, a reason that
// is not UTF-8. `wrong_code` tells which close code that deserves.
struct CloseReading {
  std::optional<CloseBody> body;
  std::uint16_t wrong_code = 0;
};
CloseReading read_close(Bytes payload);

// The payload of a Close frame. The reason is cut at a character border so that both fit into 125 bytes. Without a
// code (no_code) the payload is empty.
std::string close_payload(std::uint16_t code, std::string_view reason);

}  // namespace bascule::wire::ws
