// What was found out lately, by a keyed digest of the question: so that a page with twenty files asks for one hash, and
// no password is kept.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/time.hpp"
#include "proxy/proof/identity.hpp"

namespace bascule::auth {

// Any thread. At most `entries_max`; the one that ends first goes first. Only what was admitted is remembered.
class Remembered {
 public:
  explicit Remembered(std::size_t entries_max = 4'096);
  ~Remembered();
  Remembered(const Remembered&) = delete;
  Remembered& operator=(const Remembered&) = delete;

  // 32 bytes, keyed by chance for each process. The parts are kept apart: ("a", "bc") is not ("ab", "c").
  std::string digest(std::span<const std::string_view> parts) const;
  std::string digest(std::initializer_list<std::string_view> parts) const {
    return digest(std::span(parts.begin(), parts.size()));
  }

  std::optional<proof::Identity> find(const std::string& digest, TimePoint now) const;
  void put(const std::string& digest, proof::Identity identity, TimePoint until);
  // It is no longer so.
  void forget(const std::string& digest);

 private:
  class Shard;
  static constexpr std::size_t shard_count = 16;
  Shard& shard_of(const std::string& digest) const;

  const std::string key_;
  std::array<std::unique_ptr<Shard>, shard_count> shards_;
};

}  // namespace bascule::auth
