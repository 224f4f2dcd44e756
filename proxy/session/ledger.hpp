// What must hold for the whole process, whichever worker a session lives on: how many sessions there are, how fast new
// ones come, and how many connections of one address are not let in yet. It outlives every change of the rules.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

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
  Seat(Seat&&) noexcept = default;
  Seat& operator=(Seat&& other) noexcept;
  ~Seat() { give_back(); }

  // The session never began, and that was our fault: gives the place back, and its turn among the new sessions.
  void not_his_fault();

 private:
  friend class Ledger;
  struct Book;
  struct Shard;
  using Counts = std::map<std::string, std::size_t>;

  void give_back();

  std::shared_ptr<Book> book_;  // of the route; null without a place. Guarded by the shard's mutex, as the counts are
  Counts::value_type* of_address_ = nullptr;  // null where nothing is limited by it
  Counts::value_type* of_user_ = nullptr;
};

// A connection's place at the door: from its first moment until it is let in, or over.
class Waiting {
 public:
  Waiting() = default;  // of one who is not counted
  Waiting(Waiting&& other) noexcept : ledger_(std::exchange(other.ledger_, nullptr)), of_address_(other.of_address_) {}
  Waiting& operator=(Waiting&&) = delete;
  ~Waiting();

 private:
  friend class Ledger;
  using Counts = std::map<std::string, std::size_t>;
  Waiting(Ledger& ledger, Counts::iterator of_address) : ledger_(&ledger), of_address_(of_address) {}

  Ledger* ledger_ = nullptr;
  Counts::iterator of_address_{};  // guarded by the ledger's door_mutex_, as the counts are
};

// Every member may be called from any thread. Outlives all seats, and all who wait.
class Ledger {
 public:
  // `waiting_each_max`: how many connections of one address may wait at the door.
  explicit Ledger(std::size_t sessions_max, std::size_t waiting_each_max = std::numeric_limits<std::size_t>::max());
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

  // A place at the door; nothing for an address that has as many as one may have. Peers of Unix sockets have no address
  // and are not counted.
  std::optional<Waiting> wait_at_the_door(const Address& client);
  // Whether a crowd at the door is to be told of now: once in a while is enough.
  bool tells_of_crowd(TimePoint now);

  std::size_t sessions() const { return sessions_.load(std::memory_order_relaxed); }

  // Forgets the routes that are no more, once their last session is over.
  void keep_only(const std::set<std::string>& routes);

  // Names an exchange, for as long as the process lives.
  std::uint64_t next_id() { return last_id_.fetch_add(1, std::memory_order_relaxed) + 1; }

 private:
  friend class Seat;
  friend class Waiting;

  Seat::Shard& shard_of(const std::string& route);

  const std::size_t sessions_max_;
  std::atomic<std::size_t> sessions_ = 0;
  std::atomic<std::uint64_t> last_id_ = 0;
  // A route's counts are all in one shard, so that one lock is enough for a session, and routes seldom meet.
  static constexpr std::size_t shard_count = 16;
  std::array<std::unique_ptr<Seat::Shard>, shard_count> shards_;

  const std::size_t waiting_each_max_;
  std::mutex door_mutex_;
  Waiting::Counts waiting_;
  TimePoint tell_of_crowd_at_ = TimePoint::min();
};

// What a visitor without a name is counted by: his address, or the /64 of an IPv6 one, for that is what one customer
// gets (RFC 6177).
std::string counted_as(const Address& client);

}  // namespace bascule::session
