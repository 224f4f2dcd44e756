// A relay carries one session once it has been admitted: between a client and a service (Splice), or back to the client
// (Echo). It is plain steps: readiness, timers and commands all lead to turn(), which does a bounded amount of work,
// never waits, and says what comes next.
#pragma once

#include <cstdint>

#include "proxy/base/time.hpp"
#include "proxy/relay/ending.hpp"

namespace bascule::relay {

// What a turn leaves behind. The caller turns again when a stream becomes ready, at `wake_at`, at once with `again`,
// and never after `done`: then it destroys the relay and its streams.
struct Turn {
  bool done = false;
  bool again = false;         // the share of work for one turn is used up, there is more
  TimePoint wake_at = never;  // the earliest moment at which time alone changes something
};

// Payload only: no frame headers, no control frames.
struct Counters {
  std::uint64_t from_client_bytes = 0;
  std::uint64_t to_client_bytes = 0;
  std::uint64_t from_client_messages = 0;
  std::uint64_t to_client_messages = 0;
};

class Relay {
 public:
  virtual ~Relay() = default;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  virtual Turn turn(TimePoint now) = 0;

  // Ends the session properly, with a Close to the client: `draining`, `credential_expired`, `withdrawn`, `revoked`,
  // `moved` or `stopped` (at once). Turn afterwards.
  virtual void end(Cause why, TimePoint now) = 0;

  // We ourselves have stood still. Nobody is silent, idle or stalled because of that: these clocks start anew. What is
  // to end at a certain moment still does.
  virtual void excuse(TimePoint now) = 0;

  virtual const Ending& ending() const = 0;
  virtual const Counters& counters() const = 0;

 protected:
  Relay() = default;

  // Reads of each direction in one turn: a busy session must not keep the others of its worker waiting.
  static constexpr int rounds_a_turn = 4;
};

}  // namespace bascule::relay
