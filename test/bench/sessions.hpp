// Sessions through the proxy, with both ends in our hands.
#pragma once

#include <vector>

#include "test/bench/options.hpp"
#include "test/bench/socket.hpp"

namespace bascule::bench {

struct Session {
  Socket client;   // connected to the proxy, and upgraded if it speaks WebSocket
  Socket service;  // what the proxy dialed for it
};

// Opens one session after the other, so that the two ends of each are known to belong together.
class Sessions {
 public:
  explicit Sessions(const Options& options);

  Session open();
  std::vector<Session> open(std::size_t count);

  [[nodiscard]] Socket& listener() { return listener_; }

 private:
  const Options& options_;
  Socket listener_;
};

}  // namespace bascule::bench
