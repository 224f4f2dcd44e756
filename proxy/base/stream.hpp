// The one idea of a byte stream. TCP, Unix sockets, TLS and a test's script are all this, so a loop over one is written
// once.
//
// Nothing here waits. A call does what can be done at once and says what it would have to wait for; waiting belongs to
// the room net/.
#pragma once

#include <cstddef>

#include "proxy/base/bytes.hpp"
#include "proxy/base/pipe.hpp"

namespace bascule {

enum class Io {
  bytes,           // `IoResult::bytes` were moved, at least one
  wants_readable,  // nothing now; try again when the stream is readable
  wants_writable,  // nothing now; try again when the stream is writable
  end,             // read only: the other side ended its direction properly, and everything before it has been read
  truncated,  // read only: the direction stopped without the end that its protocol demands (TLS without close_notify)
  reset,      // the connection is broken; `IoResult::error` says how
};

struct IoResult {
  Io status = Io::bytes;
  std::size_t bytes = 0;
  int error = 0;  // an errno value, with `reset`; 0 where the other side gave no reason

  static IoResult moved(std::size_t count) { return {Io::bytes, count, 0}; }
  static IoResult wait_readable() { return {Io::wants_readable, 0, 0}; }
  static IoResult wait_writable() { return {Io::wants_writable, 0, 0}; }
  static IoResult ended() { return {Io::end, 0, 0}; }
  static IoResult broken(int reason) { return {Io::reset, 0, reason}; }

  bool waits() const { return status == Io::wants_readable || status == Io::wants_writable; }
};

class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Reads up to `into.size()` bytes, which is never 0.
  virtual IoResult read(MutableBytes into) = 0;

  // False where read() is known to have nothing but a wait: who asks first saves what comes before a read.
  virtual bool may_give() const { return true; }

  // Writes a prefix of `from`, which is never empty. After `wants_writable` the same bytes must be offered again first.
  virtual IoResult write(Bytes from) = 0;

  // Gives back bytes that were read too early: the next reads return them before anything else, in order.
  virtual void unread(Bytes early) = 0;

  // Ends our direction properly (FIN) behind everything written so far. May be called again, to no effect.
  virtual void shutdown_write() = 0;

  // The two in one: write(), and where that takes all of it shutdown_write(), so that the end travels with the last
  // bytes. What is not taken must be offered again, as the last.
  virtual IoResult write_last(Bytes from) {
    const IoResult written = write(from);
    if (written.bytes == from.size()) { shutdown_write(); }
    return written;
  }

  // --- past the program's memory ---

  // True for a socket and nothing else: what comes may go into a pipe, and what is in a pipe may go out.
  virtual bool plain() const { return false; }

  // Moves up to `bytes_max` bytes into an empty pipe. 0: none were moved, and read() says why.
  virtual std::size_t read(Pipe&, std::size_t /*bytes_max*/) { return 0; }

  // Writes `head` as write() does, and where that takes all of it what `body` holds behind it, as far as can be done at
  // once. What is not taken of the body is still in it. The result is the head's, or that the connection is broken.
  virtual IoResult write(Bytes head, Pipe& /*body*/) { return write(head); }

  // --- ends ---

  // Makes the coming end unclean: when the stream is destroyed the other side sees a reset, not an end.
  virtual void abort() = 0;

  // Bytes of its own that the stream has made of what was written and still waits to send (the records of TLS). It
  // sends them by itself as there is room, takes nothing more while there are any, and puts its end behind them;
  // whoever must know that all has left looks here. None once the connection is broken.
  virtual std::size_t held() const { return 0; }

  // Bytes written that the other side's kernel has not acknowledged yet.
  virtual std::size_t unsent() const = 0;

  // An errno value once the connection is known to be broken in both directions, even while nobody reads or writes; 0
  // while it is whole. What the other side had sent before may still be readable.
  virtual int broken() const = 0;

  // What broke it, for people, where the stream knows more than `error` says; lives as long as the stream. nullptr: it
  // does not.
  virtual const char* trouble() const { return nullptr; }

  // True once the other side is known to send nothing more: what can still be read is finite, and its end is near.
  virtual bool end_announced() const { return false; }

 protected:
  Stream() = default;
};

}  // namespace bascule
