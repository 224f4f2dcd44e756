// Tables of targets, from their files.
#pragma once

#include <string>

#include "proxy/base/result.hpp"
#include "proxy/policy/table.hpp"

namespace bascule::config {

// A file, or a folder: every regular file in it, in the order of their names, hidden ones left out. The error is a
// sentence: what could not be read, and why.
Result<policy::Table, std::string> read_table(const std::string& path);

}  // namespace bascule::config
