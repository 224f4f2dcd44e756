// Whoever guesses is slowed down, and then told to go away for a while: by his address, and by the name he guesses at.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/time.hpp"

namespace bascule::auth {

// Any thread. Bounded: at most `entries_max` names of each kind are remembered; beyond that whoever has failed least
// lately is forgotten first.
//
// The first few failures cost nothing (people mistype). Then each answer is held back, twice as long each time; then
// there is no answer but 429 for a time that doubles up to a quarter of an hour for an address. One failure is
// forgotten every five minutes. A success forgets the failures of its name, but none of its address: else whoever has
// one password could guess at others for ever.
//
// A name is never locked for longer than half a minute, and not at all for an address from which it came in lately:
// else anybody could lock out anybody.
class Guesses {
 public:
  static constexpr std::size_t entries_max = 65'536;

  explicit Guesses(std::size_t entries = entries_max);
  ~Guesses();
  Guesses(const Guesses&) = delete;
  Guesses& operator=(const Guesses&) = delete;

  struct Advice {
    std::chrono::milliseconds wait{0};  // before the credential is looked at
    std::chrono::seconds go_away{0};    // above 0: it is not looked at; when it makes sense to come again
  };
  // `address`: as visitors are counted; `name`: of a proof and its user; empty: none. Who has waited asks again: many
  // may have waited side by side, and the first of them to fail locks the others out.
  Advice before(std::string_view address, std::string_view name, TimePoint now) const;
  void failed(std::string_view address, std::string_view name, TimePoint now);
  void succeeded(std::string_view address, std::string_view name, TimePoint now);

 private:
  class Book;
  class Homes;
  static constexpr std::size_t shard_count = 16;
  using Books = std::array<std::unique_ptr<Book>, shard_count>;
  Book& book_of(const Books& books, std::string_view key) const;

  // By chance for each process: whoever could tell which names share a book could push others out of it.
  std::string salt_;
  Books addresses_;
  Books names_;
  std::unique_ptr<Homes> homes_;
};

}  // namespace bascule::auth
