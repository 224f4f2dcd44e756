#include "proxy/net/socket_address.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>

namespace bascule::net {

SocketAddress socket_address(const Address& address) {
  SocketAddress result;
  switch (address.family()) {
    case Address::Family::none: break;
    case Address::Family::ipv4: {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(address.port());
      std::memcpy(&in.sin_addr, address.octets().data(), 4);
      std::memcpy(&result.storage, &in, sizeof in);
      result.size = sizeof in;
      break;
    }
    case Address::Family::ipv6: {
      sockaddr_in6 in{};
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(address.port());
      in.sin6_scope_id = address.scope();
      std::memcpy(&in.sin6_addr, address.octets().data(), 16);
      std::memcpy(&result.storage, &in, sizeof in);
      result.size = sizeof in;
      break;
    }
    case Address::Family::unix_path: {
      sockaddr_un un{};
      un.sun_family = AF_UNIX;
      assert(address.path().size() < sizeof un.sun_path);
      std::copy(address.path().begin(), address.path().end(), un.sun_path);
      std::memcpy(&result.storage, &un, sizeof un);
      result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.path().size() + 1);
      break;
    }
  }
  return result;
}

Address address_of(const SocketAddress& from) {
  switch (from.storage.ss_family) {
    case AF_INET: {
      sockaddr_in in{};
      std::memcpy(&in, &from.storage, sizeof in);
      std::array<std::uint8_t, 4> octets{};
      std::memcpy(octets.data(), &in.sin_addr, octets.size());
      return Address::ipv4(octets, ntohs(in.sin_port));
    }
    case AF_INET6: {
      sockaddr_in6 in{};
      std::memcpy(&in, &from.storage, sizeof in);
      std::array<std::uint8_t, 16> octets{};
      std::memcpy(octets.data(), &in.sin6_addr, octets.size());
      return Address::ipv6(octets, ntohs(in.sin6_port), in.sin6_scope_id);
    }
    case AF_UNIX: {
      sockaddr_un un{};
      std::memcpy(&un, &from.storage, std::min(sizeof un, static_cast<std::size_t>(from.size)));
      if (from.size <= offsetof(sockaddr_un, sun_path)) { return Address::unix_path({}); }
      const std::size_t length = ::strnlen(un.sun_path, from.size - offsetof(sockaddr_un, sun_path));
      return Address::unix_path(std::string(un.sun_path, length));
    }
    default: return {};
  }
}

Address local_address(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getsockname(fd, address.get(), &address.size) != 0) { return {}; }
  return address_of(address);
}

Address peer_address(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getpeername(fd, address.get(), &address.size) != 0) { return {}; }
  return address_of(address);
}

}  // namespace bascule::net
