// The effective rules as a rules file: every default and every preset written out, nothing hidden.
#pragma once

#include <string>

#include "proxy/policy/rules.hpp"

namespace bascule::config {

// Reading it gives equal rules, from wherever it is read: paths of files are made absolute. Secrets stay outside, as
// they were. What has no word of its own, such as the hosts of a route that writes none, stands in a comment.
std::string show_rules(const policy::Rules& rules);

}  // namespace bascule::config
