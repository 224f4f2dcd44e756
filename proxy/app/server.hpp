// The process while it serves: listeners, workers, signals, new rules, and the end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/app/watch.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/observe/log.hpp"

namespace bascule::app {

// Serves until SIGTERM or SIGINT, then drains: listeners close, sessions are told (Close 1001), and what has not ended
// when `process.drain` is over, or when a second signal comes, is cut. True after that; false when a listener could not
// be opened, which has been logged.
//
// Reads the rules at `paths` again on SIGHUP, when `bascule reload` asks for it, and, with `process.watch`, when a file
// of them changes. New rules hold as a whole or not at all; a broken file changes nothing.
//
// `watch`: of `paths`, made before they were read. `workers`: wins over `process.workers`.
bool serve_until_told(const std::vector<std::string>& paths, FileWatch watch, config::Reading reading,
                      std::optional<unsigned> workers, observe::Log& log);

}  // namespace bascule::app
