#include "proxy/relay/splice.hpp"

#include <algorithm>
#include <cstring>

#include "proxy/base/utf8.hpp"
#include "proxy/wire/ws/close.hpp"

namespace bascule::relay {

using policy::ToClient;
using wire::ws::Fin;
using wire::ws::Opcode;
namespace close_code = wire::ws::close_code;

namespace {

// From so many large reads in a row on, what a service sends is a bulk. It is one no more once less comes at a time, or
// the client does not take all of it.
constexpr std::uint8_t bulk_from = 4;

}  // namespace

Splice::Splice(Stream& client, Stream& service, const policy::SessionRule& rule, Workbench& bench, TimePoint now)
    : session_{.rule = rule, .bench = bench},
      client_(client, session_, now),
      service_(service, session_),
      lifespan_(now) {}

Turn Splice::turn(TimePoint now) {
  client_.look_for_break();
  service_.look_for_break();
  bool moved = true;
  for (int round = 0; round < rounds_a_turn && moved; ++round) {
    const bool in = inflow(now);
    const bool out = outflow(now);
    moved = in || out;
    conclude(now);
  }
  check_deadlines(now);
  for (int pass = 0; pass < 2; ++pass) {  // writing the first time may bring an end to light, too
    conclude(now);
    client_.flush(now);
    service_.flush(now);
  }
  return verdict(moved, now);
}

// --- client to service -----------------------------------------------------------------------------------------------

bool Splice::inflow(TimePoint now) {
  if (client_.input_ended()) { return false; }
  service_blocked_ = !service_.flush(now);
  if (!client_.may_give()) { return false; }
  if (paused(now)) {
    if (over_pace(now) && client_.data_over_pace(now)) { lifespan_.hold(now); }
    return false;
  }
  ClientSide::Raw raw = client_.read(now);

  // The payloads of all frames in this read come to lie side by side at its front and leave in one write.
  std::uint8_t* const front = raw.bytes.data();
  std::uint8_t* end = front;
  while (const auto payload = client_.next(raw, end, now)) {
    end += payload->bytes.size();
    if (payload->last_of_message) { ++counters_.from_client_messages; }
  }
  const auto gathered_bytes = static_cast<std::size_t>(end - front);
  if (gathered_bytes > 0) {
    counters_.from_client_bytes += gathered_bytes;
    lifespan_.payload_moved(now);
    if (service_.takes_data()) { service_.send({front, gathered_bytes}, now); }
  }
  return raw.moved;
}

// What nobody takes any more, and what is left of a client that is gone, is read at once, so that the session can end.
bool Splice::over_pace(TimePoint now) const {
  return service_.takes_data() && session_.ending.cause != Cause::client_vanished && client_.over_pace(now);
}

// --- service to client -----------------------------------------------------------------------------------------------

bool Splice::wants_text() const {
  switch (session_.rule.frames.to_client) {
    case ToClient::binary: return false;
    case ToClient::text: return true;
    case ToClient::match: return client_.last_kind() == Opcode::text;
  }
  return false;
}

bool Splice::outflow(TimePoint now) {
  if (service_.input_ended() || !service_.may_give()) { return false; }
  if (!service_.gives_data()) { return service_.read(session_.bench.scratch(), now).status == Io::bytes; }
  if (!client_.takes_data() || !client_.flush(now) || !client_.takes_data()) { return false; }

  const auto& pace = session_.rule.pace.to_client_bytes;
  if (!to_client_.open(pace, now)) {
    lifespan_.hold(now);
    return false;
  }

  const std::size_t bytes_max = to_client_.read_bytes(pace, session_.rule.frames.max_bytes - cut_bytes_, now);
  const bool piped = large_reads_ >= bulk_from && outflow_by_pipe(bytes_max, now);
  if (piped) { return true; }

  const MutableBytes into = session_.bench.scratch(bytes_max);
  const IoResult result = service_.read(into, now);
  if (result.waits()) { return false; }
  if (result.status != Io::bytes) {
    send_rest_of_text(now);
    return false;
  }
  const bool large = result.bytes >= session_.bench.bulk_bytes_min();
  large_reads_ = large ? static_cast<std::uint8_t>(std::min(large_reads_ + 1, int{bulk_from})) : std::uint8_t{0};
  count_outflow(result.bytes, now);
  frame(into.first(result.bytes), now);
  return true;
}

// Past our memory: half of what a GB costs by way of it, and more than a message costs where they are small.
bool Splice::outflow_by_pipe(std::size_t bytes_max, TimePoint now) {
  Pipe& pipe = session_.bench.pipe();
  if (!pipe.usable() || !client_.takes_pipes() || wants_text() || cut_bytes_ > 0) { return false; }
  const EmptiedPipe afterwards(pipe);
  const std::size_t bytes = service_.read(pipe, std::min(bytes_max, session_.bench.at_once()));
  if (bytes == 0) { return false; }
  if (bytes < session_.bench.bulk_bytes_min()) { large_reads_ = 0; }
  count_outflow(bytes, now);
  ++counters_.to_client_messages;
  const bool all_taken = client_.send(Opcode::binary, Fin::last, pipe, now);
  if (!all_taken) { large_reads_ = 0; }
  return true;
}

void Splice::count_outflow(std::size_t bytes, TimePoint now) {
  to_client_.take(session_.rule.pace.to_client_bytes, bytes, bytes, now);
  counters_.to_client_bytes += bytes;
  lifespan_.payload_moved(now);
}

// Sends what one read gave as one message: some clients break when it is cut into splinters.
void Splice::frame(MutableBytes chunk, TimePoint now) {
  if (cut_bytes_ > 0) {  // the headroom of the scratch buffer has room for them
    chunk = MutableBytes(chunk.data() - cut_bytes_, chunk.size() + cut_bytes_);
    std::memcpy(chunk.data(), cut_.data(), cut_bytes_);
    cut_bytes_ = 0;
  }
  Opcode opcode = Opcode::binary;
  if (wants_text()) {
    Utf8Check check;  // the chunk begins at a character border
    if (check.accept(chunk)) {
      // A character may not be cut by the end of a message (RFC 6455, section 8.1): its first bytes wait for the rest.
      opcode = Opcode::text;
      cut_bytes_ = static_cast<std::uint8_t>(check.unfinished());
      std::memcpy(cut_.data(), chunk.data() + chunk.size() - cut_bytes_, cut_bytes_);
      chunk = chunk.first(chunk.size() - cut_bytes_);
      if (chunk.empty()) { return; }
    } else if (session_.rule.frames.to_client == ToClient::text) {
      session_.ending.note(Cause::service_error, "the service sent bytes that are not UTF-8 on a route for text");
      service_.finish(ServiceSide::How::reset, now);
      return;
    }
  }
  ++counters_.to_client_messages;
  client_.send(opcode, Fin::last, chunk, now);
}

// Bytes of a character whose rest will never come are no text, but they were sent.
void Splice::send_rest_of_text(TimePoint now) {
  if (cut_bytes_ == 0 || !client_.takes_data()) { return; }
  if (session_.rule.frames.to_client == ToClient::match) {
    ++counters_.to_client_messages;
    client_.queue(Opcode::binary, Fin::last, Bytes(cut_).first(cut_bytes_), now);
  } else if (session_.ending.cause == Cause::service_closed) {
    session_.ending = {.cause = Cause::service_error, .detail = "the service ended within a character of its text"};
  }
  cut_bytes_ = 0;
}

// --- how a session ends ----------------------------------------------------------------------------------------------

void Splice::end(Cause why, TimePoint now) {
  session_.ending.note(why, reason_of_end(why));
  if (why == Cause::stopped) {
    // No more patience: what the kernel takes right now is still delivered, the rest is not.
    client_.close(close_code::going_away, session_.ending.detail, now);
    client_.flush(now);
    client_.leave();
    service_.leave(now);
  }
  conclude(now);
}

void Splice::excuse(TimePoint now) {
  client_.excuse(now);
  service_.excuse(now);
  lifespan_.hold(now);
}

void Splice::check_deadlines(TimePoint now) {
  if (session_.ending.decided()) {
    client_.expire(now, patience(), client_is_owed());
    service_.expire(now, service_is_owed());
    return;
  }
  lifespan_.check(now, session_.rule.timeouts, session_.ending);
  if (session_.ending.decided()) { return; }
  if (client_.stalled(now)) {
    session_.ending.note(Cause::client_stalled, "the client takes no data");
  } else if (service_.stalled(now)) {
    session_.ending.note(Cause::service_stalled, "the service takes no data");
  } else if (client_.silent(now, paused(now))) {
    session_.ending.note(Cause::client_silent, "no sign of life from the client");
  }
}

// What the end of one side means to the other. Every row may be walked more than once: closing and finishing count
// once.
void Splice::conclude(TimePoint now) {
  using How = ServiceSide::How;
  switch (session_.ending.cause) {
    case Cause::none:
    case Cause::internal_error: return;
    case Cause::client_closed: service_.finish(How::end, now); break;
    case Cause::client_vanished:
      if (client_.input_ended()) { service_.finish(How::reset, now); }
      break;
    case Cause::client_protocol_error: service_.finish(How::reset, now); break;
    case Cause::service_closed:
      // The client may go on until it answers our Close, or until `half_close`.
      client_.close(close_code::normal, "the service closed the connection", now);
      if (client_.close_seen()) {
        service_.finish(How::end, now);
      } else if (client_.input_ended()) {
        service_.finish(How::reset, now);
      }
      break;
    case Cause::service_error:
      if (service_.input_ended() || !service_.gives_data()) {
        client_.close(close_code::internal_error, session_.ending.detail, now);
      }
      if (!client_.takes_data()) { service_.finish(How::reset, now); }  // nobody is left to read it for
      break;
    case Cause::client_silent:
    case Cause::idle:
    case Cause::draining:
    case Cause::stopped:
    case Cause::client_stalled:
    case Cause::service_stalled:
    case Cause::expired:
    case Cause::credential_expired:
    case Cause::withdrawn:
    case Cause::revoked:
    case Cause::moved:
      client_.close(own_close_code(session_.ending.cause), session_.ending.detail, now);
      service_.finish(How::end, now);
      break;
  }
}

// Whose remaining bytes are worth waiting `stall` for, as long as they keep moving: those of a stream that ended, not
// those of one that we end.
bool Splice::service_is_owed() const {
  return session_.ending.cause == Cause::client_closed || session_.ending.cause == Cause::client_vanished ||
         session_.ending.cause == Cause::client_protocol_error || session_.ending.cause == Cause::service_closed;
}

bool Splice::client_is_owed() const {
  return session_.ending.cause == Cause::service_closed || session_.ending.cause == Cause::service_error;
}

// How long the client may take to answer our Close.
Limit Splice::patience() const {
  return session_.ending.cause == Cause::service_closed ? session_.rule.timeouts.half_close
                                                        : session_.rule.timeouts.close;
}

Turn Splice::verdict(bool again, TimePoint now) const {
  if (client_.finished() && service_.finished()) { return {.done = true}; }
  const bool closing = session_.ending.decided();
  TimePoint at = std::min(client_.wake_at(closing, patience(), client_is_owed()),
                          service_.wake_at(closing, service_is_owed(), now));
  if (!closing) { at = std::min(at, lifespan_.wake_at(session_.rule.timeouts)); }
  if (over_pace(now)) { at = std::min(at, client_.opens_at(now)); }
  at = std::min(at, to_client_.opens_at(session_.rule.pace.to_client_bytes, now));
  return {.done = false, .again = again, .wake_at = at};
}

}  // namespace bascule::relay
