// Checking UTF-8 as it streams by: RFC 3629, as RFC 6455, section 8.1 demands of text messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.hpp"

namespace bascule {

// Follows one text through any number of pieces. Overlong forms, surrogates and values above U+10FFFF are wrong, and
// they are found at the first byte that cannot be part of any character (fail fast).
class Utf8Check {
 public:
  // False as soon as the text so far cannot be the beginning of any UTF-8 text. REQUIRES: no false before.
  bool accept(Bytes piece);

  // True where the text may end: no character is half done.
  bool complete() const { return missing_ == 0; }

  // Bytes at the end of what was accepted that belong to a character that is not complete yet: 0 to 3.
  std::size_t unfinished() const { return seen_; }

  void reset() { *this = Utf8Check(); }

 private:
  std::uint8_t missing_ = 0;  // continuation bytes still to come
  std::uint8_t seen_ = 0;     // bytes of the unfinished character seen so far
  std::uint8_t low_ = 0x80;   // what the next continuation byte may be, both ends included
  std::uint8_t high_ = 0xbf;
};

// Text that may be handed on: UTF-8 as a whole, without a control byte of ASCII.
bool is_clean_text(std::string_view text);

}  // namespace bascule
