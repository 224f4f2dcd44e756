#include "proxy/session/live_session.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "proxy/policy/judge.hpp"
#include "proxy/relay/echo.hpp"
#include "proxy/relay/splice.hpp"

namespace bascule::session {

namespace {

// Is whoever came in by a password alone still among the users?
bool is_still_there(const policy::Rules& rules, const proof::Identity& identity) {
  if (identity.by.size() != 1) { return true; }  // which of the proofs named him is not known any more
  const proof::Proof* proof = rules.proof(identity.by.front()->name);
  const auto* basic = proof == nullptr ? nullptr : std::get_if<proof::Basic>(&proof->how);
  if (basic == nullptr) { return true; }
  return basic->one ? basic->one->user == identity.user : !basic->users->current()->hash_of(identity.user).empty();
}

// What was dialled under the old `within` may lie outside of the new one, though the visitor's words are the same.
bool may_stay_at(const Address& reached, const std::vector<Network>& within) {
  if (within.empty() || reached.family() == Address::Family::none) { return true; }
  return std::any_of(within.begin(), within.end(), [&](const Network& network) { return network.contains(reached); });
}

}  // namespace

LiveSession::LiveSession(Floor& floor, std::shared_ptr<const policy::Route> route,
                         std::unique_ptr<net::PolledStream> client, Reached service, Seat seat, KeptRecord record,
                         std::shared_ptr<const WayIn> way_in, TimePoint expires_at)
    : floor_(floor),
      route_(std::move(route)),
      client_(std::move(client)),
      service_(std::move(service.stream)),
      seat_(std::move(seat)),
      use_(std::move(service.use)),
      record_(std::move(record)) {
  if (way_in || expires_at != never) {
    terms_ = std::make_unique<Terms>(Terms{std::move(way_in), nullptr, expires_at});
  }
  const TimePoint now = floor_.loop.now();
  client_->watched_by(this);
  if (service_) {
    service_->watched_by(this);
    relay_ = std::make_unique<relay::Splice>(*client_, *service_, route_->session, floor_.bench, now);
  } else {
    relay_ = std::make_unique<relay::Echo>(*client_, route_->session, floor_.bench, now);
  }
}

LiveSession::~LiveSession() = default;

void LiveSession::begin(Floor::Sessions::iterator self, const policy::Rules* newer) {
  self_ = self;
  const bool ended = newer != nullptr && judge_again(*newer);
  if (ended) { return; }
  if (terms_ && terms_->way_in && recheck_of(terms_->way_in->identity)) {
    terms_->recheck = std::make_unique<Recheck>(floor_, *this, terms_->way_in);
  }
  turn();
}

void LiveSession::turn() {
  relay::Turn turn;
  try {
    const TimePoint now = floor_.loop.now();
    if (terms_ && now >= terms_->expires_at) {
      terms_->expires_at = never;
      relay_->end(relay::Cause::credential_expired, now);
    }
    turn = relay_->turn(now);
  } catch (const std::exception& exception) {
    // The root of a session: what goes wrong in it, a bug or a want of memory, ends it and no other.
    client_->abort();
    if (service_) { service_->abort(); }
    write_record({.cause = relay::Cause::internal_error, .detail = exception.what()});
    floor_.finish(self_);  // destroys this
    return;
  }
  if (turn.done) {
    write_record(relay_->ending());
    floor_.finish(self_);  // destroys this
    return;
  }
  if (turn.again) {
    floor_.loop.timers().wake_soon(*this);
  } else {
    floor_.loop.timers().wake_by(*this, terms_ ? std::min(turn.wake_at, terms_->expires_at) : turn.wake_at);
  }
}

void LiveSession::end(relay::Cause why) {
  relay_->end(why, floor_.loop.now());
  turn();
}

bool LiveSession::judge_again(const policy::Rules& rules) {
  if (!terms_ || !terms_->way_in) { return false; }
  const WayIn& way_in = *terms_->way_in;
  if (route_->on_reload == policy::OnReload::keep) { return false; }
  policy::Visit visit = visit_of(rules, way_in.visitor);
  // Whoever proved nothing is judged as nobody. What others proved counts where the new rules ask for the same.
  visit.identity = way_in.asked ? &way_in.identity : nullptr;
  const policy::Judgement judgement = policy::judge(rules, visit, way_in.head);
  const auto* admitted = std::get_if<policy::Admitted>(&judgement.verdict);
  const policy::Service* service = admitted == nullptr ? nullptr : admitted->route->service();
  if (service == nullptr || !may_stay_at(way_in.reached, service->within) || !is_still_there(rules, way_in.identity)) {
    end(relay::Cause::revoked);
    return true;
  }
  const policy::Service& before = *route_->service();
  const bool same_place =
      service->where == before.where && service->tls == before.tls && admitted->target == way_in.target;
  if (!same_place) { end(relay::Cause::moved); }
  return !same_place;
}

// A session is over also when there is no memory to say so.
void LiveSession::write_record(const relay::Ending& ending) {
  try {
    floor_.log.session(record_of(ending));
  } catch (const std::bad_alloc&) { floor_.log.drop(); }
}

observe::SessionRecord LiveSession::record_of(const relay::Ending& ending) const {
  const relay::Counters& counters = relay_->counters();
  observe::SessionRecord record = record_.unpacked();
  record.phase = observe::Phase::session;
  record.lasted = floor_.loop.now() - record.began_at;
  record.ending = relay::word_of(ending.cause);
  record.ended_by = relay::word_of(relay::who_of(ending.cause));
  record.detail = ending.detail;
  record.error = ending.error;
  record.close_received = ending.close_received;
  record.close_sent = ending.close_sent;
  record.from_client_bytes = counters.from_client_bytes;
  record.to_client_bytes = counters.to_client_bytes;
  record.from_client_messages = counters.from_client_messages;
  record.to_client_messages = counters.to_client_messages;
  return record;
}

}  // namespace bascule::session
