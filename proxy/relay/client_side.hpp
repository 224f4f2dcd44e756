// The client's end of a session: frames in, frames out, control frames, signs of life, the closing handshake.
//
// There is one writer towards the client and it writes whole frames, so control frames enter at frame borders by
// themselves. Nothing is kept of a message but what cannot be sent yet.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/stream.hpp"
#include "proxy/base/time.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/relay/allowance.hpp"
#include "proxy/relay/outbox.hpp"
#include "proxy/relay/progress.hpp"
#include "proxy/relay/session.hpp"
#include "proxy/wire/ws/frame.hpp"
#include "proxy/wire/ws/frame_decoder.hpp"

namespace bascule::relay {

// A piece of a message from the client, unmasked and checked.
struct Payload {
  wire::ws::Opcode kind = wire::ws::Opcode::binary;  // of the message: text or binary
  bool first_of_message = false;
  bool last_of_message = false;
  MutableBytes bytes;
};

class ClientSide {
 public:
  // Both outlive this.
  ClientSide(Stream& stream, Session& session, TimePoint now);

  // --- what comes in ---

  bool input_ended() const { return input_ == Input::ended; }
  bool may_give() const { return stream_.may_give(); }
  bool close_seen() const { return close_seen_; }

  // Faster than its route allows: it is not to be read before opens_at(), which is `never` while it may be.
  bool over_pace(TimePoint now) const;
  // The same of its data alone, whose absence says nothing then. (Pings in front of them are no data.)
  bool data_over_pace(TimePoint now) const;
  TimePoint opens_at(TimePoint now) const;

  // Reads once into the scratch buffer; empty when there is nothing to be had. What comes after a Close, or after a
  // breach of the protocol, is dropped here; `moved` tells that bytes came, whatever became of them.
  struct Raw {
    MutableBytes bytes;
    Bytes rest;  // what next() has not taken yet
    bool moved = false;
    std::size_t frames = 0;  // of data that begin here, as far as next() has come
    std::size_t control_frames = 0;
    std::size_t payload_bytes = 0;
  };
  Raw read(TimePoint now, std::size_t bytes_max = Workbench::read_bytes);

  // The next piece of payload in `raw`, moved to `to` and unmasked; control frames are answered on the way. Empty when
  // nothing is left of it or the client has closed or failed. REQUIRES: `to` is not behind what is left.
  std::optional<Payload> next(Raw& raw, std::uint8_t* to, TimePoint now);

  // The kind of the message the client sent last; empty before the first.
  std::optional<wire::ws::Opcode> last_kind() const { return last_kind_; }

  // --- what goes out ---

  // True while data may be sent: we have not sent a Close, and the connection is not broken.
  bool takes_data() const { return output_ == Output::open; }

  // Sends what waits; true when nothing waits any more.
  bool flush(TimePoint now);

  // Sends a frame at once as far as possible; the rest waits in the outbox. REQUIRES: takes_data(), flush() was true,
  // and wire::ws::server_header_max writable bytes before `payload`.
  void send(wire::ws::Opcode opcode, wire::ws::Fin fin, MutableBytes payload, TimePoint now);
  // The same of what a pipe holds. False where some of it waits.
  bool send(wire::ws::Opcode opcode, wire::ws::Fin fin, Pipe& payload, TimePoint now);
  bool takes_pipes() const { return stream_.plain(); }

  // Puts a frame into the outbox, where it waits for the next flush(). REQUIRES: takes_data().
  void queue(wire::ws::Opcode opcode, wire::ws::Fin fin, Bytes payload, TimePoint now);

  // Says goodbye behind what waits, once: later calls do nothing. Then the client's own Close is awaited.
  void close(std::uint16_t code, std::string_view reason, TimePoint now);

  // Fails the connection (RFC 6455, section 7.1.7): Close, and nothing of the client counts any more.
  void fail(std::uint16_t code, const char* why, TimePoint now);

  // --- time ---

  // No sign of life: pings a silent client first. `paused`: we do not read from it, so its silence says nothing.
  bool silent(TimePoint now, bool paused);
  // Something waits for the client, and it has taken nothing for `stall`.
  bool stalled(TimePoint now);
  // Ends what the closing has waited for long enough. `patience`: for the reply to our Close. Who is `owed` bytes has
  // `stall` for them, and more as long as they move; everyone else has `close`, and no more by taking them one by one.
  void expire(TimePoint now, Limit patience, bool owed);
  TimePoint wake_at(bool closing, Limit patience, bool owed) const;

  // What has not come meanwhile could not come.
  void excuse(TimePoint now);

  // The connection broke without our reading or writing.
  void look_for_break();
  // Ends at once: properly where our Close is with the kernel,
  void leave();
  // or not.
  void abort();

  // Nothing is left to do for this side.
  bool finished() const;

 private:
  enum class Input : std::uint8_t { frames, discarding, ended };
  enum class Output : std::uint8_t { open, closing, shut, broken };

  // Pongs that are answered one by one while the outbox is shorter than this; above, only the newest waits.
  static constexpr std::size_t pong_backlog_bytes_max = std::size_t{16} * 1024;

  using ControlPayload = std::array<std::uint8_t, wire::ws::control_payload_max>;
  struct Pong {
    ControlPayload bytes;
    std::uint8_t size = 0;
  };

  void count(const Raw& raw, TimePoint now);
  void on_control(const wire::ws::Piece& piece, TimePoint now);
  void on_ping(Bytes payload, TimePoint now);
  void on_close(Bytes payload, TimePoint now);
  void on_write_error(int error);
  void shut(TimePoint now);
  void mark_closing(TimePoint now);
  Limit closing_limit(Limit patience, bool owed) const;
  bool waits() const;  // something for the client has not left yet

  Stream& stream_;
  Session& session_;
  Outbox outbox_;
  wire::ws::FrameDecoder decoder_{wire::ws::Role::server};
  Utf8Check utf8_;
  std::optional<wire::ws::Opcode> last_kind_;
  Input input_ = Input::frames;
  Output output_ = Output::open;
  bool close_seen_ = false;
  bool pinged_ = false;
  std::unique_ptr<Pong> pending_pong_;       // exists while the outbox is too long to add to
  std::unique_ptr<ControlPayload> control_;  // exists while a control frame has come only in part
  TimePoint heard_at_;
  TimePoint since_;  // of the ping that waits for its answer; or of the phase of the closing that is under way
  Progress progress_;
  Allowance frames_{Allowance::Of::frames};
  Allowance control_frames_{Allowance::Of::frames};
  Allowance payload_{Allowance::Of::bytes};
};

}  // namespace bascule::relay
