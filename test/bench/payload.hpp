// What is sent: random bytes, drawn once from a seed and repeated, so that any place of a stream is known to both ends.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "test/bench/options.hpp"
#include "test/bench/socket.hpp"

namespace bascule::bench {

using Random = std::mt19937_64;

std::string random_bytes(std::size_t bytes, Random& random);

// An endless stream that repeats one block. The block's size is a prime, so no cut of a proxy's falls together with it.
class Pattern {
 public:
  explicit Pattern(Random& random);

  // At most `bytes` of the stream from `position` on; fewer where the block ends. Never empty.
  [[nodiscard]] std::string_view at(std::uint64_t position, std::size_t bytes) const;

  // Does `data` stand at `position` of the stream?
  [[nodiscard]] bool matches(std::uint64_t position, std::string_view data) const;

 private:
  std::string block_;
};

// Bytes in a memory file, so that sendfile(2) can send them again and again without a copy; and in memory as well, for
// whoever must seal them first.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content);

  [[nodiscard]] int fd() const { return file_.fd(); }
  [[nodiscard]] std::size_t size() const { return content_.size(); }
  [[nodiscard]] std::string_view content() const { return content_; }

 private:
  Socket file_;
  std::string content_;
};

// `messages` messages of `bytes` each as a client sends them: masked frames, or the bare bytes.
std::string client_messages(Framing framing, std::size_t messages, std::size_t bytes, Random& random);

}  // namespace bascule::bench
