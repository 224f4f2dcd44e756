#include "proxy/auth/used_tickets.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace bascule::auth {

using namespace std::chrono_literals;

// A ticket is remembered a little longer than it is good: clocks are set back now and then.
static constexpr auto remembered_beyond = 60s;

struct UsedTickets::Shard {
  using EndsAt = std::pair<WallTime, const std::string*>;  // the digest is the map's

  std::mutex mutex;
  std::map<std::string, WallTime> used;  // held ones, too: until when each is remembered
  std::set<EndsAt> by_end;

  // Gives how many were forgotten.
  std::size_t forget_over(WallTime now) {
    std::size_t count = 0;
    for (; !by_end.empty() && by_end.begin()->first <= now; ++count) {
      const auto entry = used.find(*by_end.begin()->second);
      by_end.erase(by_end.begin());
      used.erase(entry);
    }
    return count;
  }
};

// --- TicketHold ------------------------------------------------------------------------------------------------------

TicketHold& TicketHold::operator=(TicketHold&& other) noexcept {
  if (this == &other) { return *this; }
  give_back();
  used_ = std::exchange(other.used_, nullptr);
  digest_ = std::move(other.digest_);
  return *this;
}

void TicketHold::commit() {
  used_ = nullptr;
}

void TicketHold::give_back() {
  if (UsedTickets* const used = std::exchange(used_, nullptr)) { used->forget(digest_); }
}

// --- UsedTickets -----------------------------------------------------------------------------------------------------

UsedTickets::UsedTickets(std::size_t entries_max) : entries_max_(entries_max) {
  for (auto& shard : shards_) { shard = std::make_unique<Shard>(); }
}

UsedTickets::~UsedTickets() = default;

UsedTickets::Shard& UsedTickets::shard_of(std::string_view digest) {
  return *shards_[std::hash<std::string_view>{}(digest) % shard_count];
}

net::Async<UsedTickets::Taken> UsedTickets::take(std::string digest, WallTime until, WallTime now) {
  Taken taken;
  taken.said = remember(digest, until, now);
  if (taken.said == Said::full) {
    forget_over(now);
    taken.said = remember(digest, until, now);
  }
  if (taken.said == Said::taken) { taken.hold = TicketHold(*this, std::move(digest)); }
  co_return taken;
}

UsedTickets::Said UsedTickets::remember(const std::string& digest, WallTime until, WallTime now) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  size_ -= shard.forget_over(now);
  if (shard.used.contains(digest)) { return Said::used_before; }
  // Counted first, so that two shards do not both find the last place free.
  if (++size_ > entries_max_) {
    --size_;
    return Said::full;
  }
  const WallTime end = until + remembered_beyond;
  const auto entry = shard.used.emplace(digest, end).first;
  shard.by_end.emplace(end, &entry->first);
  return Said::taken;
}

void UsedTickets::forget_over(WallTime now) {
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    size_ -= shard->forget_over(now);
  }
}

void UsedTickets::forget(const std::string& digest) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const auto entry = shard.used.find(digest);
  if (entry == shard.used.end()) { return; }  // over long since
  shard.by_end.erase({entry->second, &entry->first});
  shard.used.erase(entry);
  --size_;
}

}  // namespace bascule::auth
