// Bytes: borrowed views of them, and the way between bytes and text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bascule {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline MutableBytes bytes_of(std::string& text) {
  return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};
}

// Without this overload a literal or a const std::string& would have to choose between the two above.
inline Bytes bytes_of(const std::string& text) {
  return bytes_of(std::string_view(text));
}
inline Bytes bytes_of(const char* text) {
  return bytes_of(std::string_view(text));
}

inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace bascule
