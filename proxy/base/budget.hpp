// Bytes that wait for sides which take none, of all sessions of one worker together.
#pragma once

#include <cstddef>

namespace bascule {

// Above the budget reads shrink: each session goes on, and holds less.
class Budget {
 public:
  void grew(std::size_t bytes) { bytes_ += bytes; }
  void shrank(std::size_t bytes) { bytes_ -= bytes; }
  std::size_t bytes() const { return bytes_; }
  bool tight() const { return bytes_ > bytes_max; }

 private:
  static constexpr std::size_t bytes_max = std::size_t{32} * 1024 * 1024;

  std::size_t bytes_ = 0;
};

}  // namespace bascule
