#include "proxy/session/floor.hpp"

#include <utility>

#include "proxy/session/live_session.hpp"

namespace bascule::session {

Floor::Floor(net::Loop& the_loop, net::Resolver& the_resolver, Ledger& the_ledger, observe::Log& the_log,
             std::shared_ptr<const policy::Rules> rules)
    : loop(the_loop), resolver(the_resolver), ledger(the_ledger), log(the_log), rules_(std::move(rules)) {}

Floor::~Floor() = default;

Floor::Guests::iterator Floor::enter(net::Waiter& waiter) {
  if (draining_) { waiter.stop(); }
  ++load_;
  return guests_.insert(guests_.end(), &waiter);
}

void Floor::leave(Guests::iterator guest) {
  guests_.erase(guest);
  --load_;
  tell_when_empty();
}

void Floor::begin(std::unique_ptr<LiveSession> session) {
  ++load_;
  sessions_.push_back(std::move(session));
  sessions_.back()->begin(std::prev(sessions_.end()));
}

void Floor::finish(Sessions::iterator session) {
  sessions_.erase(session);
  --load_;
  tell_when_empty();
}

void Floor::drain(std::function<void()> on_empty) {
  draining_ = true;
  on_empty_ = std::move(on_empty);
  // A step may end the one it is about, and only that one.
  for (auto guest = guests_.begin(); guest != guests_.end();) { (*guest++)->stop(); }
  for (auto session = sessions_.begin(); session != sessions_.end();) { (*session++)->end(relay::Cause::draining); }
  tell_when_empty();
}

void Floor::clear() {
  for (auto session = sessions_.begin(); session != sessions_.end();) { (*session++)->end(relay::Cause::stopped); }
}

void Floor::tell_when_empty() {
  if (!draining_ || !guests_.empty() || !sessions_.empty()) { return; }
  if (const auto on_empty = std::exchange(on_empty_, {})) { on_empty(); }
}

}  // namespace bascule::session
