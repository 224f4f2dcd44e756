// A session that runs: the shell that turns a relay whenever a stream is ready, a moment has come, or somebody says so.
// Nothing of the stories that led here is left but what the record needs.
#pragma once

#include <list>
#include <memory>

#include "proxy/net/socket_stream.hpp"
#include "proxy/net/timers.hpp"
#include "proxy/observe/record.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/relay/relay.hpp"
#include "proxy/session/floor.hpp"
#include "proxy/session/ledger.hpp"

namespace bascule::session {

class LiveSession final : private net::Watcher, private net::Timer {
 public:
  // `service` is null for the echo target. The route is pinned: the session keeps living by the rules it came in with.
  LiveSession(Floor& floor, std::shared_ptr<const policy::Route> route, std::unique_ptr<net::SocketStream> client,
              std::unique_ptr<net::SocketStream> service, Seat seat, std::unique_ptr<observe::SessionRecord> record);
  ~LiveSession() override;

  // The first turn, which may destroy it; `self` is its place in the floor's list.
  void begin(Floor::Sessions::iterator self);

  // Ends it properly (`draining`) or at once (`stopped`). May destroy it.
  void end(relay::Cause why);

 private:
  void on_ready() override { turn(); }
  void on_time(TimePoint) override { turn(); }
  void turn();
  void write_record(const relay::Ending& ending);

  Floor& floor_;
  Floor::Sessions::iterator self_;
  std::shared_ptr<const policy::Route> route_;
  std::unique_ptr<net::SocketStream> client_;
  std::unique_ptr<net::SocketStream> service_;
  std::unique_ptr<relay::Relay> relay_;
  Seat seat_;
  std::unique_ptr<observe::SessionRecord> record_;
};

}  // namespace bascule::session
