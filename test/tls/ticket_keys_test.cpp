#include "proxy/tls/ticket_keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/bytes.hpp"

namespace bascule::tls {
namespace {

// 200, 201, ... 255, 0, 1, ...
std::string some_file() {
  std::string file(TicketKey::bytes, '\0');
  std::iota(file.begin(), file.end(), static_cast<char>(200));
  return file;
}

TEST(TicketKey, OfAFileIsItsNameThenTheKeyOfTheHmacThenThatOfAes) {
  const std::string file = some_file();
  const auto key = TicketKey::read(file);
  ASSERT_TRUE(key);
  EXPECT_EQ(text_of(key->name), file.substr(0, 16));
  EXPECT_EQ(text_of(key->hmac), file.substr(16, 32));
  EXPECT_EQ(text_of(key->aes), file.substr(48, 32));
}

TEST(TicketKey, IsRefusedWithTheWayOutWhereTheFileIsNotEightyRandomBytes) {
  struct Case {
    std::string file;
    std::string why;
  };
  const std::vector<Case> cases{
      {"", "it is empty"},
      {some_file().substr(1), "it has 79 bytes, where 80 are needed"},
      {some_file() + "\n", "it has 81 bytes, where 80 are needed"},
      {some_file().substr(0, 48), "nginx's older form"},
      {std::string(160, 'a') + "\n", "neither -hex nor -base64"},
      {std::string(80, 'a'), "not random but text"},
      {std::string(80, '\0'), "not random but text"},
      {std::string(80, '\xff'), "all of its bytes are equal"},
  };
  for (const Case& each : cases) {
    const auto key = TicketKey::read(each.file);
    ASSERT_FALSE(key) << each.why;
    EXPECT_EQ(key.error().what, Bad::What::ticket_key);
    EXPECT_NE(key.error().why.find(each.why), std::string::npos) << key.error().why;
    EXPECT_NE(key.error().why.find("`openssl rand 80 > FILE` makes one"), std::string::npos) << key.error().why;
  }
}

TEST(TicketKey, MadeAtRandomIsAnotherEachTime) {
  const TicketKey a = TicketKey::random();
  const TicketKey b = TicketKey::random();
  EXPECT_NE(a.name, b.name);
  EXPECT_NE(a.hmac, b.hmac);
  EXPECT_NE(a.aes, b.aes);
}

TEST(TicketKeys, OpenWhatTheySeal) {
  const TicketKeys keys;
  const TicketKey sealing = keys.sealing();
  const auto found = keys.opening(sealing.name);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->newest);
  EXPECT_EQ(found->key.aes, sealing.aes);
  EXPECT_EQ(found->key.hmac, sealing.hmac);
}

TEST(TicketKeys, DoNotOpenWhatAnotherProcessSealed) {
  const TicketKeys keys;
  EXPECT_FALSE(keys.opening(TicketKeys().sealing().name));
}

TEST(TicketKeys, AreNotMadeBeforeSomebodyAsks) {
  TicketKeys keys;
  keys.rotate();
  EXPECT_FALSE(keys.opening(TicketKey::random().name));
  const TicketKey first = keys.sealing();
  EXPECT_TRUE(keys.opening(first.name)->newest);
}

TEST(TicketKeys, OpenAfterOneRotationAndNoMoreAfterTwo) {
  TicketKeys keys;
  const TicketKey first = keys.sealing();

  keys.rotate();
  EXPECT_NE(keys.sealing().name, first.name);
  const auto found = keys.opening(first.name);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->newest);
  EXPECT_EQ(found->key.aes, first.aes);
  const TicketKey second = keys.sealing();

  keys.rotate();
  EXPECT_FALSE(keys.opening(first.name));
  EXPECT_TRUE(keys.opening(second.name));
}

TEST(TicketKeys, OfFilesStayAsTheyAre) {
  const TicketKey a = TicketKey::random();
  const TicketKey b = TicketKey::random();
  const TicketKey c = TicketKey::random();
  TicketKeys keys({a, b, c});
  keys.rotate();
  EXPECT_EQ(keys.sealing().name, a.name);
  EXPECT_TRUE(keys.opening(a.name)->newest);
  EXPECT_FALSE(keys.opening(b.name)->newest);
  EXPECT_EQ(keys.opening(c.name)->key.aes, c.aes);
}

// For the thread sanitizer as well.
TEST(TicketKeys, AreWholeWhileTheyRotate) {
  TicketKeys keys;
  std::thread rotating([&keys] {
    for (int turn = 0; turn < 1000; ++turn) { keys.rotate(); }
  });
  for (int turn = 0; turn < 1000; ++turn) {
    const TicketKey sealing = keys.sealing();
    const auto found = keys.opening(sealing.name);
    if (found) { EXPECT_EQ(found->key.hmac, sealing.hmac); }
  }
  rotating.join();
}

}  // namespace
}  // namespace bascule::tls
