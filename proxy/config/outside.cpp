#include "proxy/config/outside.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/text_file.hpp"
#include "proxy/config/units.hpp"

namespace bascule::config {

namespace fs = std::filesystem;

bool is_variable_name(std::string_view text) {
  const auto fits = [](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') && std::all_of(text.begin(), text.end(), fits);
}

std::string file_called(std::string_view path) {
  return fmt::format("'{}'", shown(path));
}

std::string variable_called(std::string_view name) {
  return fmt::format("the variable '{}'", shown(name, 80));
}

Parsed<std::string> read_outside_file(const std::string& path, std::size_t bytes_max) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const std::string called = file_called(path);
  if (!fs::exists(status)) { return Wrong{fmt::format("there is no {}", called)}; }
  if (!fs::is_regular_file(status)) { return Wrong{fmt::format("{} is no file", called)}; }
  auto text = read_text_file(path, bytes_max + 1);
  if (!text) { return Wrong{fmt::format("{} cannot be read: {}", called, text.error().why)}; }
  if (text->size() > bytes_max) { return Wrong{fmt::format("{} has more than {}", called, size_text(bytes_max))}; }
  return std::move(*text);
}

Parsed<std::string> read_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) { return Wrong{fmt::format("{} is not set in the environment", variable_called(name))}; }
  return std::string(value);
}

std::optional<std::string> is_open_to_all(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & S_IRWXO) == 0) { return std::nullopt; }
  return fmt::format("'{0}' is open to every user of this machine; 'chmod o= {0}' closes it", shown(path));
}

}  // namespace bascule::config
