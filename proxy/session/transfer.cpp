#include "proxy/session/transfer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace bascule::session {

using net::Async;
using net::Wake;

// Who sends more than this behind an answer that ends the connection does not want to read it.
constexpr std::size_t dropped_bytes_max = std::size_t{16} * 1024 * 1024;

// A page that is taken more slowly than this is not being read but held.
constexpr std::uint64_t slowest_bytes_a_second = 1024;
constexpr std::uint64_t seconds_for_a_page_max = std::uint64_t{24} * 60 * 60;
// Pieces of a file that are sent before the others of the worker have their turn.
constexpr unsigned pieces_a_turn = 4;

// A head of 16 KiB in segments of an Ethernet.
constexpr unsigned usual_pieces = 12;

namespace {

// What the stream itself still holds has not been sent, and would be lost with it. False as in write_all().
Async<bool> let_go(net::PolledStream& client, net::Waiter& waiter, TimePoint deadline) {
  while (client.held() > 0) {
    if (client.broken() != 0) { co_return false; }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake != Wake::ready) { co_return false; }
  }
  co_return client.broken() == 0;
}

}  // namespace

Async<Wake> Pieces::wait(net::Waiter& waiter, TimePoint deadline) {
  const Wake wake = co_await waiter.wait(deadline);
  if (wake == Wake::ready && ++waits_ > usual_pieces) { co_await waiter.pass(); }
  co_return wake;
}

Async<bool> write_all(net::PolledStream& client, net::Waiter& waiter, std::string_view bytes, Duration patience) {
  const TimePoint deadline = waiter.loop().now() + patience;
  Bytes rest = bytes_of(bytes);
  while (!rest.empty()) {
    const IoResult written = client.write(rest);
    if (written.status == Io::bytes) {
      rest = rest.subspan(written.bytes);
      continue;
    }
    if (!written.waits()) { co_return false; }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake != Wake::ready) { co_return false; }
  }
  if (client.held() == 0) { co_return true; }
  const bool gone = co_await let_go(client, waiter, deadline);
  co_return gone;
}

Async<bool> send_file(net::PolledStream& client, net::Waiter& waiter, relay::Workbench& bench, int file,
                      std::uint64_t offset, std::uint64_t length, Duration patience) {
  const std::chrono::seconds for_its_length(std::min(length / slowest_bytes_a_second, seconds_for_a_page_max));
  const TimePoint deadline = waiter.loop().now() + patience + for_its_length;
  for (unsigned pieces = 1; length > 0; ++pieces) {
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
      const bool enough_for_now = pieces % pieces_a_turn == 0;
      if (enough_for_now) { co_await waiter.pass(); }
      continue;
    }
    if (!written.waits()) { co_return false; }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake != Wake::ready) { co_return false; }
  }
  if (client.held() == 0) { co_return true; }
  const bool gone = co_await let_go(client, waiter, deadline);
  co_return gone;
}

Async<void> part(net::PolledStream& client, net::Waiter& waiter, relay::Workbench& bench, Duration patience) {
  client.shutdown_write();
  const TimePoint deadline = waiter.loop().now() + patience;
  for (std::size_t dropped_bytes = 0; dropped_bytes < dropped_bytes_max;) {
    const IoResult result = client.read(bench.scratch());
    if (result.status == Io::bytes) {
      dropped_bytes += result.bytes;
      continue;
    }
    if (!result.waits()) { break; }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake != Wake::ready) { co_return; }
  }
  co_await let_go(client, waiter, deadline);  // the end of our direction stands behind it
}

}  // namespace bascule::session
