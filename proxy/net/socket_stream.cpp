#include "proxy/net/socket_stream.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "proxy/net/socket_address.hpp"

namespace bascule::net {

SocketStream::SocketStream(Loop& loop, OwnedFd socket, Began began)
    : loop_(loop),
      socket_(std::move(socket)),
      connecting_(began == Began::connecting),
      writable_(began == Began::connected) {
  if (!loop_.add(socket_.get(), *this)) { error_ = errno; }
}

SocketStream::~SocketStream() {
  loop_.forget(*this);
}

void SocketStream::on_events(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) { readable_ = true; }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) { writable_ = true; }
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) { end_announced_ = true; }
  if ((events & EPOLLPRI) != 0) { urgent_ = true; }
  if ((events & EPOLLERR) != 0 && error_ == 0) {
    socklen_t size = sizeof error_;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_, &size) != 0) { error_ = errno; }
  }
  if (watcher_ != nullptr) { watcher_->on_ready(); }
}

int SocketStream::connected() {
  if (!connecting_) { return 0; }
  if (!writable_) { return -1; }
  if (error_ == 0) { connecting_ = false; }
  return error_;
}

IoResult SocketStream::read(MutableBytes into) {
  if (has_early()) { return IoResult::moved(take_early(into)); }
  if (!readable_) { return IoResult::wait_readable(); }
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
    if (got > 0) {
      const auto count = static_cast<std::size_t>(got);
      if (count < into.size() && !end_announced_ && !urgent_) { readable_ = false; }
      return IoResult::moved(count);
    }
    // Once its error has been fetched the kernel says 0 for a reset, too. (EPIPE is the reset that answers what we
    // write to one who has ended properly: what it had to say was complete.)
    if (got == 0) { return error_ == 0 || error_ == EPIPE ? IoResult::ended() : IoResult::broken(error_); }
    if (errno == EINTR) { continue; }
    if (errno == EAGAIN) {
      readable_ = false;
      return IoResult::wait_readable();
    }
    return IoResult::broken(errno);
  }
}

IoResult SocketStream::write_last(Bytes from) {
  const IoResult written = send(from, MSG_MORE);  // waits in the kernel for the FIN
  if (written.bytes == from.size()) { shutdown_write(); }
  return written;
}

IoResult SocketStream::send(Bytes from, int flags) {
  if (!writable_) { return IoResult::wait_writable(); }
  for (;;) {
    const ssize_t sent = ::send(socket_.get(), from.data(), from.size(), MSG_NOSIGNAL | flags);
    if (sent >= 0) {
      const auto count = static_cast<std::size_t>(sent);
      if (count < from.size()) { writable_ = false; }
      return IoResult::moved(count);
    }
    if (errno == EINTR) { continue; }
    if (errno == EAGAIN) {
      writable_ = false;
      return IoResult::wait_writable();
    }
    return IoResult::broken(errno);
  }
}

std::size_t SocketStream::read(Pipe& into, std::size_t bytes_max) {
  if (has_early() || !readable_ || urgent_) { return 0; }
  const ssize_t got =
      ::splice(socket_.get(), nullptr, into.entry(), nullptr, bytes_max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (got < 0 && errno == EAGAIN) { readable_ = false; }  // an empty pipe has room
  if (got < 0) { on_splice_error(errno); }
  if (got <= 0) { return 0; }
  // Less than was asked for says nothing of what there still is: a pipe is full of many small pieces, too.
  into.entered(static_cast<std::size_t>(got));
  return static_cast<std::size_t>(got);
}

IoResult SocketStream::write(Bytes head, Pipe& body) {
  const IoResult written = send(head, MSG_MORE);
  if (written.bytes < head.size()) { return written; }
  while (body.holds() > 0) {
    const ssize_t sent =
        ::splice(body.exit(), nullptr, socket_.get(), nullptr, body.holds(), SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (sent < 0 && errno == EINTR) { continue; }
    if (sent < 0) { on_splice_error(errno); }
    if (sent <= 0) { break; }
    body.left(static_cast<std::size_t>(sent));
  }
  return error_ == 0 ? written : IoResult::broken(error_);
}

// Whoever reads or writes after it must not take it for a clean end: the kernel has said it now.
void SocketStream::on_splice_error(int error) {
  switch (error) {
    case EAGAIN:
    case EINTR: break;
    case ECONNRESET:
    case EPIPE:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNABORTED:
      if (error_ == 0) { error_ = error; }
      break;
    default: splices_ = false;  // this kernel, or what watches over us, does not let us
  }
}

void SocketStream::shutdown_write() {
  if (shut_) { return; }
  shut_ = true;
  ::shutdown(socket_.get(), SHUT_WR);
}

void SocketStream::abort() {
  // Dissolving the association sends the RST now; lingering for no time does it where that is refused, on close.
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  static_cast<void>(::connect(socket_.get(), &nobody, sizeof nobody));  // a Unix socket refuses, and has no RST either
}

std::size_t SocketStream::unsent() const {
  int bytes = 0;
  if (::ioctl(socket_.get(), SIOCOUTQ, &bytes) != 0 || bytes < 0) { return 0; }
  return static_cast<std::size_t>(bytes);
}

void set_no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void acknowledge_now(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void set_urgent_inline(int fd) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

void set_liveness(int fd, const Liveness& liveness) {
  const auto set = [fd](int level, int option, auto value) {
    const auto number = static_cast<int>(value);
    ::setsockopt(fd, level, option, &number, sizeof number);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, liveness.probe_after.count());
  set(IPPROTO_TCP, TCP_KEEPINTVL, liveness.probe_every.count());
  set(IPPROTO_TCP, TCP_KEEPCNT, liveness.probes);
  if (liveness.unacknowledged) { set(IPPROTO_TCP, TCP_USER_TIMEOUT, liveness.unacknowledged->count()); }
}

}  // namespace bascule::net
