// What is in rules/ is what operators copy: every file there is loaded here, and README.md is held to its word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/config/keys.hpp"
#include "proxy/config/presets.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/config/yaml.hpp"
#include "test/config/rules_texts.hpp"

namespace bascule::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

void fail_of(const Mistakes& mistakes) {
  for (const Mistake& mistake : mistakes) { ADD_FAILURE() << mistake.place.text() << ": " << mistake.text; }
}

// An example teaches, so it says of itself what there is to warn of.
constexpr std::string_view explains_warnings = "`bascule check` warns";

void expect_loads(const std::string& text, const std::filesystem::path& file) {
  const PagesStandIn pages;
  const auto reading = read_rules(pages.put_into(text), file.string());
  if (!reading) { return fail_of(reading.error()); }
  if (text.find(explains_warnings) == std::string::npos) {
    fail_of(reading->warnings);
  } else {
    EXPECT_FALSE(reading->warnings.empty()) << file << " speaks of a warning that is none";
  }
}

TEST(RulesFolder, LoadsEveryFile) {
  std::set<std::string> names;
  for (const std::filesystem::path& file : rules_files()) {
    names.insert(file.lexically_relative(rules_folder()).string());
    expect_loads(text_of_file(file), file);
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"default.yaml",
                                            "demo.yaml",
                                            "echo.yaml",
                                            "examples/sidecar.yaml",
                                            "examples/desktops.yaml",
                                            "examples/web-app.yaml",
                                            "examples/behind-nginx.yaml",
                                            "examples/behind-haproxy.yaml",
                                            "examples/tokens.yaml",
                                            "examples/everything.yaml",
                                            "examples/mqtt.yaml",
                                            "examples/stomp.yaml",
                                            "examples/ssh.yaml",
                                            "examples/spice.yaml",
                                            "examples/basic.yaml",
                                            "examples/login.yaml",
                                            "examples/jwt.yaml",
                                            "examples/ticket.yaml",
                                            "examples/token.yaml",
                                            "examples/client-certificate.yaml",
                                            "examples/ask.yaml",
                                            "examples/public-tls.yaml",
                                            "examples/mutual-tls.yaml",
                                            "examples/tls-to-service.yaml",
                                            "examples/composed.yaml"}));
}

TEST(RulesFolder, LoadsAFolderOfTenantsAsOneSetOfRules) {
  const auto reading = read_rules_at({(rules_folder() / "examples" / "tenants").string()});
  if (!reading) { return fail_of(reading.error()); }
  fail_of(reading->warnings);
  EXPECT_EQ(reading->rules.routes.size(), 200U);
  EXPECT_EQ(reading->rules.services.size(), 10U);
}

TEST(RulesFolder, HasExamplesThatSayWhatTheyAreForAndHowToTryThem) {
  for (const std::filesystem::path& file : rules_files()) {
    if (file.parent_path().filename() != "examples") { continue; }
    const std::string text = text_of_file(file);
    EXPECT_THAT(text, StartsWith("# yaml-language-server: $schema=../schema.json\n#\n# ")) << file;
    // A command or a line of code, set off from the prose.
    EXPECT_THAT(text.substr(0, text.find("\nlisten:")), HasSubstr("\n#\n#   ")) << file;
  }
}

// --- README.md -------------------------------------------------------------------------------------------------------

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) { lines.push_back(line); }
  return lines;
}

const std::vector<std::string>& readme() {
  static const std::vector<std::string> lines = lines_of(text_of_file(rules_folder() / "README.md"));
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
  EXPECT_GE(load_examples(rules_folder() / "README.md"), 3);
}

TEST(Readme, HasExamplesThatLoad) {
  EXPECT_GE(load_examples(rules_folder().parent_path() / "README.md"), 1);
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

// The keys of a rules file as config/keys calls them: "routes[].frames.max". Below `defaults` they are those of a
// route, and names of the operator's own stand for themselves.
void collect_keys(const YamlNode& node, const std::string& path, std::set<std::string>& found) {
  // These take one map or a list of them, and are called as a list either way.
  static const std::set<std::string> lists{"listen", "listen[].tls.certificates", "routes", "routes[].allow"};
  for (const YamlNode* item : node.items) { collect_keys(*item, path, found); }
  const std::string place = path.empty() ? "" : path + (lists.contains(path) ? "[]." : ".");
  for (const auto& [key, value] : node.entries) {
    const std::string name = path == "services" || path == "auth" ? "*" : key->text;
    found.insert(place + name);
    collect_keys(*value, place + name, found);
  }
}

TEST(RulesReadme, HasAnExampleWithEveryKey) {
  std::string page;
  for (const std::string& line : readme()) { page += line + "\n"; }
  const std::size_t begin = page.find("```yaml\nversion: 1\n");
  ASSERT_NE(begin, std::string::npos);
  const std::string block = page.substr(begin + 8, page.find("\n```", begin + 8) - begin - 8);
  const auto document = parse_yaml(block);
  ASSERT_TRUE(document);
  std::set<std::string> found;
  collect_keys(*document->root, "", found);
  for (const Key& key : keys()) {
    if (key.supported) { EXPECT_TRUE(found.contains(path_of(key))) << path_of(key); }
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
