#include "proxy/base/utf8.hpp"

#include <algorithm>
#include <cstring>

namespace bascule {

bool Utf8Check::accept(Bytes piece) {
  std::size_t at = 0;
  while (at < piece.size()) {
    if (missing_ == 0) {
      // Most text is ASCII: eight bytes at a step.
      while (piece.size() - at >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, piece.data() + at, 8);
        if ((word & 0x8080808080808080U) != 0) { break; }
        at += 8;
      }
      if (at == piece.size()) { break; }
    }
    const std::uint8_t byte = piece[at++];
    if (missing_ > 0) {
      if (byte < low_ || byte > high_) { return false; }
      low_ = 0x80;
      high_ = 0xbf;
      --missing_;
      seen_ = missing_ == 0 ? 0 : static_cast<std::uint8_t>(seen_ + 1);
      continue;
    }
    if (byte < 0x80) { continue; }
    // The lead byte says how many follow, and bounds the first of them (RFC 3629, section 4).
    if (byte < 0xc2 || byte > 0xf4) { return false; }
    missing_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    seen_ = 1;
    if (byte == 0xe0) { low_ = 0xa0; }   // overlong
    if (byte == 0xed) { high_ = 0x9f; }  // surrogates
    if (byte == 0xf0) { low_ = 0x90; }   // overlong
    if (byte == 0xf4) { high_ = 0x8f; }  // above U+10FFFF
  }
  return true;
}

bool is_clean_text(std::string_view text) {
  const bool controls = std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  Utf8Check utf8;
  return !controls && utf8.accept(bytes_of(text)) && utf8.complete();
}

}  // namespace bascule
