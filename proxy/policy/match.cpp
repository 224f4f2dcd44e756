#include "proxy/policy/match.hpp"

#include <algorithm>
#include <optional>

#include "proxy/base/text.hpp"
#include "proxy/policy/index.hpp"
#include "proxy/wire/http/parameters.hpp"

namespace bascule::policy {

namespace {

using wire::http::Authority;
using wire::http::RequestHead;
using wire::http::Target;

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool listens_at(const Route& route, std::string_view listener) {
  return route.listeners.empty() || contains(route.listeners, listener);
}

// "a.b.example.org" below "example.org"; "example.org" is not below itself.
bool is_below(std::string_view name, std::string_view parent) {
  return name.size() > parent.size() + 1 && name.ends_with(parent) && name[name.size() - parent.size() - 1] == '.';
}

bool segment_fits(const PathRule::Segment& rule, const std::string& sent) {
  if (rule.capture.empty()) { return sent == rule.literal; }
  return !sent.empty() && (!rule.pattern || rule.pattern->matches(sent));
}

bool offers_any_of(const std::vector<std::string>& protocols, const RequestHead& head) {
  for (const wire::http::Field& field : head.fields) {
    if (field.name != "sec-websocket-protocol") { continue; }
    for (std::string_view list = field.value; !list.empty();) {
      const std::size_t comma = std::min(list.find(','), list.size());
      if (contains(protocols, trimmed(list.substr(0, comma)))) { return true; }
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  return false;
}

bool holds(const Condition& condition, const RequestHead& head, const Target& target) {
  std::optional<std::string> sent;
  switch (condition.of) {
    case Condition::Of::subprotocol: return offers_any_of(condition.values, head);
    case Condition::Of::header:
      return std::any_of(head.fields.begin(), head.fields.end(), [&](const wire::http::Field& field) {
        return field.name == condition.name && contains(condition.values, field.value);
      });
    case Condition::Of::query: sent = wire::http::query_parameter(target.query, condition.name); break;
    case Condition::Of::cookie: sent = wire::http::cookie(head, condition.name); break;
  }
  return sent && contains(condition.values, *sent);
}

// A request on its way through the routes.
class Search {
 public:
  Search(const Target& target, const RequestHead& head) : target_(target), head_(head) {}

  // True when the search is over. REQUIRES: listener and host fit.
  bool takes(const std::shared_ptr<const Route>& route) {
    ++found_.tried;
    PathMatch path = match_path(route->path, target_);
    if (!path.matches) { return false; }
    if (!conditions_hold(route->conditions, head_, target_)) {
      if (!found_.but_for_conditions) { found_.but_for_conditions = route; }
      return false;
    }
    found_.route = route;
    found_.path = std::move(path);
    found_.but_for_conditions = nullptr;
    return true;
  }

  RouteMatch& found() { return found_; }

 private:
  const Target& target_;
  const RequestHead& head_;
  RouteMatch found_;
};

}  // namespace

bool host_matches(const HostRule& rule, const Authority& host) {
  switch (rule.kind) {
    case HostRule::Kind::any: return true;
    case HostRule::Kind::named:
      return contains(rule.names, host.host) ||
             (host.kind == Authority::Kind::name &&
              std::any_of(rule.parents.begin(), rule.parents.end(),
                          [&](const std::string& parent) { return is_below(host.host, parent); }));
    case HostRule::Kind::addresses_and_localhost: break;
  }
  return host.kind != Authority::Kind::name || host.host == "localhost";
}

PathMatch match_path(const PathRule& rule, const Target& target) {
  const auto& sent = target.segments;
  const std::size_t size = rule.segments.size();
  if (rule.prefix ? sent.size() <= size : sent.size() != size) { return {}; }
  for (std::size_t i = 0; i < size; ++i) {
    if (!segment_fits(rule.segments[i], sent[i])) { return {}; }
  }

  PathMatch match;
  for (std::size_t i = 0; i < size; ++i) {
    if (!rule.segments[i].capture.empty()) { match.captures.emplace_back(rule.segments[i].capture, sent[i]); }
  }
  if (rule.prefix) {
    for (std::size_t i = size; i < sent.size(); ++i) {
      const bool last = i + 1 == sent.size();
      // "/novnc//etc" would give a `below` that begins with a slash, and that is another place in every file system.
      if (sent[i].empty() && !last) { return {}; }
      match.below += sent[i];
      if (!last) { match.below += '/'; }
    }
  }
  match.matches = true;
  return match;
}

RouteMatch find_route(const Rules& rules, std::string_view listener, const Authority& host, const Target& target,
                      const RequestHead& head) {
  Search search(target, head);
  if (rules.index) {
    const RouteIndex::Candidates candidates = rules.index->find(listener, host, target);
    search.found().host_known = candidates.host_known;
    for (const std::size_t number : candidates.routes) {
      if (search.takes(rules.routes[number])) { break; }
    }
    return std::move(search.found());
  }
  for (const auto& route : rules.routes) {
    if (!listens_at(*route, listener) || !host_matches(route->host, host)) { continue; }
    search.found().host_known = true;
    if (search.takes(route)) { break; }
  }
  return std::move(search.found());
}

bool conditions_hold(const std::vector<Condition>& conditions, const RequestHead& head, const Target& target) {
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const Condition& condition) { return holds(condition, head, target); });
}

void HeadDemand::add(const HeadDemand& other) {
  if (!other.any_) { return; }
  const auto longer = [this](Limit ours, Limit theirs) {
    return !any_ ? theirs : !ours || !theirs ? std::nullopt : std::max(ours, theirs);
  };
  time_ = longer(time_, other.time_);
  tls_time_ = longer(tls_time_, other.tls_time_);
  bytes_ = std::max(bytes_, other.bytes_);
  fields_ = std::max(fields_, other.fields_);
  any_ = true;
}

void HeadDemand::add(const Route& route) {
  HeadDemand demand;
  demand.any_ = true;
  demand.time_ = route.session.timeouts.head;
  demand.tls_time_ = route.session.timeouts.tls;
  demand.bytes_ = route.limits.head_bytes;
  demand.fields_ = route.limits.head_fields;
  add(demand);
}

Limit HeadDemand::time() const {
  return any_ ? time_ : Timeouts().head;
}

Limit HeadDemand::tls_time() const {
  return any_ ? tls_time_ : Timeouts().tls;
}

wire::http::HeadLimits HeadDemand::size() const {
  wire::http::HeadLimits limits;
  if (!any_) { return limits; }
  // A longer head may have a longer request line too: half of it, as in the limits that nobody has written.
  limits.line_bytes_max = std::max(std::min(limits.line_bytes_max, bytes_), bytes_ / 2);
  limits.head_bytes_max = bytes_;
  limits.fields_max = fields_;
  return limits;
}

HeadDemand head_demand(const Rules& rules, std::string_view listener) {
  if (rules.index) { return rules.index->head_demand(listener); }
  HeadDemand demand;
  for (const auto& route : rules.routes) {
    if (listens_at(*route, listener)) { demand.add(*route); }
  }
  return demand;
}

Limit head_limit(const Rules& rules, std::string_view listener) {
  return head_demand(rules, listener).time();
}

Limit tls_limit(const Rules& rules, std::string_view listener) {
  return head_demand(rules, listener).tls_time();
}

wire::http::HeadLimits head_size_limit(const Rules& rules, std::string_view listener) {
  return head_demand(rules, listener).size();
}

}  // namespace bascule::policy
