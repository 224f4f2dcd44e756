// YAML as the rules reader wants it: a plain tree in which everything knows its place. Behind this header, and nowhere
// else, stands yaml-cpp.
//
// What YAML can do and a rules file should not is refused here: NUL and other control bytes, bytes that are not UTF-8,
// tabs as indentation, tags, a second document, deep nesting, aliases that multiply ("billion laughs").
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/result.hpp"

namespace bascule::config {

struct YamlNode {
  enum class Kind : std::uint8_t { nothing, text, list, map };

  Kind kind = Kind::nothing;
  bool quoted = false;                 // text in quotes, or a block of it
  bool flow = false;                   // a list in [] or a map in {}
  int line = 0;                        // from 1; where an alias stands for a node, this is still the node's own place
  int column = 0;                      // from 1, in bytes
  std::string text;                    // of a text; for nothing what was written: "null", "~" or ""
  std::vector<const YamlNode*> items;  // of a list
  std::vector<std::pair<const YamlNode*, const YamlNode*>> entries;  // of a map, in order; a key may stand there twice
  std::size_t weight = 1;                                            // nodes in it, aliases counted in full
};

// Owns its nodes. An alias is another pointer to the same node, so this is no tree to be walked without a bound.
struct Document {
  std::deque<YamlNode> nodes;
  const YamlNode* root = nullptr;  // null: an empty file
};

// The first thing that is wrong, with its way out.
struct BrokenYaml {
  int line = 0;
  int column = 0;
  std::string text;
};

inline constexpr std::size_t yaml_depth_max = 32;
inline constexpr std::size_t yaml_alias_nodes_max = 100'000;

Result<Document, BrokenYaml> parse_yaml(std::string_view text);

}  // namespace bascule::config
