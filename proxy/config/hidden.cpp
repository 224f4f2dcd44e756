#include "proxy/config/hidden.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "proxy/base/address.hpp"
#include "proxy/policy/index.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::config {

namespace {

using policy::Condition;
using policy::HostRule;
using policy::PathRule;
using policy::Route;

bool holds(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool holds_all(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  return std::all_of(some.begin(), some.end(), [&](const std::string& one) { return holds(all, one); });
}

bool holds_any(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  return std::any_of(some.begin(), some.end(), [&](const std::string& one) { return holds(all, one); });
}

// --- listeners and hosts ---------------------------------------------------------------------------------------------

bool covers_listeners(const Route& a, const Route& b) {
  return a.listeners.empty() || (!b.listeners.empty() && holds_all(a.listeners, b.listeners));
}

bool share_a_listener(const Route& a, const Route& b) {
  return a.listeners.empty() || b.listeners.empty() || holds_any(a.listeners, b.listeners);
}

bool is_address_or_localhost(const std::string& name) {
  return name == "localhost" || Address::parse_ip(name, 0).has_value();
}

// "desk.example.org" is below "example.org"; "example.org" itself is not.
bool is_below(std::string_view name, std::string_view parent) {
  return name.size() > parent.size() && name.ends_with(parent) && name[name.size() - parent.size() - 1] == '.';
}

bool is_below_any(const std::string& name, const std::vector<std::string>& parents) {
  return std::any_of(parents.begin(), parents.end(), [&](const auto& parent) { return is_below(name, parent); });
}

bool covers_hosts(const HostRule& a, const HostRule& b) {
  if (a.kind == HostRule::Kind::any) { return true; }
  if (b.kind == HostRule::Kind::any) { return false; }
  if (b.kind == HostRule::Kind::addresses_and_localhost) { return a.kind == b.kind; }
  if (a.kind == HostRule::Kind::addresses_and_localhost) {
    return b.parents.empty() && std::all_of(b.names.begin(), b.names.end(), is_address_or_localhost);
  }
  const auto covers_name = [&](const std::string& name) {
    return holds(a.names, name) || is_below_any(name, a.parents);
  };
  const auto covers_parent = [&](const std::string& parent) {
    return holds(a.parents, parent) || is_below_any(parent, a.parents);
  };
  return std::all_of(b.names.begin(), b.names.end(), covers_name) &&
         std::all_of(b.parents.begin(), b.parents.end(), covers_parent);
}

bool share_a_host(const HostRule& a, const HostRule& b) {
  if (a.kind != HostRule::Kind::named) {
    if (a.kind == b.kind || a.kind == HostRule::Kind::any || b.kind == HostRule::Kind::any) { return true; }
    return std::any_of(b.names.begin(), b.names.end(), is_address_or_localhost);
  }
  if (b.kind != HostRule::Kind::named) { return share_a_host(b, a); }
  const auto parents_meet = [&](const std::string& parent) {
    return holds(b.parents, parent) || is_below_any(parent, b.parents) ||
           std::any_of(b.parents.begin(), b.parents.end(), [&](const auto& other) { return is_below(other, parent); });
  };
  return holds_any(a.names, b.names) ||
         std::any_of(a.names.begin(), a.names.end(), [&](const auto& name) { return is_below_any(name, b.parents); }) ||
         std::any_of(b.names.begin(), b.names.end(), [&](const auto& name) { return is_below_any(name, a.parents); }) ||
         std::any_of(a.parents.begin(), a.parents.end(), parents_meet);
}

// --- paths -----------------------------------------------------------------------------------------------------------

bool takes(const PathRule::Segment& capture, const std::string& literal) {
  return !literal.empty() && (!capture.pattern || capture.pattern->matches(literal));
}

bool covers_segment(const PathRule::Segment& a, const PathRule::Segment& b) {
  if (a.capture.empty()) { return b.capture.empty() && a.literal == b.literal; }
  if (b.capture.empty()) { return takes(a, b.literal); }
  return !a.pattern || a.pattern == b.pattern;
}

// False too where two patterns may or may not have a text in common.
bool share_a_segment(const PathRule::Segment& a, const PathRule::Segment& b) {
  if (a.capture.empty()) { return b.capture.empty() ? a.literal == b.literal : takes(b, a.literal); }
  if (b.capture.empty()) { return takes(a, b.literal); }
  return !a.pattern || !b.pattern || a.pattern == b.pattern;
}

// A prefix of n segments takes n + 1 and more.
std::size_t least_segments(const PathRule& path) {
  return path.segments.size() + (path.prefix ? 1 : 0);
}

bool covers_path(const PathRule& a, const PathRule& b) {
  if (!a.prefix && (b.prefix || a.segments.size() != b.segments.size())) { return false; }
  if (a.prefix && least_segments(b) <= a.segments.size()) { return false; }
  return std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), covers_segment);
}

