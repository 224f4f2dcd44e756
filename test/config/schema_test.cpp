// rules/schema.json, for editors, knows the keys that the reader knows and no other. That it accepts the examples and
// refuses mistakes is schema_test.py's to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/config/keys.hpp"
#include "proxy/config/presets.hpp"

namespace bascule::config {
namespace {

using Json = nlohmann::json;

const Json& schema() {
  static const Json json = [] {
    std::ifstream stream(BASCULE_RULES_DIR "/schema.json");
    return Json::parse(stream);
  }();
  return json;
}

const Json& resolved(const Json& part) {
  const auto reference = part.find("$ref");
  if (reference == part.end()) { return part; }
  return schema().at(Json::json_pointer(reference->get<std::string>().substr(1)));
}

// A key as config/keys calls it, with what the schema says of it.
struct FoundKey {
  std::string path;
  const Json* meaning;
};

class Collector {
 public:
  std::vector<FoundKey> keys;

  // `path`: of the part itself, "routes[].frames"; empty at the top.
  void collect(const Json& written, const std::string& path) {
    const Json& part = resolved(written);
    // What a route asks for nests in itself.
    if (!part.is_object() || !seen_.emplace(&part, path).second) { return; }
    for (const char* const way : {"anyOf", "allOf", "oneOf"}) {
      const auto parts = part.find(way);
      if (parts == part.end()) { continue; }
      for (const Json& each : *parts) { collect(each, path); }
    }
    if (const auto items = part.find("items"); items != part.end()) { collect(*items, path); }
    if (const auto named = part.find("additionalProperties"); named != part.end() && named->is_object()) {
      collect(*named, path + ".*");
    }
    const auto properties = part.find("properties");
    if (properties == part.end()) { return; }
    EXPECT_EQ(part.value("additionalProperties", Json(true)), Json(false)) << path << " takes keys that nobody knows";
    EXPECT_TRUE(part.value("patternProperties", Json::object()).contains("^x-")) << path << " has no room for x- keys";
    // These take one map or a list of them, and are called as a list either way.
    static const std::set<std::string> lists{"listen", "listen[].tls.certificates", "routes", "routes[].allow"};
    const std::string place = path.empty() ? "" : path + (lists.contains(path) ? "[]." : ".");
    for (const auto& [key, value] : properties->items()) {
      if (value.is_boolean()) { continue; }  // forbids a key that is declared elsewhere
      keys.push_back({place + key, &value});
      collect(value, place + key);
    }
  }

 private:
  std::set<std::pair<const Json*, std::string>> seen_;
};

std::vector<FoundKey> keys_of_schema() {
  Collector collector;
  collector.collect(schema(), "");
  return collector.keys;
}

constexpr std::string_view of_defaults = "defaults.";

TEST(Schema, HasEveryKeyOfTheReaderAndNoOther) {
  std::set<std::string> known;
  for (const Key& key : keys()) {
    if (key.supported) { known.insert(path_of(key)); }
  }
  std::set<std::string> found;
  for (const FoundKey& key : keys_of_schema()) {
    if (!key.path.starts_with(of_defaults)) { found.insert(key.path); }
  }
  EXPECT_EQ(found, known);
}

TEST(Schema, HasInDefaultsWhatTheReaderTakesThere) {
  std::set<std::string> known;
  for (const Key& key : keys()) {
    if (key.section == Section::route && key.supported && key.in_defaults) { known.insert(std::string(key.name)); }
  }
  std::set<std::string> found;
  for (const FoundKey& key : keys_of_schema()) {
    if (!key.path.starts_with(of_defaults)) { continue; }
    const std::string below = key.path.substr(of_defaults.size());
    if (below.find('.') == std::string::npos) { found.insert(below); }
  }
  EXPECT_EQ(found, known);
}

// What an editor shows beside the key.
bool has_description(const Json& written) {
  const Json& part = resolved(written);
  if (part.contains("description")) { return true; }
  const auto all = part.find("allOf");
  return all != part.end() && has_description(all->front());
}

TEST(Schema, DescribesEveryKey) {
  for (const FoundKey& key : keys_of_schema()) { EXPECT_TRUE(has_description(*key.meaning)) << key.path; }
}

TEST(Schema, KnowsThePresets) {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) { names.emplace_back(preset.name); }
  const auto written = schema().at("definitions").at("protocol").at("enum").get<std::vector<std::string>>();
  EXPECT_THAT(written, testing::UnorderedElementsAreArray(names));
}

}  // namespace
}  // namespace bascule::config
