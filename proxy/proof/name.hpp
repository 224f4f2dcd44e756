// What a user, a group, a route or a word of a ticket may be called.
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/base/utf8.hpp"

namespace bascule::proof {

inline constexpr std::size_t name_bytes_max = 256;

inline bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && is_clean_text(text);
}

}  // namespace bascule::proof
