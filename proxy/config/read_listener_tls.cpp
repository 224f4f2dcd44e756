// `tls` of a listener: which certificates it shows, whom it asks for one, and what becomes of those who come without
// TLS. The files are read at once, so that what is wrong with them has its place in the rules.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/read_tls.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::Listener;
using policy::ListenerTls;
using policy::PlainHttp;
using tls::Versions;
using With = TlsFinding::With;

namespace {

constexpr std::string_view tls_example = "tls: {certificates: {certificate: site.pem, key: {file: site.key}}}";
constexpr std::string_view pair_example = "{certificate: site.pem, key: {file: site.key}}";

constexpr std::array<std::pair<std::string_view, Versions>, 2> all_versions{
    {{"intermediate", Versions::intermediate}, {"modern", Versions::modern}}};

constexpr std::array<std::pair<std::string_view, PlainHttp>, 3> ways_of_plain_http{
    {{"refuse", PlainHttp::refuse}, {"allow", PlainHttp::allow}, {"redirect", PlainHttp::redirect}}};

constexpr std::array<std::pair<std::string_view, bool>, 2> ways_of_unknown_names{{{"first", false}, {"refuse", true}}};

}  // namespace

void Reader::read_listener_tls(const Fields& fields, Listener& listener) {
  const auto written = fields.map("tls", Section::listen_tls, tls_example);
  if (!written) { return; }
  ListenerTls tls;
  TlsNodes nodes;
  read_certificates(*written, tls, nodes);
  if (const auto versions = written->word("versions", all_versions)) { tls.versions = *versions; }
  if (const std::string* ca = written->text("client_ca")) {
    nodes.client_ca = written->find("client_ca");
    tls.client_ca = path_of(*ca);
  }
  read_ticket_keys(*written, tls, nodes);
  if (const auto plain = written->word("plain", ways_of_plain_http)) { tls.plain = *plain; }
  if (const auto hsts = written->value("hsts", parse_long_duration)) { tls.hsts = *hsts; }
  if (const auto refuse = written->word("unknown_names", ways_of_unknown_names)) { tls.refuse_unknown_names = *refuse; }
  if (listener.public_url && listener.public_url->scheme == "http") {
    warnings_.add(*fields.find("public_url"),
                  fmt::format("{} says http, but this listener speaks TLS; leave it out, or write https://",
                              fields.name_of("public_url")));
  }
  tls.files = files_of(tls);
  listener.tls = std::move(tls);
  read_tls_files(*written, listener, nodes);
}

// --- certificates ----------------------------------------------------------------------------------------------------

void Reader::read_certificates(const Fields& fields, ListenerTls& tls, TlsNodes& nodes) {
  const YamlNode* node = fields.find("certificates");
  if (node == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'certificates'; what should it show? 'certificates: {}'",
                                              fields.where(), pair_example));
    return;
  }
  fields.refuse_empty("certificates", fmt::format("; what should it show? {}", pair_example));
  if (node->kind != YamlNode::Kind::list) { return read_certificate(fields, *node, tls, nodes); }
  for (const YamlNode* item : node->items) { read_certificate(fields, *item, tls, nodes); }
}

// A path alone is that of a file with both halves in it.
void Reader::read_certificate(const Fields& fields, const YamlNode& node, ListenerTls& tls, TlsNodes& nodes) {
  const std::string name = fields.name_of("certificates");
  if (node.kind == YamlNode::Kind::text && !node.text.empty()) {
    tls.certificates.push_back({.certificate = path_of(node.text)});
    nodes.certificates.push_back({.name = name, .certificate = &node});
    return;
  }
  if (node.kind != YamlNode::Kind::map) {
    fields.mistake(node, fmt::format("{}: a certificate is written {}, or as the path of one file with both in it",
                                     name, pair_example));
    return;
  }
  const Fields written(mistakes_, node, Section::certificate, name);
  ListenerTls::Pair pair;
  PairNodes pair_nodes{.name = written.name_of("certificate"), .certificate = written.find("certificate")};
  if (pair_nodes.certificate == nullptr) {
    written.mistake(node, fmt::format("{} has no 'certificate'; {}", written.where(), pair_example));
  }
  const std::string* path = written.text("certificate");
  if (path != nullptr) { pair.certificate = path_of(*path); }
  bool well = path != nullptr;
  if (const YamlNode* key = written.find("key")) {
    const auto kept = read_kept(*key, written.name_of("key"));
    well = well && kept;
    if (kept) {
      pair.key = kept->at;
      pair_nodes.key = kept->node;
    }
  }
  pair_nodes.names = written.find("names");
  read_certificate_names(written, pair);
  if (const std::string* staple = written.text("ocsp")) {
    pair_nodes.ocsp = written.find("ocsp");
    pair.ocsp = path_of(*staple);
  }
  if (!well) { return; }
  tls.certificates.push_back(std::move(pair));
  nodes.certificates.push_back(std::move(pair_nodes));
}

