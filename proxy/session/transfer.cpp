#include "proxy/session/transfer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace bascule::session {

using net::Async;
using net::Wake;

// Who sends more than this behind an answer that ends the connection does not want to read it.
constexpr std::size_t dropped_bytes_max = std::size_t{16} * 1024 * 1024;

Async<bool> write_all(net::SocketStream& client, net::Waiter& waiter, std::string_view bytes, Duration patience) {
  Bytes rest = bytes_of(bytes);
  TimePoint moved_at = waiter.loop().now();
  while (!rest.empty()) {
    const IoResult written = client.write(rest);
    if (written.status == Io::bytes) {
      rest = rest.subspan(written.bytes);
      moved_at = waiter.loop().now();
      continue;
    }
    if (!written.waits()) { co_return false; }
    const Wake wake = co_await waiter.wait(moved_at + patience);
    if (wake != Wake::ready) { co_return false; }
  }
  co_return true;
}

Async<bool> send_file(net::SocketStream& client, net::Waiter& waiter, relay::Workbench& bench, int file,
                      std::uint64_t offset, std::uint64_t length, Duration patience) {
  TimePoint moved_at = waiter.loop().now();
  while (length > 0) {
    // The scratch buffer is the thread's: after a wait its contents are somebody else's, so the rest is read again.
    const MutableBytes into = bench.scratch();
    const ssize_t got =
        ::pread(file, into.data(), std::min<std::uint64_t>(into.size(), length), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) { continue; }
    if (got <= 0) { co_return false; }
    const IoResult written = client.write(into.first(static_cast<std::size_t>(got)));
    if (written.status == Io::bytes) {
      offset += written.bytes;
      length -= written.bytes;
      moved_at = waiter.loop().now();
      continue;
    }
    if (!written.waits()) { co_return false; }
    const Wake wake = co_await waiter.wait(moved_at + patience);
    if (wake != Wake::ready) { co_return false; }
  }
  co_return true;
}

Async<void> part(net::SocketStream& client, net::Waiter& waiter, relay::Workbench& bench, Duration patience) {
  client.shutdown_write();
  const TimePoint deadline = waiter.loop().now() + patience;
  for (std::size_t dropped_bytes = 0; dropped_bytes < dropped_bytes_max;) {
    const IoResult result = client.read(bench.scratch());
    if (result.status == Io::bytes) {
      dropped_bytes += result.bytes;
      continue;
    }
    if (!result.waits()) { co_return; }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake != Wake::ready) { co_return; }
  }
}

}  // namespace bascule::session
