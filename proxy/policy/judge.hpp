// The judgement: may this request come in, and where does it lead? Pure; live requests, and later `explain` and `test`,
// are judged by this one function.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/policy/refusal.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/ws/handshake.hpp"

namespace bascule::policy {

// What is known of a request besides its head.
struct Visit {
  std::string_view listener;         // its name
  std::string_view scheme = "http";  // as the visitor's browser sees it
};

// Yes, to a session: dial `route->to`, then answer 101 with `protocol`.
struct Admitted {
  std::shared_ptr<const Route> route;
  wire::ws::Upgrade upgrade;
  std::string protocol;  // the subprotocol to answer; empty: none
  std::string origin;    // as the client sent it, for the record; empty without one
  std::vector<std::pair<std::string, std::string>> captures;  // of the path
};

// Yes, to a page: `below` is the decoded path below the route's prefix, its segments joined by '/'. Without a leading
// '/'; empty or ending in '/' means a folder. Each segment is free of '/', '.', '..' and control bytes (parse_target).
struct Page {
  std::shared_ptr<const Route> route;
  std::string below;
  bool head_only = false;  // HEAD
};

// No. `route` is set when one had matched.
struct Denied {
  std::shared_ptr<const Route> route;
  Refused refused;
};

using Judgement = std::variant<Admitted, Page, Denied>;

// The order of steps is the one of the rules page: host and path, method and upgrade, origin, subprotocol. Limits and
// the dial come after, where there is something to count and to reach.
Judgement judge(const Rules& rules, const Visit& visit, const wire::http::RequestHead& head);

}  // namespace bascule::policy
