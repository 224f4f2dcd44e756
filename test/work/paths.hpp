// The paths that everybody's bytes take, one after the other, each by the real code and without a system call: what is
// counted in instructions (hot_paths) and measured in time (test/bench/micro.cpp).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace bascule::work {

struct Path {
  std::string_view name;
  void (*walk)(std::size_t times);  // throws where it leads elsewhere
};

std::span<const Path> paths();

}  // namespace bascule::work
