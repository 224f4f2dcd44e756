// A thread that gives way to everybody else on its core: what the clients of a flood cost must not show in the
// latencies that are measured beside it.
#pragma once

#include <sched.h>

#include <atomic>
#include <future>

#include "test/bench/options.hpp"
#include "test/bench/socket.hpp"

namespace bascule::bench {

template <typename Result>
class GivingWay {
 public:
  // Until it is `over`.
  using Work = Result (*)(const Options& options, const std::atomic<bool>& over);

  GivingWay(Work work, const Options& options)
      : thread_(std::async(std::launch::async, [this, work, &options] {
          const sched_param none{};
          if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) { fail("sched_setscheduler"); }
          return work(options, over_);
        })) {}
  ~GivingWay() { over_ = true; }
  GivingWay(const GivingWay&) = delete;
  GivingWay& operator=(const GivingWay&) = delete;

  Result end() {  // throws what went wrong in there
    over_ = true;
    return thread_.get();
  }

 private:
  std::atomic<bool> over_ = false;
  std::future<Result> thread_;
};

}  // namespace bascule::bench
