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

using Mistakes = std::vector<Mistake>;  // in the order of files and places

struct Reading {
  policy::Rules rules;  // with its index, and every table read
  Mistakes warnings;    // what is legal but risky
  // Every file that was read, or that decides what is read: rules files, and a folder of them. Tables are in
  // rules.tables().
  std::vector<std::string> files;
};

// Reads files (each at most 16 MiB) and folders (their *.yaml, in the order of their names) as one set of rules. The
// file system is asked for what the rules name (folders of pages and tables must exist); nothing is opened for good, no
// name is resolved.
Result<Reading, Mistakes> read_rules_at(const std::vector<std::string>& paths);

// The same from text. `file` names it in places, and its folder is what relative paths are relative to.
Result<Reading, Mistakes> read_rules(std::string_view text, const std::string& file);

}  // namespace bascule::config
