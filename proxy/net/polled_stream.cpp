#include "proxy/net/polled_stream.hpp"

#include <algorithm>

namespace bascule::net {

void PolledStream::unread(Bytes early) {
  if (early.empty()) { return; }
  if (!early_) { early_ = std::make_unique<std::vector<std::uint8_t>>(); }
  early_->insert(early_->begin(), early.begin(), early.end());
}

std::size_t PolledStream::take_early(MutableBytes into) {
  const std::size_t count = std::min(into.size(), early_->size());
  std::copy_n(early_->begin(), count, into.begin());
  early_->erase(early_->begin(), early_->begin() + static_cast<std::ptrdiff_t>(count));
  if (early_->empty()) { early_.reset(); }
  return count;
}

}  // namespace bascule::net
