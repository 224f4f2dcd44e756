// Finding the route of a request among thousands at the price of a few look-ups: by listener, by host, then down a tree
// of path segments. The order of the routes still decides: the first that matches wins.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/policy/match.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::policy {

class RouteIndex {
 public:
  explicit RouteIndex(const Rules& rules);
  ~RouteIndex();

  struct Candidates {
    std::vector<std::size_t> routes;  // numbers in rules.routes, ascending: listener, host and shape of the path fit
    bool host_known = false;          // some route of this listener answers to this host, whatever the path
  };
  Candidates find(std::string_view listener, const wire::http::Authority& host, const wire::http::Target& target) const;

  // The same as head_demand() of policy/match.hpp, known beforehand.
  HeadDemand head_demand(std::string_view listener) const;

 private:
  struct Tree;
  std::unique_ptr<const Tree> tree_;
};

}  // namespace bascule::policy
