// A pipe, both ends owned.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "proxy/base/owned_fd.hpp"

namespace bascule::test {

struct Pipe {
  OwnedFd read;
  OwnedFd write;

  Pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) { throw std::runtime_error("pipe2"); }
    read = OwnedFd(fds[0]);
    write = OwnedFd(fds[1]);
  }
};

}  // namespace bascule::test
