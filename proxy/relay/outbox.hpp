// Bytes that one side has not taken yet. It exists only while there are some.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/budget.hpp"
#include "proxy/base/bytes.hpp"
#include "proxy/base/stream.hpp"

namespace bascule::relay {

// Bounded by its users: a direction that cannot write does not read, so no more than one read's worth comes to lie
// here, and a few control frames.
class Outbox {
 public:
  Outbox() = default;
  ~Outbox() { clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  bool empty() const { return held_ == nullptr; }
  std::size_t size() const { return held_ ? held_->bytes.size() - held_->sent : 0; }

  // `budget` outlives this; the same one each time.
  void append(Budget& budget, Bytes bytes);
  void append(Budget& budget, Pipe& pipe);  // all that it holds
  void clear();

  // Writes what waits. `bytes`: something was taken (see empty() for whether all was); `wants_writable` or `reset` as
  // the stream said. REQUIRES: !empty().
  enum class Then : std::uint8_t { more, end };
  // With Then::end the end of our direction goes with the last of it.
  IoResult flush(Stream& stream, Then then = Then::more);

 private:
  struct Held {
    Budget& budget;
    std::vector<std::uint8_t> bytes{};
    std::size_t sent = 0;
  };

  std::unique_ptr<Held> held_;  // null: nothing, as in most sessions at most times
};

}  // namespace bascule::relay
