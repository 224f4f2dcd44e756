// One map of the rules file: which keys stand in it, which may, and what its values look like from outside. Every
// mistake goes into one list, with its place.
//
// A map may start from another one, of `defaults`: what it does not write itself is then looked for there, key by key,
// in the maps inside of it too. Each value still knows where it stands.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/text.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/mistake_list.hpp"
#include "proxy/config/parsed.hpp"
#include "proxy/config/yaml.hpp"

namespace bascule::config {

// YAML's own traps: what was meant when a list or map is clearly a text without its quotes: "[::]", "{path.id}",
// "echo:". Empty where it looks meant.
std::string text_behind_trap(const YamlNode& node);

// "; did you mean 'origins'?", or nothing when no candidate is near.
std::string did_you_mean(std::string_view written, std::span<const std::string_view> candidates);

// The entries of a map whose keys are names that the operator chooses; `where` is how a message names the map. Notes
// keys that are no words or stand there twice.
std::vector<std::pair<const YamlNode*, const YamlNode*>> named_entries(MistakeList& mistakes, const YamlNode& map,
                                                                       std::string_view where);

// True for a text; else notes what YAML made of it. `name` is how a message calls the value, `takes` what it may be:
// "one word".
bool expect_text(MistakeList& mistakes, const YamlNode& node, const std::string& name, std::string_view takes);

// Of a list in brackets: is "[::1]" an address without its quotes, or a list of one?
enum class Brackets : std::uint8_t { perhaps_a_text, a_list };

class Fields {
 public:
  // REQUIRES: `map` is a map. Notes unknown, doubled and unsupported keys at once. `where` is how a message names this
  // map: "route 'desk'". `base`: the map it starts from, or nullptr.
  Fields(MistakeList& mistakes, const YamlNode& map, Section section, std::string where,
         const YamlNode* base = nullptr);

  const YamlNode& node() const { return own_ != nullptr ? *own_ : *base_; }
  const std::string& where() const { return where_; }
  Section section() const { return section_; }

  // The value of a key of the table; nullptr where it is not written.
  const YamlNode* find(std::string_view key) const;

  // The two halves: what is written here, and what it starts from. Either may be without a single key.
  Fields own() const { return {*mistakes_, own_, nullptr, section_, where_}; }
  Fields base() const { return {*mistakes_, nullptr, base_, section_, where_}; }

  // "'idle' of route 'desk'"
  std::string name_of(std::string_view key) const;

  // The text of a value that is written and is one; notes a mistake when it is something else.
  const std::string* text(std::string_view key) const;
  // The texts of a value that may stand alone or in a list. Notes what is no text; empty where nothing is written.
  std::vector<const YamlNode*> texts(std::string_view key, Brackets brackets = Brackets::perhaps_a_text) const;
  // The map of a value; notes a mistake when it is something else. `example` shows how it is written.
  std::optional<Fields> map(std::string_view key, Section section, std::string_view example) const;
  // Notes a list in which nothing stands. `so`: what follows, and the way out: "; leave it out to be at all of them".
  void refuse_empty(std::string_view key, std::string_view so) const;

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

  // One of a few words, and what it stands for.
  template <typename T, std::size_t size>
  std::optional<T> word(std::string_view key, const std::array<std::pair<std::string_view, T>, size>& meanings) const {
    const std::string* written = text(key);
    if (written == nullptr) { return std::nullopt; }
    std::vector<std::string_view> words;
    for (const auto& [word, meaning] : meanings) {
      if (word == *written) { return meaning; }
      words.push_back(word);
    }
    std::string help = did_you_mean(*written, words);
    if (help.empty()) { help = fmt::format("; there are {}", fmt::join(words, ", ")); }
    mistake(*find(key), fmt::format("{}: unknown word '{}'{}", name_of(key), shown(*written, 40), help));
    return std::nullopt;
  }

  // `true` or `false`.
  std::optional<bool> flag(std::string_view key) const {
    return word(key, std::array<std::pair<std::string_view, bool>, 2>{{{"true", true}, {"false", false}}});
  }

 private:
  // Of maps whose keys have been looked at before.
  Fields(MistakeList& mistakes, const YamlNode* own, const YamlNode* base, Section section, std::string where)
      : mistakes_(&mistakes), own_(own), base_(base), section_(section), where_(std::move(where)) {}

  void check_keys() const;

  MistakeList* mistakes_;
  const YamlNode* own_;
  const YamlNode* base_;
  Section section_;
  std::string where_;
};

}  // namespace bascule::config
