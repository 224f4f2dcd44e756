#include "proxy/policy/destination.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/base/text.hpp"

namespace bascule::policy {

namespace {

std::string networks_text(const std::vector<Network>& networks) {
  std::vector<std::string> texts;
  texts.reserve(networks.size());
  for (const Network& network : networks) { texts.push_back(network.text()); }
  return shown(fmt::format("{}", fmt::join(texts, ", ")));
}

// What a visitor's word in an address may look like. No colon and no bracket, so that it stays in its part; no '%', no
// '/', nothing that another reader could take for something else.
bool is_plain_host_word(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) {
    const char small = lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

bool is_digits(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Refused no_target(std::string detail) {
  return {.refusal = Refusal::no_target, .detail = std::move(detail)};
}

// An authorizer may name a host and a port, and nothing else: no Unix socket, no other scheme.
Result<Endpoint, Refused> target_named(const std::string* named) {
  if (named == nullptr) { return no_target("no authorizer named a target"); }
  auto endpoint = parse_host_and_port(*named);
  if (!endpoint) { return no_target(fmt::format("the authorizer named '{}', which is no host:port", shown(*named))); }
  return std::move(*endpoint);
}

Result<Endpoint, Refused> make_target(const MadeAddress& made, const Spoken& spoken) {
  std::string missing;
  const auto host = made.host.fill(spoken, &missing, is_plain_host_word);
  const auto port = host ? made.port.fill(spoken, &missing, is_digits) : std::nullopt;
  if (!host || !port) {
    return no_target(fmt::format("'{}': {{{}}} was not sent, or is more than {}", shown(made.written), missing,
                                 host ? "digits" : "letters, digits, '-', '_' and '.'"));
  }
  const std::string text = fmt::format("{}:{}", *host, *port);
  auto endpoint = parse_host_and_port(text);
  if (!endpoint) {
    return no_target(fmt::format("'{}' gives '{}', which is no host:port", shown(made.written), shown(text)));
  }
  return std::move(*endpoint);
}

Result<Endpoint, Refused> look_up(const Lookup& lookup, const Spoken& spoken) {
  std::string missing;
  const auto key = lookup.key.fill(spoken, &missing);
  if (!key) { return no_target(fmt::format("key '{}': {{{}}} was not sent", shown(lookup.key.text()), missing)); }
  const std::shared_ptr<const Table> table = lookup.table->current();
  const Endpoint* endpoint = table->find(*key);
  if (endpoint == nullptr) {
    // The key itself is a secret.
    return no_target(fmt::format("what was sent as '{}' is none of the {} keys of table {}", shown(lookup.key.text()),
                                 table->size(), shown(lookup.table->path())));
  }
  return *endpoint;
}

// What is no address yet is checked when it has been resolved. A Unix socket is in no network.
bool may_be_within(const std::vector<Network>& within, const Endpoint& endpoint) {
  if (within.empty()) { return true; }
  if (endpoint.kind == Endpoint::Kind::unix_socket) { return false; }
  const auto address = Address::parse_ip(endpoint.host, endpoint.port);
  return !address ||
         std::any_of(within.begin(), within.end(), [&](const Network& network) { return network.contains(*address); });
}

}  // namespace

Result<std::optional<Endpoint>, Refused> destination_of(const Service& service, const Spoken& spoken,
                                                        const std::string* named) {
  const auto* made = std::get_if<MadeAddress>(&service.where);
  const auto* lookup = std::get_if<Lookup>(&service.where);
  if (made == nullptr && lookup == nullptr) { return std::optional<Endpoint>(); }
  auto endpoint = lookup != nullptr     ? look_up(*lookup, spoken)
                  : made->by_authorizer ? target_named(named)
                                        : make_target(*made, spoken);
  if (!endpoint) { return std::move(endpoint.error()); }
  if (!may_be_within(service.within, *endpoint)) {
    return Refused{
        .refusal = Refusal::target_outside,
        .detail = fmt::format("{} is not within {}", shown(endpoint->text()), networks_text(service.within))};
  }
  return std::optional(std::move(*endpoint));
}

}  // namespace bascule::policy
