// Rules and requests made by hand, as short as a test can read them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/policy/rules.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::policy::test {

inline Address ip(std::string_view literal, std::uint16_t port = 0) {
  const auto address = Address::parse_ip(literal, port);
  EXPECT_TRUE(address.has_value()) << literal;
  return address.value_or(Address());
}

inline std::vector<Network> networks(const std::vector<std::string_view>& texts) {
  std::vector<Network> result;
  for (const std::string_view text : texts) {
    const auto network = Network::parse(text);
    EXPECT_TRUE(network.has_value()) << text;
    if (network) { result.push_back(*network); }
  }
  return result;
}

inline AddressSet addresses(const std::vector<std::string_view>& texts) {
  return {.networks = networks(texts)};
}

inline Words words(std::string_view text) {
  auto parsed = Words::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Words();
}

// "/vnc", "/novnc/*", "/desk/{id}", "/desk/{id:[0-9]+}"; segments as they are, without escapes.
inline PathRule path_rule(std::string_view text) {
  PathRule rule{.written = std::string(text), .segments = {}, .prefix = text.ends_with("/*")};
  if (rule.prefix) { text.remove_suffix(2); }
  while (!text.empty()) {
    const std::string_view segment = text.substr(1, text.find('/', 1) - 1);
    text.remove_prefix(segment.size() + 1);
    if (!segment.starts_with('{')) {
      rule.segments.push_back({.literal = std::string(segment)});
      continue;
    }
    const std::string_view inner = segment.substr(1, segment.size() - 2);
    const std::size_t colon = std::min(inner.find(':'), inner.size());
    PathRule::Segment capture{.capture = std::string(inner.substr(0, colon))};
    if (colon < inner.size()) {
      auto pattern = Pattern::parse(inner.substr(colon + 1));
      EXPECT_TRUE(pattern.ok()) << inner;
      if (pattern) { capture.pattern = *pattern; }
    }
    rule.segments.push_back(std::move(capture));
  }
  return rule;
}

inline Service service_at(std::string host, std::uint16_t port) {
  Service service;
  service.written = host + ":" + std::to_string(port);
  service.where = std::vector<Endpoint>{{.host = std::move(host), .port = port}};
  return service;
}

inline Service service_made(std::string_view host, std::string_view port, std::vector<Network> within) {
  Service service;
  service.where =
      MadeAddress{.host = words(host), .port = words(port), .written = std::string(host) + ":" + std::string(port)};
  service.within = std::move(within);
  return service;
}

inline Service service_looked_up(std::string_view key, std::string_view table_text) {
  Table table;
  table.add(table_text, "tokens");
  Lookup lookup{.key = words(key), .table = std::make_shared<TableSource>("tokens")};
  lookup.table->put(std::make_shared<const Table>(std::move(table)));
  Service service;
  service.where = std::move(lookup);
  return service;
}

// A route to a service at 127.0.0.1:5900.
inline Route route(std::string name, std::string_view path, Service service = service_at("127.0.0.1", 5900)) {
  Route result;
  result.name = std::move(name);
  result.path = path_rule(path);
  result.to = std::make_shared<const Service>(std::move(service));
  return result;
}

inline HostRule hosts(std::vector<std::string> names, std::vector<std::string> parents = {}) {
  return {.kind = HostRule::Kind::named, .names = std::move(names), .parents = std::move(parents)};
}

inline Listener listener(std::string name) {
  Listener result;
  result.name = std::move(name);
  return result;
}

// Listeners "inner" and "public", and these routes.
inline Rules rules_of(const std::vector<Route>& routes) {
  Rules rules;
  rules.listeners = {listener("inner"), listener("public")};
  for (const Route& item : routes) { rules.routes.push_back(std::make_shared<const Route>(item)); }
  return rules;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

inline wire::http::RequestHead head(std::string method, std::string target, const Fields& fields) {
  wire::http::RequestHead result;
  result.method = std::move(method);
  result.target = std::move(target);
  for (const auto& [name, value] : fields) { result.fields.push_back({.name = name, .value = value}); }
  return result;
}

// A right request for a session at `target`; fields in `changes` replace those of that name, one with an empty value
// takes it away.
inline wire::http::RequestHead session(std::string target, const Fields& changes = {}) {
  Fields fields{{"host", "127.0.0.1:6080"},
                {"upgrade", "websocket"},
                {"connection", "Upgrade"},
                {"sec-websocket-version", "13"},
                {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  for (const auto& [name, value] : changes) {
    std::erase_if(fields, [&, wanted = name](const auto& field) { return field.first == wanted; });
    if (!value.empty()) { fields.emplace_back(name, value); }
  }
  return head("GET", std::move(target), fields);
}

inline wire::http::Target target(std::string_view raw) {
  const auto parsed = wire::http::parse_target(raw);
  EXPECT_TRUE(parsed.has_value()) << raw;
  return parsed.value_or(wire::http::Target());
}

inline wire::http::Authority authority(std::string_view text) {
  const auto parsed = wire::http::parse_authority(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(wire::http::Authority());
}

}  // namespace bascule::policy::test
