// Opening the sockets that visitors come to.
#pragma once

#include <string>

#include "proxy/base/address.hpp"
#include "proxy/base/owned_fd.hpp"
#include "proxy/base/result.hpp"

namespace bascule::net {

struct ListenError {
  int error = 0;     // errno
  std::string text;  // "address already in use": the cause, and a way out where there is a usual one
};

struct ListenOptions {
  unsigned mode = 0660;     // of a socket file: set before anybody can connect
  bool share_port = false;  // with other processes of the same user that say so too (SO_REUSEPORT, socket(7))
};

// Binds and listens; the socket is non-blocking and closes on exec. What accepted sockets need (no delay, keepalive) is
// set here, for Linux lets them inherit it. A socket file that nobody listens on any more is replaced.
Result<OwnedFd, ListenError> listen_on(const Address& address, const ListenOptions& options);

}  // namespace bascule::net
