// What is in rules/ is what operators copy: every file there is loaded here, and README.md is held to its word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/config/keys.hpp"
#include "proxy/config/presets.hpp"
#include "proxy/config/read_rules.hpp"

namespace bascule::config {
namespace {

const std::filesystem::path rules_folder = BASCULE_RULES_DIR;

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// noVNC need not be installed where tests run: a folder with its page stands in for it.
class NovncStandIn {
 public:
  NovncStandIn() {
    std::string name = (std::filesystem::temp_directory_path() / "bascule-novnc-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) { throw std::runtime_error("no temporary folder"); }
    folder_ = name;
    std::ofstream(folder_ / "vnc.html") << "<!doctype html>";
  }
  NovncStandIn(const NovncStandIn&) = delete;
  NovncStandIn& operator=(const NovncStandIn&) = delete;
  ~NovncStandIn() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string put_into(std::string text) const {
    replace_all(text, "/usr/share/novnc", folder_.string());
    return text;
  }

 private:
  std::filesystem::path folder_;
};

void expect_loads(const std::string& text, const std::filesystem::path& file) {
  const NovncStandIn novnc;
  const auto rules = read_rules(novnc.put_into(text), file.string());
  if (rules) { return; }
  for (const Mistake& mistake : rules.error()) { ADD_FAILURE() << mistake.place.text() << ": " << mistake.text; }
}

TEST(RulesFolder, LoadsEveryFile) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(rules_folder)) {
    if (entry.path().extension() != ".yaml") { continue; }
    names.insert(entry.path().lexically_relative(rules_folder).string());
    expect_loads(text_of_file(entry.path()), entry.path());
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"default.yaml", "demo.yaml", "echo.yaml", "examples/sidecar.yaml",
                                            "examples/mqtt.yaml", "examples/stomp.yaml", "examples/ssh.yaml",
                                            "examples/desktops.yaml"}));
}

// --- README.md -------------------------------------------------------------------------------------------------------

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) { lines.push_back(line); }
  return lines;
}

const std::vector<std::string>& readme() {
  static const std::vector<std::string> lines = lines_of(text_of_file(rules_folder / "README.md"));
  return lines;
}

// Loads every yaml block of a page; gives how many there were.
int load_examples(const std::filesystem::path& page) {
  int examples = 0;
  std::string block;
  bool inside = false;
  for (const std::string& line : lines_of(text_of_file(page))) {
    if (line == "```yaml") {
      inside = true;
      block.clear();
    } else if (line == "```" && inside) {
      inside = false;
      ++examples;
      expect_loads(block, page.string() + ", example " + std::to_string(examples));
    } else if (inside) {
      block += line + "\n";
    }
  }
  EXPECT_FALSE(inside) << "an example has no end";
  return examples;
}

TEST(RulesReadme, HasExamplesThatLoad) {
  EXPECT_GE(load_examples(rules_folder / "README.md"), 3);
}

TEST(Readme, HasExamplesThatLoad) {
  EXPECT_GE(load_examples(rules_folder / ".." / "README.md"), 1);
}

constexpr std::string_view key_heading = "#### `";

// The headings of keys, each with the lines below it.
std::vector<std::pair<std::string, std::vector<std::string>>> documented_keys() {
  std::vector<std::pair<std::string, std::vector<std::string>>> sections;
  bool inside = false;
  for (const std::string& line : readme()) {
    if (line.starts_with(key_heading)) {
      sections.emplace_back(line.substr(key_heading.size(), line.size() - key_heading.size() - 1),
                            std::vector<std::string>());
      inside = true;
    } else if (line.starts_with("#")) {
      inside = false;
    } else if (inside) {
      sections.back().second.push_back(line);
    }
  }
  return sections;
}

TEST(RulesReadme, HasEveryKeyOnceAndNoOther) {
  std::vector<std::string> known;
  for (const Key& key : keys()) {
    if (key.supported) { known.push_back(path_of(key)); }
  }
  std::vector<std::string> documented;
  for (const auto& [key, lines] : documented_keys()) { documented.push_back(key); }
  EXPECT_THAT(documented, testing::UnorderedElementsAreArray(known));
}

TEST(RulesReadme, SaysTheSameThingsOfEveryKey) {
  for (const auto& [key, lines] : documented_keys()) {
    std::vector<std::string> labels;
    for (const std::string& line : lines) {
      if (line.starts_with("- ")) { labels.push_back(line.substr(2, line.find(": ") - 2)); }
    }
    EXPECT_THAT(labels, testing::ElementsAre("Where", "Type", "Default", "Meaning", "Example", "See also")) << key;
  }
}

TEST(RulesReadme, HasTheTableOfPresets) {
  for (const Preset& preset : presets()) {
    std::string row = "| `" + std::string(preset.name) + "` | ";
    for (const std::string& protocol : preset.subprotocols) {
      row += (protocol == preset.subprotocols.front() ? "`" : ", `") + protocol + "`";
    }
    row += preset.frames.text_from_client ? " | binary, text | " : " | binary | ";
    row += "binary |";
    EXPECT_THAT(readme(), testing::Contains(row));
  }
}

}  // namespace
}  // namespace bascule::config
