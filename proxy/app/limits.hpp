// What the system lets this process have.
#pragma once

#include <cstddef>

namespace bascule::app {

// Raises the soft limit on descriptors to the hard one, and gives it.
std::size_t raise_descriptor_limit();

// How many sessions fit: each takes two descriptors, and some are kept for everything else (listeners, workers, pages,
// visitors that are being refused).
std::size_t sessions_for(std::size_t descriptors);

// How many connections of one address may wait to be let in: a share that leaves room for others, and is more than a
// house of many browsers behind one address has under way.
std::size_t waiting_each_for(std::size_t descriptors);

// The cores this process may run on.
unsigned usable_cores();

}  // namespace bascule::app
