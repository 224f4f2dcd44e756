// What a word of the rules language means, or a sentence about what is wrong with it and how it is written right.
#pragma once

#include <string>

#include "proxy/base/result.hpp"

namespace bascule::config {

struct Wrong {
  std::string text;
};

template <typename T>
using Parsed = Result<T, Wrong>;

}  // namespace bascule::config
