// Between our Address and the sockaddr of the kernel.
#pragma once

#include <sys/socket.h>

#include "proxy/base/address.hpp"

namespace bascule::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// REQUIRES: the path of a Unix socket has at most 107 bytes.
SocketAddress socket_address(const Address& address);
Address address_of(const SocketAddress& socket_address);

Address local_address(int fd);
Address peer_address(int fd);

}  // namespace bascule::net
