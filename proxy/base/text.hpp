// Small things about ASCII text that several rooms need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule {

inline constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string lowered(std::string_view text);

// Equal but for the case of ASCII letters. The result does not depend on the locale.
bool same_ignoring_case(std::string_view a, std::string_view b);

// Without spaces and tabs at either end: the OWS of RFC 9110, section 5.6.3.
std::string_view trimmed(std::string_view text);

// A decimal number of digits only: no sign, no spaces, nothing behind it. Empty when it is not that or exceeds `max`.
std::optional<std::uint64_t> parse_decimal(std::string_view digits, std::uint64_t max);

// Appends `number`, with zeros before it up to `digits_min` digits (20 at most). For what is written for every session:
// a tenth of what a format string costs.
void append_decimal(std::string& text, std::uint64_t number, std::size_t digits_min = 1);

// What a log line or an error may show of text that somebody else wrote: printable ASCII stays, the rest becomes \xNN,
// and what is longer than `max` bytes ends in "...".
std::string shown(std::string_view foreign, std::size_t max = 200);

// The least number of insertions, deletions, replacements and neighbour swaps between two words.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace bascule
