// What must hold for the whole process, whichever worker a session lives on: how many sessions there are, and how fast
// new ones come. It outlives every change of the rules.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "proxy/base/address.hpp"
#include "proxy/base/time.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::session {

class Ledger;

// A session's place: reserved at judgement, given back when this is destroyed, after the session or with any answer but
// the 101.
class Seat {
 public:
  Seat() = default;
  Seat(Seat&& other) noexcept { *this = std::move(other); }
  Seat& operator=(Seat&& other) noexcept;
  ~Seat() { give_back(); }

  // The session never began, and that was our fault: its turn among the new sessions is given back as well.
  void not_his_fault();

 private:
  friend class Ledger;
  struct Book;
  struct Shard;
  using Counts = std::map<std::string, std::size_t>;

  void give_back();

  Ledger* ledger_ = nullptr;
  Shard* shard_ = nullptr;
  std::shared_ptr<Book> book_;  // of the route; guarded by the shard's mutex, as the counts are
  std::optional<Counts::iterator> of_address_;
  std::optional<Counts::iterator> of_user_;
  std::chrono::nanoseconds price_{0};  // of his turn among the new sessions
};

// Every member may be called from any thread. Outlives all seats.
class Ledger {
 public:
  explicit Ledger(std::size_t sessions_max);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  enum class Full : std::uint8_t { process, route, route_rate, address, user };

  // A seat, or which limit stands in the way.
  struct Taken {
    std::optional<Seat> seat;
    Full full = Full::process;
    std::chrono::seconds retry_after{5};  // when it makes sense to come again
  };
  // `user`: empty for a visitor without a name, who counts by his address. What is not limited is not counted by
  // address or user, so a limit that is new counts from then on.
  Taken take(const std::string& route, const policy::Limits& limits, const Address& client, const std::string& user,
             TimePoint now);

  std::size_t sessions() const { return sessions_.load(std::memory_order_relaxed); }

  // Forgets the routes that are no more, once their last session is over.
  void keep_only(const std::set<std::string>& routes);

  // Names an exchange, for as long as the process lives.
  std::uint64_t next_id() { return last_id_.fetch_add(1, std::memory_order_relaxed) + 1; }

 private:
  friend class Seat;

  Seat::Shard& shard_of(const std::string& route);

  const std::size_t sessions_max_;
  std::atomic<std::size_t> sessions_ = 0;
  std::atomic<std::uint64_t> last_id_ = 0;
  // A route's counts are all in one shard, so that one lock is enough for a session, and routes seldom meet.
  static constexpr std::size_t shard_count = 16;
  std::array<std::unique_ptr<Seat::Shard>, shard_count> shards_;
};

// What a visitor without a name is counted by: his address, or the /64 of an IPv6 one, for that is what one customer
// gets (RFC 6177).
std::string counted_as(const Address& client);

}  // namespace bascule::session
