// OpenSSL's memory, at hand.
//
// A handshake takes some 700 small pieces of memory and gives them back at once. glibc needs 150 instructions for each,
// and locks for those beyond the seven of a size that it keeps for a thread: a list for each size takes a tenth of
// that. A full handshake and its session cost 4 to 6 % less CPU by it.
#pragma once

#include <cstddef>

namespace bascule::tls {

// For the thread that calls. Pieces are malloc's: who gives one back need not be who took it, nor in the same thread.
class Pieces {
 public:
  // Up to this size; larger ones are malloc's and free's business.
  static constexpr std::size_t bytes_max = 1024;
  // No more than this is kept at hand of one size, and no more pieces than that. All sizes together: 0.1 MiB.
  static constexpr std::size_t kept_bytes_max = std::size_t{2} * 1024;
  static constexpr std::size_t kept_pieces_max = 16;

  // As malloc, realloc and free, but that nothing is a null pointer: of no bytes.
  static void* take(std::size_t bytes) noexcept;
  static void* retake(void* piece, std::size_t bytes) noexcept;
  static void give(void* piece) noexcept;
};

// Before OpenSSL has taken anything; later it is too late, and nothing happens. Not with a sanitizer, which could not
// see who uses what he has given back.
void keep_pieces_at_hand();

}  // namespace bascule::tls
