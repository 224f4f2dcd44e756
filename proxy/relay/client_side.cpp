#include "proxy/relay/client_side.hpp"

#include <algorithm>
#include <cstring>

#include "proxy/wire/ws/close.hpp"
#include "proxy/wire/ws/mask.hpp"

namespace bascule::relay {

using wire::ws::Fin;
using wire::ws::Opcode;
using wire::ws::Piece;
namespace close_code = wire::ws::close_code;

namespace {

const char* how_it_ended(const Stream& stream, const IoResult& read) {
  if (read.status == Io::reset && stream.trouble() != nullptr) { return stream.trouble(); }
  switch (read.status) {
    case Io::reset: return "the client reset the connection";
    case Io::truncated: return "the TLS connection was cut off, without a Close";
    default: return "the connection ended without a Close";
  }
}

// What stands in front of a payload that lies elsewhere.
class Header {
 public:
  Header(Opcode opcode, Fin fin, std::size_t payload_bytes)
      : size_(wire::ws::put_server_header_before(room_.data() + room_.size(), opcode, fin, payload_bytes)) {}

  Bytes bytes() const { return Bytes(room_).last(size_); }

 private:
  std::array<std::uint8_t, wire::ws::server_header_max> room_{};
  std::size_t size_;
};

}  // namespace

ClientSide::ClientSide(Stream& stream, Session& session, TimePoint now)
    : stream_(stream), session_(session), heard_at_(now), since_(now) {}

// --- what comes in ---------------------------------------------------------------------------------------------------

bool ClientSide::over_pace(TimePoint now) const {
  // Who is gone is read to his end at once, or he would keep his seat for as long as what he left behind takes to pass.
  if (stream_.end_announced()) { return false; }
  return data_over_pace(now) || !control_frames_.open(session_.rule.pace.control_frames, now);
}

bool ClientSide::data_over_pace(TimePoint now) const {
  const policy::Pace& pace = session_.rule.pace;
  return !frames_.open(pace.frames, now) || !payload_.open(pace.from_client_bytes, now);
}

TimePoint ClientSide::opens_at(TimePoint now) const {
  const policy::Pace& pace = session_.rule.pace;
  return std::min({frames_.opens_at(pace.frames, now), control_frames_.opens_at(pace.control_frames, now),
                   payload_.opens_at(pace.from_client_bytes, now)});
}

ClientSide::Raw ClientSide::read(TimePoint now, std::size_t bytes_max) {
  if (input_ == Input::ended) { return {}; }
  const policy::Pace& pace = session_.rule.pace;
  if (!stream_.end_announced()) {
    bytes_max = frames_.read_bytes(pace.frames, bytes_max, now);
    bytes_max = control_frames_.read_bytes(pace.control_frames, bytes_max, now);
    bytes_max = payload_.read_bytes(pace.from_client_bytes, bytes_max, now);
  }
  const MutableBytes into = session_.bench.scratch(bytes_max);
  const bool nothing_waited = !waits();
  const IoResult result = stream_.read(into);
  if (nothing_waited && stream_.held() > 0) { progress_.mark(now, stream_); }  // an answer of TLS itself
  if (result.waits()) { return {}; }
  if (result.status == Io::bytes) {
    heard_at_ = now;
    pinged_ = false;
    if (input_ == Input::discarding) { return {.bytes = {}, .rest = {}, .moved = true}; }
    const MutableBytes got = into.first(result.bytes);
    return {.bytes = got, .rest = got, .moved = true};
  }
  // The end of the connection, however it came. Before a Close in either direction it is no end of a session
  // (RFC 6455, section 7.1.4), and what we still had to say has lost its hearer.
  input_ = Input::ended;
  if (!close_seen_) { session_.ending.note(Cause::client_vanished, how_it_ended(stream_, result), result.error); }
  if (!session_.ending.close_sent || result.status == Io::reset) {
    outbox_.clear();
    output_ = Output::broken;
  }
  return {};
}

std::optional<Payload> ClientSide::next(Raw& raw, std::uint8_t* to, TimePoint now) {
  while (input_ == Input::frames) {
    const Piece piece = decoder_.next(raw.rest);
    switch (piece.is) {
      case Piece::Is::need_more: count(raw, now); return std::nullopt;
      case Piece::Is::error: fail(close_code::protocol_error, piece.error, now); return std::nullopt;
      case Piece::Is::control:
        if (piece.offset == 0) { ++raw.control_frames; }
        on_control(piece, now);
        continue;
      case Piece::Is::data: break;
    }
    if (piece.offset == 0) { ++raw.frames; }
    raw.payload_bytes += piece.payload.size();
    const bool text = piece.opcode == Opcode::text;
    if (piece.first_of_message) {
      if (!(text ? session_.rule.frames.text_from_client : session_.rule.frames.binary_from_client)) {
        fail(close_code::unsupported_data, text ? "this route takes no text" : "this route takes only text", now);
        return std::nullopt;
      }
      last_kind_ = piece.opcode;
      utf8_.reset();
    }
    wire::ws::move_and_mask(to, piece.payload, piece.key, piece.offset);
    const MutableBytes bytes(to, piece.payload.size());
    if (text && (!utf8_.accept(bytes) || (piece.last_of_message && !utf8_.complete()))) {
      fail(close_code::invalid_payload, "text that is not UTF-8", now);
      return std::nullopt;
    }
    return Payload{.kind = piece.opcode,
                   .first_of_message = piece.first_of_message,
                   .last_of_message = piece.last_of_message,
                   .bytes = bytes};
  }
  return std::nullopt;
}

void ClientSide::count(const Raw& raw, TimePoint now) {
  if (raw.bytes.empty()) { return; }
  const policy::Pace& pace = session_.rule.pace;
  frames_.take(pace.frames, raw.frames, raw.bytes.size(), now);
  control_frames_.take(pace.control_frames, raw.control_frames, raw.bytes.size(), now);
  payload_.take(pace.from_client_bytes, raw.payload_bytes, raw.bytes.size(), now);
}

void ClientSide::on_control(const Piece& piece, TimePoint now) {
  ControlPayload whole;
  std::uint8_t* const into = control_ ? control_->data() : whole.data();
  wire::ws::move_and_mask(into + piece.offset, piece.payload, piece.key, piece.offset);
  const auto size = static_cast<std::size_t>(piece.offset) + piece.payload.size();
  if (!piece.last_of_frame) {
    if (!control_) { control_ = std::make_unique<ControlPayload>(whole); }
    return;
  }
  const auto kept = std::move(control_);  // frees it, once we are done
  const Bytes payload(into, size);
  if (piece.opcode == Opcode::ping) { on_ping(payload, now); }
  if (piece.opcode == Opcode::close) { on_close(payload, now); }
  // A pong needs no answer, asked for or not; that bytes came is the sign of life.
}

void ClientSide::on_ping(Bytes payload, TimePoint now) {
  if (output_ != Output::open) { return; }
  // Behind the pong that waits, or instead of it: never in front of it.
  if (!pending_pong_ && outbox_.size() < pong_backlog_bytes_max) {
    queue(Opcode::pong, Fin::last, payload, now);
    return;
  }
  // RFC 6455, section 5.5.3: only the most recent ping needs an answer.
  if (!pending_pong_) { pending_pong_ = std::make_unique<Pong>(); }
  std::copy(payload.begin(), payload.end(), pending_pong_->bytes.begin());
  pending_pong_->size = static_cast<std::uint8_t>(payload.size());
}

void ClientSide::on_close(Bytes payload, TimePoint now) {
  const wire::ws::CloseReading reading = wire::ws::read_close(payload);
  if (!reading.body) {
    fail(reading.wrong_code, "a malformed Close", now);
    return;
  }
  close_seen_ = true;
  input_ = Input::discarding;
  session_.ending.close_received = reading.body->code;
  // A browser whose tab is closed sends Close and then resets what we still send. Its Close says that it ended on
  // purpose and that all it sent has been read, so the reset that our writing met first does not count.
  if (session_.ending.cause == Cause::client_vanished) {
    session_.ending = Ending{.close_received = reading.body->code};
  }
  session_.ending.note(Cause::client_closed, "");
  // Answered at once, behind what waits already: after its Close a browser drops whatever else we send.
  close(reading.body->code, {}, now);
}

// --- what goes out ---------------------------------------------------------------------------------------------------

bool ClientSide::flush(TimePoint now) {
  while (!outbox_.empty()) {
    const bool last = output_ == Output::closing && input_ != Input::frames;
    const IoResult written = outbox_.flush(stream_, last ? Outbox::Then::end : Outbox::Then::more);
    if (written.status == Io::reset) {
      on_write_error(written.error);
      return true;
    }
    if (written.waits()) { return false; }
    if (!outbox_.empty()) {
      progress_.mark(now, stream_);
      continue;
    }
    progress_.mark(now);
    if (pending_pong_ && output_ == Output::open) {
      const auto pong = std::move(pending_pong_);
      queue(Opcode::pong, Fin::last, Bytes(pong->bytes).first(pong->size), now);
    }
  }
  if (stream_.held() > 0) { return false; }
  if (output_ == Output::closing && input_ != Input::frames) { shut(now); }
  return true;
}

void ClientSide::send(Opcode opcode, Fin fin, MutableBytes payload, TimePoint now) {
  const std::size_t header_bytes = wire::ws::put_server_header_before(payload.data(), opcode, fin, payload.size());
  const Bytes frame(payload.data() - header_bytes, header_bytes + payload.size());
  const IoResult written = stream_.write(frame);
  if (written.status == Io::reset) {
    on_write_error(written.error);
  } else if (written.bytes < frame.size()) {
    progress_.mark(now, stream_);
    outbox_.append(session_.bench.budget(), frame.subspan(written.bytes));
  } else if (stream_.held() > 0) {
    progress_.mark(now, stream_);
  }
}

bool ClientSide::send(Opcode opcode, Fin fin, Pipe& payload, TimePoint now) {
  const Header whole_header(opcode, fin, payload.holds());
  const Bytes header = whole_header.bytes();
  const IoResult written = stream_.write(header, payload);
  if (written.status == Io::reset) {
    on_write_error(written.error);
    return false;
  }
  if (written.bytes == header.size() && payload.holds() == 0) { return true; }
  progress_.mark(now, stream_);
  if (written.bytes < header.size()) { outbox_.append(session_.bench.budget(), header.subspan(written.bytes)); }
  outbox_.append(session_.bench.budget(), payload);
  return false;
}

void ClientSide::queue(Opcode opcode, Fin fin, Bytes payload, TimePoint now) {
  if (outbox_.empty()) { progress_.mark(now); }
  const Header header(opcode, fin, payload.size());
  outbox_.append(session_.bench.budget(), header.bytes());
  outbox_.append(session_.bench.budget(), payload);
}

void ClientSide::close(std::uint16_t code, std::string_view reason, TimePoint now) {
  if (output_ != Output::open) { return; }
  queue(Opcode::close, Fin::last, bytes_of(wire::ws::close_payload(code, reason)), now);
  mark_closing(now);
  pending_pong_.reset();
  session_.ending.close_sent = code;
  output_ = Output::closing;
}

void ClientSide::fail(std::uint16_t code, const char* why, TimePoint now) {
  session_.ending.note(Cause::client_protocol_error, why);
  input_ = Input::discarding;
  close(code, why, now);
}

void ClientSide::on_write_error(int error) {
  // Ends this direction only. What the client had sent before may still be read, a Close among it.
  if (!close_seen_ && output_ == Output::open) {
    session_.ending.note(Cause::client_vanished, "the client reset the connection", error);
  }
  outbox_.clear();
  pending_pong_.reset();
  output_ = Output::broken;
}

// Ends our direction and waits for the client's: closing a socket with unread input sends a reset, which destroys what
// is still on its way to the client.
void ClientSide::shut(TimePoint now) {
  stream_.shutdown_write();
  output_ = Output::shut;
  if (input_ == Input::frames) { input_ = Input::discarding; }
  mark_closing(now);
}

// --- time ------------------------------------------------------------------------------------------------------------

bool ClientSide::silent(TimePoint now, bool paused) {
  // While something waits for the client `stall` is its deadline, and a ping would only queue up behind it.
  if (input_ != Input::frames || output_ != Output::open || waits()) { return false; }
  if (paused) {
    heard_at_ = now;
    pinged_ = false;
    return false;
  }
  if (pinged_) {
    if (now < after(since_, session_.rule.timeouts.pong)) { return false; }
    // The ping may still stand behind megabytes that the client is busy taking from the kernel.
    return progress_.overdue(now, session_.rule.timeouts.pong, stream_);
  }
  if (now < after(heard_at_, session_.rule.timeouts.ping)) { return false; }
  std::array<std::uint8_t, 4> payload{};
  const std::uint32_t random = session_.bench.random();
  std::memcpy(payload.data(), &random, payload.size());
  queue(Opcode::ping, Fin::last, payload, now);
  pinged_ = true;
  since_ = now;
  progress_.mark(now, stream_);
  return false;
}

bool ClientSide::waits() const {
  return !outbox_.empty() || stream_.held() > 0;
}

bool ClientSide::stalled(TimePoint now) {
  return waits() && progress_.overdue(now, session_.rule.timeouts.stall, stream_);
}

Limit ClientSide::closing_limit(Limit patience, bool owed) const {
  if (output_ == Output::shut) { return session_.rule.timeouts.close; }
  if (waits()) { return owed ? session_.rule.timeouts.stall : session_.rule.timeouts.close; }
  return patience;
}

void ClientSide::expire(TimePoint now, Limit patience, bool owed) {
  if (output_ == Output::open) {
    if (stalled(now)) { abort(); }
    return;
  }
  if (finished() || output_ == Output::broken) { return; }
  const Limit limit = closing_limit(patience, owed);
  if (owed ? !progress_.overdue(now, limit, stream_) : now < after(since_, limit)) { return; }
  if (waits()) {
    abort();  // our Close did not even fit behind what waits
  } else if (output_ == Output::closing) {
    shut(now);
  } else {
    input_ = Input::ended;  // it never ended its own direction
  }
}

TimePoint ClientSide::wake_at(bool closing, Limit patience, bool owed) const {
  if (closing && output_ != Output::open) {
    if (finished() || output_ == Output::broken) { return never; }
    const Limit limit = closing_limit(patience, owed);
    return owed ? progress_.due(limit) : after(since_, limit);
  }
  if (waits()) { return progress_.due(session_.rule.timeouts.stall); }
  if (closing) { return never; }
  if (input_ != Input::frames || output_ != Output::open) { return never; }
  return pinged_ ? std::max(after(since_, session_.rule.timeouts.pong), progress_.due(session_.rule.timeouts.pong))
                 : after(heard_at_, session_.rule.timeouts.ping);
}

void ClientSide::excuse(TimePoint now) {
  heard_at_ = now;
  pinged_ = false;
  mark_closing(now);
}

void ClientSide::look_for_break() {
  const int error = stream_.broken();
  if (error != 0 && output_ != Output::broken && output_ != Output::shut) { on_write_error(error); }
}

void ClientSide::leave() {
  if (output_ == Output::closing && !waits()) {
    stream_.shutdown_write();
    output_ = Output::shut;
    input_ = Input::ended;
  } else {
    abort();
  }
}

void ClientSide::mark_closing(TimePoint now) {
  since_ = now;
  progress_.mark(now);
}

void ClientSide::abort() {
  stream_.abort();
  outbox_.clear();
  input_ = Input::ended;
  output_ = Output::broken;
}

bool ClientSide::finished() const {
  return input_ == Input::ended && (output_ == Output::shut || output_ == Output::broken);
}

}  // namespace bascule::relay
