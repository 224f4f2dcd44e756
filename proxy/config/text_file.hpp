// The text of a file, up to a bound.
#pragma once

#include <cstddef>
#include <string>

#include "proxy/base/result.hpp"

namespace bascule::config {

struct CannotRead {
  std::string why;  // "No such file or directory"
};

// At most the first `bytes_max` bytes, so that a file without an end does no harm.
Result<std::string, CannotRead> read_text_file(const std::string& path, std::size_t bytes_max);

}  // namespace bascule::config
