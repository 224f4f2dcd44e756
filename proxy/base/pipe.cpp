#include "proxy/base/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace bascule {

void Pipe::open() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) { return; }
  OwnedFd exit(ends[0]);
  OwnedFd entry(ends[1]);
  const int given_bytes = ::fcntl(entry.get(), F_SETPIPE_SZ, static_cast<int>(capacity_bytes_));
  if (given_bytes < 0 || static_cast<std::size_t>(given_bytes) < capacity_bytes_) { return; }
  exit_ = std::move(exit);
  entry_ = std::move(entry);
}

std::size_t Pipe::read(MutableBytes into) {
  const std::size_t wanted = std::min(into.size(), held_bytes_);
  std::size_t done = 0;
  while (done < wanted) {
    const ssize_t got = ::read(exit_.get(), into.data() + done, wanted - done);
    if (got < 0 && errno == EINTR) { continue; }
    if (got <= 0) { throw std::system_error(got < 0 ? errno : EPIPE, std::generic_category(), "read from a pipe"); }
    done += static_cast<std::size_t>(got);
    left(static_cast<std::size_t>(got));
  }
  return done;
}

void Pipe::clear() {
  if (held_bytes_ == 0) { return; }
  held_bytes_ = 0;
  entry_.reset();
  exit_.reset();
  open();
}

}  // namespace bascule
