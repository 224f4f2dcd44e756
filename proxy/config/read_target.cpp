// The `to` of a route: an address, the name of a service, a map, or a table to look things up in.
#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/read_table.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::Endpoint;
using policy::Route;
using policy::Service;

namespace {

bool names_a_target(const proof::Wanted& wanted) {
  const auto proofs = wanted.proofs();
  return std::any_of(proofs.begin(), proofs.end(), [](const auto& proof) {
    const auto* ask = std::get_if<proof::Ask>(&proof->how);
    return ask != nullptr && !ask->target_from.empty();
  });
}

}  // namespace

bool Reader::read_to(const Fields& fields, Route& route) {
  const YamlNode* node = fields.find("to");
  if (node == nullptr) { return false; }
  const bool one_key = node->kind == YamlNode::Kind::map && node->entries.size() == 1;
  const bool trap = one_key && !text_behind_trap(*node).empty() &&
                    find_key(Section::to, node->entries.front().first->text) == nullptr;
  if (node->kind == YamlNode::Kind::map && !trap) {
    auto service = std::make_shared<Service>();
    service->name = route.name;
    service->place = mistakes_.place_of(*node);
    const Fields written(mistakes_, *node, Section::to, fields.name_of("to"));
    read_service_map(written, *service);
    service->written = written_of(*service);
    check_words(*service, fields, route);
    route.to = std::move(service);
    return true;
  }
  auto service = service_of_text(fields, route);
  if (service == nullptr) { return false; }
  route.to = std::move(service);
  return true;
}

std::shared_ptr<const Service> Reader::service_of_text(const Fields& fields, const Route& route) {
  auto text = fields.value("to", parse_service);
  if (!text) { return nullptr; }
  const YamlNode& node = *fields.find("to");
  if (const auto* name = std::get_if<ServiceName>(&*text)) { return service_called(name->name, fields, route); }
  auto service = std::make_shared<Service>();
  service->name = route.name;
  service->place = mistakes_.place_of(node);
  if (auto* endpoint = std::get_if<Endpoint>(&*text)) {
    check_loop(*endpoint, node, fields.name_of("to"));
    service->where = std::vector<Endpoint>{std::move(*endpoint)};
    if (transport_of(node.text) == Transport::tls) {
      service->tls.emplace();
      make_client(node, nullptr, fields.name_of("to"), *service->tls);
    }
  } else {
    service->where = policy::EchoBack();
  }
  service->written = written_of(*service);
  return service;
}

std::shared_ptr<const Service> Reader::service_called(const std::string& name, const Fields& fields,
                                                      const Route& route) {
  const YamlNode& node = *fields.find("to");
  if (const auto service = rules_.services.find(name); service != rules_.services.end()) {
    check_words(*service->second, fields, route);
    return service->second;
  }
  // One that has a mistake of its own, or that may stand in a file that could not be read.
  if (incomplete_ || service_places_.contains(name)) { return nullptr; }
  std::vector<std::string_view> names;
  for (const auto& [known, place] : service_places_) { names.push_back(known); }
  std::string help = did_you_mean(name, names);
  if (help.empty()) { help = fmt::format("; for a host write its port: '{}:5900'", shown(name, 80)); }
  fields.mistake(node, fmt::format("{}: there is no service '{}'{}", fields.name_of("to"), shown(name, 80), help));
  return nullptr;
}

