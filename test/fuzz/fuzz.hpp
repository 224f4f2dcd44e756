// What the fuzz targets share. A target is one function that takes any bytes at all; what must be true of them whatever
// they are, it says by `require`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/base/bytes.hpp"

// libFuzzer calls this. It returns 0; a broken promise ends the process, and libFuzzer keeps the input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace bascule::fuzz {

// Not assert(): it must hold however the target was built.
inline void require(bool holds, std::string_view promise, std::string_view example = {}) {
  if (holds) { return; }
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  if (!example.empty()) { std::fprintf(stderr, "%.*s\n", static_cast<int>(example.size()), example.data()); }
  std::abort();
}

// Texts that end up in logs and on terminals.
inline void require_printable(std::string_view text, std::string_view promise) {
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
  });
  require(!control, promise, text);
}

// A place to cut the input: the same for the same bytes, any for all of them.
inline std::size_t cut_of(Bytes bytes) {
  std::uint32_t mixed = 2166136261U;  // FNV-1a
  for (const std::uint8_t byte : bytes) { mixed = (mixed ^ byte) * 16777619U; }
  return mixed % (bytes.size() + 1);
}

// Takes one line off the front, without its end.
inline std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace bascule::fuzz
