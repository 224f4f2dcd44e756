// What a flood of TLS handshakes from one address does to the sessions of others: 64 bytes to the service and back, so
// many messages a second and session, beside the flood or beside nothing.
#include <fmt/format.h>

#include <optional>

#include "test/bench/giving_way.hpp"
#include "test/bench/handshake_flood.hpp"
#include "test/bench/steady_sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {

std::string measure_beside_handshakes(const Options& options) {
  std::optional<GivingWay<FloodedHandshakes>> flood;
  const Steady steady = measure_steady_sessions(options, [&] {
    if (options.flood_handshake != Handshake::none) { flood.emplace(flood_with_handshakes, options); }
  });
  const FloodedHandshakes flooded = flood ? flood->end() : FloodedHandshakes{};
  return fmt::format(R"({{"cost": {}, "latency_us": {}, )"
                     R"("flood": {{"seconds": {:.6f}, "answered": {}, "refused": {}, "under_way": {}}}}})",
                     to_json(steady.cost), to_json(steady.latencies), flooded.elapsed.count(), flooded.answered,
                     flooded.refused, flooded.under_way);
}

}  // namespace bascule::bench
