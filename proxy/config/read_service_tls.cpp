// `tls` of a service, and 'tls://' in its address: whom we believe there, and what we show.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/read_tls.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::Endpoint;
using policy::Service;
using policy::ServiceTls;
using With = TlsFinding::With;

namespace {

constexpr std::string_view example = "tls: {ca: brokers-ca.pem, server_name: broker}, or 'tls: true'";

// Of the addresses that are written, those that say it.
const YamlNode* saying(const std::vector<const YamlNode*>& addresses, Transport transport) {
  const auto found = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const YamlNode* node) { return transport_of(node->text) == transport; });
  return found == addresses.end() ? nullptr : *found;
}

bool says_no(const YamlNode* node) {
  return node != nullptr && node->kind == YamlNode::Kind::text && node->text == "false";
}

// Of {file: path} the path.
const YamlNode& innermost(const YamlNode& node) {
  return node.kind == YamlNode::Kind::map && node.entries.size() == 1 ? *node.entries.front().second : node;
}

// The name is the dialled one's own affair; all else makes the context.
auto files_and_trust(const ServiceTls& tls) {
  return std::tie(tls.ca, tls.certificate, tls.key, tls.verify);
}

}  // namespace

void Reader::read_service_tls(const Fields& fields, Service& service) {
  std::vector<const YamlNode*> addresses;
  for (const std::string_view key : {"address", "addresses"}) {
    const YamlNode* node = fields.find(key);
    if (node == nullptr) { continue; }
    std::vector<const YamlNode*> items{node};
    if (node->kind == YamlNode::Kind::list) { items = node->items; }
    addresses.insert(addresses.end(), items.begin(), items.end());
  }
  const YamlNode* by_tls = saying(addresses, Transport::tls);
  const YamlNode* node = fields.find("tls");
  if (by_tls != nullptr) {
    for (const YamlNode* other : addresses) {
      if (transport_of(other->text) == Transport::tls) { continue; }
      fields.mistake(*other, fmt::format("{}: one address says 'tls://' and this one does not; all of them, or none",
                                         fields.name_of("addresses")));
    }
    if (says_no(node)) {
      fields.mistake(*node, fmt::format("{} says no, and the address says 'tls://'", fields.name_of("tls")));
    }
  }
  if (const YamlNode* plain = saying(addresses, Transport::tcp);
      plain != nullptr && node != nullptr && !says_no(node)) {
    fields.mistake(*plain, fmt::format("this address says 'tcp://', which is without TLS, and {} with; leave the "
                                       "'tcp://' out",
                                       fields.name_of("tls")));
  }
  const bool wanted = by_tls != nullptr || (node != nullptr && !says_no(node));
  if (!wanted) { return; }
  service.tls = read_service_tls_map(fields, service);
}

std::optional<ServiceTls> Reader::read_service_tls_map(const Fields& fields, const Service& service) {
  const YamlNode* node = fields.find("tls");
  const bool all_defaults = node == nullptr || (node->kind == YamlNode::Kind::text && node->text == "true");
  const Section section = fields.section() == Section::to ? Section::to_tls : Section::service_tls;
  ServiceTls tls;
  if (all_defaults || says_no(node)) {
    const YamlNode& place = node != nullptr ? *node : fields.node();
    read_server_name(fields, service, tls);
    make_client(place, nullptr, fields.name_of("tls"), tls);
    return tls;
  }
  const auto written = fields.map("tls", section, example);
  if (!written) { return std::nullopt; }
  if (const std::string* ca = written->text("ca")) { tls.ca = path_of(*ca); }
  if (const auto verify = written->flag("verify")) { tls.verify = *verify; }
  if (const std::string* certificate = written->text("certificate")) { tls.certificate = path_of(*certificate); }
  bool well = true;
  if (const YamlNode* key = written->find("key")) {
    const auto kept = read_kept(*key, written->name_of("key"));
    well = kept.has_value();
    if (kept) { tls.key = kept->at; }
    if (written->find("certificate") == nullptr) {
      written->mistake(*key, fmt::format("{} does nothing without the certificate that it belongs to; 'certificate: "
                                         "own.pem'",
                                         written->name_of("key")));
    }
  }
  if (!tls.verify) {
    const YamlNode& verify = *written->find("verify");
    if (const YamlNode* ca = written->find("ca")) {
      written->mistake(
          *ca, fmt::format("{} does nothing, for nothing is verified ('verify: false')", written->name_of("ca")));
    }
    warnings_.add(verify, fmt::format("{}: whoever gets in between is taken for the service, for neither its "
                                      "certificate nor its name is looked at; 'ca' names whom to believe",
                                      written->name_of("verify")));
  }
  read_server_name(*written, service, tls);
  if (well) { make_client(*node, &*written, fields.name_of("tls"), tls); }
  return tls;
}

// A socket of this machine has no name that a certificate could be for.
void Reader::read_server_name(const Fields& fields, const Service& service, ServiceTls& tls) {
  const bool in_map = fields.section() == Section::to_tls || fields.section() == Section::service_tls;
  if (in_map && fields.find("server_name") != nullptr) {
    const auto host = fields.value("server_name", parse_host);
    if (!host) { return; }
    if (host->below) {
      fields.mistake(*fields.find("server_name"),
                     fmt::format("{}: this is one name, not a pattern for many", fields.name_of("server_name")));
    }
    tls.server_name = host->name;
    return;
  }
  const auto* endpoints = std::get_if<std::vector<Endpoint>>(&service.where);
  const bool at_unix = endpoints != nullptr && std::any_of(endpoints->begin(), endpoints->end(), [](const auto& each) {
                         return each.kind == Endpoint::Kind::unix_socket;
                       });
  if (!at_unix || !tls.verify) { return; }
  fields.mistake(fields.node(),
                 fmt::format("{} is at a Unix socket, which has no name that a certificate could be for; "
                             "'tls: {{server_name: broker}}' says which",
                             fields.where()));
}

void Reader::make_client(const YamlNode& node, const Fields* fields, const std::string& name, ServiceTls& tls) {
  tls.files = files_of(tls);
  const auto known = std::find_if(service_tls_.begin(), service_tls_.end(), [&](const ServiceTls& other) {
    return files_and_trust(other) == files_and_trust(tls);
  });
  if (known != service_tls_.end()) {
    tls.client = known->client;
    return;
  }
  auto parts = read_client_parts(tls, now_);
  const auto say = [&](MistakeList& list, const TlsFinding& finding) {
    const std::string_view key = finding.with == With::authorities ? "ca"
                                 : finding.with == With::key       ? "key"
                                                                   : "certificate";
    const YamlNode* of = fields == nullptr ? nullptr : fields->find(key);
    list.add(of != nullptr ? innermost(*of) : node,
             fmt::format("{}: {}", of != nullptr ? fields->name_of(key) : name, finding.what.why));
  };
  for (const TlsFinding& trouble : parts.troubles) { say(mistakes_, trouble); }
  for (const TlsFinding& doubt : parts.doubts) {
    if (doubts_told_.insert(doubt.what.why).second) { say(warnings_, doubt); }
  }
  if (!parts.troubles.empty()) { return; }
  auto client = tls::Client::make(parts.options);
  if (!client) {
    mistakes_.add(node, fmt::format("{}: {}", name, client.error().why));
    return;
  }
  tls.client = std::make_shared<Source<tls::Client>>(std::string(), std::move(*client));
  service_tls_.push_back(tls);
}

}  // namespace bascule::config
