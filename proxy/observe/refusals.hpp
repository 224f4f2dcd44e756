// Refusals of late, by the reference that the visitor was told: so that an operator can be shown why.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/observe/record.hpp"

namespace bascule::observe {

// Every member may be called from any thread.
class Refusals {
 public:
  static constexpr std::size_t kept_max = 1000;

  void add(const SessionRecord& record);
  std::optional<SessionRecord> find(std::string_view reference) const;

 private:
  mutable std::mutex mutex_;
  std::deque<SessionRecord> kept_;  // the newest last
};

}  // namespace bascule::observe
