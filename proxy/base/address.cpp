#include "proxy/base/address.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <cstring>

#include "proxy/base/text.hpp"

namespace bascule {

Address Address::ipv4(const std::array<std::uint8_t, 4>& octets, std::uint16_t port) {
  Address address;
  address.family_ = Family::ipv4;
  address.port_ = port;
  std::copy(octets.begin(), octets.end(), address.octets_.begin());
  return address;
}

Address Address::ipv6(const std::array<std::uint8_t, 16>& octets, std::uint16_t port, std::uint32_t scope) {
  Address address;
  address.family_ = Family::ipv6;
  address.port_ = port;
  address.scope_ = scope;
  address.octets_ = octets;
  return address;
}

Address Address::unix_path(std::string path) {
  Address address;
  address.family_ = Family::unix_path;
  address.path_ = std::move(path);
  return address;
}

std::optional<Address> Address::parse_ip(std::string_view literal, std::uint16_t port) {
  if (literal.size() >= 2 && literal.front() == '[' && literal.back() == ']') {
    literal = literal.substr(1, literal.size() - 2);
    if (literal.find(':') == std::string_view::npos) { return std::nullopt; }
  }
  const std::string text(literal);
  if (text.find('\0') != std::string::npos) { return std::nullopt; }
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) { return ipv4(v4, port); }
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) { return ipv6(v6, port); }
  return std::nullopt;
}

Address Address::unmapped() const {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (family_ != Family::ipv6 || !std::equal(mapped.begin(), mapped.end(), octets_.begin())) { return *this; }
  return ipv4({octets_[12], octets_[13], octets_[14], octets_[15]}, port_);
}

bool Address::is_loopback() const {
  if (family_ == Family::unix_path) { return true; }
  const Address address = unmapped();
  if (address.family_ == Family::ipv4) { return address.octets_[0] == 127; }
  if (family_ != Family::ipv6) { return false; }
  return std::all_of(octets_.begin(), octets_.end() - 1, [](std::uint8_t octet) { return octet == 0; }) &&
         octets_[15] == 1;
}

std::string Address::host_text() const {
  if (!is_ip()) { return {}; }
  if (family_ == Family::ipv4) {
    std::string text;
    for (std::size_t i = 0; i < 4; ++i) {
      const unsigned octet = octets_[i];
      if (i > 0) { text += '.'; }
      if (octet >= 100) { text += static_cast<char>('0' + octet / 100); }
      if (octet >= 10) { text += static_cast<char>('0' + octet / 10 % 10); }
      text += static_cast<char>('0' + octet % 10);
    }
    return text;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, octets_.data(), text.data(), text.size());
  return text.data();
}

std::string Address::text() const {
  switch (family_) {
    case Family::none: return "-";
    case Family::unix_path: return "unix:" + path_;
    case Family::ipv4:
    case Family::ipv6: break;
  }
  std::string text = family_ == Family::ipv6 ? '[' + host_text() + ']' : host_text();
  text += ':';
  append_decimal(text, port_);
  return text;
}

}  // namespace bascule
