#include "proxy/wire/ws/mask.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

namespace bascule::wire::ws {
namespace {

const MaskKey key{0x37, 0xfa, 0x21, 0x3d};

std::vector<std::uint8_t> some_bytes(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::uint32_t state = 12345;
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24U);
  }
  return bytes;
}

// RFC 6455, section 5.3, word for word.
std::uint8_t masked_byte(std::uint8_t byte, std::uint64_t offset) {
  return byte ^ key[offset % 4];
}

// RFC 6455, section 5.7: a masked "Hello".
TEST(ApplyMask, GivesTheSameBytesHoweverThePayloadIsCut) {
  for (std::size_t cut = 0; cut <= 5; ++cut) {
    std::string payload = "\x7f\x9f\x4d\x51\x58";
    const MutableBytes all = bytes_of(payload);
    apply_mask(all.first(cut), key, 0);
    apply_mask(all.subspan(cut), key, cut);
    EXPECT_EQ(payload, "Hello") << "cut at " << cut;
  }
}

TEST(ApplyMask, AgreesWithAByteLoopAtEverySizeAlignmentAndPhase) {
  constexpr std::size_t size_max = 200;
  constexpr std::size_t room = 16;
  for (std::size_t size = 0; size <= size_max; ++size) {
    for (std::size_t alignment = 0; alignment < room; ++alignment) {
      for (const std::uint64_t phase : {0ULL, 1ULL, 2ULL, 3ULL, 0xffff'ffff'ffffULL, 0x7fff'ffff'ffff'fffeULL}) {
        alignas(64) std::array<std::uint8_t, size_max + 2 * room> buffer{};
        const auto before = some_bytes(buffer.size());
        std::copy(before.begin(), before.end(), buffer.begin());
        apply_mask(MutableBytes(buffer).subspan(alignment, size), key, phase);
        for (std::size_t i = 0; i < buffer.size(); ++i) {
          const bool within = i >= alignment && i < alignment + size;
          ASSERT_EQ(buffer[i], within ? masked_byte(before[i], phase + (i - alignment)) : before[i])
              << "size " << size << " alignment " << alignment << " phase " << phase << " at " << i;
        }
      }
    }
  }
}

TEST(ApplyMask, ChangesNothingWithTheZeroKey) {
  auto bytes = some_bytes(100);
  const auto before = bytes;
  apply_mask(bytes, MaskKey{}, 3);
  EXPECT_EQ(bytes, before);
}

TEST(ApplyMask, UndoesItselfOverABufferLargerThanAnyStep) {
  auto bytes = some_bytes(1'000'003);
  const auto before = bytes;
  apply_mask(bytes, key, 1);
  for (std::size_t i = 0; i < bytes.size(); ++i) { ASSERT_EQ(bytes[i], masked_byte(before[i], i + 1)) << i; }
  apply_mask(bytes, key, 1);
  EXPECT_EQ(bytes, before);
}

TEST(MoveAndMask, IsRightAtEveryOverlap) {
  for (std::size_t distance = 0; distance <= 200; ++distance) {
    for (const std::size_t size :
         {0U, 1U, 3U, 4U, 5U, 15U, 16U, 17U, 31U, 40U, 63U, 64U, 65U, 100U, 127U, 128U, 129U, 300U}) {
      for (std::uint64_t phase = 0; phase < 4; ++phase) {
        std::vector<std::uint8_t> buffer = some_bytes(1 + distance + size + 1);
        const auto before = buffer;
        std::uint8_t* const to = buffer.data() + 1;
        move_and_mask(to, Bytes(buffer).subspan(1 + distance, size), key, phase);
        for (std::size_t i = 0; i < size; ++i) {
          ASSERT_EQ(to[i], masked_byte(before[1 + distance + i], phase + i))
              << "distance " << distance << " size " << size << " phase " << phase << " at " << i;
        }
        // Nothing in front is touched, and behind only what the payload had covered.
        EXPECT_EQ(buffer.front(), before.front());
        for (std::size_t i = 1 + size; i < buffer.size(); ++i) { ASSERT_EQ(buffer[i], before[i]) << i; }
      }
    }
  }
}

TEST(MoveAndMask, LaysThePayloadsOfManyFramesSideBySide) {
  // Header bytes (here 'h') between payloads, as one read may bring them.
  std::string buffer;
  std::string expected;
  std::vector<std::pair<std::size_t, std::size_t>> payloads;
  const auto plain = some_bytes(400);
  std::size_t used = 0;
  for (const std::size_t size : {5U, 0U, 64U, 1U, 33U, 125U, 16U}) {
    buffer.append(6, 'h');
    payloads.emplace_back(buffer.size(), size);
    for (std::size_t i = 0; i < size; ++i, ++used) {
      buffer.push_back(static_cast<char>(masked_byte(plain[used], i)));
      expected.push_back(static_cast<char>(plain[used]));
    }
  }
  const MutableBytes bytes = bytes_of(buffer);
  std::uint8_t* to = bytes.data();
  for (const auto& [at, size] : payloads) {
    move_and_mask(to, bytes.subspan(at, size), key, 0);
    to += size;
  }
  EXPECT_EQ(buffer.substr(0, expected.size()), expected);
}

}  // namespace
}  // namespace bascule::wire::ws
