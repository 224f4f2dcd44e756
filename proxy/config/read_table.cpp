#include "proxy/config/read_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "proxy/base/text.hpp"
#include "proxy/config/text_file.hpp"

namespace bascule::config {

namespace {

namespace fs = std::filesystem;

// The regular files of a folder, in the order of their names. What begins with a dot is an editor's, or hidden on
// purpose.
Result<std::vector<fs::path>, std::string> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;  // a link to nowhere, or a file that has just been taken away
    const bool hidden = entry->path().filename().string().starts_with('.');
    if (!hidden && entry->is_regular_file(gone)) { files.push_back(entry->path()); }
  }
  if (error) { return fmt::format("'{}' cannot be read: {}", shown(folder.string()), error.message()); }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<policy::Table, std::string> read_table(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) { return fmt::format("there is no '{}'", shown(path)); }
  const bool folder = fs::is_directory(status);
  if (!folder && !fs::is_regular_file(status)) {
    return fmt::format("'{}' is neither a file nor a folder", shown(path));
  }
  std::vector<fs::path> files{path};
  if (folder) {
    auto found = files_of(path);
    if (!found) { return found.error(); }
    files = std::move(*found);
  }
  policy::Table table;
  for (const fs::path& file : files) {
    // One byte more than a table may have, so that it is seen that there is more.
    const auto text = read_text_file(file.string(), policy::Table::bytes_max + 1);
    if (!text) { return fmt::format("'{}' cannot be read: {}", shown(file.string()), text.error().why); }
    if (text->size() > policy::Table::bytes_max) {
      return fmt::format("'{}' has more than 64MiB; a table is not that large", shown(file.string()));
    }
    table.add(*text, file.string());
  }
  return table;
}

}  // namespace bascule::config
