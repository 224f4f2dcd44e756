#include "proxy/session/recheck.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <utility>
#include <variant>

#include "proxy/session/identify.hpp"
#include "proxy/session/live_session.hpp"

namespace bascule::session {

using net::Async;
using net::Wake;

namespace {

// While an authorizer is silent it is asked so many times as often.
constexpr int impatience = 10;

}  // namespace

struct Recheck::Round {
  Round(net::Loop& loop, LiveSession& the_session, std::shared_ptr<const WayIn> the_way_in)
      : waiter(loop), session(&the_session), way_in(std::move(the_way_in)) {}

  net::Waiter waiter;
  LiveSession* session;  // null once it is over
  const std::shared_ptr<const WayIn> way_in;
};

Limit recheck_of(const proof::Identity& identity) {
  Limit shortest;
  for (const auto& proof : identity.by) {
    const auto* ask = std::get_if<proof::Ask>(&proof->how);
    if (ask == nullptr || !ask->recheck) { continue; }
    shortest = shortest ? std::min(*shortest, *ask->recheck) : *ask->recheck;
  }
  return shortest;
}

Recheck::Recheck(Floor& floor, LiveSession& session, std::shared_ptr<const WayIn> way_in)
    : round_(std::make_shared<Round>(floor.loop, session, std::move(way_in))) {
  asio::co_spawn(floor.loop.executor(), run(floor, round_),
                 [&log = floor.log](const std::exception_ptr& failure) { tell_internal_error(log, failure); });
}

Recheck::~Recheck() {
  round_->session = nullptr;
  round_->waiter.stop();
}

Async<void> Recheck::run(Floor& floor, std::shared_ptr<Round> round) {
  const Presence presence(floor, round->waiter, Floor::Is::staff);
  const WayIn& way_in = *round->way_in;
  const Limit every = recheck_of(way_in.identity);
  if (!every || !way_in.asked) { co_return; }
  const Seen seen{.client = way_in.client, .host = way_in.host};
  const proof::Presented presented = presented_by(way_in.visitor, seen, *way_in.asked, way_in.head);
  TimePoint last_yes = floor.loop.now();
  // Those who came together are not asked about together for ever.
  constexpr int slices = 16;
  TimePoint next = last_yes + *every - *every / (2 * slices) * (way_in.client.port() % slices);
  for (;;) {
    const Wake wake = co_await round->waiter.wait(next);
    if (wake == Wake::stopped) { co_return; }
    if (wake == Wake::ready) { continue; }
    const auto no = co_await floor.prover.recheck(round->waiter, way_in.identity, presented);
    if (round->session == nullptr) { co_return; }
    const TimePoint now = floor.loop.now();
    if (!no) {
      last_yes = now;
      next = now + *every;
      continue;
    }
    const bool in_vain = no->why == auth::Unproven::Why::unavailable;
    if (in_vain && now < last_yes + 2 * *every) {
      next = now + *every / impatience;
      continue;
    }
    round->session->end(relay::Cause::withdrawn);
    co_return;
  }
}

}  // namespace bascule::session
