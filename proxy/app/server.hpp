// The process while it serves: listeners, workers, signals, and the end.
#pragma once

#include <memory>

#include "proxy/observe/log.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::app {

// Serves until SIGTERM or SIGINT, then drains: listeners close, sessions are told (Close 1001), and what has not ended
// when `process.drain` is over, or when a second signal comes, is cut. True after that; false when a listener could not
// be opened, which has been logged.
bool serve_until_told(const std::shared_ptr<const policy::Rules>& rules, observe::Log& log);

}  // namespace bascule::app
