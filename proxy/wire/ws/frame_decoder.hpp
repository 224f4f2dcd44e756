// Reading frames as they stream by: RFC 6455, section 5.
//
// The decoder never waits for a whole frame, let alone a whole message: a payload is handed on in the pieces in which
// it came, so a frame of 4 GiB needs no more memory than one of 4 bytes. It keeps no payload and allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.hpp"
#include "proxy/wire/ws/frame.hpp"

namespace bascule::wire::ws {

// What a call of next() found.
//
// A data frame yields one `data` piece or more, with `first_of_message` on the first piece of a message and
// `last_of_message` on the piece that completes it. A frame with no payload yields one piece with no bytes, so borders
// of messages are always seen. A control frame also comes in pieces (`control`), the last with `last_of_frame`; they
// may come between the pieces of two data frames, never within one.
struct Piece {
  enum class Is : std::uint8_t { need_more, data, control, error };

  Is is = Is::need_more;
  Opcode opcode = Opcode::continuation;  // for data: the kind of the message, text or binary, never continuation
  bool first_of_message = false;         // data only
  bool last_of_frame = false;
  bool last_of_message = false;  // data only
  MaskKey key{};                 // what unmasks the payload; all zeroes where the frame is not masked
  std::uint64_t offset = 0;      // bytes of this frame's payload that came before this piece
  Bytes payload;                 // still masked; lies within the bytes given to next()
  const char* error = nullptr;   // for `error`: a constant, for people. The close code is always 1002.
};

class FrameDecoder {
 public:
  explicit FrameDecoder(Role role) : role_(role) {}

  // Takes from the front of `input` what makes one piece, and shortens `input` by what it took. With `need_more`
  // everything has been taken. After `error` the decoder is of no further use.
  //
  // Refused: reserved bits, unknown opcodes, control frames that are longer than 125 bytes or not final, a
  // continuation of nothing, a new message inside another one, a length that is not in its shortest form or has its top
  // bit set, frames that are masked when we are the client or not masked when we are the server.
  Piece next(Bytes& input);

  // True between messages and between frames: nothing of either is half done.
  bool at_message_border() const { return header_have_ == 0 && !in_payload_ && !in_message_; }

 private:
  bool gather(Bytes& input, std::size_t wanted);  // until header_ has `wanted` bytes; false when the input ends before
  std::size_t header_size(const std::uint8_t* start) const;    // as its first two bytes say
  const char* judge_start(const std::uint8_t* start) const;    // of these two: the reason if they are wrong
  const char* read_header(const std::uint8_t* header);         // all of it; likewise
  const char* begin_frame(Bytes& input, bool& is_incomplete);  // likewise

  std::uint64_t left_ = 0;                                // payload bytes of this frame still to come
  std::uint64_t offset_ = 0;                              // payload bytes of this frame handed on
  std::array<std::uint8_t, client_header_max> header_{};  // of a frame whose header came in pieces
  std::uint8_t header_have_ = 0;
  MaskKey key_{};
  Opcode opcode_ = Opcode::continuation;   // of this frame
  Opcode message_ = Opcode::continuation;  // the kind of the message that is under way
  Role role_;
  bool fin_ = false;
  bool in_payload_ = false;
  bool in_message_ = false;   // a message has begun and its final frame has not ended
  bool first_piece_ = false;  // the next data piece is the first of its message
};

}  // namespace bascule::wire::ws
