// A stream that can be waited for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/stream.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::net {

class PolledStream : public Stream {
 public:
  // Who is told when something may have become possible; nullptr for nobody.
  virtual void watched_by(Watcher* watcher) = 0;

  // Of the socket that is at the bottom of it.
  virtual int descriptor() const = 0;

  void unread(Bytes early) final;

 protected:
  // What was given back: to be read before anything else.
  bool has_early() const { return early_ != nullptr; }
  std::size_t take_early(MutableBytes into);  // how many; REQUIRES: has_early()

 private:
  std::unique_ptr<std::vector<std::uint8_t>> early_;  // null, or not empty: it is there for a moment only
};

}  // namespace bascule::net
