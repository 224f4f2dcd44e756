// What is legal but risky, or perhaps not what was meant: said after a set of rules has been read without a mistake.
#pragma once

#include "proxy/config/mistake_list.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

void add_warnings(const policy::Rules& rules, MistakeList& warnings);

}  // namespace bascule::config
