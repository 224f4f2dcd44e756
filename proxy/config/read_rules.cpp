#include "proxy/config/read_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/hidden.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/text_file.hpp"
#include "proxy/config/values.hpp"
#include "proxy/config/warnings.hpp"
#include "proxy/policy/index.hpp"

namespace bascule::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::size_t workers_max = 1024;

std::string too_large() {
  return fmt::format("more than {}; a rules file is not that large", size_text(file_bytes_max));
}

}  // namespace

// --- the files -------------------------------------------------------------------------------------------------------

void Reader::add_file(const std::string& name, std::string_view text) {
  watched_.push_back(name);
  if (text.size() > file_bytes_max) { return add_broken(name, too_large()); }
  auto document = parse_yaml(text);
  mistakes_.enter(name);
  if (!document) {
    const BrokenYaml& broken = document.error();
    mistakes_.add_at({.file = name, .line = broken.line, .column = broken.column}, broken.text);
    incomplete_ = true;
    return;
  }
  files_.push_back({.name = name, .folder = fs::path(name).parent_path(), .document = std::move(*document)});
}

void Reader::add_broken(const std::string& name, std::string why) {
  mistakes_.enter(name);
  mistakes_.add_at({.file = name}, std::move(why));
  incomplete_ = true;
}

void Reader::enter(const File& file) {
  mistakes_.enter(file.name);
  warnings_.enter(file.name);
  folder_ = file.folder;
}

void Reader::open_top(File& file) {
  enter(file);
  if (file.document.root == nullptr) {
    // One file of several may be empty, or have nothing but comments in it.
    if (files_.size() == 1 && !incomplete_) {
      mistakes_.add_at({.file = file.name}, "the file is empty; it needs 'listen' and 'routes'");
      incomplete_ = true;  // and that they are missing need not be said again
    }
  } else if (file.document.root->kind != YamlNode::Kind::map) {
    mistakes_.add(*file.document.root, "a rules file is a map; it begins with 'listen:' and 'routes:'");
    incomplete_ = true;
  } else {
    file.top.emplace(mistakes_, *file.document.root, Section::top, "the rules file");
    read_version(*file.top);
  }
}

Result<Reading, Mistakes> Reader::read() {
  for (File& file : files_) { open_top(file); }
  read_files_in_turns();
  check_whole();
  if (mistakes_.empty()) { make_servers(); }
  if (!mistakes_.empty()) { return mistakes_.take(); }
  rules_.index = std::make_shared<const policy::RouteIndex>(rules_);
  add_warnings(rules_, warnings_);
  return Reading{.rules = std::move(rules_), .warnings = warnings_.take(), .files = std::move(watched_)};
}

void Reader::read_files_in_turns() {
  const auto each = [this](auto&& read) {
    for (File& file : files_) {
      if (!file.top) { continue; }
      enter(file);
      read(*file.top);
    }
  };
  each([this](const Fields& top) {
    read_listeners(top);
    read_process(top);
  });
  each([this](const Fields& top) {
    read_services(top);
    read_proofs(top);
  });
  each([this](const Fields& top) {
    read_defaults(top);
    read_routes(top);
  });
}

// What can be said only when everything has been read.
void Reader::check_whole() {
  if (!incomplete_ && !files_.empty()) {
    const File& file = files_.front();
    const bool alone = files_.size() == 1;
    const policy::Place place =
        alone ? policy::Place{.file = file.name, .line = file.document.root->line, .column = file.document.root->column}
              : policy::Place{.file = file.name};
    const std::string_view which = alone ? "the rules file has" : "none of the rules files has";
    if (!has_listen_) {
      mistakes_.add_at(place, fmt::format("{} {}'listen'; where should bascule wait? 'listen: 127.0.0.1:6080'", which,
                                          alone ? "no " : "a "));
    }
    if (!has_routes_) {
      mistakes_.add_at(place, fmt::format("{} {}'routes'; without one nobody gets in", which, alone ? "no " : ""));
    }
  }
  Routes routes;
  for (std::size_t i = 0; i < rules_.routes.size(); ++i) {
    if (can_match_[i]) { routes.push_back(rules_.routes[i]); }
  }
  for (const InTheWay& pair : hidden_routes(routes)) {
    const policy::Route& earlier = *routes[pair.earlier];
    const policy::Route& later = *routes[pair.later];
    const std::string way_out =
        hides(later, earlier) ? "one of them is too many" : fmt::format("put '{}' first", later.name);
    mistakes_.add_at(later.place,
                     fmt::format("route '{}' can never match: route '{}' {} takes all it would; {}", later.name,
                                 earlier.name, whereabouts(earlier.place, later.place.file), way_out));
  }
}

// --- the top level ---------------------------------------------------------------------------------------------------

void Reader::read_version(const Fields& top) {
  const std::string* version = top.text("version");
  if (version != nullptr && *version != "1") {
    top.mistake(*top.find("version"),
                fmt::format("version {} of the rules language is not supported by this version of bascule; it is 1",
                            shown(*version, 20)));
  }
}

void Reader::read_process(const Fields& top) {
  const auto fields = top.map("process", Section::process, "process: {workers: auto, drain: 30s}");
  if (!fields) { return; }
  const policy::Place place = mistakes_.place_of(fields->node());
  if (process_place_) {
    fields->mistake(fields->node(), fmt::format("'process' stands in one file only; it is {}",
                                                whereabouts(*process_place_, mistakes_.file())));
    return;
  }
  process_place_ = place;
  if (const auto drain = fields->value("drain", parse_duration)) { rules_.process.drain = *drain; }
  if (const auto watch = fields->flag("watch")) { rules_.process.watch = *watch; }
  const std::string* workers = fields->text("workers");
  if (workers == nullptr || *workers == "auto") { return; }
  const auto count = parse_decimal(*workers, workers_max);
  if (!count || *count == 0) {
    fields->mistake(*fields->find("workers"),
                    fmt::format("'workers' of 'process': '{}' is neither 'auto' nor a number from 1 to {}",
                                shown(*workers, 40), workers_max));
    return;
  }
  rules_.process.workers = static_cast<unsigned>(*count);
}

// --- the door into this room -----------------------------------------------------------------------------------------

namespace {

void add_file_at(Reader& reader, const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);  // of a regular file; a pipe has none
  if (!error && size > file_bytes_max) {
    reader.watch(path);
    return reader.add_broken(path, too_large());
  }
  // One byte more than there may be, so that a file that is too large is known without reading it all.
  const auto text = read_text_file(path, file_bytes_max + 1);
  if (!text) {
    reader.watch(path);
    return reader.add_broken(path, fmt::format("cannot be read: {}", text.error().why));
  }
  reader.add_file(path, *text);
}

void add_folder(Reader& reader, const std::string& path) {
  reader.watch(path);
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(".yaml") && !name.starts_with('.')) { names.push_back(entry->path().string()); }
  }
  if (error) { return reader.add_broken(path, fmt::format("cannot be read: {}", error.message())); }
  if (names.empty()) { return reader.add_broken(path, "no file in this folder is called '*.yaml'"); }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) { add_file_at(reader, name); }
}

}  // namespace

Result<Reading, Mistakes> read_rules_at(const std::vector<std::string>& paths) {
  Reader reader;
  if (paths.empty()) { reader.add_broken({}, "no rules file is named"); }
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      add_folder(reader, path);
    } else {
      add_file_at(reader, path);
    }
  }
  return reader.read();
}

Result<Reading, Mistakes> read_rules(std::string_view text, const std::string& file) {
  Reader reader;
  reader.add_file(file, text);
  return reader.read();
}

}  // namespace bascule::config
