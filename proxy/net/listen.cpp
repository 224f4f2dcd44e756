#include "proxy/net/listen.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/net/socket_address.hpp"
#include "proxy/net/socket_stream.hpp"

namespace bascule::net {

namespace {

constexpr int backlog = 4096;  // the kernel caps it at net.core.somaxconn

ListenError because(int error, const Address& address, const ListenOptions& options) {
  const std::string where = address.text();
  switch (error) {
    case EADDRINUSE:
      if (options.share_port) {
        return {error, fmt::format("cannot listen on {}: another program already does, and does not share the port or "
                                   "is another user's",
                                   where)};
      }
      return {error, fmt::format("cannot listen on {}: another program already does", where)};
    case EACCES:
      if (address.is_ip() && address.port() < 1024) {
        return {error, fmt::format("cannot listen on {}: ports below 1024 need root, CAP_NET_BIND_SERVICE or a "
                                   "socket from systemd",
                                   where)};
      }
      return {error, fmt::format("cannot listen on {}: no permission", where)};
    case EADDRNOTAVAIL: return {error, fmt::format("cannot listen on {}: this machine has no such address", where)};
    case EAFNOSUPPORT:
      return {error, fmt::format("cannot listen on {}: this machine has no IPv6; write an IPv4 address such as "
                                 "0.0.0.0:{}",
                                 where, address.port())};
    case ENOENT: return {error, fmt::format("cannot listen on {}: the folder does not exist", where)};
    default: return {error, fmt::format("cannot listen on {}: {}", where, std::strerror(error))};
  }
}

// A socket file stays behind when a process is killed. It may go when it is a socket and nobody answers there.
void remove_stale_socket(const Address& address) {
  struct stat found {};
  if (::lstat(address.path().c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) { return; }
  const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const SocketAddress there = socket_address(address);
  if (::connect(probe.get(), there.get(), there.size) != 0 && errno == ECONNREFUSED) {
    ::unlink(address.path().c_str());
  }
}

}  // namespace

Result<OwnedFd, ListenError> listen_on(const Address& address, const ListenOptions& options) {
  const SocketAddress where = socket_address(address);
  OwnedFd socket(::socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) { return because(errno, address, options); }

  if (address.is_ip()) {
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (options.share_port && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
      return because(errno, address, options);
    }
    if (address.family() == Address::Family::ipv6) {
      const int off = 0;  // [::] takes IPv4 visitors too
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    set_no_delay(socket.get());
    set_urgent_inline(socket.get());
    set_liveness(socket.get(), {});
  } else {
    remove_stale_socket(address);
    // fchmod on the socket before bind gives the file its mode from the first moment on.
    if (::fchmod(socket.get(), static_cast<mode_t>(options.mode)) != 0) { return because(errno, address, options); }
  }
  const mode_t umask_before = address.is_ip() ? 0 : ::umask(0777 & ~static_cast<mode_t>(options.mode));
  const int bound = ::bind(socket.get(), where.get(), where.size);
  const int bind_error = errno;
  if (!address.is_ip()) { ::umask(umask_before); }
  if (bound != 0) { return because(bind_error, address, options); }
  if (::listen(socket.get(), backlog) != 0) { return because(errno, address, options); }
  return socket;
}

}  // namespace bascule::net
