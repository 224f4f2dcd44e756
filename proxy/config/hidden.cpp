#include "proxy/config/hidden.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/base/address.hpp"

namespace bascule::config {

namespace {

using policy::HostRule;
using policy::PathRule;

bool holds_all(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  return std::all_of(some.begin(), some.end(),
                     [&](const std::string& one) { return std::find(all.begin(), all.end(), one) != all.end(); });
}

bool covers_listeners(const policy::Route& a, const policy::Route& b) {
  return a.listeners.empty() || (!b.listeners.empty() && holds_all(a.listeners, b.listeners));
}

bool is_address_or_localhost(const std::string& name) {
  return name == "localhost" || Address::parse_ip(name, 0).has_value();
}

bool covers_hosts(const HostRule& a, const HostRule& b) {
  if (a.kind == HostRule::Kind::any) { return true; }
  if (a.kind == HostRule::Kind::exact) { return b.kind == HostRule::Kind::exact && holds_all(a.names, b.names); }
  return b.kind == HostRule::Kind::addresses_and_localhost ||
         (b.kind == HostRule::Kind::exact && std::all_of(b.names.begin(), b.names.end(), is_address_or_localhost));
}

bool covers_segment(const PathRule::Segment& a, const PathRule::Segment& b) {
  if (a.capture.empty()) { return b.capture.empty() && a.literal == b.literal; }
  return !b.capture.empty() || !b.literal.empty();
}

bool covers_path(const PathRule& a, const PathRule& b) {
  if (!a.prefix) {
    if (b.prefix || a.segments.size() != b.segments.size()) { return false; }
  } else {
    // A prefix of n segments takes n + 1 and more; the least that another prefix takes is one more than it writes.
    const std::size_t least = b.segments.size() + (b.prefix ? 1 : 0);
    if (least <= a.segments.size()) { return false; }
  }
  return std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), covers_segment);
}

}  // namespace

bool hides(const policy::Route& earlier, const policy::Route& route) {
  return covers_listeners(earlier, route) && covers_hosts(earlier.host, route.host) &&
         covers_path(earlier.path, route.path);
}

}  // namespace bascule::config
