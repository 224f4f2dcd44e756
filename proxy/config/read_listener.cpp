// `listen`: where bascule waits for visitors, who may come there, and whom it believes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::Listener;
using wire::http::ForwardingField;

namespace {

// Two sockets cannot have the same port where one of them is at all addresses.
bool takes_in(const Address& all, const Address& one) {
  if (!all.is_ip() || !one.is_ip() || all.port() == 0 || all.port() != one.port()) { return false; }
  const std::string host = all.host_text();
  return host == "::" || (host == "0.0.0.0" && one.family() == Address::Family::ipv4);
}

bool is_free_port(const Address& address) {
  return address.is_ip() && address.port() == 0;
}

constexpr std::array<std::pair<std::string_view, ForwardingField>, 2> fields_of_proxies{
    {{"x-forwarded-for", ForwardingField::x_forwarded_for}, {"forwarded", ForwardingField::forwarded}}};

}  // namespace

void Reader::read_listeners(const Fields& top) {
  const YamlNode* node = top.find("listen");
  if (node == nullptr) { return; }
  has_listen_ = true;
  const bool trap = !text_behind_trap(*node).empty();
  const bool list = node->kind == YamlNode::Kind::list && !trap;
  const bool map = node->kind == YamlNode::Kind::map && !trap;
  top.refuse_empty("listen", "; where should bascule wait? 'listen: 127.0.0.1:6080'");
  if (list) {
    for (const YamlNode* item : node->items) { read_listener(*item); }
  } else if (map || top.text("listen") != nullptr) {
    read_listener(*node);
  }
}

void Reader::read_listener(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) { return read_listener_map(node); }
  if (node.kind != YamlNode::Kind::text) {
    const std::string meant = text_behind_trap(node);
    mistakes_.add(node, meant.empty() ? "a listener is an address such as '127.0.0.1:6080', or a map with one"
                                      : fmt::format("'listen': YAML reads this as a list; put quotes around it: \"{}\"",
                                                    shown(meant, 80)));
    return;
  }
  listener_names_.push_back(node.text);
  auto address = parse_listen_address(node.text);
  if (!address) {
    mistakes_.add(node, "'listen': " + address.error().text);
    return;
  }
  add_listener(node, {.name = node.text,
                      .place = mistakes_.place_of(node),
                      .address = std::move(*address),
                      .mode = Listener().mode,
                      .written = node.text});
}

void Reader::read_listener_map(const YamlNode& node) {
  const Fields fields(mistakes_, node, Section::listen, "a listener");
  Listener listener;
  listener.place = mistakes_.place_of(node);
  const std::string* written = fields.text("address");
  if (fields.find("address") == nullptr) {
    fields.mistake(node, "a listener has no 'address'; where should bascule wait? 'address: 127.0.0.1:6080'");
  }
  const auto address = fields.value("address", parse_listen_address);
  const auto name = fields.value("name", parse_name);
  if (written != nullptr) { listener.written = *written; }
  listener.name = name ? *name : listener.written;
  listener_names_.push_back(listener.name);
  if (address) { listener.address = *address; }

  if (const YamlNode* mode = fields.find("mode"); mode != nullptr && fields.text("mode") != nullptr) {
    if (address && address->is_ip()) {
      fields.mistake(*mode, "'mode' of a listener: only a Unix socket has one");
    } else if (!mode->quoted) {
      fields.mistake(*mode,
                     fmt::format("'mode' of a listener: YAML may read it as a number; put quotes around it: \"{}\"",
                                 shown(mode->text, 20)));
    } else if (const auto bits = fields.value("mode", parse_mode)) {
      listener.mode = *bits;
    }
  }
  if (const auto share = fields.flag("share_port")) { listener.share_port = *share; }
  if (listener.share_port && address && (!address->is_ip() || is_free_port(*address))) {
    fields.mistake(*fields.find("share_port"), address->is_ip()
                                                   ? "'share_port': with port 0 every process has a port of its own"
                                                   : "'share_port' of a listener: a Unix socket has no port");
  }
  read_who(fields, listener);
  read_listener_tls(fields, listener);
  if (address) { add_listener(node, std::move(listener)); }
}

