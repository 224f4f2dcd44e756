// Pieces of memory as OpenSSL takes them: what is given back is taken again, and never more of it is kept than is said.
#include "proxy/tls/pieces.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace bascule::tls {
namespace {

TEST(Pieces, WhatIsGivenBackIsTakenAgain) {
  void* const piece = Pieces::take(100);
  Pieces::give(piece);
  void* const again = Pieces::take(97);
  EXPECT_EQ(again, piece);
  Pieces::give(again);
}

TEST(Pieces, NothingIsANullPointer) {
  EXPECT_EQ(Pieces::take(0), nullptr);
  Pieces::give(nullptr);
  EXPECT_EQ(Pieces::retake(Pieces::take(10), 0), nullptr);
  void* const from_nothing = Pieces::retake(nullptr, 10);
  EXPECT_NE(from_nothing, nullptr);
  Pieces::give(from_nothing);
}

TEST(Pieces, KeepTheirBytesWhenTheyGrow) {
  auto* text = static_cast<char*>(Pieces::take(6));
  std::memcpy(text, "bytes", 6);
  for (std::size_t bytes = 7; bytes < 3000; bytes *= 2) { text = static_cast<char*>(Pieces::retake(text, bytes)); }
  EXPECT_STREQ(text, "bytes");
  Pieces::give(text);
}

// By the address sanitizer: no piece is smaller than what was asked for, and none belongs to two.
TEST(Pieces, HoldWhatWasAskedForWhoeverHadThemBefore) {
  std::mt19937 random(11);
  std::vector<std::pair<unsigned char*, std::size_t>> taken;
  for (int round = 0; round < 20'000; ++round) {
    if (taken.empty() || random() % 2 == 0) {
      const std::size_t bytes = 1 + random() % (2 * Pieces::bytes_max);
      auto* const piece = static_cast<unsigned char*>(Pieces::take(bytes));
      std::memset(piece, static_cast<int>(bytes % 251), bytes);
      taken.emplace_back(piece, bytes);
    } else {
      std::swap(taken[random() % taken.size()], taken.back());
      const auto [piece, bytes] = taken.back();
      taken.pop_back();
      ASSERT_EQ(piece[0], bytes % 251);
      ASSERT_EQ(piece[bytes - 1], bytes % 251);
      Pieces::give(piece);
    }
  }
  for (const auto& [piece, bytes] : taken) { Pieces::give(piece); }
}

TEST(Pieces, OfOneSizeOnlySoManyAreKept) {
  for (const std::size_t bytes : {std::size_t{24}, std::size_t{200}, Pieces::bytes_max}) {
    std::vector<void*> taken;
    for (std::size_t i = 0; i < 2 * Pieces::kept_pieces_max; ++i) { taken.push_back(Pieces::take(bytes)); }
    const std::set<void*> given(taken.begin(), taken.end());
    for (void* const piece : taken) { Pieces::give(piece); }
    // Those that are kept come first; malloc's own, which the sanitizer holds back, are others.
    std::size_t kept = 0;
    taken.clear();
    for (std::size_t i = 0; i < 2 * Pieces::kept_pieces_max; ++i) {
      taken.push_back(Pieces::take(bytes));
      kept += given.contains(taken.back()) ? 1U : 0U;
    }
    EXPECT_LE(kept, Pieces::kept_pieces_max) << bytes;
    EXPECT_LE(kept * bytes, Pieces::kept_bytes_max) << bytes;
    EXPECT_GE(kept, Pieces::kept_bytes_max / 2048) << bytes;
    for (void* const piece : taken) { Pieces::give(piece); }
  }
}

// By the leak sanitizer: a thread that ends leaves nothing behind.
TEST(Pieces, MayBeGivenBackInAnotherThread) {
  std::vector<void*> taken;
  std::thread([&taken] {
    for (std::size_t i = 0; i < 100; ++i) { taken.push_back(Pieces::take(40)); }
  }).join();
  std::thread([&taken] {
    for (void* const piece : taken) { Pieces::give(piece); }
  }).join();
  std::thread([] { Pieces::give(Pieces::take(500)); }).join();
}

}  // namespace
}  // namespace bascule::tls
