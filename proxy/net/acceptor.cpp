#include "proxy/net/acceptor.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "proxy/net/socket_address.hpp"

namespace bascule::net {

using namespace std::chrono_literals;

Acceptor::Acceptor(Loop& loop, OwnedFd listening, OnVisitor on_visitor, OnShortage on_shortage)
    : loop_(loop),
      listening_(std::move(listening)),
      on_visitor_(std::move(on_visitor)),
      on_shortage_(std::move(on_shortage)) {
  if (!loop_.add_listener(listening_.get(), *this)) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

Acceptor::~Acceptor() {
  loop_.forget(*this);
}

void Acceptor::on_events(std::uint32_t) {
  SocketAddress from;
  from.size = sizeof from.storage;
  OwnedFd socket(::accept4(listening_.get(), from.get(), &from.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket) {
    pause_ = 0ms;
    on_visitor_(std::move(socket), address_of(from).unmapped());
    return;
  }
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: pause(errno); return;
    default: return;  // this one visitor is gone already (accept(2) lists the network's errors), the next may not be
  }
}

// The visitors wait in the kernel's queue meanwhile. Trying on at once would only burn the processor: somebody waits
// all the time.
void Acceptor::pause(int error) {
  loop_.listen(listening_.get(), *this, Listening::no);
  pause_ = std::clamp(pause_ * 2, 5ms, 1000ms);
  resume_at_ = loop_.now() + pause_;
  loop_.timers().wake_by(*this, resume_at_);
  if (loop_.now() >= complain_at_) {
    complain_at_ = loop_.now() + 5s;
    on_shortage_(error);
  }
}

void Acceptor::on_time(TimePoint now) {
  if (now >= resume_at_) {
    loop_.listen(listening_.get(), *this, Listening::yes);
  } else {
    loop_.timers().wake_by(*this, resume_at_);
  }
}

}  // namespace bascule::net
