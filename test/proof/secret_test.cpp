#include "proxy/proof/secret.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/proof/printing.hpp"

namespace bascule::proof {
namespace {

TEST(Secret, HoldsTheSameWhereverItComesFrom) {
  const Secret secret("robot's word", "{file: robot.token}");
  EXPECT_EQ(secret, Secret("robot's word", "{env: ROBOT_TOKEN}"));
  EXPECT_FALSE(secret == Secret("robot's worD", "{file: robot.token}"));
  EXPECT_FALSE(secret == Secret("", "{file: robot.token}"));
  EXPECT_FALSE(secret == Secret("robot's word\n", "{file: robot.token}"));
}

TEST(Secret, IsEmptyOnceItHasMovedElsewhere) {
  // Short ones live inside of the string, long ones outside.
  for (const std::string& bytes : {std::string("short"), std::string(100, 'x')}) {
    Secret first(bytes, "here");
    Secret second(std::move(first));
    EXPECT_EQ(second.bytes(), bytes);
    EXPECT_EQ(first.bytes(), "");  // NOLINT(bugprone-use-after-move): that is the promise
    Secret third("another", "there");
    third = std::move(second);
    EXPECT_EQ(third.bytes(), bytes);
    EXPECT_EQ(third.source(), "here");
    EXPECT_EQ(second.bytes(), "");  // NOLINT(bugprone-use-after-move)
  }
}

TEST(Secret, IsCopiedWhole) {
  Secret copy("a much longer secret than fits into a string itself", "there");
  const Secret original("short", "here");
  copy = original;
  EXPECT_EQ(copy, original);
  EXPECT_EQ(copy.source(), "here");
  const Secret& same = copy;
  copy = same;
  EXPECT_EQ(copy.bytes(), "short");
}

TEST(SameSecret, ComparesTextsOfAnyLength) {
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret(std::string(100'000, 'x'), std::string(100'000, 'x')));
  EXPECT_FALSE(same_secret("x", ""));
  EXPECT_FALSE(same_secret("x", "xx"));
  EXPECT_FALSE(same_secret(std::string("a\0b", 3), std::string("a\0c", 3)));
}

TEST(Wipe, EmptiesATextAndWhatItHeld) {
  std::string text = "hush";
  const char* const where = text.data();
  wipe(text);
  EXPECT_EQ(text, "");
  EXPECT_EQ(std::string(where, 4), std::string(4, '\0')) << "the text still has this memory";
}

// FIPS 180-4's example.
TEST(Sha256, IsWhatTheStandardSays) {
  EXPECT_EQ(hexadecimal(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hexadecimal(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// RFC 4231, sections 4.2, 4.3 and 4.7.
TEST(HmacSha256, IsWhatTheRfcSays) {
  EXPECT_EQ(hexadecimal(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hexadecimal(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hexadecimal(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256, TakesAnEmptyKeyAndAnEmptyText) {
  EXPECT_EQ(hexadecimal(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(IsSignedByOneOf, TakesEachOfTheSecretsAndNoOther) {
  const std::vector<Secret> secrets{{"new", "a"}, {"old", "b"}};
  EXPECT_TRUE(is_signed_by_one_of(secrets, "text", hmac_sha256("new", "text")));
  EXPECT_TRUE(is_signed_by_one_of(secrets, "text", hmac_sha256("old", "text")));
  EXPECT_FALSE(is_signed_by_one_of(secrets, "text", hmac_sha256("older", "text")));
  EXPECT_FALSE(is_signed_by_one_of(secrets, "Text", hmac_sha256("new", "text")));
  EXPECT_FALSE(is_signed_by_one_of(secrets, "text", hmac_sha256("new", "text").substr(0, 16)));
  EXPECT_FALSE(is_signed_by_one_of(secrets, "text", ""));
  EXPECT_FALSE(is_signed_by_one_of({}, "text", hmac_sha256("", "text")));
}

TEST(RandomBytes, AreNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string bytes = random_bytes(32);
    EXPECT_EQ(bytes.size(), 32U);
    EXPECT_TRUE(seen.insert(bytes).second);
  }
  EXPECT_EQ(random_bytes(0), "");
}

}  // namespace
}  // namespace bascule::proof