// Is there a number of segments that both take?
bool share_a_length(const PathRule& a, const PathRule& b) {
  if (!a.prefix && !b.prefix) { return a.segments.size() == b.segments.size(); }
  if (!a.prefix) { return a.segments.size() >= least_segments(b); }
  return b.prefix || b.segments.size() >= least_segments(a);
}

bool share_a_path(const PathRule& a, const PathRule& b) {
  if (!share_a_length(a, b)) { return false; }
  const auto common = static_cast<std::ptrdiff_t>(std::min(a.segments.size(), b.segments.size()));
  return std::equal(a.segments.begin(), a.segments.begin() + common, b.segments.begin(), share_a_segment);
}

// --- conditions ------------------------------------------------------------------------------------------------------

const Condition* same_condition(const std::vector<Condition>& conditions, const Condition& wanted) {
  const auto found = std::find_if(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    return condition.of == wanted.of && condition.name == wanted.name;
  });
  return found == conditions.end() ? nullptr : &*found;
}

// Whatever meets the conditions of `b` meets those of `a`.
bool covers_conditions(const std::vector<Condition>& a, const std::vector<Condition>& b) {
  return std::all_of(a.begin(), a.end(), [&](const Condition& asked) {
    const Condition* there = same_condition(b, asked);
    return there != nullptr && holds_all(asked.values, there->values);
  });
}

// Two different values of one field could be sent at once, but who writes such rules means them to exclude each other.
bool share_conditions(const std::vector<Condition>& a, const std::vector<Condition>& b) {
  return std::all_of(a.begin(), a.end(), [&](const Condition& asked) {
    const Condition* there = same_condition(b, asked);
    return there == nullptr || holds_any(asked.values, there->values);
  });
}

// --- among very many routes ------------------------------------------------------------------------------------------

// A text that no operator writes as a segment: it has a byte that no request may have.
constexpr std::string_view nowhere = "\x01";

// A request that the route matches, but for the patterns in its path and its conditions. Whoever hides the route must
// match it too.
struct Witness {
  std::string listener;
  wire::http::Authority host;
  wire::http::Target target;
};

Witness witness_of(const Route& route) {
  Witness witness;
  if (!route.listeners.empty()) { witness.listener = route.listeners.front(); }
  std::string host = "203.0.113.1";  // of a network for examples (RFC 5737): no rule is likely to name it
  if (route.host.kind == HostRule::Kind::any) { host = "witness.invalid"; }
  if (route.host.kind == HostRule::Kind::named) {
    host = route.host.names.empty() ? "witness." + route.host.parents.front() : route.host.names.front();
  }
  using Kind = wire::http::Authority::Kind;
  const auto address = Address::parse_ip(host, 0);
  const bool ipv4 = address && address->family() == Address::Family::ipv4;
  witness.host.kind = !address ? Kind::name : ipv4 ? Kind::ipv4 : Kind::ipv6;
  witness.host.host = std::move(host);
  for (const PathRule::Segment& segment : route.path.segments) {
    witness.target.segments.push_back(segment.capture.empty() ? segment.literal : std::string(nowhere));
  }
  if (route.path.prefix) { witness.target.segments.emplace_back(nowhere); }
  return witness;
}

