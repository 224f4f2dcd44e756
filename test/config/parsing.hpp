// What a function of config/values makes of a text.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "proxy/config/parsed.hpp"

namespace bascule::config {

// The value of what parses; a failure where it does not.
template <typename T>
T value(Parsed<T> parsed) {
  if (!parsed) {
    ADD_FAILURE() << parsed.error().text;
    return T();
  }
  return std::move(*parsed);
}

// The sentence about what does not parse.
template <typename T>
std::string wrong(const Parsed<T>& parsed) {
  return parsed ? "(nothing wrong)" : parsed.error().text;
}

struct WrongRow {
  std::string_view text;
  std::string_view sentence;
};

}  // namespace bascule::config
