#include "proxy/auth/guesses.hpp"

#include <algorithm>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "proxy/proof/secret.hpp"

namespace bascule::auth {

using namespace std::chrono_literals;

namespace {

// People mistype, and try the password of another account.
constexpr unsigned free_failures = 3;

// Held back by 100 ms, 200 ms ... 3.2 s: nobody who has a hand on a keyboard minds, a program does.
constexpr std::chrono::milliseconds first_wait = 100ms;
constexpr unsigned waits = 6;

// Then locked for 1 s, 2 s, 4 s ... A quarter of an hour makes some hundred guesses a day of one address. At a name
// thousands of addresses may guess, but whoever it belongs to must get in: half a minute at most.
constexpr std::chrono::seconds first_lock = 1s;
constexpr std::chrono::seconds address_lock_max = 15min;
constexpr std::chrono::seconds name_lock_max = 30s;

constexpr auto forgotten_after = 15min;

// Who writes longer ones pays for their digest, not for our memory.
constexpr std::size_t key_bytes_max = 64;

std::string key_of(std::string_view text) {
  return text.size() <= key_bytes_max ? std::string(text) : proof::sha256(text);
}

std::chrono::seconds lock_after(unsigned failures, std::chrono::seconds most) {
  constexpr unsigned doublings_max = 20;
  return std::min(first_lock * (1U << std::min(failures, doublings_max)), most);
}

Guesses::Advice either(const Guesses::Advice& a, const Guesses::Advice& b) {
  return {.wait = std::max(a.wait, b.wait), .go_away = std::max(a.go_away, b.go_away)};
}

}  // namespace

// The failures of one kind of name, in the order in which they came.
class Guesses::Book {
 public:
  Book(std::size_t entries, std::chrono::seconds lock_max) : entries_max_(entries), lock_max_(lock_max) {}

  Advice advice(const std::string& key, TimePoint now) const {
    const std::lock_guard lock(mutex_);
    const auto known = by_key_.find(key);
    if (known == by_key_.end() || is_over(*known->second, now)) { return {}; }
    const Entry& entry = *known->second;
    if (entry.failures < free_failures) { return {}; }
    const unsigned beyond = entry.failures - free_failures;
    if (beyond < waits) { return {.wait = first_wait * (1U << beyond), .go_away = {}}; }
    const TimePoint until = entry.last + lock_after(beyond - waits, lock_max_);
    if (until <= now) { return {.wait = first_wait * (1U << (waits - 1)), .go_away = {}}; }
    return {.wait = {}, .go_away = std::chrono::ceil<std::chrono::seconds>(until - now)};
  }

  void failed(const std::string& key, TimePoint now) {
    const std::lock_guard lock(mutex_);
    while (!entries_.empty() && is_over(entries_.front(), now)) { forget(entries_.begin()); }
    const auto known = by_key_.find(key);
    if (known != by_key_.end()) {
      const auto entry = known->second;
      ++entry->failures;
      entry->last = now;
      entries_.splice(entries_.end(), entries_, entry);
      return;
    }
    if (entries_.size() >= entries_max_) { forget(entries_.begin()); }
    entries_.push_back({.key = key, .failures = 1, .last = now});
    by_key_[key] = std::prev(entries_.end());
  }

  void succeeded(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto known = by_key_.find(key);
    if (known != by_key_.end()) { forget(known->second); }
  }

 private:
  struct Entry {
    std::string key;
    unsigned failures = 0;
    TimePoint last;
  };
  using Entries = std::list<Entry>;

  static bool is_over(const Entry& entry, TimePoint now) { return entry.last + forgotten_after <= now; }

  void forget(Entries::iterator entry) {
    by_key_.erase(entry->key);
    entries_.erase(entry);
  }

  const std::size_t entries_max_;
  const std::chrono::seconds lock_max_;
  mutable std::mutex mutex_;
  Entries entries_;  // who failed last stands last
  // Ordered, not hashed: names are made up by strangers, who could make them collide.
  std::map<std::string, Entries::iterator, std::less<>> by_key_;
};

Guesses::Guesses(std::size_t entries) {
  const std::size_t each = std::max<std::size_t>(entries / shard_count, 1);
  for (auto& book : addresses_) { book = std::make_unique<Book>(each, address_lock_max); }
  for (auto& book : names_) { book = std::make_unique<Book>(each, name_lock_max); }
}

Guesses::~Guesses() = default;

Guesses::Book& Guesses::book_of(const Books& books, std::string_view key) {
  return *books[std::hash<std::string_view>{}(key) % shard_count];
}

Guesses::Advice Guesses::before(std::string_view address, std::string_view name, TimePoint now) const {
  Advice advice;
  if (!address.empty()) { advice = book_of(addresses_, address).advice(key_of(address), now); }
  if (!name.empty()) { advice = either(advice, book_of(names_, name).advice(key_of(name), now)); }
  return advice;
}

void Guesses::failed(std::string_view address, std::string_view name, TimePoint now) {
  if (!address.empty()) { book_of(addresses_, address).failed(key_of(address), now); }
  if (!name.empty()) { book_of(names_, name).failed(key_of(name), now); }
}

void Guesses::succeeded(std::string_view address, std::string_view name) {
  if (!address.empty()) { book_of(addresses_, address).succeeded(key_of(address)); }
  if (!name.empty()) { book_of(names_, name).succeeded(key_of(name)); }
}

}  // namespace bascule::auth
