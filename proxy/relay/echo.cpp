#include "proxy/relay/echo.hpp"

#include <algorithm>

namespace bascule::relay {

using wire::ws::Fin;
using wire::ws::Opcode;

Echo::Echo(Stream& client, const policy::SessionRule& rule, Workbench& bench, TimePoint now)
    : session_{.rule = rule, .bench = bench}, client_(client, session_, now), lifespan_(now) {}

Turn Echo::turn(TimePoint now) {
  client_.look_for_break();
  bool moved = true;
  for (int round = 0; round < rounds_a_turn && moved; ++round) { moved = step(now); }
  client_.flush(now);
  check_deadlines(now);
  conclude(now);
  client_.flush(now);
  if (client_.finished()) { return {.done = true}; }
  const bool closing = session_.ending.decided();
  TimePoint at = client_.wake_at(closing, session_.rule.timeouts.close, false);
  if (!closing) { at = std::min(at, lifespan_.wake_at(session_.rule.timeouts)); }
  if (over_pace(now)) {
    at = std::min({at, client_.opens_at(now), to_client_.opens_at(session_.rule.pace.to_client_bytes, now)});
  }
  return {.done = false, .again = moved, .wake_at = at};
}

// Once nothing goes back any more the rest is read at once, so that the session can end.
bool Echo::over_pace(TimePoint now) const {
  return client_.takes_data() && (client_.over_pace(now) || !to_client_.open(session_.rule.pace.to_client_bytes, now));
}

bool Echo::step(TimePoint now) {
  // What has not gone back yet holds up what comes in.
  if (client_.input_ended() || !client_.flush(now)) { return false; }
  if (over_pace(now)) {
    if (client_.data_over_pace(now) || !to_client_.open(session_.rule.pace.to_client_bytes, now)) {
      lifespan_.hold(now);
    }
    return false;
  }
  const auto& pace = session_.rule.pace.to_client_bytes;
  ClientSide::Raw raw = client_.read(now, to_client_.read_bytes(pace, Workbench::read_bytes, now));
  std::uint8_t* const front = raw.bytes.data();
  while (const auto payload = client_.next(raw, front, now)) {
    if (!client_.takes_data()) { continue; }
    lifespan_.payload_moved(now);
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
  to_client_.take(pace, raw.payload_bytes, raw.bytes.size(), now);
  return raw.moved;
}

void Echo::end(Cause why, TimePoint now) {
  session_.ending.note(why, reason_of_end(why));
  conclude(now);
  if (why == Cause::stopped) {
    client_.flush(now);
    client_.leave();
  }
}

void Echo::excuse(TimePoint now) {
  client_.excuse(now);
  lifespan_.hold(now);
}

void Echo::check_deadlines(TimePoint now) {
  if (session_.ending.decided()) {
    client_.expire(now, session_.rule.timeouts.close, false);
    return;
  }
  lifespan_.check(now, session_.rule.timeouts, session_.ending);
  if (session_.ending.decided()) { return; }
  if (client_.stalled(now)) {
    session_.ending.note(Cause::client_stalled, "the client takes no data");
  } else if (client_.silent(now, over_pace(now))) {
    session_.ending.note(Cause::client_silent, "no sign of life from the client");
  }
}

// An end that the client made has been answered by its side, and there is no service: what is left is our own.
void Echo::conclude(TimePoint now) {
  const std::uint16_t code = own_close_code(session_.ending.cause);
  if (code != 0) { client_.close(code, session_.ending.detail, now); }
}

}  // namespace bascule::relay
