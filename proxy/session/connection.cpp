#include "proxy/session/connection.hpp"

#include <asio/co_spawn.hpp>
#include <exception>
#include <memory>
#include <utility>

namespace bascule::session {

namespace {

// In the house's list of guests, for as long as it lives.
class Presence {
 public:
  Presence(Floor& floor, net::Waiter& waiter) : floor_(floor), place_(floor.enter(waiter)) {}
  ~Presence() { floor_.leave(place_); }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  Floor& floor_;
  Floor::Guests::iterator place_;
};

net::Async<void> connection(Floor& floor, OwnedFd socket, Visitor visitor) {
  net::Waiter waiter(floor.loop);
  const Presence presence(floor, waiter);
  auto client = std::make_unique<net::SocketStream>(floor.loop, std::move(socket), net::SocketStream::Began::connected);
  client->watched_by(&waiter);
  for (;;) {
    const Next next = co_await exchange(floor, waiter, visitor, client);
    if (next == Next::over) { co_return; }
    co_await waiter.pass();  // one who asks as fast as he is answered must not keep the others of the worker waiting
  }
}

}  // namespace

void receive(Floor& floor, OwnedFd socket, Visitor visitor) {
  // An exception here is a bug, or memory that is not there: it ends this one connection, and is told.
  auto on_end = [&floor](const std::exception_ptr& failure) {
    if (!failure) { return; }
    observe::Note note{.level = observe::Level::error, .event = "internal_error", .text = {}, .fields = {}, .at = {}};
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& exception) {
      note.text = std::string("a connection was ended by an internal error: ") + exception.what();
    } catch (...) { note.text = "a connection was ended by an unknown internal error"; }
    floor.log.note(std::move(note));
  };
  asio::co_spawn(floor.loop.executor(), connection(floor, std::move(socket), std::move(visitor)), on_end);
}

}  // namespace bascule::session
