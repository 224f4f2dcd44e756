#include "proxy/config/show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/config/show_auth.hpp"
#include "proxy/config/show_words.hpp"
#include "proxy/config/values.hpp"
#include "proxy/config/yaml_writer.hpp"
#include "proxy/policy/origin.hpp"

namespace bascule::config {

namespace {

using policy::Condition;
using policy::FrameRule;
using policy::HostRule;
using policy::Listener;
using policy::OriginRule;
using policy::Rate;
using policy::Route;
using policy::Service;

using namespace std::chrono_literals;

// --- words -----------------------------------------------------------------------------------------------------------

constexpr std::string_view none = "none";

YamlValue count(const std::optional<std::size_t>& most) {
  return most ? number(*most) : word(none);
}

YamlValue rate(const std::optional<Rate>& rate) {
  if (!rate) { return word(none); }
  const std::string_view unit = rate->per == 1h ? "h" : rate->per == 1min ? "min" : "s";
  return YamlValue::word(fmt::format("{}/{}", rate->count, unit));
}

YamlValue byte_rate(const std::optional<Rate>& rate) {
  return rate ? YamlValue::word(fmt::format("{}/s", size_text(rate->count))) : word(none);
}

YamlValue networks(const std::vector<Network>& networks) {
  YamlValue list = YamlValue::list();
  for (const Network& network : networks) { list.add(YamlValue::text(network.text())); }
  return list;
}

YamlValue addresses(const AddressSet& set) {
  YamlValue list = networks(set.networks);
  if (set.unix_sockets) { list.add(word("unix")); }
  return list;
}

// --- TLS -------------------------------------------------------------------------------------------------------------

YamlValue show(const policy::ListenerTls& tls) {
  constexpr std::array<std::string_view, 2> versions{"intermediate", "modern"};
  constexpr std::array<std::string_view, 3> plain{"refuse", "allow", "redirect"};
  YamlValue map = YamlValue::map();
  YamlValue certificates = YamlValue::list();
  for (const policy::ListenerTls::Pair& pair : tls.certificates) {
    YamlValue one = YamlValue::map();
    one.add("certificate", path(pair.certificate));
    if (!pair.key.nowhere()) { one.add("key", word(source_of(pair.key))); }
    if (!pair.names.empty()) { one.add("names", YamlValue::texts(pair.names)); }
    if (!pair.ocsp.empty()) { one.add("ocsp", path(pair.ocsp)); }
    certificates.add(std::move(one));
  }
  map.add("certificates", std::move(certificates));
  map.add("versions", word(versions.at(static_cast<std::size_t>(tls.versions))));
  if (!tls.client_ca.empty()) { map.add("client_ca", path(tls.client_ca)); }
  if (tls.ticket_keys.empty()) {
    map.note("ticket_keys: the process's own, new every twelve hours");
  } else {
    YamlValue keys = YamlValue::list();
    for (const policy::KeptAt& key : tls.ticket_keys) { keys.add(word(source_of(key))); }
    map.add("ticket_keys", std::move(keys));
  }
  map.add("plain", word(plain.at(static_cast<std::size_t>(tls.plain))));
  map.add("hsts", limit(tls.hsts));
  map.add("unknown_names", word(tls.refuse_unknown_names ? "refuse" : "first"));
  return map;
}

YamlValue show(const policy::ServiceTls& tls) {
  YamlValue map = YamlValue::map();
  if (!tls.ca.empty()) {
    map.add("ca", path(tls.ca));
  } else if (tls.verify) {
    map.note("ca: those that the system trusts");
  }
  if (!tls.server_name.empty()) { map.add("server_name", YamlValue::text(tls.server_name)); }
  if (!tls.certificate.empty()) { map.add("certificate", path(tls.certificate)); }
  if (!tls.key.nowhere()) { map.add("key", word(source_of(tls.key))); }
  map.add("verify", word(tls.verify ? "true" : "false"));
  return map;
}

// --- listen ----------------------------------------------------------------------------------------------------------

YamlValue show(const Listener& listener) {
  YamlValue map = YamlValue::map();
  map.spread();
  // A listener without a name is called as its address is written, which is no name that could be given.
  if (listener.name != listener.written) { map.add("name", YamlValue::text(listener.name)); }
  map.add("address", YamlValue::text(listener.written));
  if (listener.address.family() == Address::Family::unix_path) {
    map.add("mode", YamlValue::word(fmt::format("\"{:04o}\"", listener.mode)));
  }
  if (listener.share_port) { map.add("share_port", YamlValue::word("true")); }
  if (listener.allow) { map.add("allow", YamlValue::map().add("addresses", addresses(*listener.allow))); }
  if (listener.proxy_protocol) {
    map.add("proxy_protocol", YamlValue::map().add("addresses", addresses(*listener.proxy_protocol)));
  }
  if (const auto& trusted = listener.trusted_proxies) {
    map.add("trusted_proxies", YamlValue::map()
                                   .add("addresses", addresses(trusted->addresses))
                                   .add("header", word(wire::http::name_of(trusted->field))));
  }
  if (listener.public_url) { map.add("public_url", YamlValue::text(policy::text_of(*listener.public_url))); }
  if (listener.tls) { map.add("tls", show(*listener.tls)); }
  return map;
}

// --- services --------------------------------------------------------------------------------------------------------

std::string_view word_of(policy::Balance balance) {
  constexpr std::array<std::string_view, 4> words{"first", "round_robin", "least_sessions", "hash"};
  return words.at(static_cast<std::size_t>(balance));
}

void add_addresses(YamlValue& map, const std::vector<policy::Endpoint>& endpoints) {
  if (endpoints.size() == 1) {
    map.add("address", YamlValue::text(endpoints.front().text()));
    return;
  }
  YamlValue list = YamlValue::list();
  for (const policy::Endpoint& endpoint : endpoints) { list.add(YamlValue::text(endpoint.text())); }
  map.add("addresses", std::move(list));
}

YamlValue show(const policy::Health& health) {
  return YamlValue::map()
      .add("every", duration(health.every))
      .add("timeout", duration(health.timeout))
      .add("down_after", number(health.down_after))
      .add("up_after", number(health.up_after));
}

YamlValue show(const Service& service) {
  if (service.is_echo()) { return YamlValue::text("echo:"); }
  YamlValue map = YamlValue::map();
  map.spread();
  const auto* const endpoints = std::get_if<std::vector<policy::Endpoint>>(&service.where);
  if (endpoints != nullptr) {
    add_addresses(map, *endpoints);
  } else if (const auto* const made = std::get_if<policy::MadeAddress>(&service.where)) {
    map.add("address", YamlValue::text(made->written));
  } else {
    const auto& lookup = std::get<policy::Lookup>(service.where);
    map.add("lookup",
            YamlValue::map().add("table", path(lookup.table->path())).add("key", YamlValue::text(lookup.key.text())));
  }
  if (!service.within.empty()) { map.add("within", networks(service.within)); }
  // An address that is made for each visitor is one address: there is nothing to choose from.
  if (endpoints != nullptr) {
    map.add("balance", word(word_of(service.balance)));
    if (service.health) { map.add("health", show(*service.health)); }
    map.add("retry", number(service.retry));
  }
  const auto version = service.proxy_protocol;
  if (service.tls) { map.add("tls", show(*service.tls)); }
  map.add("proxy_protocol", word(!version ? none : *version == wire::ProxyVersion::v1 ? "v1" : "v2"));
  return map;
}

// --- routes ----------------------------------------------------------------------------------------------------------

void add_host(YamlValue& map, const HostRule& host) {
  if (host.kind == HostRule::Kind::addresses_and_localhost) {
    map.note("host: IP addresses and localhost");
    return;
  }
  YamlValue list = YamlValue::list();
  for (const std::string& name : host.names) { list.add(YamlValue::text(name)); }
  for (const std::string& parent : host.parents) { list.add(YamlValue::text("*." + parent)); }
  map.add("host", host.kind == HostRule::Kind::any ? word("any") : std::move(list));
}

void add_listeners(YamlValue& map, const std::vector<std::string>& listeners) {
  if (listeners.empty()) {
    map.note("listeners: all");
  } else {
    map.add("listeners", YamlValue::texts(listeners));
  }
}

// The conditions of one kind stand in one map; kinds and names keep the order in which they were written.
YamlValue show(const std::vector<Condition>& conditions) {
  constexpr std::array<std::string_view, 4> words{"query", "header", "cookie", "subprotocol"};
  YamlValue map = YamlValue::map();
  std::vector<Condition::Of> shown;
  for (const Condition& first : conditions) {
    if (std::find(shown.begin(), shown.end(), first.of) != shown.end()) { continue; }
    shown.push_back(first.of);
    const std::string_view kind = words.at(static_cast<std::size_t>(first.of));
    if (first.of == Condition::Of::subprotocol) {
      map.add(kind, YamlValue::texts(first.values));
      continue;
    }
    YamlValue names = YamlValue::map();
    for (const Condition& condition : conditions) {
      if (condition.of == first.of) { names.add(condition.name, YamlValue::texts(condition.values)); }
    }
    map.add(kind, std::move(names));
  }
  return map;
}

YamlValue show(const OriginRule& origins) {
  YamlValue list = YamlValue::list();
  if (origins.same) { list.add(word("same")); }
  if (origins.missing) { list.add(word("missing")); }
  if (origins.opaque) { list.add(word("opaque")); }
  if (origins.any) { list.add(word("any")); }
  for (const policy::Origin& origin : origins.exact) { list.add(YamlValue::text(policy::text_of(origin))); }
  for (policy::Origin origin : origins.below) {
    origin.host = "*." + origin.host;
    list.add(YamlValue::text(policy::text_of(origin)));
  }
  return list;
}

YamlValue show(const std::vector<policy::AllowRule>& rules) {
  YamlValue list = YamlValue::list();
  for (const policy::AllowRule& rule : rules) {
    YamlValue map = YamlValue::map();
    if (!rule.users.empty()) { map.add("users", YamlValue::texts(rule.users)); }
    if (!rule.groups.empty()) { map.add("groups", YamlValue::texts(rule.groups)); }
    if (!rule.claims.empty()) {
      YamlValue claims = YamlValue::map();
      for (const auto& [claim, values] : rule.claims) { claims.add(claim, YamlValue::texts(values)); }
      map.add("claims", std::move(claims));
    }
    if (rule.addresses) { map.add("addresses", addresses(*rule.addresses)); }
    list.add(std::move(map));
  }
  return list;
}

YamlValue show(const FrameRule& frames) {
  constexpr std::array<std::string_view, 3> to_client{"binary", "text", "match"};
  YamlValue from_client = YamlValue::list();
  if (frames.binary_from_client) { from_client.add(word("binary")); }
  if (frames.text_from_client) { from_client.add(word("text")); }
  return YamlValue::map()
      .add("from_client", std::move(from_client))
      .add("to_client", word(to_client.at(static_cast<std::size_t>(frames.to_client))))
      .add("max", word(size_text(frames.max_bytes)));
}

enum class Of : std::uint8_t { session, page };

struct TimeoutKey {
  std::string_view name;
  Limit policy::Timeouts::*limit;
  bool of_pages = false;  // also means something where bascule answers itself
};

constexpr std::array timeout_keys{
    TimeoutKey{"tls", &policy::Timeouts::tls, true},     TimeoutKey{"head", &policy::Timeouts::head, true},
    TimeoutKey{"connect", &policy::Timeouts::connect},   TimeoutKey{"ping", &policy::Timeouts::ping},
    TimeoutKey{"pong", &policy::Timeouts::pong},         TimeoutKey{"stall", &policy::Timeouts::stall, true},
    TimeoutKey{"close", &policy::Timeouts::close, true}, TimeoutKey{"half_close", &policy::Timeouts::half_close},
    TimeoutKey{"idle", &policy::Timeouts::idle},         TimeoutKey{"lifetime", &policy::Timeouts::lifetime}};

YamlValue show(const policy::Timeouts& timeouts, Of of) {
  YamlValue map = YamlValue::map();
  for (const TimeoutKey& key : timeout_keys) {
    if (of == Of::session || key.of_pages) { map.add(key.name, limit(timeouts.*key.limit)); }
  }
  return map;
}

void add_head_limits(YamlValue& map, const policy::Limits& limits) {
  map.add("head_size", word(size_text(limits.head_bytes))).add("head_fields", number(limits.head_fields));
}

YamlValue show(const policy::Limits& limits, const policy::Pace& pace) {
  YamlValue map = YamlValue::map();
  map.add("sessions", count(limits.sessions))
      .add("sessions_per_address", count(limits.sessions_per_address))
      .add("sessions_per_user", count(limits.sessions_per_user))
      .add("new_sessions", rate(limits.new_sessions));
  add_head_limits(map, limits);
  map.add("frames", rate(pace.frames)).add("control_frames", rate(pace.control_frames));
  return map;
}

YamlValue show(const policy::Pace& pace) {
  return YamlValue::map()
      .add("to_client", byte_rate(pace.to_client_bytes))
      .add("from_client", byte_rate(pace.from_client_bytes));
}

void add_session(YamlValue& map, const Route& route, const Service& service) {
  map.add("origins", show(route.origins));
  if (!route.protocol.empty()) { map.add("protocol", word(route.protocol)); }
  map.add("subprotocols", YamlValue::texts(route.subprotocols));
  map.add("frames", show(route.session.frames));
  map.add("to", service.shared ? YamlValue::text(service.name) : show(service));
  map.add("timeouts", show(route.session.timeouts, Of::session));
  map.add("limits", show(route.limits, route.session.pace));
  map.add("bandwidth", show(route.session.pace));
  map.add("refuse", word(route.refuse == policy::RefuseBy::http ? "http" : "close"));
  if (!route.auth.open()) { map.add("on_expiry", word(route.on_expiry == policy::OnExpiry::close ? "close" : "keep")); }
  map.add("on_reload", word(route.on_reload == policy::OnReload::keep ? "keep" : "close"));
}

void add_page(YamlValue& map, const Route& route) {
  if (const auto* const files = std::get_if<policy::Files>(&route.to)) {
    map.add("files", YamlValue::map()
                         .add("folder", path(files->folder))
                         .add("index", YamlValue::text(files->index))
                         .add("scripts", word(files->scripts == policy::Scripts::own ? "own" : "inline")));
  } else {
    map.add("answer", word("health"));
  }
  map.add("timeouts", show(route.session.timeouts, Of::page));
  YamlValue limits = YamlValue::map();
  add_head_limits(limits, route.limits);
  map.add("limits", std::move(limits));
}

YamlValue show(const Route& route) {
  YamlValue map = YamlValue::map();
  map.add("name", YamlValue::text(route.name));
  add_listeners(map, route.listeners);
  add_host(map, route.host);
  map.add("path", YamlValue::text(route.path.written));
  if (!route.conditions.empty()) { map.add("match", show(route.conditions)); }
  map.add("auth", show_wanted(route.auth));
  if (!route.allow.empty()) { map.add("allow", show(route.allow)); }
  if (const Service* service = route.service()) {
    add_session(map, route, *service);
  } else {
    add_page(map, route);
  }
  map.spread();
  return map;
}

YamlValue show(const policy::Process& process) {
  YamlValue map = YamlValue::map();
  map.add("workers", process.workers ? number(*process.workers) : word("auto"))
      .add("drain", limit(process.drain))
      .add("watch", word(process.watch ? "true" : "false"));
  return map;
}

}  // namespace

std::string show_rules(const policy::Rules& rules) {
  YamlValue listeners = YamlValue::list();
  for (const Listener& listener : rules.listeners) { listeners.add(show(listener)); }
  YamlValue services = YamlValue::map();
  for (const auto& [name, service] : rules.services) { services.add(name, show(*service)); }
  YamlValue proofs = YamlValue::map();
  for (const auto& [name, proof] : rules.proofs) { proofs.add(name, show_proof(*proof)); }
  YamlValue routes = YamlValue::list();
  for (const auto& route : rules.routes) { routes.add(show(*route)); }

  YamlValue top = YamlValue::map();
  top.add("version", number(1));
  top.add("listen", std::move(listeners));
  if (!services.empty()) { top.add("services", std::move(services)); }
  if (!proofs.empty()) { top.add("auth", std::move(proofs)); }
  top.add("routes", std::move(routes));
  top.add("process", show(rules.process));
  return top.document();
}

}  // namespace bascule::config
