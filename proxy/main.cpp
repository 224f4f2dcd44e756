// bascule: a WebSocket-to-TCP bridge that lifts against those who may not pass.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "proxy/app/command_line.hpp"

int main(int argc, char** argv) {
  try {
    return bascule::app::run(argc, argv);
  } catch (const std::exception& exception) {
    // Not an operator's mistake, for those are told where they are found: a bug, or a system that is out of memory.
    fmt::print(stderr, "bascule: internal error: {}\n", exception.what());
    return 1;
  }
}
