#include "proxy/auth/remembered.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "proxy/proof/secret.hpp"

namespace bascule::auth {

namespace {

constexpr std::size_t key_bytes = 32;

// So that ("a", "bc") is not ("ab", "c").
void append_with_length(std::string& text, std::string_view part) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    text.push_back(static_cast<char>(static_cast<std::uint64_t>(part.size()) >> shift & 0xffU));
  }
  text.append(part);
}

}  // namespace

class Remembered::Shard {
 public:
  explicit Shard(std::size_t entries_max) : entries_max_(entries_max) {}

  std::optional<proof::Identity> find(const std::string& digest, TimePoint now) const {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(digest);
    if (entry == entries_.end() || entry->second.until <= now) { return std::nullopt; }
    return entry->second.identity;
  }

  void put(const std::string& digest, proof::Identity identity, TimePoint until) {
    const std::lock_guard lock(mutex_);
    forget_locked(entries_.find(digest));
    if (entries_.size() >= entries_max_) { forget_locked(entries_.find(*by_end_.begin()->second)); }
    const auto entry = entries_.emplace(digest, Entry{std::move(identity), until}).first;
    by_end_.emplace(until, &entry->first);
  }

  void forget(const std::string& digest) {
    const std::lock_guard lock(mutex_);
    forget_locked(entries_.find(digest));
  }

 private:
  struct Entry {
    proof::Identity identity;
    TimePoint until;
  };
  using Entries = std::map<std::string, Entry>;

  void forget_locked(Entries::iterator entry) {
    if (entry == entries_.end()) { return; }
    by_end_.erase({entry->second.until, &entry->first});
    entries_.erase(entry);
  }

  const std::size_t entries_max_;
  mutable std::mutex mutex_;
  Entries entries_;
  std::set<std::pair<TimePoint, const std::string*>> by_end_;  // the digest is the map's
};

Remembered::Remembered(std::size_t entries_max) : key_(proof::random_bytes(key_bytes)) {
  for (auto& shard : shards_) { shard = std::make_unique<Shard>(std::max<std::size_t>(entries_max / shard_count, 1)); }
}

Remembered::~Remembered() = default;

Remembered::Shard& Remembered::shard_of(const std::string& digest) const {
  return *shards_[std::hash<std::string>{}(digest) % shard_count];
}

std::string Remembered::digest(std::span<const std::string_view> parts) const {
  std::string text;
  for (const std::string_view part : parts) { append_with_length(text, part); }
  return proof::hmac_sha256(key_, text);
}

std::optional<proof::Identity> Remembered::find(const std::string& digest, TimePoint now) const {
  return shard_of(digest).find(digest, now);
}

void Remembered::put(const std::string& digest, proof::Identity identity, TimePoint until) {
  shard_of(digest).put(digest, std::move(identity), until);
}

void Remembered::forget(const std::string& digest) {
  shard_of(digest).forget(digest);
}

}  // namespace bascule::auth
