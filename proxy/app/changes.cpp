#include "proxy/app/changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace bascule::app {

namespace {

using Keys = std::vector<std::string>;
using policy::Listener;
using policy::Process;
using policy::Route;
using policy::Rules;
using policy::Service;

// Notes the keys whose values differ.
class Differences {
 public:
  template <typename T>
  Differences& compare(std::string_view key, const T& before, const T& after) {
    if (!(before == after)) { keys_.emplace_back(key); }
    return *this;
  }
  Keys take() { return std::move(keys_); }

 private:
  Keys keys_;
};

// Without what follows from the routes.
std::optional<policy::ListenerTls> written_tls(const Listener& listener) {
  auto tls = listener.tls;
  if (tls) { tls->ask_at = {}; }
  return tls;
}

Keys differences(const Listener& before, const Listener& after) {
  return Differences()
      .compare("address", before.address, after.address)
      .compare("mode", before.mode, after.mode)
      .compare("share_port", before.share_port, after.share_port)
      .compare("allow", before.allow, after.allow)
      .compare("proxy_protocol", before.proxy_protocol, after.proxy_protocol)
      .compare("trusted_proxies", before.trusted_proxies, after.trusted_proxies)
      .compare("public_url", before.public_url, after.public_url)
      .compare("tls", written_tls(before), written_tls(after))
      .take();
}

Keys differences(const Service& before, const Service& after) {
  return Differences()
      .compare("address", before.where, after.where)
      .compare("within", before.within, after.within)
      .compare("balance", before.balance, after.balance)
      .compare("health", before.health, after.health)
      .compare("retry", before.retry, after.retry)
      .compare("tls", before.tls, after.tls)
      .compare("proxy_protocol", before.proxy_protocol, after.proxy_protocol)
      .take();
}

// What a proof says is compared as a whole: its keys are many, and some are secrets.
Keys differences(const proof::Proof& before, const proof::Proof& after) {
  return Differences()
      .compare(after.kind(), before.how, after.how)
      .compare("session_cookie", before.cookie, after.cookie)
      .take();
}

// Where it leads is the same, as far as the route itself says: the name of a service that is told of separately.
bool same_target(const Route& before, const Route& after) {
  const Service* const old_service = before.service();
  const Service* const new_service = after.service();
  if (old_service != nullptr && new_service != nullptr && old_service->shared && new_service->shared) {
    return old_service->name == new_service->name;
  }
  if (old_service != nullptr && new_service != nullptr) { return *old_service == *new_service; }
  return before.to == after.to;
}

std::string_view target_key(const Route& route) {
  constexpr std::array<std::string_view, 3> keys{"to", "files", "answer"};
  return keys.at(route.to.index());
}

using Bandwidth = std::pair<std::optional<policy::Rate>, std::optional<policy::Rate>>;

Bandwidth bandwidth_of(const Route& route) {
  return {route.session.pace.to_client_bytes, route.session.pace.from_client_bytes};
}

Bandwidth frame_rates_of(const Route& route) {
  return {route.session.pace.frames, route.session.pace.control_frames};
}

Keys differences(const Route& before, const Route& after) {
  Differences found;
  found.compare("listeners", before.listeners, after.listeners)
      .compare("host", before.host, after.host)
      .compare("path", before.path, after.path)
      .compare("match", before.conditions, after.conditions)
      .compare("origins", before.origins, after.origins)
      .compare("auth", before.auth.text(), after.auth.text())
      .compare("allow", before.allow, after.allow)
      .compare("protocol", before.protocol, after.protocol)
      .compare("subprotocols", before.subprotocols, after.subprotocols)
      .compare("frames", before.session.frames, after.session.frames)
      .compare("timeouts", before.session.timeouts, after.session.timeouts)
      .compare("limits", std::pair(before.limits, frame_rates_of(before)),
               std::pair(after.limits, frame_rates_of(after)))
      .compare("bandwidth", bandwidth_of(before), bandwidth_of(after))
      .compare("refuse", before.refuse, after.refuse)
      .compare("on_expiry", before.on_expiry, after.on_expiry)
      .compare("on_reload", before.on_reload, after.on_reload);
  if (!same_target(before, after)) { found.compare(target_key(after), false, true); }
  return found.take();
}

Keys differences(const Process& before, const Process& after) {
  return Differences()
      .compare("workers", before.workers, after.workers)
      .compare("drain", before.drain, after.drain)
      .compare("watch", before.watch, after.watch)
      .take();
}

// Listeners, proofs, services and routes alike: what has a name and a place.
template <typename T>
class Comparison {
 public:
  Comparison(Change::Of of, std::vector<const T*> before, std::vector<const T*> after)
      : of_(of), before_(std::move(before)), after_(std::move(after)) {
    for (const T* one : before_) { old_.emplace(one->name, one); }
    for (const T* one : after_) { new_names_.insert(one->name); }
  }

