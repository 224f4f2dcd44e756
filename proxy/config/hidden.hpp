// Routes that stand in each other's way: one that can never match, because one before it takes all it would, and two of
// which each takes some of the other's requests.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "proxy/policy/rules.hpp"

namespace bascule::config {

// True only where it is certain: every request that `route` matches, `earlier` matches too.
bool hides(const policy::Route& earlier, const policy::Route& route);

// True only where it is certain: there is a request that both match.
bool overlap(const policy::Route& a, const policy::Route& b);

using Routes = std::vector<std::shared_ptr<const policy::Route>>;

// Numbers of two routes, the earlier one first.
struct InTheWay {
  std::size_t earlier = 0;
  std::size_t later = 0;
};

// Each route that is hidden, with the first that hides it.
std::vector<InTheWay> hidden_routes(const Routes& routes);

// Pairs of which neither hides the other, though some requests fit both: then their order decides, and it may not be
// the one that was meant. A later route that takes all of an earlier one's requests is the usual way to write rules,
// and is not among them. Looks at a bounded number of pairs, so among very many not all are found.
std::vector<InTheWay> overlapping_routes(const Routes& routes);

}  // namespace bascule::config
