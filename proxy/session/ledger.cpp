#include "proxy/session/ledger.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace bascule::session {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::nanoseconds;

struct Seat::Shard {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Book>> books;
};

// The sessions of one route.
struct Seat::Book {
  Book(Ledger& the_ledger, Shard& the_shard) : ledger(the_ledger), shard(the_shard) {}

  Ledger& ledger;
  Shard& shard;
  std::size_t sessions = 0;
  Counts by_address;
  Counts by_user;
  // New sessions (GCRA, the leaky bucket as a clock): the moment at which the bucket would be empty again. A session
  // that comes takes `per / count`, and may come while the bucket holds less than `per`.
  TimePoint paid_until = TimePoint::min();
  std::optional<policy::Rate> rate;  // that this was paid by; another one begins anew
};

namespace {

nanoseconds price_of_one(const policy::Rate& rate) {
  return nanoseconds(rate.per) / static_cast<nanoseconds::rep>(rate.count);
}

}  // namespace

Seat& Seat::operator=(Seat&& other) noexcept {
  if (this != &other) {
    give_back();
    book_ = std::move(other.book_);
    of_address_ = other.of_address_;
    of_user_ = other.of_user_;
  }
  return *this;
}

void Seat::give_back() {
  if (!book_) { return; }
  const auto uncount = [](Counts& counts, Counts::value_type* entry) {
    if (entry != nullptr && --entry->second == 0) { counts.erase(counts.find(entry->first)); }
  };
  {
    const std::lock_guard lock(book_->shard.mutex);
    --book_->sessions;
    uncount(book_->by_address, of_address_);
    uncount(book_->by_user, of_user_);
    --book_->ledger.sessions_;
  }
  book_.reset();
}

void Seat::not_his_fault() {
  if (!book_) { return; }
  {
    const std::lock_guard lock(book_->shard.mutex);
    const bool paid = book_->rate && book_->paid_until != TimePoint::min();  // by this rate, not by an earlier one
    if (paid) { book_->paid_until -= price_of_one(*book_->rate); }
  }
  give_back();
}

Waiting::~Waiting() {
  if (ledger_ == nullptr) { return; }
  const std::lock_guard lock(ledger_->door_mutex_);
  if (--of_address_->second == 0) { ledger_->waiting_.erase(of_address_); }
}

Ledger::Ledger(std::size_t sessions_max, std::size_t waiting_each_max)
    : sessions_max_(sessions_max), waiting_each_max_(waiting_each_max) {
  for (auto& shard : shards_) { shard = std::make_unique<Seat::Shard>(); }
}

Ledger::~Ledger() = default;

Seat::Shard& Ledger::shard_of(const std::string& route) {
  return *shards_.at(std::hash<std::string>()(route) % shard_count);
}

Ledger::Taken Ledger::take(const std::string& route, const policy::Limits& limits, const Address& client,
                           const std::string& user, TimePoint now) {
  if (sessions_.fetch_add(1) >= sessions_max_) {
    --sessions_;
    return {.seat = std::nullopt, .full = Full::process};
  }
  const auto no = [this](Full full, std::chrono::seconds retry_after = 5s) {
    --sessions_;
    return Taken{.seat = std::nullopt, .full = full, .retry_after = retry_after};
  };
  const std::string address_key = counted_as(client);
  const std::string& user_key = user.empty() ? address_key : user;

  Seat::Shard& shard = shard_of(route);
  const std::lock_guard lock(shard.mutex);
  auto& book = shard.books[route];
  if (!book) { book = std::make_shared<Seat::Book>(*this, shard); }
  const auto full = [](const Seat::Counts& counts, const std::string& key, const std::optional<std::size_t>& max) {
    if (!max) { return false; }
    const auto found = counts.find(key);
    return found != counts.end() && found->second >= *max;
  };
  if (full(book->by_address, address_key, limits.sessions_per_address)) { return no(Full::address); }
  if (full(book->by_user, user_key, limits.sessions_per_user)) { return no(Full::user); }
  if (limits.sessions && book->sessions >= *limits.sessions) { return no(Full::route); }
  if (book->rate != limits.new_sessions) {
    book->rate = limits.new_sessions;
    book->paid_until = TimePoint::min();
  }
  if (const auto& rate = limits.new_sessions) {
    const nanoseconds per = rate->per;
    const TimePoint from = std::max(book->paid_until, now);
    const nanoseconds price = price_of_one(*rate);
    const nanoseconds held = from + price - now;
    if (held > per) { return no(Full::route_rate, duration_cast<std::chrono::seconds>(held - per) + 1s); }
    book->paid_until = from + price;
  }

  Taken taken{.seat = Seat()};
  Seat& seat = *taken.seat;
  seat.book_ = book;
  ++book->sessions;
  const auto counted = [](Seat::Counts& counts, const std::string& key) {
    Seat::Counts::value_type& entry = *counts.try_emplace(key, 0).first;
    ++entry.second;
    return &entry;
  };
  if (limits.sessions_per_address) { seat.of_address_ = counted(book->by_address, address_key); }
  if (limits.sessions_per_user) { seat.of_user_ = counted(book->by_user, user_key); }
  return taken;
}

std::optional<Waiting> Ledger::wait_at_the_door(const Address& client) {
  if (!client.is_ip()) { return Waiting(); }
  const std::string address_key = counted_as(client);
  const std::lock_guard lock(door_mutex_);
  const auto entry = waiting_.try_emplace(address_key, 0).first;
  if (entry->second >= waiting_each_max_) { return std::nullopt; }
  ++entry->second;
  return Waiting(*this, entry);
}

bool Ledger::tells_of_crowd(TimePoint now) {
  const std::lock_guard lock(door_mutex_);
  if (now < tell_of_crowd_at_) { return false; }
  tell_of_crowd_at_ = now + 5s;
  return true;
}

void Ledger::keep_only(const std::set<std::string>& routes) {
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    std::erase_if(shard->books,
                  [&](const auto& entry) { return entry.second->sessions == 0 && !routes.contains(entry.first); });
  }
}

std::string counted_as(const Address& client) {
  const Address address = client.unmapped();
  if (address.family() != Address::Family::ipv6) { return address.is_ip() ? address.host_text() : address.text(); }
  std::array<std::uint8_t, 16> network{};
  std::copy_n(address.octets().begin(), 8, network.begin());
  return Address::ipv6(network, 0).host_text() + "/64";
}

}  // namespace bascule::session
