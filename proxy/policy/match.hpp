// Which route a request leads to: listener, host and path; the first that matches wins.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/policy/rules.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::policy {

bool host_matches(const HostRule& rule, const wire::http::Authority& host);

struct PathMatch {
  bool matches = false;
  std::vector<std::pair<std::string, std::string>> captures;
  std::string below;  // for a prefix: the segments behind it, joined by '/'; never with a '/' in front
};

// Below a prefix only the last segment may be empty: "/novnc//x" matches nothing.
PathMatch match_path(const PathRule& rule, const wire::http::Target& target);

struct RouteMatch {
  std::shared_ptr<const Route> route;  // null: none
  PathMatch path;
  bool host_known = false;  // some route of this listener answers to this host, whatever the path
};
RouteMatch find_route(const Rules& rules, std::string_view listener, const wire::http::Authority& host,
                      const wire::http::Target& target);

// How long a head may take at a listener. A head is read before its route is known, so the longest of the routes that
// the listener serves; empty where one of them says `none`.
Limit head_limit(const Rules& rules, std::string_view listener);

}  // namespace bascule::policy
