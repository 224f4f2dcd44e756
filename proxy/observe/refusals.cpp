#include "proxy/observe/refusals.hpp"

#include <algorithm>

namespace bascule::observe {

void Refusals::add(const SessionRecord& record) {
  const std::lock_guard lock(mutex_);
  if (kept_.size() >= kept_max) { kept_.pop_front(); }
  kept_.push_back(record);
}

std::optional<SessionRecord> Refusals::find(std::string_view reference) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(kept_.rbegin(), kept_.rend(),
                                  [&](const SessionRecord& record) { return record.reference == reference; });
  if (found == kept_.rend()) { return std::nullopt; }
  return *found;
}

}  // namespace bascule::observe
