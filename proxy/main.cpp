// bascule: a WebSocket-to-TCP bridge that lifts against those who may not pass.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "proxy/app/command_line.hpp"

namespace {

// Whoever starts us without stdin, stdout or stderr would else get our log into the socket that has their number.
void occupy_standard_descriptors() {
  int opened = 0;
  while ((opened = ::open("/dev/null", O_RDWR)) >= 0 && opened <= STDERR_FILENO) {}
  if (opened >= 0) { ::close(opened); }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    occupy_standard_descriptors();
    return bascule::app::run(argc, argv);
  } catch (const std::exception& exception) {
    // Not an operator's mistake, for those are told where they are found: a bug, or a system that is out of memory.
    fmt::print(stderr, "bascule: internal error: {}\n", exception.what());
    return 1;
  }
}
