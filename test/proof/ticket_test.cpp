#include "proxy/proof/ticket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/base/base64.hpp"

namespace bascule::proof {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::vector<Secret> secrets{{"the secret of today", "{file: ticket.key}"}, {"yesterday's", "{file: old.key}"}};
const WallTime now{1'800'000'000s};
constexpr std::string_view taken = "(taken)";

Result<TicketContent, BadTicket> read(std::string_view ticket) {
  return read_ticket(ticket, secrets, 60s, now);
}

std::string fault_of(std::string_view ticket) {
  const auto content = read(ticket);
  return content ? std::string(taken) : content.error().why;
}

// A ticket that holds this text, signed as it should be.
std::string signed_ticket(std::string_view text, const Secret& secret = secrets.front()) {
  const std::string body = "bt1." + base64url(text);
  return body + "." + base64url(hmac_sha256(secret.bytes(), body));
}

TEST(Ticket, IsReadAsItWasMinted) {
  const TicketContent content{.route = "desk",
                              .expires = now + 30s,
                              .id = "0123456789abcdef",
                              .user = "\xc3\xa9mile",
                              .groups = {"support", "night shift"},
                              .address = Network::parse("10.0.0.0/8"),
                              .set = {{"id", "7"}, {"room", "a \"b\" \\c"}}};
  const auto read_again = read(mint_ticket(content, secrets.front()));
  ASSERT_TRUE(read_again.ok()) << read_again.error().why;
  EXPECT_EQ(read_again->route, "desk");
  EXPECT_EQ(read_again->expires, now + 30s);
  EXPECT_EQ(read_again->id, "0123456789abcdef");
  EXPECT_EQ(read_again->user, "\xc3\xa9mile");
  EXPECT_THAT(read_again->groups, ElementsAre("support", "night shift"));
  EXPECT_EQ(read_again->address, Network::parse("10.0.0.0/8"));
  EXPECT_THAT(read_again->set, ElementsAre(Pair("id", "7"), Pair("room", "a \"b\" \\c")));
}

TEST(Ticket, NeedsNoMoreThanARouteAndAnEnd) {
  const auto content = read(mint_ticket({.route = "desk", .expires = now + 1s}, secrets.front()));
  ASSERT_TRUE(content.ok()) << content.error().why;
  EXPECT_EQ(content->id, "");
  EXPECT_EQ(content->user, "");
  EXPECT_TRUE(content->groups.empty());
  EXPECT_FALSE(content->address);
  EXPECT_TRUE(content->set.empty());
}

// The format, to the letter: what stands in the documentation is what others build on.
TEST(Ticket, HasThisForm) {
  EXPECT_EQ(mint_ticket({.route = "desk", .expires = now + 30s, .id = "12345678", .user = "ada"}, Secret("key", "")),
            "bt1.eyJyb3V0ZSI6ImRlc2siLCJleHAiOjE4MDAwMDAwMzAsImlkIjoiMTIzNDU2NzgiLCJ1c2VyIjoiYWRhIn0."
            "eeOiyIQlFPR2kq5GxsXub5h3a8qYjrDnt5gPpXmLsDc");
}

TEST(Ticket, IsTakenWithEachOfTheSecrets) {
  for (const Secret& secret : secrets) {
    EXPECT_EQ(fault_of(mint_ticket({.route = "desk", .expires = now + 30s}, secret)), taken);
  }
  EXPECT_EQ(fault_of(mint_ticket({.route = "desk", .expires = now + 30s}, Secret("another", ""))),
            "not signed with our secret");
  EXPECT_FALSE(read_ticket(mint_ticket({.route = "desk", .expires = now + 30s}, Secret("", "")), {}, 60s, now).ok());
}

TEST(Ticket, EndsInTimeAndIsNotMadeToLastLonger) {
  const auto fault_at = [](std::chrono::seconds end) {
    return fault_of(mint_ticket({.route = "desk", .expires = now + end}, secrets.front()));
  };
  EXPECT_EQ(fault_at(1s), taken);
  EXPECT_EQ(fault_at(0s), "over for 0 seconds");
  EXPECT_EQ(fault_at(-300s), "over for 300 seconds");
  EXPECT_EQ(fault_at(60s), taken);
  EXPECT_EQ(fault_at(60s + ticket_clock_leeway), taken);
  EXPECT_EQ(fault_at(91s), "good for 91 seconds more, and max_age is 60");
  EXPECT_THAT(fault_at(365 * 24h), HasSubstr("max_age is 60"));
}

TEST(Ticket, IsRefusedWithAnyOneByteChanged) {
  const std::string ticket =
      mint_ticket({.route = "desk", .expires = now + 30s, .id = "12345678", .user = "ada"}, secrets.front());
  ASSERT_EQ(fault_of(ticket), taken);
  for (std::size_t at = 0; at < ticket.size(); ++at) {
    for (const char other : {'A', 'B', '.', '=', '\0', '\xff', ' '}) {
      if (ticket[at] == other) { continue; }
      std::string changed = ticket;
      changed[at] = other;
      EXPECT_NE(fault_of(changed), taken) << "byte " << at << " as " << other;
    }
    EXPECT_NE(fault_of(ticket.substr(0, at)), taken) << "cut at " << at;
    EXPECT_NE(fault_of(ticket.substr(at + 1)), taken) << "without its beginning, up to " << at;
  }
  EXPECT_NE(fault_of(ticket + "="), taken);
  EXPECT_NE(fault_of(ticket + "."), taken);
  EXPECT_NE(fault_of(ticket + " "), taken);
  EXPECT_NE(fault_of(" " + ticket), taken);
  EXPECT_NE(fault_of(ticket + ticket), taken);
}

TEST(Ticket, IsRefusedInAnyOtherForm) {
  for (const std::string& ticket :
       {std::string(), std::string("bt1"), std::string("bt1."), std::string("bt1.."), std::string("bt1.e30"),
        std::string("bt1.e30."), std::string("eyJhbGciOiJub25lIn0.e30."), std::string("BT1.e30.AA"),
        std::string(20'000, '.'), std::string(20'000, 'x')}) {
    EXPECT_NE(fault_of(ticket), taken) << ticket;
  }
  // Signed, but what is signed is no base64url.
  for (const std::string body : {"bt1.e30=", "bt1.e3 0", "bt1.e30.e30", "bt1."}) {
    const std::string ticket = body + "." + base64url(hmac_sha256(secrets.front().bytes(), body));
    EXPECT_NE(fault_of(ticket), taken) << ticket;
  }
}

TEST(Ticket, HoldsWhatItSaysAndNothingElse) {
  const std::string good = R"("route":"desk","exp":1800000030)";
  ASSERT_EQ(fault_of(signed_ticket("{" + good + "}")), taken);
  EXPECT_EQ(fault_of(signed_ticket("{" + good + R"(,"admin":true})")), "it has an unknown member 'admin'");
  EXPECT_EQ(fault_of(signed_ticket("{" + good + R"(,"set.id":"7"})")), "it has an unknown member 'set.id'");
  EXPECT_EQ(fault_of(signed_ticket(R"({"exp":1800000030})")), "it has no 'route'");
  EXPECT_EQ(fault_of(signed_ticket(R"({"route":"desk"})")), "it has no 'exp'");
  for (const std::string text : {"", "[]", "null", "1", "\"x\"", "{", "{}", "{\"route\"}", "{} {}"}) {
    EXPECT_NE(fault_of(signed_ticket(text)), taken) << text;
  }
  for (const std::string more : {
           R"("route":"desk")",
           R"("route":"other")",
           R"("id":"1234567")",
           R"("id":12345678)",
           R"("id":"12345678\u0000")",
           R"("id":"12345678901234567890123456789012345678901234567890123456789012345")",
           R"("id":null)",
           R"("user":"")",
           R"("user":7)",
           R"("user":["ada"])",
           R"("user":"a\nb")",
           R"("groups":"support")",
           R"("groups":[""])",
           R"("groups":[7])",
           R"("groups":[["support"]])",
           R"("groups":{"a":"b"})",
           R"("address":"")",
           R"("address":"10.0.0.1/8")",
           R"("address":"localhost")",
           R"("address":["10.0.0.0/8"])",
           R"("set":[])",
           R"("set":"id")",
           R"("set":{"id":7})",
           R"("set":{"id":["7"]})",
           R"("set":{"":"7"})",
           R"("set":{"id":"7","id":"8"})",
           R"("set":{"id":"\u001b[0m"})",
           R"("set":{"id":{"a":"b"}})",
       }) {
    EXPECT_NE(fault_of(signed_ticket("{" + good + "," + more + "}")), taken) << more;
  }
  for (const std::string exp : {R"("1800000030")", "1800000030.0", "1.80000003e9", "-1", "1e400",
                                "99999999999999999999", "null", "[1800000030]", "true", "1800000030000"}) {
    EXPECT_NE(fault_of(signed_ticket(R"({"route":"desk","exp":)" + exp + "}")), taken) << exp;
  }
}

TEST(Ticket, IsNotReadBelowTheGround) {
  const std::string deep = R"({"route":"desk","exp":1800000030,"set":)" + std::string(3'000, '[');
  EXPECT_NE(fault_of(signed_ticket(deep)), taken);
  EXPECT_EQ(fault_of(signed_ticket(std::string(8'000, '['))), "longer than 8 KiB");
}

TEST(Ticket, IsNeverRepeatedAndItsFaultsAreSafeToPrint) {
  EXPECT_EQ(fault_of(signed_ticket("{\"a\\u001b[0m\":1}")), "it has an unknown member 'a\\x1b[0m'");
  const std::string ticket = mint_ticket({.route = "desk", .expires = now + 30s}, Secret("another", ""));
  EXPECT_EQ(fault_of(ticket).find(ticket.substr(4, 20)), std::string::npos);
}

TEST(MintTicket, ReplacesWhatIsNoUtf8) {
  const auto content = read(mint_ticket({.route = "desk", .expires = now + 30s, .user = "\xff"}, secrets.front()));
  ASSERT_TRUE(content.ok()) << content.error().why;
  EXPECT_EQ(content->user, "\xef\xbf\xbd");
}

}  // namespace
}  // namespace bascule::proof
