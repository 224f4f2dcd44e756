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

// Then locked for 1 s, 2 s, 4 s ... At a name thousands of addresses may guess, but whoever it belongs to must get in:
// half a minute at most.
constexpr std::chrono::seconds first_lock = 1s;
constexpr std::chrono::seconds address_lock_max = 15min;
constexpr std::chrono::seconds name_lock_max = 30s;

// So whoever goes on is heard every nine minutes.
constexpr auto forgets_one_each = 5min;

// How long an address is known as a home of a name.
constexpr auto home_for = std::chrono::hours(24 * 30);

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
    if (known == by_key_.end()) { return {}; }
    const Entry& entry = *known->second;
    const unsigned failures = remembered(entry, now);
    if (failures < free_failures) { return {}; }
    const unsigned beyond = failures - free_failures;
    if (beyond < waits) { return {.wait = first_wait * (1U << beyond), .go_away = {}}; }
    const TimePoint until = entry.last + lock_after(beyond - waits, lock_max_);
    if (until <= now) { return {.wait = first_wait * (1U << (waits - 1)), .go_away = {}}; }
    return {.wait = {}, .go_away = std::chrono::ceil<std::chrono::seconds>(until - now)};
  }

  void failed(const std::string& key, TimePoint now) {
    const std::lock_guard lock(mutex_);
    while (!entries_.empty() && remembered(entries_.front(), now) == 0) { forget(entries_.begin()); }
    const auto known = by_key_.find(key);
    if (known != by_key_.end()) {
      const auto entry = known->second;
      entry->failures = std::min(remembered(*entry, now), failures_max) + 1;
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

  // Enough for the longest lock: whoever goes on for a day is not held for days.
  static constexpr unsigned failures_max = free_failures + waits + 10;

  static unsigned remembered(const Entry& entry, TimePoint now) {
    const auto forgotten = static_cast<unsigned>(std::max<Duration>(now - entry.last, 0s) / forgets_one_each);
    return entry.failures - std::min(entry.failures, forgotten);
  }

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

// Where names are at home: addresses from which they came in lately. Bounded; who came in least lately goes first.
class Guesses::Homes {
 public:
  explicit Homes(std::size_t entries) : entries_max_(entries) {}

  bool knows(const std::string& home, TimePoint now) const {
    const std::lock_guard lock(mutex_);
    const auto known = by_home_.find(home);
    return known != by_home_.end() && now < known->second->until;
  }

  void add(const std::string& home, TimePoint now) {
    const std::lock_guard lock(mutex_);
    const auto known = by_home_.find(home);
    if (known != by_home_.end()) {
      known->second->until = now + home_for;
      entries_.splice(entries_.end(), entries_, known->second);
      return;
    }
    if (entries_.size() >= entries_max_) {
      by_home_.erase(entries_.front().home);
      entries_.pop_front();
    }
    entries_.push_back({.home = home, .until = now + home_for});
    by_home_[home] = std::prev(entries_.end());
  }

 private:
  struct Entry {
    std::string home;
    TimePoint until;
  };
  const std::size_t entries_max_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // who came in last stands last
  std::map<std::string, std::list<Entry>::iterator, std::less<>> by_home_;
};

namespace {

std::string home_of(std::string_view address, std::string_view name) {
  std::string home(address);
  home += '\n';
  home += name;
  return key_of(home);
}

}  // namespace

Guesses::Guesses(std::size_t entries)
    : salt_(proof::random_bytes(16)), homes_(std::make_unique<Homes>(std::max<std::size_t>(entries, 1))) {
  const std::size_t each = std::max<std::size_t>(entries / shard_count, 1);
  for (auto& book : addresses_) { book = std::make_unique<Book>(each, address_lock_max); }
  for (auto& book : names_) { book = std::make_unique<Book>(each, name_lock_max); }
}

Guesses::~Guesses() = default;

Guesses::Book& Guesses::book_of(const Books& books, std::string_view key) const {
  std::string salted = salt_;
  salted += key;
  return *books[std::hash<std::string>{}(salted) % shard_count];
}

Guesses::Advice Guesses::before(std::string_view address, std::string_view name, TimePoint now) const {
  Advice advice;
  if (!address.empty()) { advice = book_of(addresses_, address).advice(key_of(address), now); }
  if (name.empty() || homes_->knows(home_of(address, name), now)) { return advice; }
  return either(advice, book_of(names_, name).advice(key_of(name), now));
}

void Guesses::failed(std::string_view address, std::string_view name, TimePoint now) {
  if (!address.empty()) { book_of(addresses_, address).failed(key_of(address), now); }
  if (!name.empty()) { book_of(names_, name).failed(key_of(name), now); }
}

void Guesses::succeeded(std::string_view address, std::string_view name, TimePoint now) {
  if (name.empty()) { return; }
  book_of(names_, name).succeeded(key_of(name));
  if (!address.empty()) { homes_->add(home_of(address, name), now); }
}

}  // namespace bascule::auth
