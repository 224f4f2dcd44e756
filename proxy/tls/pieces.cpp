#include "proxy/tls/pieces.hpp"

#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace bascule::tls {

namespace {

// Sizes are malloc's own: 24 bytes, 40, 56 ..., so that a piece holds all that malloc has made room for.
constexpr std::size_t step_bytes = 16;
constexpr std::size_t bytes_of(std::size_t size) {
  return step_bytes * size + step_bytes / 2;
}
constexpr std::size_t size_for(std::size_t bytes) {
  return bytes <= bytes_of(1) ? 1 : (bytes + step_bytes / 2 - 1) / step_bytes;
}
constexpr std::size_t size_count = size_for(Pieces::bytes_max) + 1;

static_assert(bytes_of(size_for(24)) == 24 && bytes_of(size_for(25)) == 40 && bytes_of(size_for(40)) == 40);
static_assert(bytes_of(size_for(Pieces::bytes_max)) >= Pieces::bytes_max);

struct Piece {
  Piece* next;
};

struct List {
  Piece* first = nullptr;
  std::uint8_t count = 0;
};

// Outlives the lists: OpenSSL clears up behind a thread later than C++ does.
thread_local constinit bool lists_are_gone = false;

struct Lists {
  constexpr Lists() = default;
  ~Lists() {
    lists_are_gone = true;
    for (List& list : of_size) {
      while (list.first != nullptr) { std::free(std::exchange(list.first, list.first->next)); }
    }
  }
  Lists(const Lists&) = delete;
  Lists& operator=(const Lists&) = delete;

  std::array<List, size_count> of_size{};
};

thread_local constinit Lists lists;

constexpr std::size_t kept_of(std::size_t size) {
  return std::min(Pieces::kept_pieces_max, Pieces::kept_bytes_max / bytes_of(size));
}

}  // namespace

void* Pieces::take(std::size_t bytes) noexcept {
  if (bytes == 0) { return nullptr; }
  const std::size_t size = size_for(bytes);
  if (size >= size_count || lists_are_gone) { return std::malloc(bytes); }
  List& list = lists.of_size[size];
  if (list.first == nullptr) { return std::malloc(bytes_of(size)); }
  --list.count;
  return std::exchange(list.first, list.first->next);
}

void* Pieces::retake(void* piece, std::size_t bytes) noexcept {
  if (bytes != 0) { return std::realloc(piece, bytes); }
  give(piece);
  return nullptr;
}

void Pieces::give(void* piece) noexcept {
  if (piece == nullptr) { return; }
  const std::size_t room_bytes = ::malloc_usable_size(piece);
  const std::size_t size = room_bytes < bytes_of(1) ? 0 : (room_bytes - step_bytes / 2) / step_bytes;
  if (size == 0 || size >= size_count || lists_are_gone || lists.of_size[size].count >= kept_of(size)) {
    std::free(piece);
    return;
  }
  List& list = lists.of_size[size];
  list.first = new (piece) Piece{list.first};
  ++list.count;
}

void keep_pieces_at_hand() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // OpenSSL also tells the line that asks, which is of use in its own tests.
  CRYPTO_set_mem_functions(
      [](std::size_t bytes, const char*, int) { return Pieces::take(bytes); },
      [](void* piece, std::size_t bytes, const char*, int) { return Pieces::retake(piece, bytes); },
      [](void* piece, const char*, int) { Pieces::give(piece); });
#endif
}

}  // namespace bascule::tls
