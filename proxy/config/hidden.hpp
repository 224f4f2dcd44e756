// Routes that can never match, because one that stands before them takes all they would.
#pragma once

#include "proxy/policy/rules.hpp"

namespace bascule::config {

// True only where it is certain: every request that `route` matches, `earlier` matches too.
bool hides(const policy::Route& earlier, const policy::Route& route);

}  // namespace bascule::config