void Reader::add_listener(const YamlNode& node, Listener listener) {
  for (const Listener& other : rules_.listeners) {
    const std::string there = whereabouts(other.place, mistakes_.file());
    if (other.address == listener.address && !is_free_port(listener.address)) {
      mistakes_.add(node, fmt::format("'{}' is listened at twice; the first is {}", listener.address.text(), there));
    } else if (takes_in(other.address, listener.address) || takes_in(listener.address, other.address)) {
      mistakes_.add(node, fmt::format("'{}' and '{}' {} cannot both have the port, for one of them is at all addresses",
                                      listener.address.text(), other.address.text(), there));
    } else if (other.name == listener.name) {
      mistakes_.add(node, fmt::format("the name '{}' is used twice; the first listener of that name is {}",
                                      shown(listener.name, 80), there));
    }
  }
  rules_.listeners.push_back(std::move(listener));
}

// --- who may come, and who is believed -------------------------------------------------------------------------------

void Reader::read_who(const Fields& fields, Listener& listener) {
  if (const auto allow = fields.map("allow", Section::listen_allow, "allow: {addresses: [10.0.0.0/8]}")) {
    listener.allow = read_peers(*allow, listener);
  }
  if (const auto proxy =
          fields.map("proxy_protocol", Section::proxy_protocol, "proxy_protocol: {addresses: [10.0.0.7]}")) {
    listener.proxy_protocol = read_peers(*proxy, listener);
    if (listener.proxy_protocol) { warn_of_everybody(*proxy, *listener.proxy_protocol); }
  }
  constexpr std::string_view example = "trusted_proxies: {addresses: [10.0.0.7], header: x-forwarded-for}";
  if (const auto trusted = fields.map("trusted_proxies", Section::trusted_proxies, example)) {
    policy::TrustedProxies proxies;
    // Behind a PROXY header the visitor's own address counts, and that is of any family.
    const bool of_header = listener.proxy_protocol.has_value();
    if (auto peers = read_peers(*trusted, of_header ? Listener() : listener)) { proxies.addresses = std::move(*peers); }
    warn_of_everybody(*trusted, proxies.addresses);
    if (trusted->find("header") == nullptr) {
      trusted->mistake(trusted->node(), fmt::format("{} has no 'header'; x-forwarded-for or forwarded, the one that "
                                                    "your proxy writes",
                                                    trusted->where()));
    }
    if (const auto field = trusted->word("header", fields_of_proxies)) { proxies.field = *field; }
    listener.trusted_proxies = std::move(proxies);
  }
  if (const auto url = fields.value("public_url", parse_public_url)) { listener.public_url = *url; }
}

// The `addresses` of a listener's peers. Whom a listener never meets need not be written, and would be a promise that
// nobody keeps.
std::optional<AddressSet> Reader::read_peers(const Fields& fields, const Listener& listener) {
  const YamlNode* node = fields.find("addresses");
  if (node == nullptr) {
    fields.mistake(fields.node(),
                   fmt::format("{} has no 'addresses'; whose? 'addresses: [10.0.0.0/8]', or 'unix'", fields.where()));
    return std::nullopt;
  }
  AddressSet set = read_addresses(fields, "addresses");
  const bool unix_listener = listener.address.family() == Address::Family::unix_path;
  if (unix_listener && !set.networks.empty() && !set.unix_sockets) {
    fields.mistake(*node, fmt::format("{}: the peers of a Unix socket are called 'unix'", fields.name_of("addresses")));
  } else if (listener.address.is_ip() && set.networks.empty() && set.unix_sockets) {
    fields.mistake(*node, fmt::format("{}: 'unix' are the peers of a Unix socket, and this listener is none",
                                      fields.name_of("addresses")));
  }
  return set;
}

void Reader::warn_of_everybody(const Fields& fields, const AddressSet& believed) {
  for (const Network& network : believed.networks) {
    if (network.prefix_bits() > 0) { continue; }
    warnings_.add(*fields.find("addresses"),
                  fmt::format("{} has {} in it, so anybody may say that he is somebody else; write the addresses of "
                              "your proxies",
                              fields.name_of("addresses"), network.text()));
  }
}

AddressSet Reader::read_addresses(const Fields& fields, std::string_view key) {
  AddressSet set;
  fields.refuse_empty(key, "; networks, addresses or 'unix'");
  for (const YamlNode* item : fields.texts(key, Brackets::a_list)) {
    if (item->text == "unix") {
      set.unix_sockets = true;
    } else if (auto network = fields.accept(*item, key, parse_network(item->text))) {
      set.networks.push_back(std::move(*network));
    }
  }
  return set;
}

}  // namespace bascule::config
