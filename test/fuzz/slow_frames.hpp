// WebSocket frames as RFC 6455, section 5.2, draws them, field by field and bit by bit: slow, obvious, and without a
// line of what it is compared with. It has all bytes at hand and reads them from the beginning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "test/fuzz/slow_utf8.hpp"

namespace bascule::fuzz {

// One frame. Of the last, its payload may have come only in part.
struct SlowFrame {
  bool fin = false;
  unsigned opcode = 0;
  std::uint64_t length = 0;  // as the header says
  std::string payload{};     // unmasked, as much as there is

  bool is_control() const { return opcode >= 8; }
  bool whole() const { return payload.size() == length; }

  friend bool operator==(const SlowFrame&, const SlowFrame&) = default;
};

struct SlowFrames {
  std::vector<SlowFrame> frames{};    // whose headers are there and right
  bool broken = false;                // what follows them breaks the protocol,
  std::size_t broken_at = 0;          // which is known once so many bytes have come
  bool ends_at_frame = true;          // no frame is half done at the end,
  bool ends_between_messages = true;  // and no message either
};

class Bits {
 public:
  explicit Bits(std::string_view bytes) : bytes_(bytes) {}

  // Empty: there are not as many left.
  std::optional<std::uint64_t> take(std::size_t count) {
    if (bytes_.size() * 8 - at_ < count) { return std::nullopt; }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i, ++at_) {
      const auto byte = static_cast<unsigned char>(bytes_[at_ / 8]);
      value = value * 2 + (byte / (1U << (7 - at_ % 8))) % 2;
    }
    return value;
  }
  std::size_t bytes_taken() const { return at_ / 8; }
  std::string_view rest() const { return bytes_.substr(bytes_taken()); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;  // bits
};

// Who sends them: a client's frames are masked, a server's are not (section 5.1).
enum class SentBy : std::uint8_t { client, server };

// What the first two bytes must not say. `inside`: a message has begun and not ended.
inline bool breaks_at_start(bool fin, std::uint64_t reserved, std::uint64_t opcode, std::uint64_t mask,
                            std::uint64_t length, SentBy sender, bool inside) {
  if (reserved != 0) { return true; }                               // 5.2: no extension
  if (opcode >= 3 && opcode <= 7) { return true; }                  // 5.2: reserved
  if (opcode >= 11) { return true; }                                // 5.2: reserved
  if (mask != (sender == SentBy::client ? 1 : 0)) { return true; }  // 5.1
  if (opcode >= 8) { return !fin || length > 125; }                 // 5.5
  return opcode == 0 ? !inside : inside;                            // 5.4
}

// 5.2: the shortest form, and the most significant bit is 0.
inline bool breaks_at_length(std::uint64_t short_length, std::uint64_t length) {
  if (short_length == 126) { return length < 126; }
  if (short_length == 127) { return length < 65536 || length >= (std::uint64_t{1} << 63U); }
  return false;
}

inline SlowFrames slow_frames(std::string_view bytes, SentBy sender) {
  SlowFrames found;
  bool inside = false;
  while (!bytes.empty()) {
    Bits bits(bytes);
    found.ends_at_frame = false;
    found.ends_between_messages = false;
    const auto fin = bits.take(1);
    const auto reserved = bits.take(3);
    const auto opcode = bits.take(4);
    const auto mask = bits.take(1);
    const auto short_length = bits.take(7);
    if (!short_length) { return found; }
    if (breaks_at_start(*fin == 1, *reserved, *opcode, *mask, *short_length, sender, inside)) {
      found.broken = true;
      found.broken_at += bits.bytes_taken();
      return found;
    }
    auto length = short_length;
    if (*short_length == 126) { length = bits.take(16); }
    if (*short_length == 127) { length = bits.take(64); }
    if (!length) { return found; }
    const auto key = bits.take(*mask == 1 ? 32 : 0);
    if (!key) { return found; }
    found.broken_at += bits.bytes_taken();
    if (breaks_at_length(*short_length, *length)) {
      found.broken = true;
      return found;
    }
    SlowFrame frame{.fin = *fin == 1, .opcode = static_cast<unsigned>(*opcode), .length = *length};
    for (const char masked : bits.rest()) {
      if (frame.whole()) { break; }
      const std::size_t octet = 3 - frame.payload.size() % 4;  // 5.3: the key's first octet is its most significant
      frame.payload += static_cast<char>(static_cast<unsigned char>(masked) ^ ((*key >> (8 * octet)) & 0xffU));
    }
    found.broken_at += frame.payload.size();
    bytes = bits.rest().substr(frame.payload.size());
    const bool whole = frame.whole();
    if (!frame.is_control()) { inside = !(frame.fin && whole); }
    found.frames.push_back(std::move(frame));
    found.ends_at_frame = whole;
    found.ends_between_messages = whole && !inside;
    if (!whole) { return found; }
  }
  return found;
}

// What the payload of a Close says: sections 5.5.1 and 7.4, and the registry of close codes.
struct SlowClose {
  unsigned code = 1005;  // 1005: it has none
  std::string_view reason{};
  unsigned wrong = 0;  // the close code that it deserves; 0: nothing is wrong
};

inline SlowClose slow_close(std::string_view payload) {
  if (payload.empty()) { return {}; }
  if (payload.size() == 1) { return {.wrong = 1002}; }
  SlowClose close{.code = static_cast<unsigned char>(payload[0]) * 256U + static_cast<unsigned char>(payload[1]),
                  .reason = payload.substr(2)};
  const bool registered = (close.code >= 1000 && close.code <= 1003) || (close.code >= 1007 && close.code <= 1014);
  const bool ours_to_define = close.code >= 3000 && close.code <= 4999;
  if (!registered && !ours_to_define) { close.wrong = 1002; }
  if (close.wrong == 0 && !slow_utf8(close.reason).whole()) { close.wrong = 1007; }
  return close;
}

}  // namespace bascule::fuzz
