#include "proxy/policy/rules.hpp"

#include <fmt/format.h>

namespace bascule::policy {

std::string Place::text() const {
  if (line == 0) { return file; }
  return fmt::format("{}:{}:{}", file, line, column);
}

}  // namespace bascule::policy
