// What a crowd at the door does to the sessions of others: 64 bytes to the service and back, so many messages a second
// and session, beside connections from one address that say next to nothing, or beside none.
#include <fmt/format.h>

#include <optional>

#include "test/bench/door_crowd.hpp"
#include "test/bench/giving_way.hpp"
#include "test/bench/steady_sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {

std::string measure_beside_crowds(const Options& options) {
  std::optional<GivingWay<Crowding>> crowd;
  const Steady steady = measure_steady_sessions(options, [&] {
    if (options.flood_crowd != CrowdKind::none) { crowd.emplace(crowd_the_door, options); }
  });
  const Crowding crowding = crowd ? crowd->end() : Crowding{};
  return fmt::format(R"({{"cost": {}, "latency_us": {}, )"
                     R"("flood": {{"seconds": {:.6f}, "held_s": {:.6f}, "under_way": {}, "refused": {}, "ended": {}, )"
                     R"("bytes": {}}}}})",
                     to_json(steady.cost), to_json(steady.latencies), crowding.elapsed.count(), crowding.held.count(),
                     crowding.under_way, crowding.refused, crowding.ended, crowding.bytes);
}

}  // namespace bascule::bench
