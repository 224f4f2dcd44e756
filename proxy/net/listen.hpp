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

// Binds and listens; the socket is non-blocking and closes on exec. What accepted sockets need (no delay, keepalive) is
// set here, for Linux lets them inherit it. A socket file that nobody listens on any more is replaced; `mode` is set
// before anybody can connect.
Result<OwnedFd, ListenError> listen_on(const Address& address, unsigned mode);

}  // namespace bascule::net
