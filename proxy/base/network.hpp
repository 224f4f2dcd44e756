// Sets of addresses as operators write them: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "unix".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.hpp"

namespace bascule {

// A network in the notation of RFC 4632, section 3.1, and RFC 4291, section 2.3.
class Network {
 public:
  // "10.0.0.0/8", or an address alone, which is a network of one. Strict: no bits behind the prefix ("10.0.0.1/8" is
  // nobody's network), no short forms, no scope. A mapped IPv4 network ("::ffff:10.0.0.0/104") becomes the IPv4 one.
  static std::optional<Network> parse(std::string_view text);

  // Ports and scopes do not count; a mapped IPv4 address counts as IPv4. False for what is no IP address.
  bool contains(const Address& address) const;

  // Every address of `other` is one of this too.
  bool covers(const Network& other) const;

  const Address& base() const { return base_; }  // with port 0
  unsigned prefix_bits() const { return prefix_bits_; }

  std::string text() const;  // "10.0.0.0/8"; an address alone without its "/32" or "/128"

  friend bool operator==(const Network&, const Network&) = default;

 private:
  Address base_;
  unsigned prefix_bits_ = 0;
};

// Networks, and perhaps the peers of Unix sockets.
struct AddressSet {
  std::vector<Network> networks;
  bool unix_sockets = false;

  bool contains(const Address& address) const;

  friend bool operator==(const AddressSet&, const AddressSet&) = default;
};

}  // namespace bascule
