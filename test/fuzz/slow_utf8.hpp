// UTF-8 as the grammar of RFC 3629, section 4, has it, rule by rule: slow, obvious, and without a line of what it is
// compared with.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace bascule::fuzz {

struct SlowUtf8 {
  static constexpr std::size_t none = std::string_view::npos;

  std::size_t wrong_at = none;  // the first byte that no UTF-8 text has behind those before it
  std::size_t unfinished = 0;   // bytes at the end that are the beginning of a character

  bool begins() const { return wrong_at == none; }
  bool whole() const { return begins() && unfinished == 0; }
};

struct ByteRange {
  unsigned char low = 0;
  unsigned char high = 0;
};

// UTF8-char = UTF8-1 / UTF8-2 / UTF8-3 / UTF8-4; no byte begins two of the alternatives.
inline constexpr ByteRange utf8_tail{0x80, 0xbf};
struct Utf8Rule {
  std::size_t bytes = 0;
  std::array<ByteRange, 4> ranges{};
};
inline constexpr std::array<Utf8Rule, 9> utf8_rules{{
    {1, {{{0x00, 0x7f}}}},
    {2, {{{0xc2, 0xdf}, utf8_tail}}},
    {3, {{{0xe0, 0xe0}, {0xa0, 0xbf}, utf8_tail}}},
    {3, {{{0xe1, 0xec}, utf8_tail, utf8_tail}}},
    {3, {{{0xed, 0xed}, {0x80, 0x9f}, utf8_tail}}},
    {3, {{{0xee, 0xef}, utf8_tail, utf8_tail}}},
    {4, {{{0xf0, 0xf0}, {0x90, 0xbf}, utf8_tail, utf8_tail}}},
    {4, {{{0xf1, 0xf3}, utf8_tail, utf8_tail, utf8_tail}}},
    {4, {{{0xf4, 0xf4}, {0x80, 0x8f}, utf8_tail, utf8_tail}}},
}};

// How many bytes at the front of `text` are as the rule says, all of its own at most.
inline std::size_t bytes_that_fit(std::string_view text, const Utf8Rule& rule) {
  std::size_t fit = 0;
  for (; fit < rule.bytes && fit < text.size(); ++fit) {
    const auto byte = static_cast<unsigned char>(text[fit]);
    if (byte < rule.ranges[fit].low || byte > rule.ranges[fit].high) { break; }
  }
  return fit;
}

inline SlowUtf8 slow_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t fit = 0;
    std::size_t wanted = 0;
    for (const Utf8Rule& rule : utf8_rules) {
      fit = bytes_that_fit(text.substr(at), rule);
      wanted = rule.bytes;
      if (fit > 0) { break; }
    }
    at += fit;
    if (fit == wanted) { continue; }
    if (at < text.size()) { return {.wrong_at = at}; }
    return {.unfinished = fit};
  }
  return {};
}

}  // namespace bascule::fuzz
