#include "proxy/base/place.hpp"

#include <fmt/format.h>

namespace bascule {

std::string Place::text() const {
  if (line == 0) { return file; }
  return fmt::format("{}:{}:{}", file, line, column);
}

}  // namespace bascule
