// Tickets that are good once, and have been used. One place for the process, and the seam for a store that several
// processes share: whoever takes a ticket awaits the answer.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/time.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::auth {

class UsedTickets;

// A ticket that is taken: used for good with commit(), free again when this is destroyed without it (for an answer that
// was no session is no use of a ticket).
class TicketHold {
 public:
  TicketHold() = default;
  TicketHold(TicketHold&& other) noexcept { *this = std::move(other); }
  TicketHold& operator=(TicketHold&& other) noexcept;
  ~TicketHold() { give_back(); }

  void commit();

 private:
  friend class UsedTickets;
  TicketHold(UsedTickets& used, std::string digest) : used_(&used), digest_(std::move(digest)) {}
  void give_back();
  UsedTickets* used_ = nullptr;
  std::string digest_;
};

// Any thread; outlives all holds. Bounded by `entries_max`: a process that has so many valid tickets in use takes no
// more, for forgetting one would let it in twice. What is over is forgotten.
class UsedTickets {
 public:
  explicit UsedTickets(std::size_t entries_max = 250'000);
  ~UsedTickets();
  UsedTickets(const UsedTickets&) = delete;
  UsedTickets& operator=(const UsedTickets&) = delete;

  enum class Said : std::uint8_t { taken, used_before, full };
  struct Taken {
    Said said = Said::full;
    TicketHold hold{};  // of one that is taken
  };
  // Of all who ask with one digest at once exactly one is told `taken`. `until`: when the ticket is over.
  net::Async<Taken> take(std::string digest, WallTime until, WallTime now);

  std::size_t size() const { return size_; }

 private:
  friend class TicketHold;
  struct Shard;
  static constexpr std::size_t shard_count = 16;

  Shard& shard_of(std::string_view digest);
  Said remember(const std::string& digest, WallTime until, WallTime now);
  void forget_over(WallTime now);
  void forget(const std::string& digest);

  const std::size_t entries_max_;
  std::atomic<std::size_t> size_ = 0;
  std::array<std::unique_ptr<Shard>, shard_count> shards_;
};

}  // namespace bascule::auth
