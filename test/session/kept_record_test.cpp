// What a session's record still says when the session is over.
#include "proxy/session/kept_record.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace bascule::session {
namespace {

using namespace std::chrono_literals;
using observe::SessionRecord;

// Everything that may be known of a session at its beginning.
SessionRecord full_record() {
  SessionRecord record;
  record.id = 4711;
  record.listener = "public";
  record.route = "vnc";
  record.user = "ada";
  record.proof = "portal+staff";
  record.client = Address::ipv4({192, 0, 2, 7}, 40000);
  record.service = "198.51.100.3:5900";
  record.host = "desk.example.org";
  record.path = "/" + std::string(5000, 'p');
  record.origin = "https://desk.example.org";
  record.subprotocol = "binary";
  record.tls = "TLSv1.3";
  record.began = WallTime(1'700'000'000s);
  record.began_at = TimePoint() + 1h;
  record.dial_took = 12ms;
  return record;
}

TEST(KeptRecord, StillTellsAllThatTheBeginningHasTold) {
  const SessionRecord record = full_record();
  const SessionRecord told = KeptRecord(record).unpacked();
  EXPECT_EQ(told.id, record.id);
  EXPECT_EQ(told.listener, record.listener);
  EXPECT_EQ(told.route, record.route);
  EXPECT_EQ(told.user, record.user);
  EXPECT_EQ(told.proof, record.proof);
  EXPECT_EQ(told.client, record.client);
  EXPECT_EQ(told.service, record.service);
  EXPECT_EQ(told.host, record.host);
  EXPECT_EQ(told.path, record.path);
  EXPECT_EQ(told.origin, record.origin);
  EXPECT_EQ(told.subprotocol, record.subprotocol);
  EXPECT_EQ(told.tls, record.tls);
  EXPECT_EQ(told.began, record.began);
  EXPECT_EQ(told.began_at, record.began_at);
  EXPECT_EQ(told.dial_took, record.dial_took);
}

TEST(KeptRecord, KnowsWhoeverItWas) {
  SessionRecord record = full_record();
  const auto six = Address::parse_ip("fe80::1:2", 443);
  ASSERT_TRUE(six);
  for (const Address& client : {Address(), *six, Address::ipv6(six->octets(), 1, 7), Address::unix_path(""),
                                Address::unix_path(std::string(100, 'u')), Address::ipv4({0, 0, 0, 0}, 0)}) {
    record.client = client;
    EXPECT_EQ(KeptRecord(record).unpacked().client, client) << client.text();
  }
}

TEST(KeptRecord, KeepsTextsOfEveryLength) {
  SessionRecord record = full_record();
  for (const std::size_t length : {0U, 1U, 254U, 255U, 256U, 70'000U}) {
    record.host = std::string(length, 'h');
    const SessionRecord told = KeptRecord(record).unpacked();
    EXPECT_EQ(told.host, record.host);
    EXPECT_EQ(told.subprotocol, record.subprotocol);
  }
}

TEST(KeptRecord, LeavesEmptyWhatIsEmpty) {
  SessionRecord record = full_record();
  record.user.clear();
  record.proof.clear();
  record.subprotocol.clear();
  const SessionRecord told = KeptRecord(record).unpacked();
  EXPECT_EQ(told.user, "");
  EXPECT_EQ(told.proof, "");
  EXPECT_EQ(told.subprotocol, "");
  EXPECT_EQ(told.origin, record.origin);
}

TEST(KeptRecord, TakesTextsAsTheyAre) {
  SessionRecord record = full_record();
  record.user = std::string("a\0b\nc", 5);
  EXPECT_EQ(KeptRecord(record).unpacked().user, record.user);
}

TEST(KeptRecord, LeavesTheEndToThoseWhoKnowIt) {
  const SessionRecord told = KeptRecord(full_record()).unpacked();
  EXPECT_FALSE(told.refused());
  EXPECT_EQ(told.ending, "");
  EXPECT_EQ(told.place, "");
  EXPECT_EQ(told.detail, "");
  EXPECT_EQ(told.from_client_bytes, 0U);
}

}  // namespace
}  // namespace bascule::session
