#include "proxy/tls/server_name.hpp"

#include <algorithm>
#include <cstddef>

#include "proxy/base/text.hpp"

namespace bascule::tls {

namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::uint8_t host_name = 0;  // the only type of name there is

std::size_t two_bytes_at(Bytes bytes, std::size_t at) {
  return std::size_t{bytes[at]} << 8U | bytes[at + 1];
}

bool is_printable(char c) {
  return c > ' ' && c <= '~';
}

}  // namespace

// Two bytes with the length of the list; of its entry one byte with the type and two with the length of the name. More
// than one entry there cannot be: at most one of each type, and there is one type.
Result<std::string, BadServerName> parse_server_name(Bytes extension) {
  constexpr std::size_t before_the_name = 5;
  if (extension.size() < before_the_name || two_bytes_at(extension, 0) != extension.size() - 2 ||
      extension[2] != host_name || two_bytes_at(extension, 3) != extension.size() - before_the_name) {
    return BadServerName::malformed;
  }
  std::string_view name = text_of(extension.subspan(before_the_name));
  if (name.size() > name_bytes_max || !std::all_of(name.begin(), name.end(), is_printable)) {
    return BadServerName::no_name;
  }
  if (name.ends_with('.')) { name.remove_suffix(1); }  // the root, which nobody has to write
  if (name.empty()) { return BadServerName::no_name; }
  return lowered(name);
}

}  // namespace bascule::tls
