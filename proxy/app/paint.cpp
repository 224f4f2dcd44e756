#include "proxy/app/paint.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace bascule::app {

Paint Paint::for_descriptor(int descriptor) {
  const char* const unwanted = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  const bool plain = (unwanted != nullptr && *unwanted != '\0') ||
                     (terminal != nullptr && std::string_view(terminal) == "dumb") || ::isatty(descriptor) == 0;
  return Paint(plain ? Colours::off : Colours::on);
}

std::string Paint::painted(std::string_view code, std::string_view text) const {
  return colours_ == Colours::off || text.empty() ? std::string(text) : fmt::format("\033[{}m{}\033[0m", code, text);
}

}  // namespace bascule::app
