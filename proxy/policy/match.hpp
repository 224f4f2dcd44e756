// Which route a request leads to: listener, host, path and `match`; the first that matches wins.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/policy/rules.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/head_parser.hpp"
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
  std::shared_ptr<const Route> but_for_conditions;  // of no route: the first that lacked nothing but its `match`
  std::size_t tried = 0;                            // how many routes were looked at: the price of finding it
};
// Through `rules.index` where there is one, else one after the other; the result is the same.
RouteMatch find_route(const Rules& rules, std::string_view listener, const wire::http::Authority& host,
                      const wire::http::Target& target, const wire::http::RequestHead& head);

bool conditions_hold(const std::vector<Condition>& conditions, const wire::http::RequestHead& head,
                     const wire::http::Target& target);

// What some routes together allow a head: the longest time and the largest size of any of them.
class HeadDemand {
 public:
  void add(const Route& route);
  void add(const HeadDemand& other);

  // Of no route at all: the defaults.
  Limit time() const;      // empty where a route says `none`
  Limit tls_time() const;  // of the TLS handshake in front of it; likewise
  wire::http::HeadLimits size() const;

 private:
  bool any_ = false;
  Limit time_{};
  Limit tls_time_{};
  std::size_t bytes_ = 0;
  std::size_t fields_ = 0;
};

// A head is read before its route is known, so a listener reads by all the routes that it serves; what the route itself
// allows is judged afterwards.
HeadDemand head_demand(const Rules& rules, std::string_view listener);
Limit head_limit(const Rules& rules, std::string_view listener);
Limit tls_limit(const Rules& rules, std::string_view listener);
wire::http::HeadLimits head_size_limit(const Rules& rules, std::string_view listener);

}  // namespace bascule::policy
