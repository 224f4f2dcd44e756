// YAML as a person would write it: two spaces, lists and maps on one line where they fit, quotes where a text without
// them could be read as something else. Holds no YAML library; config/yaml reads what this writes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bascule::config {

// A text, in double quotes unless every reader of YAML, 1.1 or 1.2, in a block or in a flow, takes it for the same text
// without them.
std::string yaml_text(std::string_view text);

// A value to be written. Texts that are words of the rules language go in by `word`, those of the operator by `text`.
class YamlValue {
 public:
  static YamlValue word(std::string word);
  static YamlValue text(std::string_view text) { return word(yaml_text(text)); }
  static YamlValue list() { return YamlValue(Kind::list); }
  static YamlValue map() { return YamlValue(Kind::map); }
  static YamlValue texts(const std::vector<std::string>& texts);

  YamlValue& add(YamlValue item);                         // to a list
  YamlValue& add(std::string_view key, YamlValue value);  // to a map
  YamlValue& note(std::string comment);                   // to a map: a line of its own, for people
  // What has parts of its own stands on lines of its own, even where it would fit in one.
  YamlValue& spread();

  bool empty() const { return parts_.empty(); }

  // REQUIRES: a map.
  std::string document() const;

 private:
  enum class Kind : std::uint8_t { word, list, map, note };
  explicit YamlValue(Kind kind) : kind_(kind) {}

  bool fits_in(std::size_t columns) const;
  std::string flow() const;
  void write_below(std::string& out, std::size_t indent) const;

  Kind kind_;
  bool spread_ = false;
  std::string word_;                                      // of a word or a note
  std::vector<std::pair<std::string, YamlValue>> parts_;  // of a list without keys
};

}  // namespace bascule::config
