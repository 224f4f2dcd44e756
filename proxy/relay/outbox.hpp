// Bytes that one side has not taken yet. It exists only while there are some.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/bytes.hpp"
#include "proxy/base/stream.hpp"
#include "proxy/relay/workbench.hpp"

namespace bascule::relay {

// Bounded by its users: a direction that cannot write does not read, so no more than one read's worth comes to lie
// here, and a few control frames.
class Outbox {
 public:
  explicit Outbox(Workbench& bench) : bench_(bench) {}
  ~Outbox() { clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size() - sent_; }

  void append(Bytes bytes);
  void append(Pipe& pipe);  // all that it holds
  void clear();

  // Writes what waits. `bytes`: something was taken (see empty() for whether all was); `wants_writable` or `reset` as
  // the stream said. REQUIRES: !empty().
  enum class Then : std::uint8_t { more, end };
  // With Then::end the end of our direction goes with the last of it.
  IoResult flush(Stream& stream, Then then = Then::more);

 private:
  Workbench& bench_;
  std::vector<std::uint8_t> bytes_;
  std::size_t sent_ = 0;
};

}  // namespace bascule::relay
