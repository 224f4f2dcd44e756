// One of the paths that everybody's bytes take, so many times over, and nothing else. hot_paths.py counts what they
// cost.
//
//     hot_paths PATH TIMES       without arguments: the names of the paths, a line each
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "test/work/paths.hpp"

using bascule::work::Path;
using bascule::work::paths;

int main(int count, char** words) {
  if (count == 1) {
    for (const Path& path : paths()) { fmt::print("{}\n", path.name); }
    return 0;
  }
  const std::string_view name = words[1];
  const std::string_view number = count == 3 ? words[2] : "";
  std::size_t times = 0;
  std::from_chars(number.data(), number.data() + number.size(), times);
  for (const Path& path : paths()) {
    if (path.name != name || times == 0) { continue; }
    path.walk(times);
    return 0;
  }
  std::fputs("hot_paths PATH TIMES\n", stderr);
  return 2;
}