// The words in a service's address, or in the key of its look-up, are those of this route's visitors.
void Reader::check_words(const Service& service, const Fields& fields, const Route& route) {
  std::vector<const policy::Words*> texts;
  if (const auto* address = std::get_if<policy::MadeAddress>(&service.where)) {
    texts = {&address->host, &address->port};
  }
  if (const auto* lookup = std::get_if<policy::Lookup>(&service.where)) { texts = {&lookup->key}; }
  const YamlNode& node = *fields.find("to");
  const bool nobody_asked = asks_nobody(fields);
  for (const policy::Words* words : texts) {
    for (const std::string& name : words->captures()) {
      const auto& segments = route.path.segments;
      const bool there =
          std::any_of(segments.begin(), segments.end(), [&](const auto& segment) { return segment.capture == name; });
      // A path with a mistake has no segments.
      if (there || route.path.written.empty()) { continue; }
      fields.mistake(node, fmt::format("{}: there is no '{{{}}}' in the path '{}'", fields.name_of("to"),
                                       shown(name, 80), shown(route.path.written, 80)));
    }
    if (nobody_asked && words->text().find("{user}") != std::string::npos) {
      fields.mistake(node, fmt::format("{}: '{{user}}' is nobody where 'auth' is none", fields.name_of("to")));
    }
    if (nobody_asked && words->claims()) {
      fields.mistake(node, fmt::format("{}: nobody claims anything where 'auth' is none", fields.name_of("to")));
    }
  }
  const auto* made = std::get_if<policy::MadeAddress>(&service.where);
  // Something that is asked for and could not be read may be one.
  const bool readable = nobody_asked || !route.auth.open();
  if (made != nullptr && made->by_authorizer && readable && !names_a_target(route.auth)) {
    fields.mistake(node, fmt::format("{}: '{{target}}' is named by an authorizer; none of this route's proofs is an "
                                     "'ask' with 'target_from'",
                                     fields.name_of("to")));
  }
}

// --- tables ----------------------------------------------------------------------------------------------------------

void Reader::read_lookup(const Fields& fields, Service& service) {
  const auto written = fields.map("lookup", Section::lookup, "lookup: {table: tokens.d, key: \"{query.token}\"}");
  if (!written) { return; }
  for (const std::string_view key : {"table", "key"}) {
    if (written->find(key) != nullptr) { continue; }
    const std::string_view example = key == "table" ? "table: tokens.d" : "key: \"{query.token}\"";
    written->mistake(written->node(), fmt::format("{} has no '{}': '{}'", written->where(), key, example));
  }
  policy::Lookup lookup;
  if (const std::string* table = written->text("table")) { lookup.table = table_at(*table, *written); }
  if (const std::string* key = written->text("key")) {
    const YamlNode& node = *written->find("key");
    auto words = policy::Words::parse(*key);
    if (key->find("{target}") != std::string::npos) {
      written->mistake(node, fmt::format("{}: '{{target}}' is an address, and is not looked up; write 'to: {{address: "
                                         "\"{{target}}\", within: [10.20.0.0/16]}}'",
                                         written->name_of("key")));
    } else if (!words) {
      written->mistake(node, fmt::format("{}: {}", written->name_of("key"), words.error().text));
    } else if (!words->spoken()) {
      written->mistake(node, fmt::format("{}: '{}' is the same for every visitor; a word of his stands in braces: "
                                         "\"{{query.token}}\"",
                                         written->name_of("key"), shown(*key, 80)));
    } else {
      lookup.key = std::move(*words);
    }
  }
  if (lookup.table == nullptr) { lookup.table = std::make_shared<policy::TableSource>(std::string()); }
  service.where = std::move(lookup);
}

// Routes with the same table share it. Null after a mistake.
std::shared_ptr<policy::TableSource> Reader::table_at(const std::string& written, const Fields& fields) {
  const YamlNode& node = *fields.find("table");
  if (const std::size_t scheme = written.find("://"); scheme != std::string::npos) {
    fields.mistake(
        node,
        written.starts_with("redis://")
            ? fmt::format("{}: a table in Redis is not supported by this version of bascule", fields.name_of("table"))
            : fmt::format("{}: '{}' is no path of a file or folder", fields.name_of("table"), shown(written, 80)));
    return nullptr;
  }
  const std::string path = path_of(written);
  auto [known, is_new] = tables_.emplace(path, nullptr);
  if (!is_new) {
    if (known->second != nullptr) { return known->second; }
  }
  auto table = read_table(path);
  if (!table) {
    fields.mistake(node, fmt::format("{}: {}", fields.name_of("table"), table.error()));
    return nullptr;
  }
  for (const auto& complaint : table->complaints()) {
    warnings_.add_at({.file = complaint.file, .line = complaint.line, .column = 1}, complaint.text);
  }
  known->second = std::make_shared<policy::TableSource>(path);
  known->second->put(std::make_shared<const policy::Table>(std::move(*table)));
  return known->second;
}

}  // namespace bascule::config
