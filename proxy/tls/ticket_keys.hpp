// The keys that session tickets are sealed with (RFC 8446, section 4.6.1; RFC 5077): whoever has them can read what was
// said in sessions that began by a ticket, so they are ours alone, live in memory, and do not live long.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/tls/bad.hpp"

namespace bascule::tls {

// Wiped when it goes.
struct TicketKey {
  static constexpr std::size_t bytes = 80;  // of a file, as nginx has it: name, then the key of the HMAC, then AES
  std::array<std::uint8_t, 16> name{};
  std::array<std::uint8_t, 32> hmac{};
  std::array<std::uint8_t, 32> aes{};

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();

  // Exactly `bytes` bytes: `openssl rand 80 > ticket.key`.
  static Result<TicketKey, Bad> read(std::string_view file);
  static TicketKey random();
};

// The first seals; all open. May be used from any thread. One for the process: shared by all workers, and kept when the
// rules are read again.
class TicketKeys {
 public:
  // Whoever owns this calls rotate() this often; a ticket is good for at least as long, and at most twice as long.
  static constexpr auto rotate_every = std::chrono::hours(12);

  TicketKeys() = default;                             // with a key of its own, made when the first ticket is sealed
  explicit TicketKeys(std::vector<TicketKey> fixed);  // REQUIRES: at least one. rotate() changes nothing

  void rotate();  // a new first one; the one before still opens, older ones are gone

  TicketKey sealing() const;  // throws where there is no randomness, or no memory
  struct Found {
    TicketKey key;
    bool newest = false;
  };
  std::optional<Found> opening(std::span<const std::uint8_t, 16> name) const;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<TicketKey> keys_;  // newest first; empty: nobody has asked for one
  bool fixed_ = false;
};

}  // namespace bascule::tls
