// The service's end of a session: bytes in, bytes out, and a proper or an improper end.
#pragma once

#include <cstdint>

#include "proxy/base/stream.hpp"
#include "proxy/base/time.hpp"
#include "proxy/relay/outbox.hpp"
#include "proxy/relay/progress.hpp"
#include "proxy/relay/session.hpp"

namespace bascule::relay {

class ServiceSide {
 public:
  // Both outlive this.
  ServiceSide(Stream& stream, Session& session);

  // --- what comes in ---

  bool input_ended() const { return input_ == Input::ended; }
  bool may_give() const { return stream_.may_give(); }
  // True while what the service sends is for the client; afterwards read() drops it.
  bool gives_data() const { return input_ == Input::data; }

  // Reads once. An end or a break is noted in `ending`.
  IoResult read(MutableBytes into, TimePoint now);
  // The same into a pipe; 0 says nothing, the other read() says why.
  std::size_t read(Pipe& into, std::size_t bytes_max) { return stream_.plain() ? stream_.read(into, bytes_max) : 0; }

  // --- what goes out ---

  bool takes_data() const { return output_ == Output::open; }

  // Sends what waits; true when nothing waits any more.
  bool flush(TimePoint now);

  // Sends at once as far as possible, the rest waits. REQUIRES: takes_data() and flush() was true.
  void send(Bytes bytes, TimePoint now);

  // Ends our direction behind what waits, once. Unclean in, unclean out: SSH or a database behind us must be able to
  // tell an abort from an end.
  enum class How : std::uint8_t {
    end,    // FIN; then the service may end its own direction, what it still sends is dropped
    reset,  // RST, but only once the service's kernel has all we wrote: a reset destroys what is on its way
  };
  void finish(How how, TimePoint now);

  // --- time ---

  bool stalled(TimePoint now);
  // Ends what the closing has waited for long enough. Who is owed bytes has `stall` for them, and more as long as they
  // move; everyone else has `close`, and no more by taking them one by one.
  void expire(TimePoint now, bool owed);
  TimePoint wake_at(bool closing, bool owed, TimePoint now) const;

  void excuse(TimePoint now) { mark_closing(now); }
  void look_for_break();
  // Ends at once, properly where nothing waits.
  void leave(TimePoint now);
  void abort();
  bool finished() const;

 private:
  enum class Input : std::uint8_t { data, discarding, ended };
  enum class Output : std::uint8_t { open, finishing, resetting, shut, broken };

  // Nothing announces that the kernel's queue has run empty; while we wait for that we look this often.
  static constexpr auto look_every = std::chrono::milliseconds(20);

  void on_write_error(int error);
  void mark_closing(TimePoint now);
  Limit closing_limit(bool owed) const;
  bool waits() const;  // something for the service has not left yet

  Stream& stream_;
  Session& session_;
  Outbox outbox_;
  Input input_ = Input::data;
  Output output_ = Output::open;
  Progress progress_;
  TimePoint closing_at_;  // when the phase of the closing that is under way began
};

}  // namespace bascule::relay
