#include "proxy/config/read_users.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "proxy/base/text.hpp"
#include "proxy/config/text_file.hpp"

namespace bascule::config {

Result<proof::UserList, std::string> read_users(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) { return fmt::format("there is no '{}'", shown(path)); }
  if (!std::filesystem::is_regular_file(status)) { return fmt::format("'{}' is no file", shown(path)); }
  // One byte more than a list may have, so that it is seen that there is more.
  const auto text = read_text_file(path, proof::UserList::bytes_max + 1);
  if (!text) { return fmt::format("'{}' cannot be read: {}", shown(path), text.error().why); }
  if (text->size() > proof::UserList::bytes_max) {
    return fmt::format("'{}' has more than 16MiB; a list of users is not that large", shown(path));
  }
  return proof::UserList::parse(*text);
}

}  // namespace bascule::config
