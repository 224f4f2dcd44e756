// The two limits of a session as a whole: `lifetime`, and `idle` for payload either way.
#pragma once

#include <algorithm>

#include "proxy/base/time.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/relay/ending.hpp"

namespace bascule::relay {

class Lifespan {
 public:
  explicit Lifespan(TimePoint now) : started_at_(now), payload_at_(now) {}

  void payload_moved(TimePoint now) { payload_at_ = now; }

  // We ourselves do not let payload pass for a while, or have stood still: no reason to call a session idle.
  void hold(TimePoint now) { payload_at_ = now; }

  // Notes the limit that has run out, if one has.
  void check(TimePoint now, const policy::Timeouts& timeouts, Ending& ending) const {
    if (now >= after(started_at_, timeouts.lifetime)) {
      ending.note(Cause::expired, "the session's time is over");
    } else if (now >= after(payload_at_, timeouts.idle)) {
      ending.note(Cause::idle, "nothing was sent for too long");
    }
  }

  TimePoint wake_at(const policy::Timeouts& timeouts) const {
    return std::min(after(started_at_, timeouts.lifetime), after(payload_at_, timeouts.idle));
  }

 private:
  TimePoint started_at_;
  TimePoint payload_at_;
};

}  // namespace bascule::relay
