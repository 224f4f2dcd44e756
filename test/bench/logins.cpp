// What others' wrong passwords do to sessions that are in: 64 bytes to the service and back, so many messages a second
// and session, beside a flood of handshakes that are refused, or beside none.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <vector>

#include "test/bench/flood.hpp"
#include "test/bench/giving_way.hpp"
#include "test/bench/measure.hpp"
#include "test/bench/steady_sessions.hpp"
#include "test/bench/works.hpp"

namespace bascule::bench {
namespace {

std::string to_json(const FloodAnswers& flood) {
  std::vector<std::string> answers;
  for (const auto& [status, count] : flood.by_status) { answers.push_back(fmt::format(R"("{}": {})", status, count)); }
  return fmt::format(R"({{"seconds": {:.6f}, "started": {}, "unanswered": {}, "answers": {{{}}}}})",
                     flood.elapsed.count(), flood.started, flood.unanswered, fmt::join(answers, ", "));
}

}  // namespace

std::string measure_beside_logins(const Options& options) {
  std::optional<GivingWay<FloodAnswers>> flood;
  const Steady steady = measure_steady_sessions(options, [&] {
    if (options.flood_a_second > 0) { flood.emplace(flood_with_guesses, options); }
  });
  const FloodAnswers answers = flood ? flood->end() : FloodAnswers{};
  return fmt::format(R"({{"cost": {}, "latency_us": {}, "flood": {}}})", bench::to_json(steady.cost),
                     bench::to_json(steady.latencies), to_json(answers));
}

}  // namespace bascule::bench