void Reader::read_certificate_names(const Fields& fields, ListenerTls::Pair& pair) {
  fields.refuse_empty("names", "; leave it out for those in the certificate");
  for (const YamlNode* item : fields.texts("names")) {
    const auto host = fields.accept(*item, "names", parse_host(item->text));
    if (!host) { continue; }
    if (!host->below && Address::parse_ip(host->name, 0)) {
      fields.mistake(*item, fmt::format("{}: a visitor who comes to an address names none; he is shown the first "
                                        "certificate",
                                        fields.name_of("names")));
    }
    pair.names.push_back(host->below ? "*." + host->name : host->name);
  }
}

void Reader::read_ticket_keys(const Fields& fields, ListenerTls& tls, TlsNodes& nodes) {
  const YamlNode* node = fields.find("ticket_keys");
  if (node == nullptr) { return; }
  fields.refuse_empty("ticket_keys", "; leave it out for keys that live in memory alone");
  std::vector<const YamlNode*> items{node};
  if (node->kind == YamlNode::Kind::list) { items = node->items; }
  const std::string name = fields.name_of("ticket_keys");
  for (const YamlNode* item : items) {
    const auto kept = read_kept(*item, name);
    if (!kept) { continue; }
    if (!kept->at.env.empty()) {
      fields.mistake(*item,
                     fmt::format("{}: such a key is bytes, which a variable cannot hold; {{file: ticket.key}}", name));
    } else if (std::find(tls.ticket_keys.begin(), tls.ticket_keys.end(), kept->at) != tls.ticket_keys.end()) {
      fields.mistake(*item, fmt::format("{}: the same stands there twice", name));
    } else {
      tls.ticket_keys.push_back(kept->at);
      nodes.ticket_keys.push_back(kept->node);
    }
  }
}

// --- what is in the files --------------------------------------------------------------------------------------------

void Reader::read_tls_files(const Fields& fields, Listener& listener, const TlsNodes& nodes) {
  auto parts = read_server_parts(*listener.tls, now_);
  const auto say = [&](MistakeList& list, const TlsFinding& finding) {
    const auto tell = [&](const YamlNode* node, const std::string& name) {
      list.add(*node, fmt::format("{}: {}", name, finding.what.why));
    };
    if (finding.with == With::authorities) { return tell(nodes.client_ca, fields.name_of("client_ca")); }
    if (finding.with == With::ticket_key) {
      return tell(nodes.ticket_keys.at(finding.number), fields.name_of("ticket_keys"));
    }
    const PairNodes& pair = nodes.certificates.at(finding.number);
    const std::string of = fields.name_of("certificates");
    switch (finding.with) {
      case With::key: return tell(pair.key, fmt::format("'key' of {}", of));
      case With::names: return tell(pair.names, fmt::format("'names' of {}", of));
      case With::ocsp: return tell(pair.ocsp, fmt::format("'ocsp' of {}", of));
      default: return tell(pair.certificate, pair.name);
    }
  };
  for (const TlsFinding& trouble : parts.troubles) { say(mistakes_, trouble); }
  for (const TlsFinding& doubt : parts.doubts) {
    if (doubts_told_.insert(doubt.what.why).second) { say(warnings_, doubt); }
  }
  if (parts.troubles.empty() && !listener.tls->certificates.empty()) {
    shown_.insert_or_assign(listener.name, std::move(parts.options));
  }
}

void Reader::make_servers() {
  for (Listener& listener : rules_.listeners) {
    const auto shown = shown_.find(listener.name);
    if (!listener.tls || shown == shown_.end()) { continue; }
    if (!listener.tls->client_ca.empty()) { listener.tls->ask_at = rules_.names_that_ask(listener); }
    shown->second.ask_at = listener.tls->ask_at;
    auto server = tls::Server::make(std::move(shown->second));
    if (!server) {
      mistakes_.add_at(listener.place, fmt::format("'tls' of a listener: {}", server.error().why));
      continue;
    }
    listener.tls->server = std::make_shared<Source<tls::Server>>(listener.name, std::move(*server));
  }
}

}  // namespace bascule::config
