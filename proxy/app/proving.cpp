#include "proxy/app/proving.hpp"

#include <asio/co_spawn.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "proxy/net/loop.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/session/ledger.hpp"

namespace bascule::app {

namespace {

using Outcome = auth::Prover::Outcome;

// A hash may take seconds, and here nobody else waits.
constexpr auto patience = std::chrono::seconds(60);

net::Async<void> prove(auth::Prover& prover, net::Waiter& waiter, const policy::Unproven& asked,
                       const proof::Presented& presented, std::optional<Outcome>& outcome) {
  const std::string counted = session::counted_as(presented.client);
  const TimePoint deadline = waiter.loop().now() + patience;
  Outcome found = co_await prover.prove(waiter, asked.route->auth, presented, counted, deadline);
  outcome.emplace(std::move(found));
}

}  // namespace

Outcome prove_now(const policy::Unproven& asked, const wire::http::RequestHead& head, const session::Seen& seen) {
  auth::Shared shared(auth::Hashing::Options{});
  auth::Prover prover(shared, nullptr);
  net::Loop loop;
  net::Waiter waiter(loop);
  const session::Visitor visitor{.listener = {}};
  const proof::Presented presented = session::presented_by(visitor, seen, asked, head);
  std::optional<Outcome> outcome;
  std::exception_ptr failure;
  asio::co_spawn(loop.executor(), prove(prover, waiter, asked, presented, outcome),
                 [&loop, &failure](const std::exception_ptr& thrown) {
                   failure = thrown;
                   loop.stop();
                 });
  loop.run();
  if (failure) { std::rethrow_exception(failure); }
  if (*outcome) { (*outcome)->holds.clear(); }  // they are of `shared`, which ends here
  return std::move(*outcome);
}

}  // namespace bascule::app
