#include "proxy/wire/ws/frame.hpp"

namespace bascule::wire::ws {
namespace {

constexpr std::uint64_t length_in_7_bits_max = 125;
constexpr std::uint64_t length_in_16_bits_max = 0xffff;
constexpr std::uint8_t says_16_bits = 126;
constexpr std::uint8_t says_64_bits = 127;

}  // namespace

std::size_t server_header_size(std::uint64_t payload_bytes) {
  if (payload_bytes <= length_in_7_bits_max) { return 2; }
  return payload_bytes <= length_in_16_bits_max ? 4 : 10;
}

std::size_t put_server_header_before(std::uint8_t* end, Opcode opcode, Fin fin, std::uint64_t payload_bytes) {
  const std::size_t size = server_header_size(payload_bytes);
  std::uint8_t* const begin = end - size;
  begin[0] = static_cast<std::uint8_t>((fin == Fin::last ? 0x80U : 0U) | static_cast<unsigned>(opcode));
  if (size == 2) {
    begin[1] = static_cast<std::uint8_t>(payload_bytes);
    return size;
  }
  begin[1] = size == 4 ? says_16_bits : says_64_bits;
  for (std::uint8_t* at = end; at != begin + 2; payload_bytes >>= 8U) {
    *--at = static_cast<std::uint8_t>(payload_bytes);
  }
  return size;
}

}  // namespace bascule::wire::ws
