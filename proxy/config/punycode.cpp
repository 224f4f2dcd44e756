#include "proxy/config/punycode.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/text.hpp"

namespace bascule::config {

namespace {

using CodePoint = std::uint32_t;

// RFC 3492, section 5.
constexpr std::uint32_t base = 36;
constexpr std::uint32_t tmin = 1;
constexpr std::uint32_t tmax = 26;
constexpr std::uint32_t skew = 38;
constexpr std::uint32_t damp = 700;
constexpr std::uint32_t initial_bias = 72;
constexpr CodePoint initial_n = 0x80;

constexpr std::size_t label_characters_max = 63;

// Empty where the text is not UTF-8 of at most four bytes a character. Overlong forms need no care: a rules file with
// them is not read at all.
std::optional<std::vector<CodePoint>> decode(std::string_view text) {
  std::vector<CodePoint> result;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<std::uint8_t>(text[at]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || at + length > text.size()) { return std::nullopt; }
    CodePoint point = length == 1 ? first : first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      point = (point << 6U) | (static_cast<std::uint8_t>(text[at + i]) & 0x3fU);
    }
    result.push_back(point);
    at += length;
  }
  return result;
}

// Characters of names, and the star of rules, that stay what they are when browsers prepare a name.
bool is_stable(CodePoint point) {
  const auto in = [point](CodePoint first, CodePoint last) { return point >= first && point <= last; };
  const bool plain = in('a', 'z') || in('0', '9') || point == '-' || point == '_' || point == '*';
  const bool latin = in(0xdf, 0xff) && point != 0xf7;
  const bool greek = in(0x3b1, 0x3c9);
  const bool cyrillic = in(0x430, 0x45f);
  const bool japanese = in(0x3041, 0x3096) || in(0x30a1, 0x30fa);
  const bool chinese = in(0x4e00, 0x9fff);
  return plain || latin || greek || cyrillic || japanese || chinese;
}

char digit(std::uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) {
  delta = first ? delta / damp : delta / 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > ((base - tmin) * tmax) / 2; k += base) { delta /= base - tmin; }
  return k + (base - tmin + 1) * delta / (delta + skew);
}

// RFC 3492, section 6.3. A label of at most 63 characters cannot overflow.
std::string encode(const std::vector<CodePoint>& label) {
  std::string output;
  for (const CodePoint point : label) {
    if (point < initial_n) { output += static_cast<char>(point); }
  }
  const auto basic = static_cast<std::uint32_t>(output.size());
  if (basic > 0) { output += '-'; }
  std::uint32_t handled = basic;
  CodePoint n = initial_n;
  std::uint32_t delta = 0;
  std::uint32_t bias = initial_bias;
  while (handled < label.size()) {
    CodePoint next = 0x10ffff;
    for (const CodePoint point : label) {
      if (point >= n) { next = std::min(next, point); }
    }
    delta += (next - n) * (handled + 1);
    n = next;
    for (const CodePoint point : label) {
      if (point < n) { ++delta; }
      if (point != n) { continue; }
      std::uint32_t rest = delta;
      for (std::uint32_t k = base;; k += base) {
        const std::uint32_t threshold = k <= bias ? tmin : std::min(tmax, k - bias);
        if (rest < threshold) { break; }
        output += digit(threshold + (rest - threshold) % (base - threshold));
        rest = (rest - threshold) / (base - threshold);
      }
      output += digit(rest);
      bias = adapt(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++n;
  }
  return output;
}

}  // namespace

std::optional<std::string> ascii_host(std::string_view name) {
  std::string result;
  for (std::string_view rest = name;;) {
    const std::size_t end = std::min(rest.find('.'), rest.size());
    const std::string label = lowered(rest.substr(0, end));
    const auto points = decode(label);
    if (!points || points->size() > label_characters_max || !std::all_of(points->begin(), points->end(), is_stable)) {
      return std::nullopt;
    }
    const bool ascii = points->size() == label.size();
    result += ascii ? label : "xn--" + encode(*points);
    if (end == rest.size()) { return result; }
    result += '.';
    rest.remove_prefix(end + 1);
  }
}

}  // namespace bascule::config
