#include "proxy/base/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "proxy/base/text.hpp"

namespace bascule {
namespace {

constexpr unsigned ipv4_bits = 32;
constexpr unsigned ipv6_bits = 128;
constexpr unsigned mapped_bits = 96;  // ::ffff:0:0/96 is where IPv4 stands in IPv6 (RFC 4291, section 2.5.5.2)

using Octets = std::array<std::uint8_t, 16>;

unsigned bits_of(const Address& address) {
  return address.family() == Address::Family::ipv4 ? ipv4_bits : ipv6_bits;
}

// Of the octet that holds the last bits of a prefix: those that belong to it.
std::uint8_t mask_of(unsigned bits) {
  return static_cast<std::uint8_t>(0xff00U >> bits);
}

bool same_prefix(const Octets& a, const Octets& b, unsigned bits) {
  const unsigned whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) { return false; }
  return bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask_of(bits % 8)) == 0;
}

// REQUIRES: bits is no more than the address has.
bool has_bits_behind(const Address& address, unsigned bits) {
  const Octets& octets = address.octets();
  std::size_t at = bits / 8;
  if (bits % 8 != 0) {
    if ((octets[at] & ~mask_of(bits % 8)) != 0) { return true; }
    ++at;
  }
  return std::any_of(octets.begin() + static_cast<std::ptrdiff_t>(at), octets.end(),
                     [](std::uint8_t octet) { return octet != 0; });
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  if (text.starts_with('[')) { return std::nullopt; }  // brackets are for URLs
  const std::size_t slash = text.find('/');
  const auto address = Address::parse_ip(text.substr(0, slash), 0);
  if (!address) { return std::nullopt; }

  Network network;
  network.prefix_bits_ = bits_of(*address);
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto bits = parse_decimal(digits, network.prefix_bits_);
    if (!bits || (digits.size() > 1 && digits.front() == '0')) { return std::nullopt; }
    network.prefix_bits_ = static_cast<unsigned>(*bits);
  }
  if (has_bits_behind(*address, network.prefix_bits_)) { return std::nullopt; }

  // A shorter prefix that has the mark of a mapped address in it has bits behind it, so it did not come this far.
  network.base_ = address->unmapped();
  if (network.base_.family() != address->family()) { network.prefix_bits_ -= mapped_bits; }
  return network;
}

bool Network::contains(const Address& address) const {
  const Address plain = address.unmapped();
  return plain.is_ip() && plain.family() == base_.family() && same_prefix(plain.octets(), base_.octets(), prefix_bits_);
}

bool Network::covers(const Network& other) const {
  return other.prefix_bits_ >= prefix_bits_ && contains(other.base_);
}

std::string Network::text() const {
  if (prefix_bits_ == bits_of(base_)) { return base_.host_text(); }
  return fmt::format("{}/{}", base_.host_text(), prefix_bits_);
}

bool AddressSet::contains(const Address& address) const {
  if (address.family() == Address::Family::unix_path) { return unix_sockets; }
  return std::any_of(networks.begin(), networks.end(),
                     [&address](const Network& network) { return network.contains(address); });
}

}  // namespace bascule
