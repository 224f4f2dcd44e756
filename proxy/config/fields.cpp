#include "proxy/config/fields.hpp"

#include <algorithm>
#include <cassert>
#include <map>
#include <tuple>

#include "proxy/base/address.hpp"

namespace bascule::config {

std::string text_behind_trap(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map && node.entries.size() == 1) {
    const auto& [key, value] = node.entries.front();
    const bool word =
        key->kind == YamlNode::Kind::text && value->kind == YamlNode::Kind::nothing && value->text.empty();
    if (!word) { return {}; }
    // "echo:" and "fe80::" end in a colon; "{path.id}" stands in braces.
    const bool colon = key->text == "echo" || key->text.find(':') != std::string::npos || !node.flow;
    return colon ? key->text + ":" : "{" + key->text + "}";
  }
  if (node.kind == YamlNode::Kind::list && node.flow && node.items.size() == 1) {
    const YamlNode& item = *node.items.front();
    const bool address = item.kind == YamlNode::Kind::map && item.entries.size() == 1 &&
                         item.entries.front().first->text.find(':') != std::string::npos;
    if (address) { return "[" + item.entries.front().first->text + ":]"; }
    const auto ip = item.quoted ? std::nullopt : Address::parse_ip(item.text, 0);
    if (ip && ip->family() == Address::Family::ipv6) { return "[" + item.text + "]"; }
  }
  return {};
}

std::string did_you_mean(std::string_view written, std::span<const std::string_view> candidates) {
  const std::string_view near = closest(written, candidates);
  return near.empty() ? std::string() : fmt::format("; did you mean '{}'?", near);
}

bool expect_text(MistakeList& mistakes, const YamlNode& node, const std::string& name, std::string_view takes) {
  if (node.kind == YamlNode::Kind::text) { return true; }
  if (node.kind == YamlNode::Kind::nothing) {
    if (node.text.empty()) {
      mistakes.add(node, fmt::format("{} has no value", name));
    } else if (name.starts_with("'origins'")) {
      mistakes.add(node, fmt::format("{}: the origin null is written 'opaque'", name));
    } else {
      mistakes.add(node, fmt::format("{0}: YAML reads {1} as no value at all; if the word is meant, put quotes around "
                                     "it: \"{1}\"",
                                     name, node.text));
    }
    return false;
  }
  const std::string_view kind = node.kind == YamlNode::Kind::map ? "map" : "list";
  if (const std::string meant = text_behind_trap(node); !meant.empty()) {
    mistakes.add(
        node, fmt::format("{}: YAML reads this as a {}; put quotes around it: \"{}\"", name, kind, shown(meant, 80)));
  } else {
    mistakes.add(node, fmt::format("{} takes {}, not a {}", name, takes, kind));
  }
  return false;
}

// --- keys ------------------------------------------------------------------------------------------------------------

std::vector<std::pair<const YamlNode*, const YamlNode*>> named_entries(MistakeList& mistakes, const YamlNode& map,
                                                                       std::string_view where) {
  assert(map.kind == YamlNode::Kind::map);
  std::vector<std::pair<const YamlNode*, const YamlNode*>> result;
  std::map<std::string_view, const YamlNode*> seen;
  for (const auto& [key, value] : map.entries) {
    if (key->kind != YamlNode::Kind::text) {
      mistakes.add(*key, fmt::format("a key of {} is a word, and this is none", where));
      continue;
    }
    if (key->text == "<<") {
      mistakes.add(*key, "merge keys ('<<') are not supported; write the keys out");
      continue;
    }
    const auto [first, is_new] = seen.emplace(key->text, key);
    if (!is_new) {
      mistakes.add(*key, fmt::format("key '{}' stands twice in {}; the first is in line {}", shown(key->text, 80),
                                     where, first->second->line));
      continue;
    }
    result.emplace_back(key, value);
  }
  return result;
}

Fields::Fields(MistakeList& mistakes, const YamlNode& map, Section section, std::string where, const YamlNode* base)
    : Fields(mistakes, &map, base, section, std::move(where)) {
  check_keys();
}

void Fields::check_keys() const {
  for (const auto& entry : named_entries(*mistakes_, *own_, where_)) {
    const YamlNode& key = *entry.first;
    if (key.text.starts_with("x-")) { continue; }
    const Key* known = find_key(section_, key.text);
    if (known == nullptr) {
      mistake(key,
              fmt::format("unknown key '{}' in {}{}", shown(key.text, 80), where_, suggestion(section_, key.text)));
    } else if (!known->supported) {
      mistake(key, fmt::format("'{}' in {} is not supported by this version of bascule", known->name, where_));
    }
  }
}

const YamlNode* Fields::find(std::string_view key) const {
  const Key* known = find_key(section_, key);
  assert(known != nullptr);
  for (const YamlNode* map : {own_, base_}) {
    if (map == nullptr || (map == base_ && !known->in_defaults)) { continue; }
    for (const auto& [written, value] : map->entries) {
      if (written->kind == YamlNode::Kind::text && written->text == key) { return value; }
    }
  }
  return nullptr;
}

std::string Fields::name_of(std::string_view key) const {
  return section_ == Section::top ? fmt::format("'{}'", key) : fmt::format("'{}' of {}", key, where_);
}

// --- values ----------------------------------------------------------------------------------------------------------

const std::string* Fields::text(std::string_view key) const {
  const YamlNode* node = find(key);
  return node != nullptr && expect_text(*mistakes_, *node, name_of(key), "one word") ? &node->text : nullptr;
}

std::vector<const YamlNode*> Fields::texts(std::string_view key, Brackets brackets) const {
  const YamlNode* node = find(key);
  if (node == nullptr) { return {}; }
  const bool trap = brackets == Brackets::perhaps_a_text && !text_behind_trap(*node).empty();
  if (node->kind != YamlNode::Kind::list || trap) {
    return expect_text(*mistakes_, *node, name_of(key), "words") ? std::vector<const YamlNode*>{node}
                                                                 : std::vector<const YamlNode*>{};
  }
  std::vector<const YamlNode*> result;
  std::copy_if(node->items.begin(), node->items.end(), std::back_inserter(result),
               [&](const YamlNode* item) { return expect_text(*mistakes_, *item, name_of(key), "words"); });
  return result;
}

std::optional<Fields> Fields::map(std::string_view key, Section section, std::string_view example) const {
  const YamlNode* below = base().find(key);
  if (below != nullptr && below->kind != YamlNode::Kind::map) { below = nullptr; }  // a mistake of its own
  const YamlNode* node = own().find(key);
  if (node == nullptr) {
    if (below == nullptr) { return std::nullopt; }
    return Fields(*mistakes_, nullptr, below, section, name_of(key));
  }
  if (node->kind != YamlNode::Kind::map) {
    mistake(*node, fmt::format("{} is a map: {}", name_of(key), example));
    return std::nullopt;
  }
  return Fields(*mistakes_, *node, section, name_of(key), below);
}

void Fields::refuse_empty(std::string_view key, std::string_view so) const {
  const YamlNode* node = find(key);
  if (node == nullptr || node->kind != YamlNode::Kind::list || !node->items.empty()) { return; }
  mistake(*node, fmt::format("{} is empty{}", name_of(key), so));
}

}  // namespace bascule::config
