// TLS handshakes from one address, as many as its core has time for: whoever is refused comes again at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>

#include "test/bench/options.hpp"

namespace bascule::bench {

struct FloodedHandshakes {
  std::chrono::duration<double> elapsed{};
  std::uint64_t answered = 0;   // so often the proxy has done its part of a full handshake
  std::uint64_t refused = 0;    // hung up on before that, or told no by an alert
  std::uint64_t under_way = 0;  // when it was over
};

// In a thread of its own that gives way to everybody else on its core, as Flood.
class HandshakeFlood {
 public:
  explicit HandshakeFlood(const Options& options);
  ~HandshakeFlood();
  HandshakeFlood(const HandshakeFlood&) = delete;
  HandshakeFlood& operator=(const HandshakeFlood&) = delete;

  FloodedHandshakes end();  // throws what went wrong in there

 private:
  std::atomic<bool> over_ = false;
  std::future<FloodedHandshakes> thread_;
};

}  // namespace bascule::bench
