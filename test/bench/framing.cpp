#include "test/bench/framing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace bascule::bench {
namespace {

// Section 5.2: the first byte holds FIN and the opcode, the second the mask bit and the short length.
constexpr unsigned fin = 0x80;
constexpr unsigned opcode_bits = 0x0f;
constexpr unsigned reserved_bits = 0x70;
constexpr unsigned masked = 0x80;
constexpr unsigned length_bits = 0x7f;
constexpr unsigned length_in_16_bits = 126;
constexpr unsigned length_in_64_bits = 127;

enum Opcode : unsigned { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xa };

unsigned byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

void append_byte(std::string& to, std::uint64_t value) {
  to.push_back(static_cast<char>(value & 0xffU));
}

void append_big_endian(std::string& to, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i > 0; --i) { append_byte(to, value >> (8 * (i - 1))); }
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) { value = value << 8U | byte_at(bytes, i); }
  return value;
}

std::string masked_frame(Opcode opcode, std::string_view payload, const MaskKey& key) {
  std::string frame;
  frame.reserve(14 + payload.size());
  append_byte(frame, fin | opcode);
  if (payload.size() < length_in_16_bits) {
    append_byte(frame, masked | payload.size());
  } else if (payload.size() <= 0xffff) {
    append_byte(frame, masked | length_in_16_bits);
    append_big_endian(frame, payload.size(), 2);
  } else {
    append_byte(frame, masked | length_in_64_bits);
    append_big_endian(frame, payload.size(), 8);
  }
  frame.append(key.data(), key.size());
  for (std::size_t i = 0; i < payload.size(); ++i) { frame.push_back(static_cast<char>(payload[i] ^ key[i % 4])); }
  return frame;
}

}  // namespace

std::string upgrade_request(std::string_view path, std::string_view more) {
  return fmt::format(
      "GET {} HTTP/1.1\r\n"
      "Host: 127.0.0.1\r\n"
      "Upgrade: websocket\r\n"
      "Connection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: binary\r\n"
      "{}\r\n",
      path, more);
}

void check_upgrade_answer(std::string_view head) {
  const std::string_view status_line = head.substr(0, head.find("\r\n"));
  if (!status_line.starts_with("HTTP/1.1 101")) {
    throw std::runtime_error(fmt::format("the upgrade was answered with '{}'", status_line));
  }
  if (head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") == std::string_view::npos) {
    throw std::runtime_error("the 101 has a wrong Sec-WebSocket-Accept");
  }
}

std::string client_frame(std::string_view payload, const MaskKey& key) {
  return masked_frame(binary, payload, key);
}

std::string client_close_frame(const MaskKey& key) {
  std::string code;
  append_big_endian(code, 1000, 2);
  return masked_frame(close, code, key);
}

std::string client_pong_frame(std::string_view payload, const MaskKey& key) {
  return masked_frame(pong, payload, key);
}

std::optional<std::string> ServerFrames::take_ping() {
  if (!is_ping_ || left_ != 0) { return std::nullopt; }
  is_ping_ = false;
  return control_payload_;
}

int ServerFrames::close_code() const {
  return control_payload_.size() < 2 ? 1005
                                     : static_cast<int>(big_endian(std::string_view(control_payload_).substr(0, 2)));
}

std::size_t ServerFrames::take_header(std::string_view bytes) {
  if (closed()) { throw std::runtime_error("the proxy sent something behind its Close frame"); }
  const auto needed = [this] {
    if (header_.size() < 2) { return std::size_t{2}; }
    const unsigned length = byte_at(header_, 1) & length_bits;
    return std::size_t{2} + (length == length_in_16_bits ? 2 : 0) + (length == length_in_64_bits ? 8 : 0);
  };
  std::size_t taken = 0;
  while (header_.size() < needed() && taken < bytes.size()) {
    const std::string_view piece = bytes.substr(taken, needed() - header_.size());
    header_ += piece;
    taken += piece.size();
  }
  if (header_.size() == needed()) { begin_frame(); }
  return taken;
}

void ServerFrames::begin_frame() {
  const unsigned opcode = byte_at(header_, 0) & opcode_bits;
  const unsigned length = byte_at(header_, 1);
  if ((byte_at(header_, 0) & reserved_bits) != 0) { throw std::runtime_error("a frame with a reserved bit set"); }
  if ((length & masked) != 0) { throw std::runtime_error("a masked frame from the server's side"); }
  is_data_ = opcode == binary || opcode == continuation;
  is_close_ = opcode == close;
  is_ping_ = opcode == ping;
  control_payload_.clear();
  if (!is_data_ && !is_close_ && !is_ping_ && opcode != pong) {
    throw std::runtime_error(fmt::format("a frame of opcode {} where binary was expected", opcode));
  }
  left_ = header_.size() == 2 ? length : big_endian(std::string_view(header_).substr(2));
  header_.clear();
}

}  // namespace bascule::bench
