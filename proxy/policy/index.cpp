#include "proxy/policy/index.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

namespace bascule::policy {

namespace {

using wire::http::Authority;
using wire::http::Target;

// Looks a std::string up by a std::string_view, without making one.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// Routes by the shape of their path: literals by what they say, captures whatever they take.
class PathTree {
 public:
  void add(const PathRule& path, std::size_t route) {
    std::size_t at = 0;
    for (const PathRule::Segment& segment : path.segments) { at = child(at, segment); }
    (path.prefix ? nodes_[at].prefixes : nodes_[at].ends).push_back(route);
  }

  // All places that the path leads to are followed at once, a segment a round.
  void find(const Target& target, std::vector<std::size_t>& found) const {
    std::vector<std::size_t> places{0};
    for (const std::string& segment : target.segments) {
      std::vector<std::size_t> next;
      for (const std::size_t place : places) {
        const Node& node = nodes_[place];
        found.insert(found.end(), node.prefixes.begin(), node.prefixes.end());
        const auto literal = node.literals.find(segment);
        if (literal != node.literals.end()) { next.push_back(literal->second); }
        if (node.capture != none && !segment.empty()) { next.push_back(node.capture); }
      }
      places.swap(next);
      if (places.empty()) { return; }
    }
    for (const std::size_t place : places) {
      found.insert(found.end(), nodes_[place].ends.begin(), nodes_[place].ends.end());
    }
  }

 private:
  static constexpr std::size_t none = 0;  // nobody's child is the root

  struct Node {
    ByText<std::size_t> literals;
    std::size_t capture = none;
    std::vector<std::size_t> ends;      // routes whose path ends here
    std::vector<std::size_t> prefixes;  // those that take what is below
  };

  std::size_t child(std::size_t parent, const PathRule::Segment& segment) {
    const std::size_t fresh = nodes_.size();
    std::size_t& known = segment.capture.empty()
                             ? nodes_[parent].literals.try_emplace(segment.literal, none).first->second
                             : nodes_[parent].capture;
    if (known != none) { return known; }
    known = fresh;
    nodes_.emplace_back();
    return fresh;
  }

  // One behind the other and linked by their numbers: a path may be deep, and nothing here recurses.
  std::vector<Node> nodes_{1};
};

// The routes that are for the same listeners, by their hosts.
class Hosts {
 public:
  void add(const Route& route, std::size_t number) {
    demand_.add(route);
    switch (route.host.kind) {
      case HostRule::Kind::any: place(any_).add(route.path, number); return;
      case HostRule::Kind::addresses_and_localhost: place(local_).add(route.path, number); return;
      case HostRule::Kind::named: break;
    }
    for (const std::string& name : route.host.names) { names_[name].add(route.path, number); }
    for (const std::string& parent : route.host.parents) { parents_[parent].add(route.path, number); }
  }

  void find(const Authority& host, const Target& target, RouteIndex::Candidates& candidates) const {
    const auto look_into = [&](const PathTree& tree) {
      candidates.host_known = true;
      tree.find(target, candidates.routes);
    };
    if (any_) { look_into(*any_); }
    const bool is_name = host.kind == Authority::Kind::name;
    if (local_ && (!is_name || host.host == "localhost")) { look_into(*local_); }
    const auto exact = names_.find(host.host);
    if (exact != names_.end()) { look_into(exact->second); }
    if (!is_name || parents_.empty()) { return; }
    const std::string_view name = host.host;
    for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
      const auto parent = parents_.find(name.substr(dot + 1));
      if (parent != parents_.end()) { look_into(parent->second); }
    }
  }

  const HeadDemand& demand() const { return demand_; }

 private:
  static PathTree& place(std::unique_ptr<PathTree>& tree) {
    if (!tree) { tree = std::make_unique<PathTree>(); }
    return *tree;
  }

  ByText<PathTree> names_;
  ByText<PathTree> parents_;
  std::unique_ptr<PathTree> local_;  // addresses and localhost; there if a route is
  std::unique_ptr<PathTree> any_;
  HeadDemand demand_;
};

}  // namespace

struct RouteIndex::Tree {
  Hosts everywhere;  // of routes that name no listener
  ByText<Hosts> listeners;
};

RouteIndex::RouteIndex(const Rules& rules) {
  auto tree = std::make_unique<Tree>();
  for (std::size_t number = 0; number < rules.routes.size(); ++number) {
    const Route& route = *rules.routes[number];
    if (route.listeners.empty()) { tree->everywhere.add(route, number); }
    for (const std::string& listener : route.listeners) { tree->listeners[listener].add(route, number); }
  }
  tree_ = std::move(tree);
}

RouteIndex::~RouteIndex() = default;

RouteIndex::Candidates RouteIndex::find(std::string_view listener, const Authority& host, const Target& target) const {
  Candidates candidates;
  tree_->everywhere.find(host, target, candidates);
  const auto own = tree_->listeners.find(listener);
  if (own != tree_->listeners.end()) { own->second.find(host, target, candidates); }
  // Several roads may lead to one route: a name of its own and a parent's.
  auto& routes = candidates.routes;
  std::sort(routes.begin(), routes.end());
  routes.erase(std::unique(routes.begin(), routes.end()), routes.end());
  return candidates;
}

HeadDemand RouteIndex::head_demand(std::string_view listener) const {
  HeadDemand demand = tree_->everywhere.demand();
  const auto own = tree_->listeners.find(listener);
  if (own != tree_->listeners.end()) { demand.add(own->second.demand()); }
  return demand;
}

}  // namespace bascule::policy
