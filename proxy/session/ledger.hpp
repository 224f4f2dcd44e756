// What must hold for the whole process, whichever worker a session lives on: how many sessions there are.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace bascule::session {

class Ledger;

// A session's place, taken at judgement and given back when this is destroyed: after the session, or with any answer
// but the 101.
class Seat {
 public:
  Seat() = default;
  Seat(Seat&& other) noexcept : ledger_(other.ledger_), route_(std::move(other.route_)) { other.ledger_ = nullptr; }
  Seat& operator=(Seat&& other) noexcept;
  ~Seat() { give_back(); }

 private:
  friend class Ledger;
  Seat(Ledger& ledger, std::shared_ptr<std::size_t> route) : ledger_(&ledger), route_(std::move(route)) {}
  void give_back();

  Ledger* ledger_ = nullptr;
  std::shared_ptr<std::size_t> route_;  // sessions of the route; guarded by the ledger's mutex
};

// Every member may be called from any thread. Outlives all seats.
class Ledger {
 public:
  explicit Ledger(std::size_t sessions_max) : sessions_max_(sessions_max) {}

  enum class Full : std::uint8_t { route, process };

  // A seat, or which limit stands in the way.
  struct Taken {
    std::optional<Seat> seat;
    Full full = Full::process;
  };
  Taken take(const std::string& route, std::optional<std::size_t> route_max);

  std::size_t sessions() const;

  // Names an exchange, for as long as the process lives.
  std::uint64_t next_id() { return last_id_.fetch_add(1, std::memory_order_relaxed) + 1; }

 private:
  friend class Seat;

  const std::size_t sessions_max_;
  mutable std::mutex mutex_;
  std::size_t sessions_ = 0;
  std::atomic<std::uint64_t> last_id_ = 0;
  std::map<std::string, std::shared_ptr<std::size_t>>
      by_route_;  // as many entries as routes have been taken: bounded by the rules
};

}  // namespace bascule::session
