#include "proxy/app/limits.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace bascule::app {

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) { return 1024; }
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) { limit = raised; }
  }
  constexpr rlim_t sane_max = rlim_t{16} * 1024 * 1024;  // RLIM_INFINITY would overflow what is derived from it
  return static_cast<std::size_t>(std::min(limit.rlim_cur, sane_max));
}

std::size_t sessions_for(std::size_t descriptors) {
  const std::size_t reserve = std::clamp<std::size_t>(descriptors / 20, 16, 1000);
  return descriptors > reserve + 2 ? (descriptors - reserve) / 2 : 1;
}

std::size_t waiting_each_for(std::size_t descriptors) {
  return std::max<std::size_t>(descriptors / 4, 8);
}

unsigned usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) == 0) {
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace bascule::app
