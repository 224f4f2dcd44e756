// Where the visitor's words lead: never to an address that the rules do not allow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "proxy/policy/judge.hpp"
#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using test::networks;
using test::session;
using testing::HasSubstr;
using testing::Not;

// "10.0.0.1:5900" of a yes, "no_target" of a no.
std::string led_to(const Service& service, std::string target, std::string_view path = "/t/{id}",
                   const test::Fields& fields = {}) {
  const Judgement judgement =
      judge(test::rules_of({test::route("t", path, service)}), {.listener = "inner", .peer = test::ip("192.0.2.7")},
            session(std::move(target), fields));
  if (const auto* no = std::get_if<Denied>(&judgement.verdict)) {
    return std::string(entry_of(no->refused.refusal).word);
  }
  const auto& endpoint = std::get<Admitted>(judgement.verdict).target;
  return endpoint ? endpoint->text() : "-";
}

struct Row {
  std::string said;
  std::string_view led_to;
};

TEST(MadeTarget, IsWhatTheWordsSay) {
  const Service desk = test::service_made("desk-{path.id}.lan", "5900", networks({"10.20.0.0/16"}));
  for (const Row& row :
       {Row{"7", "desk-7.lan:5900"}, Row{"A_b-c.d", "desk-a_b-c.d.lan:5900"}, Row{"%37", "desk-7.lan:5900"}}) {
    EXPECT_EQ(led_to(desk, "/t/" + row.said), row.led_to) << row.said;
  }
  EXPECT_EQ(led_to(test::service_made("10.20.0.1", "{query.port}", networks({"10.20.0.0/16"})), "/t/x?port=5907"),
            "10.20.0.1:5907");
  EXPECT_EQ(led_to(test::service_made("{header.x-desk}", "1", networks({"10.20.0.0/16"})), "/t/x", "/t/{id}",
                   {{"x-desk", "10.20.3.4"}}),
            "10.20.3.4:1");
}

// A word stays in its place: nothing in it ends the name, begins a port, or is read by somebody else another way.
TEST(MadeTarget, TakesNoWordThatIsMoreThanAPartOfAName) {
  const Service desk = test::service_made("desk-{path.id}.lan", "5900", networks({"0.0.0.0/0", "::/0"}));
  for (const char* said :
       {"a:b",       "7.lan:22%23", "%40evil", "a%20b", "a%25", "[::1]", "%5b::1%5d", "a,b", "a;b", "a%3fb",
        "b%c3%bcro", "a..b",        "a*",      "$(id)", "a'b",  "a+b",   "a&b",       "a=b", "a~b", "a!"}) {
    EXPECT_EQ(led_to(desk, std::string("/t/") + said), "no_target") << said;
  }
  EXPECT_EQ(led_to(desk, "/t/" + std::string(60, 'a')), "no_target");  // a label of more than 63 bytes
}

TEST(MadeTarget, TakesNoWordForAPortButDigits) {
  const Service service = test::service_made("10.0.0.1", "{query.port}", networks({"10.0.0.0/8"}));
  for (const char* port : {"", "0", "65536", "-1", "%2b1", "1%20", "0x50", "1e3", "80:81", "http"}) {
    EXPECT_EQ(led_to(service, std::string("/t/x?port=") + port), "no_target") << port;
  }
  EXPECT_EQ(led_to(service, "/t/x"), "no_target");
}

// The visitor names the whole host; only 10.20.0.0/16 is his to choose from.
TEST(MadeTarget, LeadsToNoAddressThatIsNotWithin) {
  const Service any = test::service_made("{query.host}", "80", networks({"10.20.0.0/16", "2001:db8:20::/48"}));
  const std::vector<Row> rows{
      {"10.20.0.1", "10.20.0.1:80"},
      {"10.21.0.1", "target_outside"},
      {"127.0.0.1", "target_outside"},
      {"169.254.169.254", "target_outside"},
      {"0.0.0.0", "target_outside"},
      // Other ways to write an address: none is a name, and none is read.
      {"2130706433", "no_target"},  // decimal
      {"0x7f000001", "no_target"},  // hexadecimal
      {"0177.0.0.1", "no_target"},  // octal
      {"0x7f.0.0.1", "no_target"},
      {"10.20.0.0x1", "no_target"},
      {"127.1", "no_target"},  // short
      {"10.20.1", "no_target"},
      {"010.020.0.1", "no_target"},  // zeros in front: octal to some
      {"10.20.0.1.", "no_target"},   // a dot behind an address
      {"10.20.0.1.5", "no_target"},
      {"10.20.0.256", "no_target"},
      {"[2001:db8:20::1]", "no_target"},  // a word has no colon
      {"2001:db8:20::1", "no_target"},
      {"::ffff:127.0.0.1", "no_target"},  // mapped
      {"[::ffff:10.20.0.1]", "no_target"},
      {"fe80::1%25eth0", "no_target"},  // a scope
      {"10.20.0.1:22", "no_target"},    // a port of his own
      {"10.20.0.1%00.lan", "no_target"},
      {"unix:/run/x.sock", "no_target"},
      // Names are looked up first, and what they resolve to is checked then.
      {"localhost", "localhost:80"},
      {"localhost.", "localhost.:80"},
      {"metadata.google.internal", "metadata.google.internal:80"},
  };
  for (const Row& row : rows) { EXPECT_EQ(led_to(any, "/t/x?host=" + row.said), row.led_to) << row.said; }
}

