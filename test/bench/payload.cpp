#include "test/bench/payload.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "test/bench/framing.hpp"

namespace bascule::bench {

std::string random_bytes(std::size_t bytes, Random& random) {
  std::string result(bytes, '\0');
  for (std::size_t i = 0; i < bytes; i += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(result.data() + i, &word, std::min(sizeof word, bytes - i));
  }
  return result;
}

Pattern::Pattern(Random& random) : block_(random_bytes(1'048'573, random)) {}

std::string_view Pattern::at(std::uint64_t position, std::size_t bytes) const {
  return std::string_view(block_).substr(position % block_.size(), bytes);
}

bool Pattern::matches(std::uint64_t position, std::string_view data) const {
  while (!data.empty()) {
    const std::string_view expected = at(position, data.size());
    if (data.substr(0, expected.size()) != expected) { return false; }
    data.remove_prefix(expected.size());
    position += expected.size();
  }
  return true;
}

MemoryFile::MemoryFile(std::string_view content) : file_(memfd_create("bascule_load", MFD_CLOEXEC)), content_(content) {
  if (!file_.is_open()) { fail("memfd_create"); }
  while (!content.empty()) {
    const ssize_t written = ::write(file_.fd(), content.data(), content.size());
    if (written <= 0) { fail("write to the memory file"); }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string client_messages(Framing framing, std::size_t messages, std::size_t bytes, Random& random) {
  std::string result;
  for (std::size_t i = 0; i < messages; ++i) {
    const std::string payload = random_bytes(bytes, random);
    if (framing == Framing::plain) {
      result += payload;
      continue;
    }
    const std::string key = random_bytes(4, random);
    result += client_frame(payload, MaskKey{key[0], key[1], key[2], key[3]});
  }
  return result;
}

}  // namespace bascule::bench
