// TCP and Unix sockets as streams.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/owned_fd.hpp"
#include "proxy/base/time.hpp"
#include "proxy/net/loop.hpp"
#include "proxy/net/polled_stream.hpp"

namespace bascule::net {

// Remembers what epoll has said, so that no system call is made whose answer is known: after a short read there is
// nothing until the next event, unless an end has been announced (its event came together with the data, and no other
// will follow).
class SocketStream final : public PolledStream, private Pollable {
 public:
  enum class Began : std::uint8_t { connected, connecting };

  // Takes a non-blocking socket. When it cannot be registered (out of memory) the stream is broken from the start.
  SocketStream(Loop& loop, OwnedFd socket, Began began);
  ~SocketStream() override;

  void watched_by(Watcher* watcher) override { watcher_ = watcher; }

  // After Began::connecting: -1 while it is still connecting, then 0 or an errno value.
  int connected();

  int descriptor() const override { return socket_.get(); }

  IoResult read(MutableBytes into) override;
  bool may_give() const override { return readable_ || has_early(); }
  IoResult write(Bytes from) override { return send(from, 0); }
  IoResult write_last(Bytes from) override;
  bool plain() const override { return splices_; }
  std::size_t read(Pipe& into, std::size_t bytes_max) override;
  IoResult write(Bytes head, Pipe& body) override;
  void shutdown_write() override;
  void abort() override;
  std::size_t unsent() const override;
  int broken() const override { return error_; }
  bool end_announced() const override { return end_announced_; }

 private:
  void on_events(std::uint32_t events) override;
  IoResult send(Bytes from, int flags);
  void on_splice_error(int error);

  Loop& loop_;
  Watcher* watcher_ = nullptr;
  OwnedFd socket_;
  bool connecting_;
  bool readable_ = false;  // being registered tells what is there already
  bool writable_;
  bool end_announced_ = false;
  bool urgent_ = false;  // there have been urgent data: a read stops short of them although more has come
  bool splices_ = true;  // as far as is known
  bool shut_ = false;
  int error_ = 0;  // the kernel says it once
};

// TCP_NODELAY, so that nothing waits for more bytes. To no effect on a Unix socket.
void set_no_delay(int fd);

// The other side learns at once, and not 40 ms later, that what it has sent is here. Until the kernel thinks otherwise.
void acknowledge_now(int fd);

// Urgent data stay where they are in the stream; otherwise one byte of them would be lost.
void set_urgent_inline(int fd);

// Lets the kernel find out that the other side is silently gone: keepalive probes while nothing moves, and
// TCP_USER_TIMEOUT for bytes that nobody acknowledges.
struct Liveness {
  std::chrono::seconds probe_after{60};
  std::chrono::seconds probe_every{10};
  int probes = 3;
  Limit unacknowledged;
};
void set_liveness(int fd, const Liveness& liveness);

}  // namespace bascule::net
