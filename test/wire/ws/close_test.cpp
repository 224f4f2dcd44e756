#include "proxy/wire/ws/close.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bascule::wire::ws {
namespace {

using namespace std::string_literals;

TEST(MayBeSent, FollowsTheRegistry) {
  for (std::uint32_t code = 0; code <= 0xffff; ++code) {
    const bool assigned = (code >= 1000 && code <= 1014) && code != 1004 && code != 1005 && code != 1006;
    const bool for_libraries_and_applications = code >= 3000 && code <= 4999;
    EXPECT_EQ(may_be_sent(static_cast<std::uint16_t>(code)), assigned || for_libraries_and_applications) << code;
  }
}

TEST(ReadClose, ReadsAnEmptyPayloadAsNoCode) {
  const auto reading = read_close({});
  ASSERT_TRUE(reading.body);
  EXPECT_EQ(reading.body->code, close_code::no_code);
  EXPECT_EQ(reading.body->reason, "");
}

TEST(ReadClose, ReadsCodeAndReason) {
  const auto bare = read_close(bytes_of("\x03\xe8"));
  ASSERT_TRUE(bare.body);
  EXPECT_EQ(bare.body->code, 1000);
  EXPECT_EQ(bare.body->reason, "");

  const std::string longest(123, 'x');
  const auto full = read_close(bytes_of("\x13\x87"s + longest));
  ASSERT_TRUE(full.body);
  EXPECT_EQ(full.body->code, 4999);
  EXPECT_EQ(full.body->reason, longest);

  EXPECT_EQ(read_close(bytes_of("\x03\xf0"
                                "caf\xc3\xa9"))
                .body->reason,
            "caf\xc3\xa9");
}

TEST(ReadClose, RefusesHalfACode) {
  const auto reading = read_close(bytes_of("\x03"));
  EXPECT_FALSE(reading.body);
  EXPECT_EQ(reading.wrong_code, close_code::protocol_error);
}

TEST(ReadClose, RefusesCodesThatMayNotBeSent) {
  for (const unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U, 65535U}) {
    const std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
    const auto reading = read_close(bytes_of(payload));
    EXPECT_FALSE(reading.body) << code;
    EXPECT_EQ(reading.wrong_code, close_code::protocol_error) << code;
  }
}

TEST(ReadClose, RefusesAReasonThatIsNotUtf8) {
  for (const std::string& reason : {"\xff"s, "caf\xc3"s, "\xed\xa0\x80"s, "\xc0\xaf"s}) {
    const auto reading = read_close(bytes_of("\x03\xe8" + reason));
    EXPECT_FALSE(reading.body);
    EXPECT_EQ(reading.wrong_code, close_code::invalid_payload);
  }
}

TEST(ClosePayload, IsWhatReadCloseReads) {
  EXPECT_EQ(close_payload(close_code::no_code, "dropped"), "");
  EXPECT_EQ(close_payload(1000, ""), "\x03\xe8");
  EXPECT_EQ(close_payload(1011, "service error"), "\x03\xf3service error");
  const auto reading = read_close(bytes_of(close_payload(4321, "bye")));
  ASSERT_TRUE(reading.body);
  EXPECT_EQ(reading.body->code, 4321);
  EXPECT_EQ(reading.body->reason, "bye");
}

TEST(ClosePayload, CutsTheReasonAtACharacterBorder) {
  EXPECT_EQ(close_payload(1000, std::string(123, 'x')).size(), 125U);
  EXPECT_EQ(close_payload(1000, std::string(124, 'x')).size(), 125U);
  EXPECT_EQ(close_payload(1000, std::string(5000, 'x')).size(), 125U);
  for (std::size_t ahead = 118; ahead <= 124; ++ahead) {
    for (const std::string& character : {"\xc3\xa9"s, "\xe2\x82\xac"s, "\xf0\x9f\x99\x82"s}) {
      std::string reason(ahead, 'x');
      reason.append(character).append(character);
      const std::string payload = close_payload(1000, reason);
      EXPECT_LE(payload.size(), 125U);
      EXPECT_GT(payload.size() + character.size(), 125U) << "cut shorter than it had to be";
      EXPECT_TRUE(read_close(bytes_of(payload)).body) << ahead;
    }
  }
}

}  // namespace
}  // namespace bascule::wire::ws
