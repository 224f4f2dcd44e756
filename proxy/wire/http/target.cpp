#include "proxy/wire/http/target.hpp"

#include <algorithm>

#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::wire::http {
namespace {

// Percent-decoded once. What would be read as something else than a name by whoever sees it next (a second separator, a
// control byte, a step upwards) is refused rather than kept.
std::optional<std::string> decode_segment(std::string_view raw) {
  std::string segment;
  segment.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    char c = raw[at];
    if (c == '%') {
      if (raw.size() - at < 3) { return std::nullopt; }
      const int high = hex_value(raw[at + 1]);
      const int low = hex_value(raw[at + 2]);
      if (high == not_hex || low == not_hex) { return std::nullopt; }
      c = static_cast<char>(high * 16 + low);
      at += 2;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f || c == '/' || c == '\\') { return std::nullopt; }
    segment.push_back(c);
  }
  if (segment == "." || segment == "..") { return std::nullopt; }
  Utf8Check utf8;
  if (!utf8.accept(bytes_of(segment)) || !utf8.complete()) { return std::nullopt; }
  return segment;
}

// Takes "http://authority" or "https://authority" off the front of an absolute-form target.
std::optional<std::string_view> take_authority(std::string_view& rest) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same_ignoring_case(rest.substr(0, scheme.size()), scheme)) { continue; }
    rest.remove_prefix(scheme.size());
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    const std::string_view authority = rest.substr(0, end);
    if (!parse_authority(authority)) { return std::nullopt; }
    rest.remove_prefix(end);
    return authority;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Target> parse_target(std::string_view raw) {
  for (const char c : raw) {
    if (!is_in(target_characters, c) || c == '#') { return std::nullopt; }
  }
  Target target;
  std::string_view rest = raw;
  if (!rest.starts_with('/')) {
    const auto authority = take_authority(rest);
    if (!authority) { return std::nullopt; }
    target.authority = *authority;
  }
  const std::size_t question = std::min(rest.find('?'), rest.size());
  target.path = rest.substr(0, question);
  if (question < rest.size()) { target.query = rest.substr(question + 1); }
  if (target.path.empty()) { target.path.assign(1, '/'); }  // "http://host" means "http://host/"

  std::string_view path = target.path;
  while (true) {
    path.remove_prefix(1);  // the '/' in front of the segment
    const std::size_t end = std::min(path.find('/'), path.size());
    std::optional<std::string> segment = decode_segment(path.substr(0, end));
    if (!segment) { return std::nullopt; }
    target.segments.push_back(std::move(*segment));
    path.remove_prefix(end);
    if (path.empty()) { return target; }
  }
}

}  // namespace bascule::wire::http
