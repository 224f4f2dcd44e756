#include "proxy/auth/remembered.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace bascule::auth {
namespace {

using namespace std::chrono_literals;

const TimePoint now = TimePoint{} + 1h;

proof::Identity named(const std::string& user) {
  proof::Identity identity;
  identity.user = user;
  return identity;
}

TEST(Remembered, FindsWhatWasPutUntilItIsOver) {
  Remembered remembered;
  const std::string digest = remembered.digest({"staff", "ada", "a password"});
  EXPECT_FALSE(remembered.find(digest, now));
  remembered.put(digest, named("ada"), now + 60s);
  ASSERT_TRUE(remembered.find(digest, now));
  EXPECT_EQ(remembered.find(digest, now + 59s)->user, "ada");
  EXPECT_FALSE(remembered.find(digest, now + 60s));
  EXPECT_FALSE(remembered.find(remembered.digest({"staff", "ada", "another"}), now));
}

TEST(Remembered, TheLastWordHolds) {
  Remembered remembered;
  const std::string digest = remembered.digest({"a"});
  remembered.put(digest, named("ada"), now + 60s);
  remembered.put(digest, named("bob"), now + 10s);
  EXPECT_EQ(remembered.find(digest, now)->user, "bob");
  EXPECT_FALSE(remembered.find(digest, now + 10s));
  remembered.put(digest, named("ada"), now + 60s);
  remembered.forget(digest);
  EXPECT_FALSE(remembered.find(digest, now));
  remembered.forget(digest);  // to no effect
}

TEST(Remembered, KeepsThePartsApart) {
  const Remembered remembered;
  std::set<std::string> digests;
  digests.insert(remembered.digest({"a", "bc"}));
  digests.insert(remembered.digest({"ab", "c"}));
  digests.insert(remembered.digest({"abc"}));
  digests.insert(remembered.digest({"abc", ""}));
  digests.insert(remembered.digest({"", "abc"}));
  digests.insert(remembered.digest({}));
  EXPECT_EQ(digests.size(), 6U);
  for (const std::string& digest : digests) { EXPECT_EQ(digest.size(), 32U); }
  EXPECT_EQ(remembered.digest({"a", "bc"}), remembered.digest({"a", "bc"}));
}

TEST(Remembered, IsKeyedByChance) {
  EXPECT_NE(Remembered().digest({"a"}), Remembered().digest({"a"}));
}

TEST(Remembered, TheOneThatEndsFirstGoesFirst) {
  constexpr std::size_t most = 64;
  Remembered remembered(most);
  std::vector<std::string> digests;
  for (std::size_t i = 0; i < 10 * most; ++i) {
    digests.push_back(remembered.digest({fmt::format("{}", i)}));
    remembered.put(digests.back(), named("x"), now + 1s * static_cast<long>(i + 1));
  }
  std::size_t known = 0;
  for (const std::string& digest : digests) { known += remembered.find(digest, now) ? 1U : 0U; }
  EXPECT_LE(known, most);
  EXPECT_GT(known, most / 2);
  EXPECT_TRUE(remembered.find(digests.back(), now));
  EXPECT_FALSE(remembered.find(digests.front(), now));
}

TEST(Remembered, IsForManyThreads) {
  Remembered remembered(64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const std::string digest = remembered.digest({fmt::format("{}", i % 100)});
        remembered.put(digest, named(fmt::format("user {}", i % 100)), now + 60s);
        const auto found = remembered.find(digest, now);
        if (found) { EXPECT_EQ(found->user, fmt::format("user {}", i % 100)); }
        if (i % 7 == 0) { remembered.forget(digest); }
      }
    });
  }
  for (std::thread& thread : threads) { thread.join(); }
}

}  // namespace
}  // namespace bascule::auth
