// `routes` and `defaults`: what every route has.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::HostRule;
using policy::Route;

// --- defaults --------------------------------------------------------------------------------------------------------

void Reader::read_defaults(const Fields& top) {
  defaults_ = nullptr;
  const auto fields = top.map("defaults", Section::route, "defaults: {timeouts: {connect: 3s}}");
  if (!fields) { return; }
  mistakes_.say_once(fields->node());
  for (const auto& [key, value] : fields->node().entries) {
    const Key* known = find_key(Section::route, key->text);
    if (known != nullptr && !known->in_defaults) {
      fields->mistake(*key, fmt::format("'{}' in 'defaults': each route has its own", known->name));
    }
  }
  // Read once as if it were a route, so that what is wrong with it is said even where no route uses it.
  Route route;
  read_listener_names(*fields, route);
  read_host(*fields, route.host);
  read_allow(*fields, route);
  read_session(*fields, route);
  const std::string_view closed = "a default may not open anything; write it at the routes that are meant";
  if (route.host.kind == HostRule::Kind::any) {
    fields->mistake(*fields->find("host"), fmt::format("'host: any' in 'defaults': {}", closed));
  }
  if (route.origins.any) {
    fields->mistake(*fields->find("origins"), fmt::format("'origins: any' in 'defaults': {}", closed));
  }
  if (const YamlNode* auth = fields->find("auth")) {
    if (auth->kind == YamlNode::Kind::text && auth->text == "none") {
      fields->mistake(*auth, fmt::format("'auth: none' in 'defaults': {}", closed));
    } else {
      read_auth(*fields, route);
    }
  }
  defaults_ = &fields->node();
}

// --- routes ----------------------------------------------------------------------------------------------------------

void Reader::read_routes(const Fields& top) {
  const YamlNode* node = top.find("routes");
  if (node == nullptr) { return; }
  has_routes_ = true;
  if (node->kind == YamlNode::Kind::map) { return read_route(*node, 1); }
  if (node->kind != YamlNode::Kind::list) {
    top.mistake(*node, "'routes' is a list of maps: '- name: desktop', and its other keys below");
    return;
  }
  top.refuse_empty("routes", "; without a route nobody gets in");
  for (std::size_t i = 0; i < node->items.size(); ++i) { read_route(*node->items[i], i + 1); }
}

void Reader::read_route(const YamlNode& node, std::size_t number) {
  if (node.kind != YamlNode::Kind::map) {
    mistakes_.add(node, fmt::format("route {} is no map; a route has a name, a path, 'auth' and 'to'", number));
    return;
  }
  std::string where = fmt::format("route {}", number);
  for (const auto& [key, value] : node.entries) {
    const bool is_name = key->text == "name" && value->kind == YamlNode::Kind::text && !value->text.empty();
    if (is_name) { where = fmt::format("route '{}'", shown(value->text, 64)); }
  }
  const Fields fields(mistakes_, node, Section::route, std::move(where), defaults_);
  Route route;
  route.place = mistakes_.place_of(node);
  const bool named = read_name(fields, route);
  read_listener_names(fields, route);
  const bool has_host = read_host(fields, route.host);
  const bool has_path = read_path(fields, route.path);
  read_conditions(fields, route);
  read_auth(fields, route);
  read_allow(fields, route);

  std::vector<std::string_view> places;
  for (const std::string_view key : {"to", "files", "answer"}) {
    if (fields.find(key) != nullptr) { places.push_back(key); }
  }
  if (places.size() > 1) {
    fields.mistake(node, fmt::format("{} has both '{}' and '{}'; a route leads to one place", fields.where(), places[0],
                                     places[1]));
  } else if (places.empty()) {
    fields.mistake(node, fmt::format("{} leads nowhere; write 'to: host:port', or 'files: {{folder: ...}}' for pages",
                                     fields.where()));
  }
  if (places.empty() || places.front() == "to") {
    read_to(fields, route);
    read_session(fields, route);
  } else {
    read_page(fields, route);
  }
  rules_.routes.push_back(std::make_shared<const Route>(std::move(route)));
  can_match_.push_back(named && has_host && has_path);
}

