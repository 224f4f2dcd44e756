// `services`, and the `to` of a route: which addresses a service has, and how one of them is chosen.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::Balance;
using policy::Endpoint;
using policy::Listener;
using policy::Service;
using wire::ProxyVersion;

namespace {

constexpr unsigned retry_max = 16;
constexpr unsigned checks_max = 100;

constexpr std::array<std::pair<std::string_view, Balance>, 4> balances{{{"first", Balance::first},
                                                                        {"round_robin", Balance::round_robin},
                                                                        {"least_sessions", Balance::least_sessions},
                                                                        {"hash", Balance::hash}}};

constexpr std::array<std::pair<std::string_view, std::optional<ProxyVersion>>, 3> proxy_versions{
    {{"v1", ProxyVersion::v1}, {"v2", ProxyVersion::v2}, {"none", std::nullopt}}};

bool has_words(std::string_view text) {
  return text.find_first_of("{}") != std::string_view::npos;
}

}  // namespace

std::string written_of(const Service& service) {
  if (service.shared) { return service.name; }
  if (service.is_echo()) { return "echo:"; }
  const std::string_view by = service.tls ? "tls://" : "";
  if (const auto* made = std::get_if<policy::MadeAddress>(&service.where)) {
    return fmt::format("{}{}", by, made->written);
  }
  if (const auto* lookup = std::get_if<policy::Lookup>(&service.where)) {
    return fmt::format("{} in {}", lookup->key.text(), lookup->table->path());
  }
  std::string text;
  for (const Endpoint& endpoint : std::get<std::vector<Endpoint>>(service.where)) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", by, endpoint.text());
  }
  return text;
}

// --- services --------------------------------------------------------------------------------------------------------

void Reader::read_services(const Fields& top) {
  const YamlNode* node = top.find("services");
  if (node == nullptr) { return; }
  if (node->kind != YamlNode::Kind::map) {
    top.mistake(*node, "'services' is a map of names: services: {broker: {address: \"broker:61613\"}}");
    return;
  }
  for (const auto& [key, value] : named_entries(mistakes_, *node, "'services'")) {
    if (key->text.starts_with("x-")) { continue; }
    if (const auto name = parse_service_name(key->text); !name) {
      mistakes_.add(*key, "'services': " + name.error().text);
      continue;
    }
    const auto [first, is_new] = service_places_.emplace(key->text, mistakes_.place_of(*key));
    if (!is_new) {
      mistakes_.add(*key, fmt::format("the name '{}' is used twice; the first service of that name is {}", key->text,
                                      whereabouts(first->second, mistakes_.file())));
      continue;
    }
    if (value->kind != YamlNode::Kind::map) {
      mistakes_.add(value->kind == YamlNode::Kind::nothing ? *key : *value,
                    fmt::format("service '{0}' is a map: {0}: {{address: \"broker:61613\"}}", key->text));
      continue;
    }
    const Fields fields(mistakes_, *value, Section::service, fmt::format("service '{}'", key->text));
    auto service = std::make_shared<Service>();
    service->name = key->text;
    service->shared = true;
    service->place = mistakes_.place_of(*key);
    read_service_map(fields, *service);
    service->written = written_of(*service);
    rules_.services.emplace(key->text, std::move(service));
  }
}

// --- the map of a service, with a name or without one ----------------------------------------------------------------

void Reader::read_service_map(const Fields& fields, Service& service) {
  read_where(fields, service);
  read_within(fields, service);
  read_choice(fields, service);
  read_service_tls(fields, service);
  if (const auto version = fields.word("proxy_protocol", proxy_versions)) { service.proxy_protocol = *version; }
}

void Reader::read_where(const Fields& fields, Service& service) {
  std::vector<std::string_view> written;
  for (const std::string_view key : {"address", "addresses", "lookup"}) {
    const bool known = find_key(fields.section(), key) != nullptr;
    if (known && fields.find(key) != nullptr) { written.push_back(key); }
  }
  if (written.empty()) {
    fields.mistake(fields.node(),
                   fmt::format("{} has no 'address'; where is the service? 'address: host:port'", fields.where()));
    return;
  }
  if (written.size() > 1) {
    fields.mistake(*fields.find(written[1]), fmt::format("{} has both '{}' and '{}'; it needs one of them",
                                                         fields.where(), written[0], written[1]));
    return;
  }
  if (written.front() == "lookup") { return read_lookup(fields, service); }
  if (written.front() == "addresses") { return read_addresses_of(fields, service); }
  const std::string* address = fields.text("address");
  if (address == nullptr) { return; }
  if (*address == "echo:") {
    fields.mistake(*fields.find("address"), "the built-in echo has no map; write 'to: \"echo:\"'");
  } else if (has_words(*address)) {
    read_made_address(fields, service);
  } else if (auto endpoint = fields.value("address", parse_endpoint)) {
    check_loop(*endpoint, *fields.find("address"), fields.name_of("address"));
    service.where = std::vector<Endpoint>{std::move(*endpoint)};
  }
}

void Reader::read_made_address(const Fields& fields, Service& service) {
  auto made = fields.value("address", parse_made_address);
  if (fields.find("within") == nullptr) {
    fields.mistake(*fields.find("address"),
                   fmt::format("{} is made from the visitor's words, so 'within' must say where it may lead to: "
                               "within: [10.20.0.0/16]",
                               fields.name_of("address")));
  }
  if (made) { service.where = std::move(*made); }
}

