// A stream that can be waited for.
#pragma once

#include "proxy/base/stream.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::net {

class PolledStream : public Stream {
 public:
  // Who is told when something may have become possible; nullptr for nobody.
  virtual void watched_by(Watcher* watcher) = 0;

  // Of the socket that is at the bottom of it.
  virtual int descriptor() const = 0;
};

}  // namespace bascule::net
