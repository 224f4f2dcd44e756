// How a session ended: who, why, and what was said about it. The table is in test/relay/splice_test.cpp row by row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bascule::relay {

enum class Cause : std::uint8_t {
  none,                   // it has not ended
  client_closed,          // the client sent Close
  service_closed,         // the service sent FIN
  client_vanished,        // the client's TCP ended, or was reset, without Close
  client_protocol_error,  // the client broke RFC 6455 or the route's rule for frames
  service_error,          // the service reset the connection, or is silently dead, or sent what the route cannot carry
  client_silent,          // no sign of life within `ping` and `pong`
  client_stalled,         // took no byte for `stall` while some waited for it
  service_stalled,        // the mirror of it
  idle,                   // no payload either way for `idle`
  expired,                // `lifetime` is over
  credential_expired,     // what the client had proven who he is with is over
  withdrawn,              // an authorizer took the right away
  revoked,                // new rules took the right away
  moved,                  // new rules lead this visitor elsewhere
  draining,               // bascule is stopping
  stopped,                // ended by hand, or by the end of the drain
  internal_error,         // a bug of ours, or no memory: it costs this one session
};

std::string_view word_of(Cause cause);  // for logs and metrics: "client_closed"

enum class Who : std::uint8_t { nobody, client, service, bascule };
Who who_of(Cause cause);
std::string_view word_of(Who who);

// The close code that tells the client of an end of our making: 1001, 1008 or 1012. 0 for what the client or the
// service brought about, which each have a row of their own.
std::uint16_t own_close_code(Cause cause);

// What Relay::end() tells people: the reason in the Close, and the record's detail.
const char* reason_of_end(Cause why);

struct Ending {
  Cause cause = Cause::none;
  std::uint16_t close_received = 0;  // the client's close code; 1005 for a Close without one; 0: no Close came
  std::uint16_t close_sent = 0;      // ours, likewise
  int error = 0;                     // errno, where the network said so
  const char* detail = "";           // a constant text for people

  bool decided() const { return cause != Cause::none; }

  // The first reason stays: what follows an end is its consequence.
  void note(Cause why, const char* text, int errno_value = 0) {
    if (decided()) { return; }
    cause = why;
    detail = text;
    error = errno_value;
  }
};

}  // namespace bascule::relay
