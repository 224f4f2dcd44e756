// Where somebody is: an IPv4 or IPv6 address with a port, or the path of a Unix socket.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule {

class Address {
 public:
  enum class Family : std::uint8_t { none, ipv4, ipv6, unix_path };

  Address() = default;
  static Address ipv4(const std::array<std::uint8_t, 4>& octets, std::uint16_t port);
  static Address ipv6(const std::array<std::uint8_t, 16>& octets, std::uint16_t port, std::uint32_t scope = 0);
  static Address unix_path(std::string path);  // an unnamed peer of a Unix socket has an empty path

  // A literal without a port: "192.0.2.1", "2001:db8::1", with or without the brackets of a URL. Strict: four decimal
  // parts, no octal, no short forms. Empty for anything else, names included.
  static std::optional<Address> parse_ip(std::string_view literal, std::uint16_t port);

  Family family() const { return family_; }
  bool is_ip() const { return family_ == Family::ipv4 || family_ == Family::ipv6; }
  std::uint16_t port() const { return port_; }
  std::uint32_t scope() const { return scope_; }
  const std::array<std::uint8_t, 16>& octets() const { return octets_; }  // IPv4: the first four
  const std::string& path() const { return path_; }

  // An IPv4 visitor of a socket for both families comes as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2); everything else
  // stays as it is.
  Address unmapped() const;

  bool is_loopback() const;  // 127.0.0.0/8, ::1, their mapped form; every Unix socket

  std::string host_text() const;  // "192.0.2.1", "2001:db8::1"
  std::string text() const;       // "192.0.2.1:80", "[2001:db8::1]:80", "unix:/run/x.sock", "unix:" for an unnamed peer

  friend bool operator==(const Address&, const Address&) = default;

 private:
  Family family_ = Family::none;
  std::uint16_t port_ = 0;
  std::uint32_t scope_ = 0;
  std::array<std::uint8_t, 16> octets_{};
  std::string path_;
};

}  // namespace bascule
