// A route that bascule answers itself: `files` of a folder, or an `answer`.
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/reader.hpp"

namespace bascule::config {

using policy::Answer;
using policy::Route;
using policy::Scripts;

namespace {

constexpr std::array<std::pair<std::string_view, Answer::What>, 1> answers{{{"health", Answer::What::health}}};

constexpr std::array<std::pair<std::string_view, Scripts>, 2> scripts{
    {{"own", Scripts::own}, {"inline", Scripts::inside}}};

}  // namespace

// Notes a key that is written and would do nothing.
void Reader::refuse_idle_key(const Fields& fields, std::string_view key, std::string_view why) {
  const YamlNode* node = fields.find(key);
  if (node == nullptr) { return; }
  fields.mistake(*node, fmt::format("{} does nothing, for this route {}", fields.name_of(key), why));
}

void Reader::read_page(const Fields& fields, Route& route) {
  const bool files = fields.find("files") != nullptr;
  const std::string_view why = files ? "serves files" : "is answered by bascule itself";
  for (const std::string_view key :
       {"origins", "protocol", "subprotocols", "frames", "bandwidth", "refuse", "on_expiry", "on_reload"}) {
    refuse_idle_key(fields.own(), key, why);
  }
  read_page_limits(fields, route, why);
  if (files) {
    policy::Files folder;
    read_files(fields, folder);
    route.to = std::move(folder);
  } else {
    Answer answer;
    if (const auto what = fields.word("answer", answers)) { answer.what = *what; }
    route.to = answer;
  }
}

void Reader::read_files(const Fields& fields, policy::Files& files) {
  const auto map = fields.map("files", Section::files, "files: {folder: /usr/share/novnc, index: vnc.html}");
  if (!map) { return; }
  const Fields& written = *map;
  bool folder_is_there = false;
  if (written.find("folder") == nullptr) {
    written.mistake(written.node(), fmt::format("{} has no 'folder'", written.where()));
  } else if (const std::string* folder = written.text("folder")) {
    const std::filesystem::path path = (folder_ / *folder).lexically_normal();
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    folder_is_there = std::filesystem::is_directory(status);
    if (folder->empty() || !std::filesystem::exists(status)) {
      written.mistake(*written.find("folder"),
                      fmt::format("{}: there is no '{}'", written.name_of("folder"), shown(path.string())));
    } else if (!folder_is_there) {
      written.mistake(*written.find("folder"),
                      fmt::format("{}: '{}' is no folder", written.name_of("folder"), shown(path.string())));
    }
    files.folder = path.string();
  }
  if (const std::string* index = written.text("index")) {
    files.index = *index;
    std::error_code error;
    if (index->empty() || index->find('/') != std::string::npos || *index == "." || *index == "..") {
      written.mistake(*written.find("index"),
                      fmt::format("{}: '{}' is no name of a file", written.name_of("index"), shown(*index, 80)));
    } else if (folder_is_there && *index != policy::Files().index &&
               !std::filesystem::exists(std::filesystem::path(files.folder) / *index, error)) {
      written.mistake(*written.find("index"), fmt::format("{}: there is no '{}' in '{}'", written.name_of("index"),
                                                          shown(*index, 80), shown(files.folder)));
    }
  }
  if (const auto which = written.word("scripts", scripts)) { files.scripts = *which; }
}

}  // namespace bascule::config
