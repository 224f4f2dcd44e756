#include "proxy/wire/http/authority.hpp"

#include <algorithm>
#include <limits>

#include "proxy/base/address.hpp"
#include "proxy/base/text.hpp"

namespace bascule::wire::http {
namespace {

constexpr std::size_t name_bytes_max = 253;  // RFC 1035, section 2.3.4, as text
constexpr std::size_t label_bytes_max = 63;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

// Would a browser read a host with this last label as an IPv4 address? All digits, or hexadecimal with 0x.
bool is_number(std::string_view label) {
  if (label.starts_with("0x")) {
    label.remove_prefix(2);
    return std::all_of(label.begin(), label.end(), is_hex_digit);
  }
  return std::all_of(label.begin(), label.end(), is_digit);
}

// REQUIRES: lower case.
bool is_name(std::string_view name) {
  if (name.size() > name_bytes_max) { return false; }
  while (true) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > label_bytes_max) { return false; }
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
    });
    if (!plain) { return false; }
    if (dot == name.size()) { return !is_number(label); }
    name.remove_prefix(dot + 1);
  }
}

// Host and port, cut apart; the port with its colon, or empty.
struct Halves {
  std::string_view host;
  std::string_view port;
};

Halves cut(std::string_view text) {
  const std::size_t end = text.starts_with('[') ? text.find(']') : text.find(':');
  if (end == std::string_view::npos) { return {text, {}}; }
  const std::size_t host_end = text.starts_with('[') ? end + 1 : end;
  return {text.substr(0, host_end), text.substr(host_end)};
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  const Halves halves = cut(text);
  Authority authority;
  if (!halves.port.empty()) {
    if (halves.port.front() != ':') { return std::nullopt; }
    const std::string_view digits = halves.port.substr(1);
    if (!digits.empty()) {
      const auto port = parse_decimal(digits, std::numeric_limits<std::uint16_t>::max());
      if (!port || *port == 0) { return std::nullopt; }
      authority.port = static_cast<std::uint16_t>(*port);
    }
  }

  if (const auto address = Address::parse_ip(halves.host, 0)) {
    const bool ipv6 = address->family() == Address::Family::ipv6;
    authority.kind = ipv6 ? Authority::Kind::ipv6 : Authority::Kind::ipv4;
    authority.host = address->host_text();
    return authority;
  }
  authority.host = lowered(halves.host);
  if (authority.host.ends_with('.')) { authority.host.pop_back(); }
  if (!is_name(authority.host)) { return std::nullopt; }
  return authority;
}

}  // namespace bascule::wire::http
