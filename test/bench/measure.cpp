#include "test/bench/measure.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <stdexcept>

#include "test/bench/process_tree.hpp"

namespace bascule::bench {
namespace {

using Seconds = std::chrono::duration<double>;

struct Sample {
  std::uint64_t units = 0;
  Clock::time_point time;
  Seconds proxy{};
  Seconds own{};
  Seconds idle{};  // of all cores together
};

Seconds own_cpu() {
  timespec time{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) { fail("clock_gettime"); }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Seconds idle_of_all_cores() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  double user = 0;
  double nice = 0;
  double system = 0;
  double idle = 0;
  double waiting_for_disk = 0;
  file >> cpu >> user >> nice >> system >> idle >> waiting_for_disk;
  return Seconds((idle + waiting_for_disk) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

Sample sample(const ProcessTree& proxy, const std::function<std::uint64_t()>& units) {
  Sample taken;
  taken.proxy = proxy.cpu();
  taken.units = units();
  taken.time = Clock::now();
  taken.own = own_cpu();
  taken.idle = idle_of_all_cores();
  return taken;
}

}  // namespace

Cost measure(Loop& loop, const Options& options, const std::function<std::uint64_t()>& units) {
  const ProcessTree proxy(options.proxy);
  loop.run_for(options.warm_up);
  const Sample begin = sample(proxy, units);
  loop.run_for(options.window);
  const Sample end = sample(proxy, units);

  Cost cost;
  cost.units = end.units - begin.units;
  cost.elapsed = end.time - begin.time;
  cost.proxy_cpu = end.proxy - begin.proxy;
  cost.own_cpu = end.own - begin.own;
  const Seconds all_cores = cost.elapsed * static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  cost.others_cpu = std::max(Seconds(0), all_cores - (end.idle - begin.idle) - cost.proxy_cpu - cost.own_cpu);
  if (cost.units == 0) { throw std::runtime_error("nothing was moved while it was measured"); }
  return cost;
}

std::string to_json(const Cost& cost) {
  return fmt::format(
      R"({{"units": {}, "seconds": {:.6f}, "proxy_cpu_s": {:.6f}, "own_cpu_s": {:.6f}, "others_cpu_s": {:.6f}}})",
      cost.units, cost.elapsed.count(), cost.proxy_cpu.count(), cost.own_cpu.count(), cost.others_cpu.count());
}

}  // namespace bascule::bench
