#include "test/support/frames.hpp"

#include <array>
#include <stdexcept>

namespace bascule::test {

namespace {

void put_big_endian(std::string& to, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) { to.push_back(static_cast<char>(value >> (8 * i) & 0xff)); }
}

std::uint64_t big_endian(std::string_view from) {
  std::uint64_t value = 0;
  for (const char c : from) { value = value << 8 | static_cast<std::uint8_t>(c); }
  return value;
}

}  // namespace

std::string client_frame_header(std::uint8_t opcode, std::uint64_t payload_bytes, std::uint32_t key, bool fin) {
  std::string frame;
  frame.push_back(static_cast<char>((fin ? 0x80 : 0) | opcode));
  if (payload_bytes < 126) {
    frame.push_back(static_cast<char>(0x80 | payload_bytes));
  } else if (payload_bytes < 65536) {
    frame.push_back(static_cast<char>(0x80 | 126));
    put_big_endian(frame, payload_bytes, 2);
  } else {
    frame.push_back(static_cast<char>(0x80 | 127));
    put_big_endian(frame, payload_bytes, 8);
  }
  put_big_endian(frame, key, 4);
  return frame;
}

std::string client_frame(std::uint8_t opcode, std::string_view payload, bool fin, std::uint32_t key) {
  std::string frame = client_frame_header(opcode, payload.size(), key, fin);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame.push_back(static_cast<char>(payload[i] ^ static_cast<char>(key >> (8 * (3 - i % 4)) & 0xff)));
  }
  return frame;
}

std::string client_close(std::uint16_t code, std::string_view reason) {
  std::string payload;
  put_big_endian(payload, code, 2);
  return client_frame(op_close, payload.append(reason));
}

std::uint16_t ServerFrame::close_code() const {
  return payload.size() < 2 ? std::uint16_t{1005} : static_cast<std::uint16_t>(big_endian(payload.substr(0, 2)));
}

std::string ServerFrame::close_reason() const {
  return payload.size() < 2 ? std::string() : payload.substr(2);
}

std::optional<ServerFrame> take_server_frame(std::string& bytes) {
  if (bytes.size() < 2) { return std::nullopt; }
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const auto second = static_cast<std::uint8_t>(bytes[1]);
  if ((first & 0x70) != 0) { throw std::runtime_error("reserved bits in a server frame"); }
  if ((second & 0x80) != 0) { throw std::runtime_error("a masked server frame"); }
  std::size_t header_bytes = 2;
  std::uint64_t payload_bytes = second;
  if (second == 126 || second == 127) {
    const std::size_t length_bytes = second == 126 ? 2 : 8;
    header_bytes += length_bytes;
    if (bytes.size() < header_bytes) { return std::nullopt; }
    payload_bytes = big_endian(std::string_view(bytes).substr(2, length_bytes));
    if (payload_bytes < (second == 126 ? 126U : 65536U)) {
      throw std::runtime_error("a length not in its shortest form");
    }
  }
  if (bytes.size() - header_bytes < payload_bytes) { return std::nullopt; }
  ServerFrame frame{.opcode = static_cast<std::uint8_t>(first & 0x0f),
                    .fin = (first & 0x80) != 0,
                    .payload = bytes.substr(header_bytes, payload_bytes)};
  bytes.erase(0, header_bytes + payload_bytes);
  return frame;
}

std::vector<ServerFrame> server_frames(std::string bytes) {
  std::vector<ServerFrame> frames;
  while (auto frame = take_server_frame(bytes)) { frames.push_back(std::move(*frame)); }
  if (!bytes.empty()) { throw std::runtime_error("half a server frame is left over"); }
  return frames;
}

}  // namespace bascule::test