bool Reader::read_name(const Fields& fields, Route& route) {
  if (fields.find("name") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'name'; the log speaks of it by its name", fields.where()));
    return false;
  }
  const auto name = fields.value("name", parse_name);
  if (!name) { return false; }
  route.name = *name;
  const YamlNode& node = *fields.find("name");
  const auto [first, is_new] = route_places_.emplace(route.name, mistakes_.place_of(node));
  if (!is_new) {
    fields.mistake(node, fmt::format("the name '{}' is used twice; the first route of that name is {}", route.name,
                                     whereabouts(first->second, mistakes_.file())));
  }
  return true;
}

// --- allow -----------------------------------------------------------------------------------------------------------

// A map means all of these, a list means any of these.
void Reader::read_allow(const Fields& fields, Route& route) {
  const YamlNode* node = fields.find("allow");
  if (node == nullptr) { return; }
  const bool nameless = asks_nobody(fields);
  if (node->kind == YamlNode::Kind::map) {
    if (const auto rule = fields.map("allow", Section::allow, "")) { route.allow = {read_allow_rule(*rule, nameless)}; }
  } else if (node->kind == YamlNode::Kind::list) {
    fields.refuse_empty("allow", ", so nobody could come in; leave it out for everybody");
    for (const YamlNode* item : node->items) {
      if (item->kind == YamlNode::Kind::map) {
        const Fields rule(mistakes_, *item, Section::allow, fields.name_of("allow"));
        route.allow.push_back(read_allow_rule(rule, nameless));
      } else {
        fields.mistake(*item, fmt::format("{} is a list of maps: [{{addresses: [10.0.0.0/8]}}, {{users: [ada]}}]",
                                          fields.name_of("allow")));
      }
    }
  } else {
    fields.mistake(*node, fmt::format("{} is a map, or a list of them: allow: {{addresses: [10.0.0.0/8]}}",
                                      fields.name_of("allow")));
  }
}

policy::AllowRule Reader::read_allow_rule(const Fields& fields, bool nameless) {
  policy::AllowRule rule;
  bool anything = fields.find("addresses") != nullptr;
  for (const auto& [key, names] : {std::pair(std::string_view("users"), &rule.users), {"groups", &rule.groups}}) {
    const YamlNode* node = fields.find(key);
    if (node == nullptr) { continue; }
    anything = true;
    fields.refuse_empty(key, ", so nobody is allowed");
    for (const YamlNode* item : fields.texts(key)) { names->push_back(item->text); }
    if (nameless) {
      fields.mistake(*node, fmt::format("{}: nobody has a name where 'auth' is none; 'addresses' work without one",
                                        fields.name_of(key)));
    }
  }
  if (fields.find("addresses") != nullptr) { rule.addresses = read_addresses(fields, "addresses"); }
  if (const YamlNode* claims = fields.find("claims")) {
    anything = true;
    read_claims(fields, rule);
    if (nameless) {
      fields.mistake(*claims, fmt::format("{}: nobody claims anything where 'auth' is none; 'addresses' work without "
                                          "a proof",
                                          fields.name_of("claims")));
    }
  }
  if (!anything) {
    fields.mistake(fields.node(), fmt::format("{} is empty; users, groups, claims or addresses", fields.where()));
  }
  return rule;
}

void Reader::read_claims(const Fields& fields, policy::AllowRule& rule) {
  const YamlNode& node = *fields.find("claims");
  const std::string where = fields.name_of("claims");
  if (node.kind != YamlNode::Kind::map || node.entries.empty()) {
    fields.mistake(node, fmt::format("{} is a map from claims to values: claims: {{plan: [pro, team]}}", where));
    return;
  }
  for (const auto& [key, value] : named_entries(mistakes_, node, where)) {
    const std::string name = fmt::format("'{}' of {}", shown(key->text, 80), where);
    std::vector<const YamlNode*> nodes{value};
    if (value->kind == YamlNode::Kind::list) { nodes = value->items; }
    if (nodes.empty()) { fields.mistake(*value, fmt::format("{} is empty, so nobody is allowed", name)); }
    std::vector<std::string>& values = rule.claims[key->text];
    for (const YamlNode* each : nodes) {
      if (expect_text(mistakes_, *each, name, "words")) { values.push_back(each->text); }
    }
  }
}

}  // namespace bascule::config