  // `moved`: names to be told as moved, if nothing else is told of them.
  void add_to(Changes& changes, const std::set<std::string, std::less<>>& moved) const {
    for (const T* one : after_) {
      const auto found = old_.find(one->name);
      if (found == old_.end()) {
        changes.all.push_back({.of = of_, .kind = Change::Kind::added, .name = one->name, .place = one->place});
        continue;
      }
      if (Keys keys = differences(*found->second, *one); !keys.empty()) {
        changes.all.push_back({.of = of_,
                               .kind = Change::Kind::changed,
                               .name = one->name,
                               .keys = std::move(keys),
                               .place = one->place});
      }
      if (moved.contains(one->name)) {
        changes.all.push_back({.of = of_, .kind = Change::Kind::moved, .name = one->name, .place = one->place});
      }
    }
    for (const T* one : before_) {
      if (new_names_.contains(one->name)) { continue; }
      changes.all.push_back({.of = of_, .kind = Change::Kind::removed, .name = one->name, .place = one->place});
    }
  }

 private:
  Change::Of of_;
  std::vector<const T*> before_;
  std::vector<const T*> after_;
  std::map<std::string_view, const T*> old_;
  std::set<std::string_view> new_names_;
};

// The fewest routes whose taking out and putting back makes the new order of the old one: all but a longest ascending
// row of old numbers, read in the new order.
std::set<std::string, std::less<>> moved_routes(const Rules& before, const Rules& after) {
  std::map<std::string_view, std::size_t> old_numbers;
  for (std::size_t i = 0; i < before.routes.size(); ++i) { old_numbers.emplace(before.routes[i]->name, i); }
  std::vector<std::pair<std::string_view, std::size_t>> kept;
  for (const auto& route : after.routes) {
    const auto found = old_numbers.find(route->name);
    if (found != old_numbers.end()) { kept.emplace_back(route->name, found->second); }
  }

  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::vector<std::size_t> ends;  // of rows of each length, the one with the smallest end, as an index into `kept`
  std::vector<std::size_t> previous(kept.size(), none);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto place = std::lower_bound(ends.begin(), ends.end(), i,
                                        [&](std::size_t a, std::size_t b) { return kept[a].second < kept[b].second; });
    if (place != ends.begin()) { previous[i] = *std::prev(place); }
    if (place == ends.end()) {
      ends.push_back(i);
    } else {
      *place = i;
    }
  }
  std::set<std::string, std::less<>> moved;
  for (const auto& [name, number] : kept) { moved.emplace(name); }
  for (std::size_t i = ends.empty() ? none : ends.back(); i != none; i = previous[i]) {
    moved.erase(std::string(kept[i].first));
  }
  return moved;
}

std::vector<const Listener*> listeners_of(const Rules& rules) {
  std::vector<const Listener*> all;
  for (const Listener& listener : rules.listeners) { all.push_back(&listener); }
  return all;
}

std::vector<const Service*> services_of(const Rules& rules) {
  std::vector<const Service*> all;
  for (const auto& [name, service] : rules.services) { all.push_back(service.get()); }
  return all;
}

std::vector<const proof::Proof*> proofs_of(const Rules& rules) {
  std::vector<const proof::Proof*> all;
  for (const auto& [name, proof] : rules.proofs) { all.push_back(proof.get()); }
  return all;
}

std::vector<const Route*> routes_of(const Rules& rules) {
  std::vector<const Route*> all;
  for (const auto& route : rules.routes) { all.push_back(route.get()); }
  return all;
}

}  // namespace

std::string_view word_of(Change::Of of) {
  constexpr std::array<std::string_view, 5> words{"listener", "proof", "service", "route", "process"};
  return words.at(static_cast<std::size_t>(of));
}

std::string_view word_of(Change::Kind kind) {
  constexpr std::array<std::string_view, 4> words{"added", "removed", "changed", "moved"};
  return words.at(static_cast<std::size_t>(kind));
}

std::string Change::text() const {
  const std::string what = of == Of::process ? std::string(word_of(of)) : fmt::format("{} '{}'", word_of(of), name);
  return fmt::format("{} {}{}{}{}", what, word_of(kind), keys.empty() ? "" : ": ", fmt::join(keys, ", "),
                     needs_restart ? " (takes effect at the next start)" : "");
}

std::vector<std::string> Changes::lines() const {
  if (all.empty()) { return {"nothing has changed"}; }
  std::vector<std::string> lines;
  std::transform(all.begin(), all.end(), std::back_inserter(lines), [](const Change& change) { return change.text(); });
  return lines;
}

Changes changes_between(const Rules& before, const Rules& after) {
  Changes changes;
  Comparison(Change::Of::listener, listeners_of(before), listeners_of(after)).add_to(changes, {});
  Comparison(Change::Of::proof, proofs_of(before), proofs_of(after)).add_to(changes, {});
  Comparison(Change::Of::service, services_of(before), services_of(after)).add_to(changes, {});
  Comparison(Change::Of::route, routes_of(before), routes_of(after)).add_to(changes, moved_routes(before, after));
  // One change a key: only the number of threads cannot be changed while they run.
  for (std::string& key : differences(before.process, after.process)) {
    const bool needs_restart = key == "workers";
    changes.all.push_back({.of = Change::Of::process, .keys = {std::move(key)}, .needs_restart = needs_restart});
  }
  return changes;
}

}  // namespace bascule::app
