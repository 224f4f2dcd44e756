#include "proxy/session/floor.hpp"

#include <exception>
#include <string_view>
#include <utility>

#include "proxy/session/live_session.hpp"

namespace bascule::session {

Floor::Floor(net::Loop& the_loop, const Shared& shared, std::shared_ptr<const policy::Rules> rules)
    : loop(the_loop),
      resolver(shared.resolver),
      ledger(shared.ledger),
      roster(shared.roster),
      log(shared.log),
      refusals(shared.refusals),
      ticket_keys(shared.ticket_keys),
      handshakes(the_loop),
      http(the_loop, shared.resolver),
      prover(shared.proving, &http),
      rules_(std::move(rules)) {
  loop.on_standstill([this] {
    for (LiveSession& session : sessions_) { session.excuse(); }
  });
}

Floor::~Floor() = default;

void Floor::rule_by(std::shared_ptr<const policy::Rules> rules) {
  rules_ = std::move(rules);
  // A step may end the one it is about, and only that one.
  for (auto session = sessions_.begin(); session != sessions_.end();) { (session++)->judge_again(*rules_); }
}

std::string Floor::next_reference() {
  // Crockford's base 32: no letter that is taken for another.
  constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
  std::uint64_t bits = random_();
  std::string reference;
  for (int i = 0; i < 12; ++i, bits >>= 5U) { reference.push_back(letters[bits & 31U]); }
  return reference;
}

Floor::Guests::iterator Floor::enter(net::Waiter& waiter, Is is) {
  if (draining_) { waiter.stop(); }
  if (is == Is::visitor) { ++load_; }
  return guests_.insert(guests_.end(), &waiter);
}

void Floor::leave(Guests::iterator guest, Is is) {
  guests_.erase(guest);
  if (is == Is::visitor) { --load_; }
  tell_when_empty();
}

void Floor::begin(Sessions session, const std::shared_ptr<const policy::Rules>& judged_by) {
  ++load_;
  const auto self = session.begin();
  sessions_.splice(sessions_.end(), session);
  const policy::Rules* newer = rules_ == judged_by ? nullptr : rules_.get();
  self->begin(self, newer);
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
  for (auto session = sessions_.begin(); session != sessions_.end();) { (session++)->end(relay::Cause::draining); }
  tell_when_empty();
}

void Floor::clear() {
  for (auto session = sessions_.begin(); session != sessions_.end();) { (session++)->end(relay::Cause::stopped); }
}

void Floor::tell_when_empty() {
  if (!draining_ || !guests_.empty() || !sessions_.empty()) { return; }
  if (const auto on_empty = std::exchange(on_empty_, {})) { on_empty(); }
}

void tell_internal_error(observe::Log& log, const std::exception_ptr& failure) {
  if (!failure) { return; }
  observe::Note note{.level = observe::Level::error, .event = "internal_error", .text = {}, .fields = {}, .at = {}};
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& exception) {
    note.text = std::string("ended by an internal error: ") + exception.what();
  } catch (...) { note.text = "ended by an unknown internal error"; }
  log.note(std::move(note));
}

}  // namespace bascule::session
