#include "proxy/relay/echo.hpp"

#include <algorithm>

#include "proxy/wire/ws/close.hpp"

namespace bascule::relay {

using wire::ws::Fin;
using wire::ws::Opcode;
namespace close_code = wire::ws::close_code;

Echo::Echo(Stream& client, const policy::SessionRule& rule, Workbench& bench, TimePoint now)
    : rule_(rule), client_(client, rule, bench, ending_, now), started_at_(now), payload_at_(now) {}

Turn Echo::turn(TimePoint now) {
  client_.look_for_break();
  bool moved = true;
  for (int round = 0; round < rounds_a_turn && moved; ++round) { moved = step(now); }
  client_.flush(now);
  check_deadlines(now);
  conclude(now);
  client_.flush(now);
  if (client_.finished()) { return {.done = true}; }
  const bool closing = ending_.decided();
  TimePoint at = client_.wake_at(closing, rule_.timeouts.close, false);
  if (!closing) {
    at = std::min({at, after(started_at_, rule_.timeouts.lifetime), after(payload_at_, rule_.timeouts.idle)});
  }
  return {.done = false, .again = moved, .wake_at = at};
}

bool Echo::step(TimePoint now) {
  // What has not gone back yet holds up what comes in.
  if (client_.input_ended() || !client_.flush(now)) { return false; }
  const ClientSide::Raw raw = client_.read(now);
  Bytes rest = raw.bytes;
  std::uint8_t* const front = raw.bytes.data();
  while (const auto payload = client_.next(rest, front, now)) {
    if (!client_.takes_data()) { continue; }
    payload_at_ = now;
    counters_.from_client_bytes += payload->bytes.size();
    counters_.to_client_bytes += payload->bytes.size();
    if (payload->last_of_message) {
      ++counters_.from_client_messages;
      ++counters_.to_client_messages;
    }
    const bool nothing_new = payload->bytes.empty() && !payload->last_of_message;
    if (nothing_new) { continue; }
    client_.queue(in_message_ ? Opcode::continuation : payload->kind, payload->last_of_message ? Fin::last : Fin::more,
                  payload->bytes, now);
    in_message_ = !payload->last_of_message;
  }
  return raw.moved;
}

void Echo::end(Cause why, TimePoint now) {
  ending_.note(why, why == Cause::draining ? "bascule is stopping" : "ended by the operator");
  conclude(now);
  if (why == Cause::stopped) {
    client_.flush(now);
    client_.leave();
  }
}

void Echo::check_deadlines(TimePoint now) {
  if (ending_.decided()) {
    client_.expire(now, rule_.timeouts.close, false);
  } else if (now >= after(started_at_, rule_.timeouts.lifetime)) {
    ending_.note(Cause::expired, "the session's time is over");
  } else if (now >= after(payload_at_, rule_.timeouts.idle)) {
    ending_.note(Cause::idle, "nothing was sent for too long");
  } else if (client_.stalled(now)) {
    ending_.note(Cause::client_stalled, "the client takes no data");
  } else if (client_.silent(now, false)) {
    ending_.note(Cause::client_silent, "no sign of life from the client");
  }
}

void Echo::conclude(TimePoint now) {
  switch (ending_.cause) {
    case Cause::client_stalled:
    case Cause::expired:
    case Cause::revoked: client_.close(close_code::policy_violation, ending_.detail, now); break;
    case Cause::client_silent:
    case Cause::idle:
    case Cause::draining:
    case Cause::stopped: client_.close(close_code::going_away, ending_.detail, now); break;
    default: break;  // the client ended it, and its side has answered; there is no service
  }
}

}  // namespace bascule::relay
