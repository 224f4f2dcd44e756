#include "proxy/wire/ws/frame.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace bascule::wire::ws {
namespace {

using namespace std::string_literals;

std::string header_of(Opcode opcode, Fin fin, std::uint64_t payload_bytes) {
  std::array<std::uint8_t, server_header_max + 1> room{};
  room.fill(0xee);
  const std::size_t size = put_server_header_before(room.data() + server_header_max, opcode, fin, payload_bytes);
  EXPECT_EQ(size, server_header_size(payload_bytes));
  for (std::size_t i = 0; i < server_header_max - size; ++i) { EXPECT_EQ(room[i], 0xee) << "written too early"; }
  EXPECT_EQ(room[server_header_max], 0xee) << "written into the payload";
  return std::string(text_of(Bytes(room).subspan(server_header_max - size, size)));
}

TEST(ServerHeader, HasTheShortestLengthThatFits) {
  const std::vector<std::pair<std::uint64_t, std::string>> cases{
      {0, "\x82\x00"s},
      {1, "\x82\x01"s},
      {125, "\x82\x7d"s},
      {126, "\x82\x7e\x00\x7e"s},
      {127, "\x82\x7e\x00\x7f"s},
      {0x1234, "\x82\x7e\x12\x34"s},
      {65535, "\x82\x7e\xff\xff"s},
      {65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s},
      {0x0102030405060708, "\x82\x7f\x01\x02\x03\x04\x05\x06\x07\x08"s},
  };
  for (const auto& [bytes, header] : cases) { EXPECT_EQ(header_of(Opcode::binary, Fin::last, bytes), header) << bytes; }
}

TEST(ServerHeader, SaysKindAndFinAndIsNeverMasked) {
  for (const std::uint64_t bytes : {5U, 300U, 70000U}) {
    EXPECT_EQ(header_of(Opcode::text, Fin::last, bytes)[0], '\x81');
    EXPECT_EQ(header_of(Opcode::text, Fin::more, bytes)[0], '\x01');
    EXPECT_EQ(header_of(Opcode::continuation, Fin::more, bytes)[0], '\x00');
    EXPECT_EQ(header_of(Opcode::continuation, Fin::last, bytes)[0], '\x80');
    EXPECT_EQ(header_of(Opcode::binary, Fin::last, bytes)[1] & '\x80', 0);
  }
  EXPECT_EQ(header_of(Opcode::close, Fin::last, 2), "\x88\x02");
  EXPECT_EQ(header_of(Opcode::ping, Fin::last, 4), "\x89\x04");
  EXPECT_EQ(header_of(Opcode::pong, Fin::last, 125), "\x8a\x7d");
}

}  // namespace
}  // namespace bascule::wire::ws
