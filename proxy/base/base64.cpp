#include "proxy/base/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace bascule {
namespace {

using Alphabet = std::string_view;  // 64 characters, by their values
constexpr Alphabet plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr Alphabet for_urls = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t no_value = 0xff;
using Values = std::array<std::uint8_t, 256>;  // by character

constexpr Values values_of(Alphabet alphabet) {
  Values values{};
  values.fill(no_value);
  for (std::size_t value = 0; value < alphabet.size(); ++value) {
    values[static_cast<unsigned char>(alphabet[value])] = static_cast<std::uint8_t>(value);
  }
  return values;
}

constexpr Values plain_values = values_of(plain);
constexpr Values url_values = values_of(for_urls);

std::string encoded(std::string_view bytes, Alphabet alphabet) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t held = 0;  // what is not written yet: its lowest `bits` bits
  unsigned bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) { text.push_back(alphabet[held >> (bits - 6) & 63]); }
  }
  if (bits > 0) { text.push_back(alphabet[held << (6 - bits) & 63]); }
  return text;
}

// `text` is without padding.
std::optional<std::string> decoded(std::string_view text, const Values& values) {
  if (text.size() % 4 == 1) { return std::nullopt; }  // six bits are no byte
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::uint8_t value = values[static_cast<unsigned char>(c)];
    if (value == no_value) { return std::nullopt; }
    held = held << 6 | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>(held >> bits & 0xff));
    }
  }
  // RFC 4648, section 3.5: what is behind the last byte is zero, or a second text would mean the same.
  if ((held & ((1U << bits) - 1)) != 0) { return std::nullopt; }
  return bytes;
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text = encoded(bytes, plain);
  while (text.size() % 4 != 0) { text.push_back('='); }
  return text;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) { return std::nullopt; }
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) { text.remove_suffix(1); }
  return decoded(text, plain_values);
}

std::string base64url(std::string_view bytes) {
  return encoded(bytes, for_urls);
}

std::optional<std::string> base64url_decoded(std::string_view text) {
  return decoded(text, url_values);
}

}  // namespace bascule
