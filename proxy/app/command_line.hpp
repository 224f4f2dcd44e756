// The command line: `bascule VERB [RULES] [options]`.
#pragma once

namespace bascule::app {

// The process's exit status: 0 well, 1 not well, 2 wrong usage.
int run(int argc, char** argv);

}  // namespace bascule::app
