// The files in rules/, and what stands in for things that need not be there where tests run.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "test/config/certificates.hpp"

namespace bascule::config {

inline std::filesystem::path rules_folder() {
  return std::filesystem::canonical(BASCULE_RULES_DIR);
}

// Those that stand for themselves: of a folder that is one set of rules, none.
inline std::vector<std::filesystem::path> rules_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(rules_folder())) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() == ".yaml" && path.parent_path().filename() != "tenants") { files.push_back(path); }
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Clients' pages need not be installed, nor a table be in /etc, and secrets are in nobody's repository: a folder with a
// page of each, and with secrets and certificates for the examples.
class PagesStandIn {
 public:
  PagesStandIn() {
    std::string name = (std::filesystem::temp_directory_path() / "bascule-pages-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) { throw std::runtime_error("no temporary folder"); }
    folder_ = name;
    for (const char* page : {"vnc.html", "spice_auto.html"}) { std::ofstream(folder_ / page) << "<!doctype html>"; }
    write_secrets(folder_);
    write_certificates(folder_);
  }
  PagesStandIn(const PagesStandIn&) = delete;
  PagesStandIn& operator=(const PagesStandIn&) = delete;
  ~PagesStandIn() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string folder() const { return folder_.string(); }

  std::string put_into(std::string text) const {
    for (const char* pages : {"/usr/share/novnc", "/usr/share/spice-html5"}) {
      replace_all(text, pages, folder_.string());
    }
    for (const char* beside : {" secrets/", " certs/"}) {
      replace_all(text, beside, " " + folder_.string() + "/" + std::string(beside + 1));
    }
    replace_all(text, "/etc/bascule/tokens.d", (rules_folder() / "examples" / "tokens.d").string());
    return text;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace bascule::config
