// The few ways in which the stories wait for bytes. Each has a deadline.
#pragma once

#include <memory>
#include <string_view>

#include "proxy/base/owned_fd.hpp"
#include "proxy/net/polled_stream.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/relay/workbench.hpp"

namespace bascule::session {

// How more is awaited of something that has to come whole. Usually it comes in a few pieces. Whoever sends it in many
// has his turn behind those who have a session: a look at a piece costs as much as a message of theirs.
class Pieces {
 public:
  // As Waiter::wait().
  net::Async<net::Wake> wait(net::Waiter& waiter, TimePoint deadline);

 private:
  unsigned waits_ = 0;
};

// Writes all of it. False when the client is gone, has not taken it within `patience`, or we are told to stop.
net::Async<bool> write_all(net::PolledStream& client, net::Waiter& waiter, std::string_view bytes, Duration patience);

// Sends a part of a file; its length adds to the patience. False likewise, and when the file turns out to be shorter
// than it was.
net::Async<bool> send_file(net::PolledStream& client, net::Waiter& waiter, relay::Workbench& bench, int file,
                           std::uint64_t offset, std::uint64_t length, Duration patience);

// Ends a connection so that the last answer arrives: our end first, then the client's is awaited and what it still
// sends is dropped. Closing with unread input would send a reset, which destroys what is on its way.
net::Async<void> part(net::PolledStream& client, net::Waiter& waiter, relay::Workbench& bench, Duration patience);

}  // namespace bascule::session
