// Reading rules in tests: what is right, or what is wrong with it, in as few words as possible.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/config/read_rules.hpp"

namespace bascule::config {

// A folder of its own for each test, gone with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "bascule-config-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) { throw std::runtime_error("no temporary folder"); }
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::string text() const { return path_.string(); }
  std::string write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

// "line:column: sentence" of each.
inline std::vector<std::string> texts_of(const Mistakes& mistakes) {
  std::vector<std::string> result;
  for (const Mistake& mistake : mistakes) {
    result.push_back(std::to_string(mistake.place.line) + ":" + std::to_string(mistake.place.column) + ": " +
                     mistake.text);
  }
  return result;
}

// The same with the name of the file in front, for sets of several; without its folder.
inline std::vector<std::string> texts_with_files_of(const Mistakes& mistakes) {
  std::vector<std::string> result;
  for (const Mistake& mistake : mistakes) {
    policy::Place place = mistake.place;
    place.file = std::filesystem::path(place.file).filename().string();
    result.push_back(place.text() + ": " + mistake.text);
  }
  return result;
}

inline Reading reading_of(Result<Reading, Mistakes> reading) {
  if (reading) { return std::move(*reading); }
  for (const std::string& text : texts_of(reading.error())) { ADD_FAILURE() << text; }
  return {};
}

inline policy::Rules rules_of(std::string_view text, const std::string& file = "test.yaml") {
  return std::move(reading_of(read_rules(text, file)).rules);
}

// What is said of a text: nothing where it is right.
inline std::vector<std::string> mistakes(std::string_view text) {
  const auto reading = read_rules(text, "site.yaml");
  return reading ? std::vector<std::string>() : texts_of(reading.error());
}

inline std::vector<std::string> warnings(std::string_view text) {
  return texts_of(reading_of(read_rules(text, "site.yaml")).warnings);
}

// A file with a listener and one route, right but perhaps for `keys` (each indented by two, with its line end), which
// begin in line 4.
inline std::string one_route(std::string_view keys) {
  return "listen: 127.0.0.1:1\nroutes:\n- name: desk\n" + std::string(keys);
}

// The one route of a file: what every route needs but `to`, and `keys`.
inline policy::Route route_of(std::string_view keys, const std::string& file = "test.yaml") {
  const policy::Rules rules = rules_of(one_route("  path: /vnc\n  auth: none\n" + std::string(keys)), file);
  if (rules.routes.size() != 1) {
    ADD_FAILURE() << "one route expected";
    return {};
  }
  return *rules.routes.front();
}

}  // namespace bascule::config
