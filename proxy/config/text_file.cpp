#include "proxy/config/text_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace bascule::config {

namespace {

constexpr std::size_t piece_bytes = std::size_t{64} * 1024;

CannotRead because(int error) {
  return {std::generic_category().message(error)};
}

}  // namespace

Result<std::string, CannotRead> read_text_file(const std::string& path, std::size_t bytes_max) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) { return because(errno); }
  std::string text;
  while (stream && text.size() < bytes_max) {
    const std::size_t before = text.size();
    text.resize(before + std::min(piece_bytes, bytes_max - before));
    stream.read(text.data() + before, static_cast<std::streamsize>(text.size() - before));
    text.resize(before + static_cast<std::size_t>(stream.gcount()));
  }
  // A folder can be opened, but not read.
  if (stream.bad()) { return because(errno); }
  return text;
}

}  // namespace bascule::config
