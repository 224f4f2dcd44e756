// One map of the rules file: which keys stand in it, which may, and what its values look like from outside. Every
// mistake goes into one list, with its place.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/keys.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/config/values.hpp"
#include "proxy/config/yaml.hpp"

namespace bascule::config {

// Collects mistakes. A file of nothing but mistakes does not fill the memory with them.
class MistakeList {
 public:
  explicit MistakeList(std::string file) : file_(std::move(file)) {}

  policy::Place place_of(const YamlNode& node) const {
    return {.file = file_, .line = node.line, .column = node.column};
  }
  void add(const YamlNode& node, std::string text);

  bool empty() const { return mistakes_.empty(); }
  Mistakes take();  // in the order of their places

 private:
  std::string file_;
  Mistakes mistakes_;
  std::size_t left_off_ = 0;
};

// YAML's own traps: what was meant when a list or map is clearly a text without its quotes: "[::]", "{path.id}",
// "echo:". Empty where it looks meant.
std::string text_behind_trap(const YamlNode& node);

class Fields {
 public:
  // REQUIRES: `map` is a map. Notes unknown, doubled and unsupported keys at once. `where` is how a message names this
  // map: "route 'desk'".
  Fields(MistakeList& mistakes, const YamlNode& map, Section section, std::string where);

  const YamlNode& node() const { return *map_; }
  const std::string& where() const { return where_; }

  // The value of a key of the table; nullptr where it is not written.
  const YamlNode* find(std::string_view key) const;

  // "'idle' of route 'desk'"
  std::string name_of(std::string_view key) const;

  // The text of a value that is written and is one; notes a mistake when it is something else.
  const std::string* text(std::string_view key) const;
  // The texts of a value that may stand alone or in a list. Notes what is no text; empty where nothing is written.
  std::vector<const YamlNode*> texts(std::string_view key) const;
  // The map of a value; notes a mistake when it is something else. `example` shows how it is written.
  const YamlNode* map(std::string_view key, std::string_view example) const;

  void mistake(const YamlNode& node, std::string text) const { mistakes_->add(node, std::move(text)); }

  // Parses the text of a key, if it is written and well.
  template <typename T>
  std::optional<T> value(std::string_view key, Parsed<T> (*parse)(std::string_view)) const {
    const std::string* written = text(key);
    if (written == nullptr) { return std::nullopt; }
    return accept(*find(key), key, parse(*written));
  }

  template <typename T>
  std::optional<T> accept(const YamlNode& node, std::string_view key, Parsed<T> parsed) const {
    if (parsed) { return std::move(*parsed); }
    mistake(node, name_of(key) + ": " + parsed.error().text);
    return std::nullopt;
  }

 private:
  bool is_text(std::string_view key, const YamlNode& node, bool alone) const;

  MistakeList* mistakes_;
  const YamlNode* map_;
  Section section_;
  std::string where_;
};

}  // namespace bascule::config