TEST(MadeTarget, ReadsAnAddressThatIsMadeOfParts) {
  const Service part = test::service_made("10.20.0.{query.last}", "80", networks({"10.20.0.0/28"}));
  const std::vector<Row> rows{
      {"7", "10.20.0.7:80"}, {"16", "target_outside"}, {"007", "no_target"}, {"7.8", "no_target"}};
  for (const Row& row : rows) { EXPECT_EQ(led_to(part, "/t/x?last=" + row.said), row.led_to) << row.said; }
  const Service six = test::service_made("[2001:db8::{query.last}]", "80", networks({"2001:db8::/112"}));
  const std::vector<Row> rows_of_six{
      {"7", "[2001:db8::7]:80"}, {"0007", "[2001:db8::7]:80"}, {"10.20.0.1", "target_outside"}, {"g", "no_target"}};
  for (const Row& row : rows_of_six) { EXPECT_EQ(led_to(six, "/t/x?last=" + row.said), row.led_to) << row.said; }
}

TEST(MadeTarget, ShowsAnAddressOfTheVisitorOnlyWhereItIsOne) {
  const Service by_address = test::service_made("{client.address}", "80", networks({"192.0.2.0/24"}));
  EXPECT_EQ(led_to(by_address, "/t/x"), "192.0.2.7:80");
  const Service by_user = test::service_made("{user}.lan", "80", networks({"192.0.2.0/24"}));
  EXPECT_EQ(led_to(by_user, "/t/x"), "no_target");  // nobody is known
}

// --- looked up -------------------------------------------------------------------------------------------------------

constexpr std::string_view table =
    "ada: 10.0.0.1:5901\nbob's desk: desk.lan:5902\nsix: [2001:db8::7]:1\nu: unix:/run/u.sock\n";

TEST(LookedUpTarget, IsWhatTheTableSays) {
  const Service rooms = test::service_looked_up("{query.token}", table);
  const std::vector<Row> rows{{"ada", "10.0.0.1:5901"},   {"bob%27s+desk", "desk.lan:5902"},
                              {"six", "[2001:db8::7]:1"}, {"u", "unix:/run/u.sock"},
                              {"Ada", "no_target"},       {"eve", "no_target"},
                              {"", "no_target"},          {"ada&token=eve", "10.0.0.1:5901"}};
  for (const Row& row : rows) { EXPECT_EQ(led_to(rooms, "/t/x?token=" + row.said), row.led_to) << row.said; }
  EXPECT_EQ(led_to(rooms, "/t/x"), "no_target");
  EXPECT_EQ(led_to(test::service_looked_up("{path.id}", table), "/t/six"), "[2001:db8::7]:1");
}

TEST(LookedUpTarget, IsTheOneOfTheMoment) {
  const Service rooms = test::service_looked_up("{query.token}", table);
  const auto source = std::get<Lookup>(rooms.where).table;
  Table changed;
  changed.add("ada: 10.0.0.2:1", "tokens");
  source->put(std::make_shared<const Table>(changed));
  EXPECT_EQ(led_to(rooms, "/t/x?token=ada"), "10.0.0.2:1");
  EXPECT_EQ(led_to(rooms, "/t/x?token=six"), "no_target");
}

TEST(LookedUpTarget, IsWithinTooWhereThatIsWritten) {
  Service rooms = test::service_looked_up("{query.token}", table);
  rooms.within = networks({"10.0.0.0/8"});
  const std::vector<Row> rows{
      {"ada", "10.0.0.1:5901"}, {"six", "target_outside"}, {"u", "target_outside"}, {"bob%27s+desk", "desk.lan:5902"}};
  for (const Row& row : rows) { EXPECT_EQ(led_to(rooms, "/t/x?token=" + row.said), row.led_to) << row.said; }
}

TEST(FixedTarget, IsLeftToTheService) {
  EXPECT_EQ(led_to(test::service_at("broker", 61613), "/t/x"), "-");
  Service echo;
  echo.where = EchoBack();
  EXPECT_EQ(led_to(echo, "/t/x"), "-");
}

// --- what is said of it ----------------------------------------------------------------------------------------------

TEST(Target, IsRefusedWithTheReasonForTheOperatorAlone) {
  const auto no = [](const Service& service, std::string target) {
    const Judgement judgement =
        judge(test::rules_of({test::route("t", "/t", service)}), {.listener = "inner"}, session(std::move(target)));
    EXPECT_TRUE(std::holds_alternative<Denied>(judgement.verdict));
    return std::get<Denied>(judgement.verdict).refused;
  };
  const Service made = test::service_made("{query.host}", "80", networks({"10.20.0.0/16", "10.30.0.0/16"}));
  EXPECT_EQ(no(made, "/t?host=127.0.0.1").detail, "127.0.0.1:80 is not within 10.20.0.0/16, 10.30.0.0/16");
  EXPECT_EQ(no(made, "/t?host=127.1").detail, "'{query.host}:80' gives '127.1:80', which is no host:port");
  EXPECT_EQ(no(made, "/t?host=a:b").detail,
            "'{query.host}:80': {query.host} was not sent, or is more than letters, digits, '-', '_' and '.'");
  const Refused unknown = no(test::service_looked_up("{query.token}", table), "/t?token=s3cr3t");
  EXPECT_EQ(unknown.detail, "what was sent as '{query.token}' is none of the 4 keys of table tokens");
  EXPECT_EQ(no(test::service_looked_up("{query.token}", table), "/t").detail,
            "key '{query.token}': {query.token} was not sent");
  EXPECT_EQ(unknown.public_detail, "");
}

}  // namespace
}  // namespace bascule::policy
