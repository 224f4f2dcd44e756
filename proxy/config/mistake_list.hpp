// Collects mistakes, or warnings, each with its place. A file of nothing but mistakes does not fill the memory with
// them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/config/read_rules.hpp"
#include "proxy/config/yaml.hpp"

namespace bascule::config {

class MistakeList {
 public:
  // `noun`: what they are called when there are too many of them.
  explicit MistakeList(const std::string& file = {}, std::string_view noun = "mistakes");

  // The nodes that are spoken of from now on stand in this file.
  void enter(const std::string& file);
  const std::string& file() const { return file_; }

  policy::Place place_of(const YamlNode& node) const {
    return {.file = file_, .line = node.line, .column = node.column};
  }
  void add(const YamlNode& node, std::string text);
  void add_at(policy::Place place, std::string text);

  // Every route reads the nodes of `defaults`: what is wrong with one of them is said when it is first seen.
  void say_once(const YamlNode& tree);

  bool empty() const { return mistakes_.empty(); }
  Mistakes take();  // in the order of the files and of the places in them

 private:
  std::string file_;
  std::string_view noun_;
  std::vector<std::string> files_;  // in the order in which they were first entered
  Mistakes mistakes_;
  std::size_t left_off_ = 0;
  std::unordered_map<const YamlNode*, bool> said_;  // the nodes of say_once, and whether they were spoken of
};

// "in line 7" or, seen from another file, "in b.yaml:7".
std::string whereabouts(const policy::Place& place, const std::string& from_file);

}  // namespace bascule::config
