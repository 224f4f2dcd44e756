// From an operator's YAML to rules: read whole, checked whole, every mistake with its place and its way out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

struct Mistake {
  policy::Place place;
  std::string text;  // "unknown key 'orgins' in route 'desk'; did you mean 'origins'?"
};

using Mistakes = std::vector<Mistake>;  // in the order of their places; never empty

// Reads one file (at most 16 MiB). The file system is asked for the file itself and for what the rules name (folders of
// pages must exist); nothing is opened for good, no name is resolved.
Result<policy::Rules, Mistakes> read_rules_file(const std::string& path);

// The same from text. `file` names it in places, and its folder is what relative paths are relative to.
Result<policy::Rules, Mistakes> read_rules(std::string_view text, const std::string& file);

}  // namespace bascule::config
