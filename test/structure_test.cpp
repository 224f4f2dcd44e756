// The house keeps its shape: arrows run only downward, each room sees only the libraries that are its own, and what the
// compiler is known to miscompile stays out.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace bascule::test {
namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;  // relative to the root
  std::string path;  // as written
};

std::vector<std::string> source_files() {
  const fs::path root = BASCULE_SOURCE_DIR;
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root / "proxy")) {
    const auto extension = entry.path().extension();
    if (extension == ".cpp" || extension == ".hpp") { files.push_back(fs::relative(entry.path(), root).string()); }
  }
  return files;
}

std::string text_of(const std::string& file) {
  std::ifstream stream(fs::path(BASCULE_SOURCE_DIR) / file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<Include> includes() {
  static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])", std::regex::multiline);
  std::vector<Include> all;
  for (const std::string& file : source_files()) {
    const std::string text = text_of(file);
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
      all.push_back({file, (*it)[1]});
    }
  }
  return all;
}

std::string room_of(const std::string& path) {
  const std::size_t first = path.find('/');
  return path.substr(first + 1, path.find('/', first + 1) - first - 1);
}

// What each room may include, besides itself: proxy/CMakeLists.txt in other words.
const std::map<std::string, std::set<std::string>> floors{
    {"base", {}},
    {"wire", {"base"}},
    {"proof", {"base", "wire"}},
    {"tls", {"base"}},
    {"policy", {"base", "wire", "proof", "tls"}},
    {"relay", {"base", "wire", "proof", "tls", "policy"}},
    {"net", {"base", "tls"}},
    {"auth", {"base", "wire", "proof", "tls", "net"}},
    {"observe", {"base"}},
    {"web", {"base", "wire", "proof", "tls", "policy"}},
    {"session", {"base", "wire", "proof", "tls", "policy", "relay", "net", "auth", "observe", "web"}},
    {"config", {"base", "wire", "proof", "tls", "policy"}},
    {"app", {"base", "wire", "proof", "tls", "policy", "relay", "net", "auth", "observe", "web", "session", "config"}},
    {"main.cpp", {"app"}},
};

TEST(Structure, ArrowsRunOnlyDownward) {
  for (const Include& include : includes()) {
    if (!include.path.starts_with("proxy/")) { continue; }
    const std::string from = room_of(include.file);
    const std::string to = room_of(include.path);
    ASSERT_TRUE(floors.contains(from)) << include.file << ": a room that is not in the picture";
    EXPECT_TRUE(from == to || floors.at(from).contains(to)) << include.file << " includes " << include.path;
  }
}

TEST(Structure, LibrariesAreSeenOnlyWhereTheyBelong) {
  struct Library {
    std::string header;
    std::set<std::string> rooms;
  };
  const std::vector<Library> libraries{
      {"asio", {"net", "auth", "session", "app"}},
      {"openssl/", {"wire", "proof", "tls"}},
      {"crypt.h", {"proof"}},
      {"yaml-cpp/", {"config"}},
      {"nlohmann/", {"proof", "observe", "app"}},
      {"CLI/", {"app"}},
      {"sys/socket.h", {"net"}},
      {"sys/epoll.h", {"net"}},
      {"netinet/", {"net"}},
      {"netdb.h", {"net"}},
  };
  for (const Include& include : includes()) {
    for (const Library& library : libraries) {
      if (!include.path.starts_with(library.header)) { continue; }
      EXPECT_TRUE(library.rooms.contains(room_of(include.file))) << include.file << " includes " << include.path;
    }
  }
}

// Pure rooms ask no clock: time is handed in.
TEST(Structure, PureRoomsAskNoClock) {
  for (const std::string& file : source_files()) {
    const std::string room = room_of(file);
    if (room != "base" && room != "wire" && room != "proof" && room != "tls" && room != "policy" && room != "relay") {
      continue;
    }
    EXPECT_EQ(text_of(file).find("::now()"), std::string::npos) << file;
  }
}

// g++ 12.2 miscompiles these (GCC PR106188, PR101367): see "Coroutines" in README.md.
TEST(Structure, PlainThingsAreAwaitedIntoAName) {
  const std::regex traps(R"((if|while|switch|for) \((?:[^()\n]|\([^()\n]*\))*co_await)"
                         R"(|co_await [^;\n]*\[[^\]\n]*\]\s*[({])"
                         R"(|co_await \([^;\n]*\?)"
                         R"(|co_await [^;\n]*\{[^}\n]+\})");
  for (const std::string& file : source_files()) {
    const std::string text = text_of(file);
    std::smatch match;
    EXPECT_FALSE(std::regex_search(text, match, traps)) << file << ": " << match.str();
  }
}

TEST(Structure, EveryFileSaysWhatItIsForBeforeItSaysAnythingElse) {
  for (const std::string& file : source_files()) {
    const std::string text = text_of(file);
    if (file.ends_with(".hpp")) { EXPECT_TRUE(text.starts_with("//")) << file; }
    if (file.ends_with(".hpp")) { EXPECT_NE(text.find("#pragma once"), std::string::npos) << file; }
  }
}

}  // namespace
}  // namespace bascule::test
