// What the fuzz targets share. A target is one function that takes any bytes at all; what must be true of them whatever
// they are, it says by `require`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

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

// A number that is the same for the same bytes, and any for all of them: FNV-1a.
inline std::uint32_t mixed(Bytes bytes) {
  std::uint32_t hash = 2166136261U;
  for (const std::uint8_t byte : bytes) { hash = (hash ^ byte) * 16777619U; }
  return hash;
}

// A place to cut the input.
inline std::size_t cut_of(Bytes bytes) {
  return mixed(bytes) % (bytes.size() + 1);
}

// The input in pieces, as a network might bring it: some of a byte or two, some of many.
inline std::vector<Bytes> pieces_of(Bytes bytes) {
  std::vector<Bytes> pieces;
  std::uint32_t random = mixed(bytes);
  while (!bytes.empty()) {
    random = random * 1664525U + 1013904223U;
    const std::size_t most = (random >> 16U) % 4 == 0 ? 256 : 4;
    const std::size_t size = std::min<std::size_t>(1 + (random >> 20U) % most, bytes.size());
    pieces.push_back(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  return pieces;
}

inline std::vector<Bytes> single_bytes(Bytes bytes) {
  std::vector<Bytes> pieces;
  for (std::size_t at = 0; at < bytes.size(); ++at) { pieces.push_back(bytes.subspan(at, 1)); }
  return pieces;
}

// Seeds that are plain text: each LF of theirs is CRLF on the wire.
inline std::string with_crlf(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n' && !result.ends_with('\r')) { result += '\r'; }
    result += c;
  }
  return result;
}

// Takes one line off the front, without its end.
inline std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace bascule::fuzz
