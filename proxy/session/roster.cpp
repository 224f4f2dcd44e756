#include "proxy/session/roster.hpp"

#include <algorithm>
#include <utility>

namespace bascule::session {

using policy::Balance;
using policy::Endpoint;
using policy::Service;

namespace {

// FNV-1a with a last stir: spreads keys that differ in their last byte only.
std::uint64_t hash_of(std::string_view first, std::string_view second) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) { hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U; }
    hash = (hash ^ 0xffU) * 0x100000001b3U;
  };
  add(first);
  add(second);
  hash ^= hash >> 33U;
  hash *= 0xff51afd7ed558ccdU;
  return hash ^ (hash >> 33U);
}

}  // namespace

Use& Use::operator=(Use&& other) noexcept {
  if (this != &other) {
    give_back();
    standing_ = std::move(other.standing_);
  }
  return *this;
}

void Use::give_back() {
  if (!standing_) { return; }
  const std::lock_guard lock(standing_->roster->mutex_);
  --standing_->sessions;
}

std::string Roster::key_of(const Service& service) {
  return (service.shared ? "service " : "route ") + service.name;
}

Standing& Roster::standing(const Service& service, const Endpoint& endpoint) {
  auto& found = services_[key_of(service)].addresses[endpoint.text()];
  if (!found) {
    found = std::make_shared<Standing>();
    found->roster = this;
  }
  return *found;
}

std::vector<Endpoint> Roster::order(const Service& service, std::string_view visitor, TimePoint now) {
  const auto& endpoints = std::get<std::vector<Endpoint>>(service.where);
  if (endpoints.size() == 1) { return endpoints; }

  struct Choice {
    const Endpoint* endpoint = nullptr;
    bool up = true;
    std::uint64_t rank = 0;  // the smallest comes first
  };
  std::vector<Choice> choices;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = services_[key_of(service)];
    const std::uint64_t turn = entry.turn++;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      const Standing& known = standing(service, endpoints[i]);
      Choice choice{.endpoint = &endpoints[i], .up = !(service.health && known.down) && now >= known.avoid_until};
      switch (service.balance) {
        case Balance::first: break;
        case Balance::round_robin:
          choice.rank = (i + endpoints.size() - turn % endpoints.size()) % endpoints.size();
          break;
        case Balance::least_sessions: choice.rank = known.sessions; break;
        // Rendezvous hashing: each address has a lot of its own with each visitor, so that one which goes or comes
        // moves only its own visitors.
        case Balance::hash: choice.rank = hash_of(visitor, endpoints[i].text()); break;
      }
      choices.push_back(choice);
    }
  }
  std::stable_sort(choices.begin(), choices.end(),
                   [](const Choice& a, const Choice& b) { return a.up != b.up ? a.up : a.rank < b.rank; });
  if (choices.size() > service.retry + 1) { choices.resize(service.retry + 1); }
  std::vector<Endpoint> order;
  order.reserve(choices.size());
  for (const Choice& choice : choices) { order.push_back(*choice.endpoint); }
  return order;
}

Use Roster::use(const Service& service, const Endpoint& endpoint) {
  Use use;
  if (service.balance != Balance::least_sessions) { return use; }
  const std::lock_guard lock(mutex_);
  ++standing(service, endpoint).sessions;
  use.standing_ = services_[key_of(service)].addresses[endpoint.text()];
  return use;
}

void Roster::reached(const Service& service, const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  Standing& known = standing(service, endpoint);
  known.avoid_until = TimePoint::min();
  known.failures = 0;
}

void Roster::failed(const Service& service, const Endpoint& endpoint, TimePoint now) {
  const std::lock_guard lock(mutex_);
  standing(service, endpoint).avoid_until = now + avoid_for;
}

Roster::Change Roster::checked(const Service& service, const Endpoint& endpoint, bool well) {
  if (!service.health) { return Change::none; }
  const std::lock_guard lock(mutex_);
  Standing& known = standing(service, endpoint);
  if (well) {
    known.failures = 0;
    known.avoid_until = TimePoint::min();
    if (!known.down || ++known.successes < service.health->up_after) { return Change::none; }
    known.down = false;
    return Change::up;
  }
  known.successes = 0;
  if (known.down || ++known.failures < service.health->down_after) { return Change::none; }
  known.down = true;
  return Change::down;
}

void Roster::keep_only(const policy::Rules& rules) {
  std::map<std::string, std::set<std::string>> wanted;
  const auto want = [&wanted](const Service& service) {
    const auto* endpoints = std::get_if<std::vector<Endpoint>>(&service.where);
    if (endpoints == nullptr) { return; }
    std::set<std::string>& addresses = wanted[key_of(service)];
    for (const Endpoint& endpoint : *endpoints) { addresses.insert(endpoint.text()); }
  };
  for (const auto& [name, service] : rules.services) { want(*service); }
  for (const auto& route : rules.routes) {
    if (const Service* service = route->service()) { want(*service); }
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(services_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (auto& [key, entry] : services_) {
    std::erase_if(entry.addresses,
                  [&, &kept = wanted[key]](const auto& address) { return !kept.contains(address.first); });
  }
}

}  // namespace bascule::session
