// The character classes of HTTP: RFC 9110, section 5.6, as tables, so that a byte is judged by one look.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/text.hpp"

namespace bascule::wire::http {

using CharacterTable = std::array<bool, 256>;

// tchar: what methods, field names and the words of lists are made of.
inline constexpr CharacterTable token_characters = [] {
  CharacterTable table{};
  for (unsigned c = '0'; c <= '9'; ++c) { table[c] = true; }
  for (unsigned c = 'A'; c <= 'Z'; ++c) { table[c] = true; }
  for (unsigned c = 'a'; c <= 'z'; ++c) { table[c] = true; }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) { table[static_cast<std::uint8_t>(c)] = true; }
  return table;
}();

// What a target may hold on the wire: printable ASCII without the space. What it means is for parse_target.
inline constexpr CharacterTable target_characters = [] {
  CharacterTable table{};
  for (unsigned c = 0x21; c <= 0x7e; ++c) { table[c] = true; }
  return table;
}();

// What a field value may hold: visible ASCII, space, tab and obs-text. No NUL, CR, LF or other control byte.
inline constexpr CharacterTable value_characters = [] {
  CharacterTable table{};
  for (unsigned c = 0x20; c <= 0xff; ++c) { table[c] = c != 0x7f; }
  table['\t'] = true;
  return table;
}();

inline constexpr bool is_in(const CharacterTable& table, char c) {
  return table[static_cast<std::uint8_t>(c)];
}

// Only characters of tokens, and at least one.
inline constexpr bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_in(token_characters, c)) { return false; }
  }
  return !text.empty();
}

inline constexpr int not_hex = -1;

// What a digit of a percent escape stands for (RFC 3986, section 2.1), in either case; `not_hex` for what is none.
inline constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') { return c - '0'; }
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : not_hex;
}

}  // namespace bascule::wire::http
