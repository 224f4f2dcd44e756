// A session that runs: the shell that turns a relay whenever a stream is ready, a moment has come, or somebody says so.
// Nothing of the stories that led here is left but what the record needs.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "proxy/net/polled_stream.hpp"
#include "proxy/net/timers.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/relay/relay.hpp"
#include "proxy/session/dialing.hpp"
#include "proxy/session/floor.hpp"
#include "proxy/session/kept_record.hpp"
#include "proxy/session/ledger.hpp"
#include "proxy/session/recheck.hpp"
#include "proxy/session/visitor.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::session {

// A session's way in, kept where its route says `on_reload: close` or an authorizer is asked again: enough to judge it
// once more.
struct WayIn {
  Visitor visitor;
  wire::http::RequestHead head;
  proof::Identity identity{};                // who he had proven to be
  std::optional<policy::Unproven> asked{};   // and what was asked of him; empty: nothing
  Address client{};                          // the visitor, as far as those in front of us were believed
  std::string host{};                        // as he asked for it
  std::optional<policy::Endpoint> target{};  // where the visitor's words led
  Address reached{};                         // and what answered there
};

class LiveSession final : private net::Watcher, private net::Timer {
 public:
  // `service.stream` is null for the echo target. The route is pinned: the session keeps living by the rules it came in
  // with. `way_in` is null where nobody will judge it again. `expires_at`: when its proof is over; `never`: that does
  // not matter to it.
  LiveSession(Floor& floor, std::shared_ptr<const policy::Route> route, std::unique_ptr<net::PolledStream> client,
              Reached service, Seat seat, KeptRecord record, std::shared_ptr<const WayIn> way_in, TimePoint expires_at);
  ~LiveSession() override;

  // The first turn, which may destroy it; `self` is its place in the floor's list. `newer`: rules that have come since
  // it was judged; nullptr: none.
  void begin(Floor::Sessions::iterator self, const policy::Rules* newer);

  // Ends it properly (`draining`, `revoked`, `moved`, `withdrawn`) or at once (`stopped`). May destroy it.
  void end(relay::Cause why);

  // The worker has stood still (relay/relay.hpp).
  void excuse() { relay_->excuse(floor_.loop.now()); }

  // New rules have come. Ends it where they would not let it in, or would lead it elsewhere: true then, and it may be
  // destroyed.
  bool judge_again(const policy::Rules& rules);

 private:
  // On what it may stay.
  struct Terms {
    std::shared_ptr<const WayIn> way_in;
    std::unique_ptr<Recheck> recheck;
    TimePoint expires_at;
  };

  void on_ready() override { turn(); }
  void on_time(TimePoint) override { turn(); }
  void turn();
  void write_record(const relay::Ending& ending);
  observe::SessionRecord record_of(const relay::Ending& ending) const;

  Floor& floor_;
  Floor::Sessions::iterator self_;
  std::shared_ptr<const policy::Route> route_;
  std::unique_ptr<net::PolledStream> client_;
  std::unique_ptr<net::PolledStream> service_;
  std::unique_ptr<relay::Relay> relay_;
  Seat seat_;
  Use use_;
  const KeptRecord record_;
  std::unique_ptr<Terms> terms_;  // null where nobody asks again
};

}  // namespace bascule::session
