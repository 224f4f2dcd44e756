#include "proxy/config/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <tuple>

#include "proxy/base/address.hpp"
#include "proxy/base/text.hpp"

namespace bascule::config {

namespace {

constexpr std::size_t mistakes_max = 200;

}  // namespace

std::string text_behind_trap(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map && node.entries.size() == 1) {
    const auto& [key, value] = node.entries.front();
    const bool word =
        key->kind == YamlNode::Kind::text && value->kind == YamlNode::Kind::nothing && value->text.empty();
    if (!word) { return {}; }
    return key->text == "echo" || !node.flow ? key->text + ":" : "{" + key->text + "}";
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

void MistakeList::add(const YamlNode& node, std::string text) {
  if (mistakes_.size() >= mistakes_max) {
    ++left_off_;
    return;
  }
  mistakes_.push_back({.place = place_of(node), .text = std::move(text)});
}

Mistakes MistakeList::take() {
  std::stable_sort(mistakes_.begin(), mistakes_.end(), [](const Mistake& a, const Mistake& b) {
    return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
  });
  if (left_off_ > 0) {
    mistakes_.push_back({.place = {.file = file_}, .text = fmt::format("and {} more mistakes", left_off_)});
  }
  return std::move(mistakes_);
}

Fields::Fields(MistakeList& mistakes, const YamlNode& map, Section section, std::string where)
    : mistakes_(&mistakes), map_(&map), section_(section), where_(std::move(where)) {
  assert(map.kind == YamlNode::Kind::map);
  std::map<std::string_view, const YamlNode*> seen;
  for (const auto& entry : map.entries) {
    const YamlNode& key = *entry.first;
    if (key.kind != YamlNode::Kind::text) {
      mistake(key, fmt::format("a key of {} is a word, and this is none", where_));
      continue;
    }
    if (key.text.starts_with("x-")) { continue; }
    if (key.text == "<<") {
      mistake(key, "merge keys ('<<') are not supported; write the keys out");
      continue;
    }
    const auto [first, is_new] = seen.emplace(key.text, &key);
    if (!is_new) {
      mistake(key, fmt::format("key '{}' stands twice in {}; the first is in line {}", shown(key.text, 80), where_,
                               first->second->line));
      continue;
    }
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
  assert(find_key(section_, key) != nullptr);
  for (const auto& [written, value] : map_->entries) {
    if (written->kind == YamlNode::Kind::text && written->text == key) { return value; }
  }
  return nullptr;
}

std::string Fields::name_of(std::string_view key) const {
  return section_ == Section::top ? fmt::format("'{}'", key) : fmt::format("'{}' of {}", key, where_);
}

bool Fields::is_text(std::string_view key, const YamlNode& node, bool alone) const {
  if (node.kind == YamlNode::Kind::text) { return true; }
  if (node.kind == YamlNode::Kind::nothing) {
    if (node.text.empty()) {
      mistake(node, fmt::format("{} has no value", name_of(key)));
    } else if (key == "origins") {
      mistake(node, fmt::format("{}: the origin null is written 'opaque'", name_of(key)));
    } else {
      mistake(node,
              fmt::format("{}: YAML reads {} as no value at all; if the word is meant, put quotes around it: \"{}\"",
                          name_of(key), node.text, node.text));
    }
    return false;
  }
  const std::string_view kind = node.kind == YamlNode::Kind::map ? "map" : "list";
  if (const std::string meant = text_behind_trap(node); !meant.empty()) {
    mistake(node, fmt::format("{}: YAML reads this as a {}; put quotes around it: \"{}\"", name_of(key), kind,
                              shown(meant, 80)));
  } else {
    mistake(node, fmt::format("{} takes {}, not a {}", name_of(key), alone ? "one word" : "words", kind));
  }
  return false;
}

const std::string* Fields::text(std::string_view key) const {
  const YamlNode* node = find(key);
  return node != nullptr && is_text(key, *node, true) ? &node->text : nullptr;
}

std::vector<const YamlNode*> Fields::texts(std::string_view key) const {
  const YamlNode* node = find(key);
  if (node == nullptr) { return {}; }
  const bool trap = !text_behind_trap(*node).empty();
  if (node->kind != YamlNode::Kind::list || trap) {
    return is_text(key, *node, false) ? std::vector<const YamlNode*>{node} : std::vector<const YamlNode*>{};
  }
  std::vector<const YamlNode*> result;
  std::copy_if(node->items.begin(), node->items.end(), std::back_inserter(result),
               [&](const YamlNode* item) { return is_text(key, *item, false); });
  return result;
}

const YamlNode* Fields::map(std::string_view key, std::string_view example) const {
  const YamlNode* node = find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::map) { return node; }
  mistake(*node, fmt::format("{} is a map: {}", name_of(key), example));
  return nullptr;
}

}  // namespace bascule::config