void Reader::read_addresses_of(const Fields& fields, Service& service) {
  std::vector<Endpoint> endpoints;
  fields.refuse_empty("addresses", "; where is the service? 'addresses: [broker-a:61613, broker-b:61613]'");
  for (const YamlNode* item : fields.texts("addresses")) {
    if (has_words(item->text)) {
      fields.mistake(*item, fmt::format("{}: an address that is made from the visitor's words stands alone, in "
                                        "'address'",
                                        fields.name_of("addresses")));
      continue;
    }
    auto endpoint = fields.accept(*item, "addresses", parse_endpoint(item->text));
    if (!endpoint) { continue; }
    check_loop(*endpoint, *item, fields.name_of("addresses"));
    if (std::find(endpoints.begin(), endpoints.end(), *endpoint) != endpoints.end()) {
      fields.mistake(*item, fmt::format("{}: '{}' stands there twice", fields.name_of("addresses"), endpoint->text()));
    }
    endpoints.push_back(std::move(*endpoint));
  }
  service.where = std::move(endpoints);
}

// Certain loops only; a name that turns out to be ours is for whoever dials.
void Reader::check_loop(const Endpoint& endpoint, const YamlNode& node, const std::string& where) {
  for (const Listener& listener : rules_.listeners) {
    const Address& ours = listener.address;
    bool same = false;
    if (endpoint.kind == Endpoint::Kind::unix_socket) {
      same = ours.family() == Address::Family::unix_path && ours.path() == endpoint.path;
    } else if (ours.is_ip() && ours.port() == endpoint.port) {
      const auto theirs = Address::parse_ip(endpoint.host, endpoint.port);
      const bool at_all_addresses = ours.host_text() == "::" || ours.host_text() == "0.0.0.0";
      const bool here = endpoint.host == "localhost" || (theirs && theirs->is_loopback());
      same = (theirs && *theirs == ours) || (here && (at_all_addresses || (!theirs && ours.is_loopback())));
    }
    if (same) {
      mistakes_.add(node, fmt::format("{}: '{}' leads back to bascule's own listener {}", where, shown(node.text, 80),
                                      whereabouts(listener.place, mistakes_.file())));
    }
  }
}

void Reader::read_within(const Fields& fields, Service& service) {
  fields.refuse_empty("within", ", so no address would be in it; leave it out for all of them");
  for (const YamlNode* item : fields.texts("within", Brackets::a_list)) {
    if (auto network = fields.accept(*item, "within", parse_network(item->text))) {
      service.within.push_back(std::move(*network));
    }
  }
  const auto* endpoints = std::get_if<std::vector<Endpoint>>(&service.where);
  if (endpoints == nullptr || service.within.empty()) { return; }
  for (const Endpoint& endpoint : *endpoints) {
    const auto address = Address::parse_ip(endpoint.host, endpoint.port);
    const bool outside = address && std::none_of(service.within.begin(), service.within.end(),
                                                 [&](const auto& network) { return network.contains(*address); });
    if (outside) {
      fields.mistake(*fields.find("within"),
                     fmt::format("{}: {} is in none of them", fields.name_of("within"), address->host_text()));
    }
  }
}

// Which of the addresses is taken, and what if it cannot be reached.
void Reader::read_choice(const Fields& fields, Service& service) {
  if (!std::holds_alternative<std::vector<Endpoint>>(service.where)) {
    for (const std::string_view key : {"balance", "health", "retry"}) {
      if (fields.find(key) == nullptr) { continue; }
      fields.mistake(*fields.find(key), fmt::format("{} does nothing, for the address is found for each visitor anew",
                                                    fields.name_of(key)));
    }
    return;
  }
  if (const auto balance = fields.word("balance", balances)) { service.balance = *balance; }
  if (const std::string* retry = fields.text("retry")) {
    const auto times = *retry == "none" ? Parsed<unsigned>(0U) : parse_whole(*retry, 0, retry_max);
    if (const auto count = fields.accept(*fields.find("retry"), "retry", times)) { service.retry = *count; }
  }
  read_health(fields, service);
}

void Reader::read_health(const Fields& fields, Service& service) {
  const Section section = fields.section() == Section::to ? Section::to_health : Section::service_health;
  const auto written = fields.map("health", section, "health: {every: 5s}");
  if (!written) { return; }
  policy::Health health;
  for (const auto& [key, time] : {std::pair(std::string_view("every"), &health.every), {"timeout", &health.timeout}}) {
    const auto limit = written->value(key, parse_duration);
    if (!limit) { continue; }
    if (*limit) {
      *time = **limit;
    } else {
      written->mistake(*written->find(key), fmt::format("{}: 'none' is no time here; without 'health' nothing is asked",
                                                        written->name_of(key)));
    }
  }
  for (const auto& [key, count] :
       {std::pair(std::string_view("down_after"), &health.down_after), {"up_after", &health.up_after}}) {
    const std::string* times = written->text(key);
    if (times == nullptr) { continue; }
    if (const auto number = written->accept(*written->find(key), key, parse_whole(*times, 1, checks_max))) {
      *count = *number;
    }
  }
  service.health = health;
}

}  // namespace bascule::config
