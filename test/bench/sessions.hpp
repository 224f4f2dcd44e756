// Sessions through the proxy, with both ends in our hands.
#pragma once

#include <optional>
#include <vector>

#include "test/bench/connection.hpp"
#include "test/bench/options.hpp"
#include "test/bench/socket.hpp"
#include "test/bench/tls_client.hpp"

namespace bascule::bench {

struct Session {
  Connection client;  // to the proxy, secured if there is to be TLS, and upgraded if it speaks WebSocket
  Socket service;     // what the proxy dialed for it
};

// Opens one session after the other, so that the two ends of each are known to belong together.
class Sessions {
 public:
  explicit Sessions(const Options& options);

  Session open();
  std::vector<Session> open(std::size_t count);

  [[nodiscard]] Socket& listener() { return listener_; }
  [[nodiscard]] TlsClient* tls() { return tls_ ? &*tls_ : nullptr; }

 private:
  const Options& options_;
  Socket listener_;
  std::optional<TlsClient> tls_;
};

}  // namespace bascule::bench
