// What the tests of this room share for looking at bytes.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace bascule::proof {

inline std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) { fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<std::uint8_t>(c)); }
  return text;
}

}  // namespace bascule::proof