// The same routes by listener, host and shape of their paths only.
policy::Rules shapes_of(const Routes& routes) {
  policy::Rules rules;
  for (const auto& route : routes) {
    auto shape = std::make_shared<Route>();
    shape->listeners = route->listeners;
    shape->host = route->host;
    shape->path = route->path;
    for (PathRule::Segment& segment : shape->path.segments) { segment.pattern.reset(); }
    rules.routes.push_back(std::move(shape));
  }
  return rules;
}

// What tells most pairs of routes apart, as numbers.
struct Outline {
  std::size_t host = 0;   // of the only name; 0: there is more to it
  std::size_t first = 0;  // of the first segment of the path, likewise
};

std::vector<Outline> numbered_outlines(const Routes& routes) {
  std::unordered_map<std::string, std::size_t> numbers;
  const auto number_of = [&](const std::string& text) {
    return numbers.emplace(text, numbers.size() + 1).first->second;
  };
  std::vector<Outline> outlines;
  for (const auto& route : routes) {
    Outline& outline = outlines.emplace_back();
    const HostRule& host = route->host;
    const bool one_host = host.kind == HostRule::Kind::named && host.names.size() == 1 && host.parents.empty();
    if (one_host) { outline.host = number_of(host.names.front()); }
    const auto& segments = route->path.segments;
    if (!segments.empty() && segments.front().capture.empty()) { outline.first = number_of(segments.front().literal); }
  }
  return outlines;
}

bool told_apart(std::size_t a, std::size_t b) {
  return a != 0 && b != 0 && a != b;
}

// Pairs that are told apart at a glance cost 1, the others more.
constexpr std::size_t effort_max = 30'000'000;
constexpr std::size_t effort_of_a_look = 30;
constexpr std::size_t pairs_max = 200;  // nobody reads more

}  // namespace

bool hides(const Route& earlier, const Route& route) {
  return covers_conditions(earlier.conditions, route.conditions) && covers_listeners(earlier, route) &&
         covers_hosts(earlier.host, route.host) && covers_path(earlier.path, route.path);
}

bool overlap(const Route& a, const Route& b) {
  return share_a_listener(a, b) && share_a_host(a.host, b.host) && share_a_path(a.path, b.path) &&
         share_conditions(a.conditions, b.conditions);
}

std::vector<InTheWay> hidden_routes(const Routes& routes) {
  const policy::Rules shapes = shapes_of(routes);
  const policy::RouteIndex index(shapes);
  std::vector<InTheWay> result;
  for (std::size_t later = 0; later < routes.size(); ++later) {
    const Witness witness = witness_of(*routes[later]);
    for (const std::size_t earlier : index.find(witness.listener, witness.host, witness.target).routes) {
      if (earlier >= later) { break; }
      if (!hides(*routes[earlier], *routes[later])) { continue; }
      result.push_back({.earlier = earlier, .later = later});
      break;
    }
  }
  return result;
}

std::vector<InTheWay> overlapping_routes(const Routes& routes) {
  const std::vector<Outline> outlines = numbered_outlines(routes);
  std::vector<InTheWay> result;
  std::size_t effort = 0;
  for (std::size_t later = 0; later < routes.size() && effort < effort_max && result.size() < pairs_max; ++later) {
    effort += later;
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const Outline& a = outlines[earlier];
      const Outline& b = outlines[later];
      if (told_apart(a.host, b.host) || told_apart(a.first, b.first)) { continue; }
      effort += effort_of_a_look;
      const Route& first = *routes[earlier];
      const Route& second = *routes[later];
      if (overlap(first, second) && !hides(first, second) && !hides(second, first)) {
        result.push_back({.earlier = earlier, .later = later});
      }
    }
  }
  return result;
}

}  // namespace bascule::config
