#include "proxy/policy/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace bascule::policy {
namespace {

using testing::HasSubstr;
using testing::Not;

Table table(std::string_view text) {
  Table result;
  result.add(text, "tokens");
  return result;
}

std::string target_of(const Table& table, const std::string& key) {
  const Endpoint* endpoint = table.find(key);
  return endpoint == nullptr ? "-" : endpoint->text();
}

struct Row {
  std::string_view line;
  std::string key;
  std::string_view target;  // "-": not to be found, and a complaint
};

TEST(Table, ReadsTheLinesOfWebsockify) {
  const std::vector<Row> rows{
      {"desk: 10.0.0.7:5900", "desk", "10.0.0.7:5900"},
      {"desk:\t10.0.0.7:5900", "desk", "10.0.0.7:5900"},
      {"desk:   desk.lan:5900  ", "desk", "desk.lan:5900"},
      {"desk: ::1:5900", "desk", "[::1]:5900"},
      {"desk: fe80::1:2:5900", "desk", "[fe80::1:2]:5900"},
      {"desk: unix_socket:/run/vnc.sock", "desk", "unix:/run/vnc.sock"},
      {"a:b: desk.lan:1", "a:b", "desk.lan:1"},
      {"two words: desk.lan:1", "two words", "desk.lan:1"},
      {"t\xc3\xa4sk: desk.lan:1", "t\xc3\xa4sk", "desk.lan:1"},
      // Better than there: brackets, "unix:", white space around the key, CRLF.
      {"desk: [::1]:5900", "desk", "[::1]:5900"},
      {"desk: [2001:db8::7]:5900", "desk", "[2001:db8::7]:5900"},
      {"desk: unix:/run/vnc.sock", "desk", "unix:/run/vnc.sock"},
      {"  desk : desk.lan:1", "desk", "desk.lan:1"},
      {"desk: desk.lan:1\r", "desk", "desk.lan:1"},
      // No lines.
      {"desk:10.0.0.7:5900", "desk", "-"},
      {"desk 10.0.0.7:5900", "desk", "-"},
      {"desk:", "desk", "-"},
      {"desk: ", "desk", "-"},
      {": desk.lan:1", "", "-"},
      {"desk: desk.lan", "desk", "-"},
      {"desk: desk.lan:0", "desk", "-"},
      {"desk: desk.lan:99999", "desk", "-"},
      {"desk: 127.1:5900", "desk", "-"},
      {"desk: 0x7f000001:5900", "desk", "-"},
      {"desk: a:b:5900", "desk", "-"},
      {"desk: [desk.lan]:5900", "desk", "-"},
      {"desk: fe80::1%eth0:5900", "desk", "-"},
      {"desk: unix:relative.sock", "desk", "-"},
      {"desk: unix:", "desk", "-"},
      {"desk: uniX_socket:02", "desk", "-"},  // nor a host of that name
      {"desk: UNIX:5900", "desk", "-"},
      {"desk: desk.lan:1 # a desk", "desk", "-"},
      {"desk: desk.lan:1: 2", "desk", "-"},
      {"de\x01sk: desk.lan:1", "de\x01sk", "-"},
      {"de\xffsk: desk.lan:1", "de\xffsk", "-"},
      {"de\rsk: desk.lan:1", "de\rsk", "-"},
  };
  for (const Row& row : rows) {
    const Table read = table(row.line);
    EXPECT_EQ(target_of(read, row.key), row.target) << row.line;
    EXPECT_EQ(read.complaints().size(), row.target == "-" ? 1U : 0U) << row.line;
  }
}

TEST(Table, RefusesAPathThatNoSocketCanHave) {
  EXPECT_EQ(table("desk: unix:/" + std::string(106, 'x')).size(), 1U);
  EXPECT_EQ(table("desk: unix:/" + std::string(107, 'x')).size(), 0U);
}

TEST(Table, ReadsOverCommentsBlankLinesAndAByteOrderMark) {
  const Table read = table(
      "\xef\xbb\xbf"
      "a: x:1\r\n\r\n# a comment: x:2\n  # another\n\t\n\nb: y:2");
  EXPECT_EQ(read.size(), 2U);
  EXPECT_EQ(target_of(read, "a"), "x:1");
  EXPECT_EQ(target_of(read, "b"), "y:2");
  EXPECT_TRUE(read.complaints().empty());
}

TEST(Table, LetsTheLaterOfTwoLinesHoldAlsoAcrossFiles) {
  Table read = table("a: x:1\na: x:2\n");
  EXPECT_EQ(target_of(read, "a"), "x:2");
  read.add("a: x:3", "more");
  EXPECT_EQ(target_of(read, "a"), "x:3");
  EXPECT_EQ(read.size(), 1U);
}

TEST(Table, NamesFileAndLineOfAComplaintAndKeepsTheOthers) {
  Table read = table("a: x:1\nsecret-of-ada x:2\n\nb: y:1\n");
  read.add("c\n", "more");
  ASSERT_EQ(read.complaints().size(), 2U);
  EXPECT_EQ(read.complaints()[0].file, "tokens");
  EXPECT_EQ(read.complaints()[0].line, 2);
  EXPECT_EQ(read.complaints()[1].file, "more");
  EXPECT_EQ(read.complaints()[1].line, 1);
  EXPECT_EQ(read.size(), 2U);
}

// A key is what lets somebody in.
TEST(Table, RepeatsNoLineInAComplaint) {
  for (const char* line : {"s3cr3t", "s3cr3t:x:1", "s3cr3t: x", "s3cr3t: x:s3cr3t", "\x01s3cr3t: x:1"}) {
    const Table read = table(line);
    ASSERT_EQ(read.complaints().size(), 1U) << line;
    EXPECT_THAT(read.complaints()[0].text, Not(HasSubstr("s3cr3t")));
  }
}

TEST(Table, ComplainsAHundredTimesAtTheMost) {
  std::string text;
  for (int i = 0; i < 1000; ++i) { text += "nonsense\n"; }
  EXPECT_EQ(table(text + "a: x:1").complaints().size(), 100U);
  EXPECT_EQ(table(text + "a: x:1").size(), 1U);
}

TEST(Table, ReadsNothingOfAFileThatIsTooLarge) {
  std::string text = "a: x:1\n# a long comment";
  text.resize(Table::bytes_max + 1, 'x');
  EXPECT_EQ(table(text).size(), 0U);
  EXPECT_EQ(table(text).complaints().size(), 1U);
  text.pop_back();
  EXPECT_EQ(table(text).size(), 1U);
}

TEST(TableSource, GivesWhatWasPutLast) {
  TableSource source("tokens.d");
  EXPECT_EQ(source.path(), "tokens.d");
  const auto before = source.current();
  EXPECT_EQ(before->size(), 0U);
  source.put(std::make_shared<const Table>(table("a: x:1")));
  EXPECT_EQ(source.current()->size(), 1U);
  EXPECT_EQ(before->size(), 0U);  // who holds the old one keeps it
}

TEST(TableSource, GivesAWholeTableWhileOthersArePut) {
  TableSource source("tokens");
  const auto small = std::make_shared<const Table>(table("a: x:1"));
  const auto large = std::make_shared<const Table>(table("a: x:2\nb: x:2"));
  source.put(small);
  std::thread writer([&] {
    for (int i = 0; i < 2000; ++i) { source.put(i % 2 == 0 ? large : small); }
  });
  for (int i = 0; i < 2000; ++i) {
    const auto read = source.current();
    EXPECT_EQ(target_of(*read, "a"), read->size() == 1 ? "x:1" : "x:2");
  }
  writer.join();
}

}  // namespace
}  // namespace bascule::policy
