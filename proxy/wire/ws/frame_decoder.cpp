#include "proxy/wire/ws/frame_decoder.hpp"

#include <algorithm>
#include <cassert>

namespace bascule::wire::ws {
namespace {

constexpr std::size_t start_size = 2;  // opcode and the short length: they say how long the header is
constexpr std::size_t key_size = 4;

bool is_control(Opcode opcode) {
  return (static_cast<unsigned>(opcode) & 0x8U) != 0;
}

bool is_known(unsigned opcode) {
  return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xa);
}

std::size_t length_size(std::uint8_t short_length) {
  if (short_length == 126) { return 2; }
  return short_length == 127 ? 8 : 0;
}

}  // namespace

Piece FrameDecoder::next(Bytes& input) {
  Piece piece;
  if (!in_payload_) {
    bool is_incomplete = false;
    const char* const wrong = begin_frame(input, is_incomplete);
    if (is_incomplete) { return piece; }
    if (wrong != nullptr) {
      piece.is = Piece::Is::error;
      piece.error = wrong;
      return piece;
    }
  }
  if (left_ > 0 && input.empty()) { return piece; }

  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  piece.payload = input.first(size);
  input = input.subspan(size);
  piece.key = key_;
  piece.offset = offset_;
  offset_ += size;
  left_ -= size;
  piece.last_of_frame = left_ == 0;
  if (piece.last_of_frame) {
    in_payload_ = false;
    header_have_ = 0;
  }
  if (is_control(opcode_)) {
    piece.is = Piece::Is::control;
    piece.opcode = opcode_;
    return piece;
  }
  piece.is = Piece::Is::data;
  piece.opcode = message_;
  piece.first_of_message = first_piece_;
  piece.last_of_message = piece.last_of_frame && fin_;
  first_piece_ = false;
  if (piece.last_of_message) { in_message_ = false; }
  return piece;
}

const char* FrameDecoder::begin_frame(Bytes& input, bool& is_incomplete) {
  // Nearly every header lies in the input whole, and is read where it lies.
  if (header_have_ == 0 && input.size() >= client_header_max) {
    const std::uint8_t* const header = input.data();
    const char* const wrong = judge_start(header);
    input = input.subspan(wrong == nullptr ? header_size(header) : start_size);
    return wrong == nullptr ? read_header(header) : wrong;
  }
  is_incomplete = !gather(input, start_size);
  if (is_incomplete) { return nullptr; }
  // Judged as soon as it is here, not when the header is complete: nothing can mend it.
  const char* const wrong = judge_start(header_.data());
  if (wrong != nullptr) { return wrong; }
  is_incomplete = !gather(input, header_size(header_.data()));
  return is_incomplete ? nullptr : read_header(header_.data());
}

bool FrameDecoder::gather(Bytes& input, std::size_t wanted) {
  while (header_have_ < wanted && !input.empty()) {
    header_[header_have_++] = input.front();
    input = input.subspan(1);
  }
  return header_have_ >= wanted;
}

std::size_t FrameDecoder::header_size(const std::uint8_t* start) const {
  return start_size + length_size(start[1] & 0x7fU) + (role_ == Role::server ? key_size : 0);
}

const char* FrameDecoder::judge_start(const std::uint8_t* start) const {
  const unsigned opcode = start[0] & 0xfU;
  const bool fin = (start[0] & 0x80U) != 0;
  const bool masked = (start[1] & 0x80U) != 0;
  if ((start[0] & 0x70U) != 0) { return "reserved bits are set, but no extension was agreed on"; }
  if (!is_known(opcode)) { return "unknown opcode"; }
  if (masked != (role_ == Role::server)) {
    return masked ? "a server's frame is masked" : "a client's frame is not masked";
  }
  if (is_control(static_cast<Opcode>(opcode))) {
    if (!fin) { return "a control frame is fragmented"; }
    if ((start[1] & 0x7fU) > control_payload_max) { return "a control frame is too long"; }
  } else if (static_cast<Opcode>(opcode) == Opcode::continuation) {
    if (!in_message_) { return "a continuation of nothing"; }
  } else if (in_message_) {
    return "a new message inside another one";
  }
  return nullptr;
}

const char* FrameDecoder::read_header(const std::uint8_t* header) {
  const std::uint8_t short_length = header[1] & 0x7fU;
  const std::size_t long_size = length_size(short_length);
  std::uint64_t length = long_size == 0 ? short_length : 0;
  for (std::size_t i = 0; i < long_size; ++i) { length = length << 8U | header[start_size + i]; }
  if (long_size == 2 && length < 126) { return "a length is not in its shortest form"; }
  if (long_size == 8 && length <= 0xffff) { return "a length is not in its shortest form"; }
  if ((length >> 63U) != 0) { return "a length is above 2^63"; }

  if (role_ == Role::server) { std::copy_n(header + start_size + long_size, key_size, key_.begin()); }
  opcode_ = static_cast<Opcode>(header[0] & 0xfU);
  fin_ = (header[0] & 0x80U) != 0;
  if (opcode_ == Opcode::text || opcode_ == Opcode::binary) {
    message_ = opcode_;
    in_message_ = true;
    first_piece_ = true;
  }
  left_ = length;
  offset_ = 0;
  in_payload_ = true;
  return nullptr;
}

}  // namespace bascule::wire::ws
