#include "proxy/policy/match.hpp"

#include <algorithm>
#include <cstddef>

namespace bascule::policy {

namespace {

bool listens_at(const Route& route, std::string_view listener) {
  return route.listeners.empty() ||
         std::find(route.listeners.begin(), route.listeners.end(), listener) != route.listeners.end();
}

}  // namespace

bool host_matches(const HostRule& rule, const wire::http::Authority& host) {
  switch (rule.kind) {
    case HostRule::Kind::any: return true;
    case HostRule::Kind::exact: return std::find(rule.names.begin(), rule.names.end(), host.host) != rule.names.end();
    case HostRule::Kind::addresses_and_localhost: break;
  }
  return host.kind != wire::http::Authority::Kind::name || host.host == "localhost";
}

PathMatch match_path(const PathRule& rule, const wire::http::Target& target) {
  const auto& sent = target.segments;
  const bool fits = rule.prefix ? sent.size() > rule.segments.size() : sent.size() == rule.segments.size();
  if (!fits) { return {}; }

  PathMatch match;
  for (std::size_t i = 0; i < rule.segments.size(); ++i) {
    const PathRule::Segment& segment = rule.segments[i];
    if (segment.capture.empty()) {
      if (sent[i] != segment.literal) { return {}; }
    } else {
      if (sent[i].empty()) { return {}; }
      match.captures.emplace_back(segment.capture, sent[i]);
    }
  }
  if (rule.prefix) {
    for (std::size_t i = rule.segments.size(); i < sent.size(); ++i) {
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

RouteMatch find_route(const Rules& rules, std::string_view listener, const wire::http::Authority& host,
                      const wire::http::Target& target) {
  RouteMatch found;
  for (const auto& route : rules.routes) {
    if (!listens_at(*route, listener) || !host_matches(route->host, host)) { continue; }
    found.host_known = true;
    PathMatch path = match_path(route->path, target);
    if (!path.matches) { continue; }
    found.route = route;
    found.path = std::move(path);
    break;
  }
  return found;
}

Limit head_limit(const Rules& rules, std::string_view listener) {
  Limit longest = 0ms;
  bool any_route = false;
  for (const auto& route : rules.routes) {
    if (!listens_at(*route, listener)) { continue; }
    const Limit head = route->session.timeouts.head;
    if (!head) { return std::nullopt; }
    longest = std::max(*longest, *head);
    any_route = true;
  }
  return any_route ? longest : Timeouts().head;
}

}  // namespace bascule::policy
