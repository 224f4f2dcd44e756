#include "proxy/wire/ws/mask.hpp"

#include <bit>
#include <cassert>
#include <cstring>

namespace bascule::wire::ws {
namespace {

// Sixteen bytes at a step: every x86-64 and every 64-bit ARM has registers of that size, so no choice at run time.
using Block = std::uint32_t __attribute__((vector_size(16)));
constexpr std::size_t block_size = sizeof(Block);
constexpr std::size_t blocks_a_turn = 4;

// Loads and stores at any alignment; the compiler makes one instruction of each.
template <typename T>
T load(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
void store(std::uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// The key as a word in memory order, turned so that its first byte is the one for `offset`.
std::uint32_t turned(const MaskKey& key, std::uint64_t offset) {
  const auto word = std::bit_cast<std::uint32_t>(key);
  const int bits = static_cast<int>(offset % key.size()) * 8;
  return std::endian::native == std::endian::little ? std::rotr(word, bits) : std::rotl(word, bits);
}

}  // namespace

void apply_mask(MutableBytes data, const MaskKey& key, std::uint64_t offset) {
  move_and_mask(data.data(), data, key, offset);
}

// Each step loads before it stores, and since `to` never lies behind `from`, a store reaches only bytes that this step
// or an earlier one has loaded: any overlap is right, also none and a full one.
void move_and_mask(std::uint8_t* to, Bytes from, const MaskKey& key, std::uint64_t offset) {
  const std::uint8_t* at = from.data();
  const std::uint8_t* const end = at + from.size();
  const std::uint32_t word = turned(key, offset);
  const Block block = {word, word, word, word};

  while (static_cast<std::size_t>(end - at) >= block_size * blocks_a_turn) {
    const Block a = load<Block>(at) ^ block;
    const Block b = load<Block>(at + block_size) ^ block;
    const Block c = load<Block>(at + block_size * 2) ^ block;
    const Block d = load<Block>(at + block_size * 3) ^ block;
    store(to, a);
    store(to + block_size, b);
    store(to + block_size * 2, c);
    store(to + block_size * 3, d);
    at += block_size * blocks_a_turn;
    to += block_size * blocks_a_turn;
  }
  while (static_cast<std::size_t>(end - at) >= block_size) {
    store(to, load<Block>(at) ^ block);
    at += block_size;
    to += block_size;
  }
  while (static_cast<std::size_t>(end - at) >= sizeof word) {
    store(to, load<std::uint32_t>(at) ^ word);
    at += sizeof word;
    to += sizeof word;
  }
  const auto rest = std::bit_cast<MaskKey>(word);
  for (std::size_t i = 0; at != end; ++i) { *to++ = static_cast<std::uint8_t>(*at++ ^ rest[i]); }
}

}  // namespace bascule::wire::ws
