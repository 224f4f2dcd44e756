#include "proxy/observe/line.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace bascule::observe {
namespace {

using namespace std::chrono_literals;

SessionRecord served() {
  SessionRecord record;
  record.id = 7;
  record.listener = "public";
  record.route = "desk";
  record.client = *Address::parse_ip("192.0.2.1", 50000);
  record.service = "127.0.0.1:5900";
  record.path = "/vnc";
  record.began = WallTime(std::chrono::seconds(1795366811));
  record.lasted = 4200ms;
  record.phase = Phase::session;
  record.ending = "client_closed";
  record.ended_by = "client";
  record.close_received = 1001;
  record.from_client_bytes = 1536;
  record.to_client_bytes = 3 * 1024 * 1024;
  return record;
}

TEST(LineOf, ARecordIsOneJsonObject) {
  const auto json = nlohmann::json::parse(line_of(served(), Format::json));
  EXPECT_EQ(json.at("event"), "session");
  EXPECT_EQ(json.at("route"), "desk");
  EXPECT_EQ(json.at("client"), "192.0.2.1:50000");
  EXPECT_EQ(json.at("ending"), "client_closed");
  EXPECT_EQ(json.at("close_received"), 1001);
  EXPECT_EQ(json.at("from_client_bytes"), 1536);
  EXPECT_EQ(json.at("duration_ms"), 4200.0);
  EXPECT_EQ(json.at("began"), "2026-11-22T17:00:11.000Z");
  EXPECT_EQ(json.at("time"), "2026-11-22T17:00:15.200Z");
}

// Exactly: whoever searches a log by eye or by grep finds things where they were.
TEST(LineOf, ALineHasItsMembersInOneOrder) {
  SessionRecord record = served();
  record.dial_took = 1234us;
  record.tls = "TLSv1.3";
  EXPECT_EQ(line_of(record, Format::json),
            R"({"time":"2026-11-22T17:00:15.200Z","level":"info","event":"session","id":7,"listener":"public",)"
            R"("route":"desk","client":"192.0.2.1:50000","service":"127.0.0.1:5900","path":"/vnc","tls":"TLSv1.3",)"
            R"("ending":"client_closed","ended_by":"client","phase":"session","close_received":1001,)"
            R"("from_client_bytes":1536,"to_client_bytes":3145728,"from_client_messages":0,"to_client_messages":0,)"
            R"("dial_ms":1.234,"began":"2026-11-22T17:00:11.000Z","duration_ms":4200.000})");
}

TEST(LineOf, ARecordReadsAsASentenceAtATerminal) {
  EXPECT_EQ(line_of(served(), Format::text),
            "17:00:15 192.0.2.1:50000 desk -> 127.0.0.1:5900 client_closed after 4.2 s, 1.5 KiB in, 3.0 MiB out");
}

TEST(LineOf, ARefusalShowsStatusReasonAndDetail) {
  SessionRecord record = served();
  record.phase = Phase::judgement;
  record.service.clear();
  record.reference = "7h3k9m2xqa4t";
  record.refused_status = 403;
  record.step = "origin";
  record.place = "rules.yaml:12:5";
  record.host = "desk.example.org";
  record.ending = "foreign_origin";
  record.detail = "got https://evil.example";
  EXPECT_EQ(line_of(record, Format::text),
            "17:00:15 192.0.2.1:50000 desk refused 403 foreign_origin desk.example.org/vnc ref 7h3k9m2xqa4t: "
            "got https://evil.example");
  const auto json = nlohmann::json::parse(line_of(record, Format::json));
  EXPECT_EQ(json.at("event"), "refused");
  EXPECT_EQ(json.at("status"), 403);
  EXPECT_EQ(json.at("refusal"), "foreign_origin");
  EXPECT_EQ(json.at("reference"), "7h3k9m2xqa4t");
  EXPECT_EQ(json.at("step"), "origin");
  EXPECT_EQ(json.at("place"), "rules.yaml:12:5");
}

// A visitor whom nobody answers is refused all the same.
TEST(LineOf, ARefusalWithoutAnAnswerHasNoStatus) {
  SessionRecord record = served();
  record.phase = Phase::head;
  record.reference = "7h3k9m2xqa4t";
  record.ending = "bad_proxy_header";
  const auto json = nlohmann::json::parse(line_of(record, Format::json));
  EXPECT_EQ(json.at("event"), "refused");
  EXPECT_EQ(json.at("refusal"), "bad_proxy_header");
  EXPECT_FALSE(json.contains("status"));
}

TEST(LineOf, StaysOneValidLineWhateverAVisitorSent) {
  SessionRecord record = served();
  record.path = "/\n\"\xff\x1b[31m";
  const std::string line = line_of(record, Format::json);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_TRUE(nlohmann::json::accept(line));
}

TEST(IsoTime, WritesUtcToTheMillisecond) {
  using namespace std::chrono_literals;
  EXPECT_EQ(iso_time(WallTime()), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(WallTime(std::chrono::sys_days(2028y / 2 / 29)) + 23h + 9min + 8s + 7ms),
            "2028-02-29T23:09:08.007Z");
}

TEST(SizeText, UsesTheUnitThatFits) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1023), "1023 bytes");
  EXPECT_EQ(size_text(1024), "1.0 KiB");
  EXPECT_EQ(size_text(5ULL << 40), "5.0 TiB");
}

}  // namespace
}  // namespace bascule::observe
