// Which requests a route is for: `listeners`, `host`, `path` and `match`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::config {

using policy::Condition;
using policy::HostRule;
using policy::Route;

void Reader::read_listener_names(const Fields& fields, Route& route) {
  fields.refuse_empty("listeners", "; leave it out to be at all of them");
  for (const YamlNode* node : fields.texts("listeners")) {
    const bool known = std::find(listener_names_.begin(), listener_names_.end(), node->text) != listener_names_.end();
    if (!known && !incomplete_) {
      const std::vector<std::string_view> names(listener_names_.begin(), listener_names_.end());
      fields.mistake(*node, fmt::format("{}: there is no listener '{}'{}", fields.name_of("listeners"),
                                        shown(node->text, 80), did_you_mean(node->text, names)));
    }
    route.listeners.push_back(node->text);
  }
}

bool Reader::read_host(const Fields& fields, HostRule& host) {
  const YamlNode* node = fields.find("host");
  if (node == nullptr) { return true; }
  const auto texts = fields.texts("host");
  host.kind = HostRule::Kind::named;
  bool good = !texts.empty();
  for (const YamlNode* text : texts) {
    if (text->text == "any") {
      host.kind = HostRule::Kind::any;
      continue;
    }
    auto name = fields.accept(*text, "host", parse_host(text->text));
    good = good && name.has_value();
    if (name) { (name->below ? host.parents : host.names).push_back(std::move(name->name)); }
  }
  if (host.kind == HostRule::Kind::any && texts.size() > 1) {
    fields.mistake(*node, fmt::format("{}: 'any' stands alone, for it takes every host", fields.name_of("host")));
  }
  fields.refuse_empty("host", "; leave it out to answer to addresses and localhost");
  return good;
}

bool Reader::read_path(const Fields& fields, policy::PathRule& path) {
  if (fields.find("path") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'path'; '/*' takes them all", fields.where()));
    return false;
  }
  auto rule = fields.value("path", parse_path);
  if (!rule) { return false; }
  path = std::move(*rule);
  return true;
}

// --- match -----------------------------------------------------------------------------------------------------------

namespace {

// What may stand in a field of a request; a value with anything else in it is never sent.
bool can_be_sent(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return wire::http::is_in(wire::http::value_characters, c); }) &&
         trimmed(value).size() == value.size();
}

std::string_view word_of(Condition::Of of) {
  constexpr std::array<std::string_view, 4> words{"query", "header", "cookie", "subprotocol"};
  return words.at(static_cast<std::size_t>(of));
}

}  // namespace

void Reader::read_conditions(const Fields& fields, Route& route) {
  const auto match = fields.map("match", Section::match, "match: {query: {version: \"2\"}, header: {x-region: eu}}");
  if (!match) { return; }
  if (match->node().entries.empty()) {
    match->mistake(match->node(), fmt::format("{} is empty; query, header, cookie or subprotocol", match->where()));
  }
  for (const auto of : {Condition::Of::query, Condition::Of::header, Condition::Of::cookie}) {
    read_named_conditions(*match, of, route.conditions);
  }
  if (match->find("subprotocol") == nullptr) { return; }
  match->refuse_empty("subprotocol", "; leave it out to take them all");
  Condition condition{.of = Condition::Of::subprotocol, .name = {}, .values = {}};
  for (const YamlNode* item : match->texts("subprotocol")) {
    if (!wire::http::is_token(item->text)) {
      match->mistake(*item, fmt::format("{}: '{}' is no subprotocol; it has no spaces, commas or the like in it",
                                        match->name_of("subprotocol"), shown(item->text, 80)));
    }
    condition.values.push_back(item->text);
  }
  route.conditions.push_back(std::move(condition));
}

// "query: {version: "2"}": names that the operator chooses, so keys that begin with `x-` mean something here.
void Reader::read_named_conditions(const Fields& match, Condition::Of of, std::vector<Condition>& conditions) {
  const std::string_view key = word_of(of);
  const YamlNode* node = match.find(key);
  if (node == nullptr) { return; }
  const std::string where = match.name_of(key);
  if (node->kind != YamlNode::Kind::map || node->entries.empty()) {
    match.mistake(*node, fmt::format("{} is a map of names and values: {}: {{name: value}}", where, key));
    return;
  }
  std::set<std::string> names;
  for (const auto& [written_name, value] : named_entries(mistakes_, *node, where)) {
    Condition condition{.of = of, .name = written_name->text, .values = {}};
    if (of == Condition::Of::header) { condition.name = lowered(condition.name); }
    if (of != Condition::Of::query && !wire::http::is_token(condition.name)) {
      match.mistake(*written_name, fmt::format("{}: '{}' is no name of a {}", where, shown(condition.name, 80), key));
    }
    if (!names.insert(condition.name).second) {
      match.mistake(*written_name, fmt::format("{}: '{}' stands there twice", where, shown(condition.name, 80)));
    }
    const std::vector<const YamlNode*> one{value};
    for (const YamlNode* item : value->kind == YamlNode::Kind::list ? value->items : one) {
      const std::string name = fmt::format("'{}' of {}", shown(condition.name, 80), where);
      if (!expect_text(mistakes_, *item, name, "words")) { continue; }
      if (of != Condition::Of::query && !can_be_sent(item->text)) {
        match.mistake(*item, fmt::format("{}: '{}' is never sent", name, shown(item->text, 80)));
      }
      condition.values.push_back(item->text);
    }
    if (value->kind == YamlNode::Kind::list && value->items.empty()) {
      match.mistake(*value, fmt::format("'{}' of {} is empty; it needs a value", shown(condition.name, 80), where));
    }
    conditions.push_back(std::move(condition));
  }
}

}  // namespace bascule::config
