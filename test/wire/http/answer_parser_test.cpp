#include "proxy/wire/http/answer_parser.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bascule::wire::http {
namespace {

using namespace std::string_literals;
using State = AnswerParser::State;

const std::string ok = "HTTP/1.1 200 OK\r\n";

enum class Ends : std::uint8_t { no, yes };

// Everything that can be seen of a parser after some input.
struct Outcome {
  State state = State::incomplete;
  std::size_t taken = 0;
  int status = 0;
  std::string fields{};
  std::string body{};
  bool reusable = false;
  std::string why{};
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome parse_in_pieces(const std::vector<Bytes>& pieces, const AnswerLimits& limits, Ends ends) {
  AnswerParser parser(limits);
  Outcome outcome;
  bool fed = false;
  for (const Bytes piece : pieces) {
    const std::size_t taken = parser.feed(piece);
    fed = fed || !piece.empty();
    EXPECT_LE(taken, piece.size());
    if (parser.state() == State::incomplete) {
      EXPECT_EQ(taken, piece.size()) << "an incomplete answer takes everything";
    }
    outcome.taken += taken;
  }
  EXPECT_EQ(parser.started(), fed);
  if (ends == Ends::yes) { parser.end(); }
  outcome.state = parser.state();
  if (outcome.state == State::failed) { outcome.why = parser.why(); }
  if (outcome.state == State::complete) {
    outcome.status = parser.status();
    for (const Field& field : parser.fields()) { outcome.fields += fmt::format("{}|{}\n", field.name, field.value); }
    outcome.body = parser.body();
    outcome.reusable = parser.reusable();
  }
  return outcome;
}

// Parses the whole, and demands the same of every two pieces and of single bytes.
Outcome parse(const std::string& input, Ends ends = Ends::no, const AnswerLimits& limits = {}) {
  const Bytes bytes = bytes_of(input);
  Outcome whole = parse_in_pieces({bytes}, limits, ends);
  std::vector<Bytes> single;
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    single.push_back(bytes.subspan(cut, 1));
    EXPECT_EQ(parse_in_pieces({bytes.first(cut), bytes.subspan(cut)}, limits, ends), whole) << "cut at " << cut;
  }
  EXPECT_EQ(parse_in_pieces(single, limits, ends), whole) << "byte by byte";
  return whole;
}

// Complete with the last byte of the input, and not earlier.
Outcome accepted(const std::string& input, const AnswerLimits& limits = {}) {
  Outcome outcome = parse(input, Ends::no, limits);
  EXPECT_EQ(outcome.state, State::complete) << outcome.why << " in " << testing::PrintToString(input);
  EXPECT_EQ(outcome.taken, input.size()) << testing::PrintToString(input);
  return outcome;
}

void expect_refused(const std::string& input, const std::string& why, const AnswerLimits& limits = {}) {
  const Outcome outcome = parse(input, Ends::no, limits);
  EXPECT_EQ(outcome.state, State::failed) << testing::PrintToString(input);
  EXPECT_EQ(outcome.why, why) << testing::PrintToString(input);
}

TEST(AnswerParser, ReadsAnAnswerWithALength) {
  const Outcome answer = accepted(ok + "Content-Length: 5\r\nX-User:\t ada \r\nx-groups: a, b\r\n\r\nhello");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.fields, "content-length|5\nx-user|ada\nx-groups|a, b\n");
  EXPECT_EQ(answer.body, "hello");
  EXPECT_TRUE(answer.reusable);
}

TEST(AnswerParser, LeavesWhatFollowsTheAnswer) {
  for (const std::string& answer :
       {ok + "Content-Length: 2\r\n\r\nok", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n"s}) {
    EXPECT_EQ(parse(answer + "HTTP/1.1 200 OK\r\n").taken, answer.size());
  }
}

TEST(AnswerParser, ReadsAStatusLineWithoutAPhrase) {
  EXPECT_EQ(accepted("HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n").status, 401);
  EXPECT_EQ(accepted("HTTP/1.1 403\r\nContent-Length: 0\r\n\r\n").status, 403);
  EXPECT_EQ(accepted("HTTP/1.1 200 caf\xc3\xa9 \t ok\r\nContent-Length: 0\r\n\r\n").status, 200);
}

TEST(AnswerParser, AddsChunksUp) {
  const Outcome answer = accepted(ok +
                                  "Transfer-Encoding: Chunked\r\n\r\n"
                                  "5\r\nhello\r\n"
                                  "00d;name=\"value\"\r\n, you out the\r\n"
                                  "3 \t;x\r\nre!\r\n"
                                  "0;last\r\nTrailer-Field: dropped\r\nAnother: one\r\n\r\n");
  EXPECT_EQ(answer.body, "hello, you out there!");
  EXPECT_EQ(answer.fields, "transfer-encoding|Chunked\n") << "trailers are read over";
  EXPECT_TRUE(answer.reusable);
  EXPECT_EQ(accepted(ok + "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n").body, "0123456789");
}

TEST(AnswerParser, ReadsABodyThatLastsUntilTheEnd) {
  const Outcome ended = parse(ok + "\r\nall of it", Ends::yes);
  EXPECT_EQ(ended.state, State::complete);
  EXPECT_EQ(ended.body, "all of it");
  EXPECT_FALSE(ended.reusable);
  EXPECT_EQ(parse(ok + "\r\nall of it").state, State::incomplete);
}

TEST(AnswerParser, NeedsNoBodyWhereThereIsNone) {
  for (const std::string& status : {"204"s, "304"s}) {
    const Outcome answer = accepted(fmt::format("HTTP/1.1 {} x\r\nX-User: ada\r\n\r\n", status));
    EXPECT_TRUE(answer.body.empty());
    EXPECT_TRUE(answer.reusable);
    EXPECT_TRUE(accepted(fmt::format("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", status)).reusable);
    EXPECT_FALSE(accepted(fmt::format("HTTP/1.1 {} x\r\nContent-Length: 5\r\n\r\n", status)).reusable)
        << "nobody knows whether those five bytes will come";
  }
}

TEST(AnswerParser, SkipsInterimAnswers) {
  const Outcome answer = accepted("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok +
                                  "Content-Length: 2\r\n\r\nok");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.fields, "content-length|2\n");
  EXPECT_EQ(answer.body, "ok");
  expect_refused("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
                 "a switch of protocols that nobody asked for");
}

TEST(AnswerParser, KnowsWhetherTheConnectionMayBeUsedAgain) {
  struct Case {
    std::string head;
    bool reusable;
  };
  for (const Case& it : std::vector<Case>{{"HTTP/1.1 200 OK\r\n", true},
                                          {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", true},
                                          {"HTTP/1.1 200 OK\r\nConnection: close\r\n", false},
                                          {"HTTP/1.1 200 OK\r\nConnection: x ,\tClose\r\n", false},
                                          {"HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: close\r\n", false},
                                          {"HTTP/1.1 200 OK\r\nConnection: closed\r\n", true},
                                          {"HTTP/1.9 200 OK\r\n", true},
                                          {"HTTP/1.0 200 OK\r\n", false},
                                          {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", false}}) {
    EXPECT_EQ(accepted(it.head + "Content-Length: 0\r\n\r\n").reusable, it.reusable) << it.head;
  }
}

TEST(AnswerParser, RefusesWhatIsNoAnswer) {
  expect_refused("SSH-2.0-OpenSSH_9.2\r\n", "not an answer of HTTP/1.1");
  expect_refused("HTTP/2 200\r\n\r\n", "not an answer of HTTP/1.1");
  expect_refused("HTTP/1.x 200\r\n\r\n", "not an answer of HTTP/1.1");
  expect_refused("http/1.1 200 OK\r\n\r\n", "not an answer of HTTP/1.1");
  expect_refused("\r\nHTTP/1.1 200 OK\r\n\r\n", "not an answer of HTTP/1.1");
  expect_refused("HTTP/1.1\r\n", "no status behind the version");
  expect_refused("HTTP/1.1  200 OK\r\n", "no status of three digits");
  expect_refused("HTTP/1.1 2000 OK\r\n", "no status of three digits");
  expect_refused("HTTP/1.1 20 OK\r\n", "no status of three digits");
  expect_refused("HTTP/1.1 099 OK\r\n", "a status that does not exist");
  expect_refused("HTTP/1.1 600 OK\r\n", "a status that does not exist");
  expect_refused("HTTP/1.1 200 OK\n", "a control byte in the status line");
  expect_refused("HTTP/1.1 200 OK\r\r", "a CR without LF");
}

TEST(AnswerParser, RefusesFieldsThatTwoReadersReadDifferently) {
  expect_refused(ok + " folded: x\r\n", "a folded line");
  expect_refused(ok + "a: b\r\n c\r\n", "a folded line");
  expect_refused(ok + "a : b\r\n", "a byte that no field name has");
  expect_refused(ok + ": b\r\n", "a byte that no field name has");
  expect_refused(ok + "a\r\n", "a byte that no field name has");
  expect_refused(ok + "a: b\n", "a bare LF");
  expect_refused(ok + "a: b\0c\r\n"s, "a control byte in a field");
  expect_refused(ok + "a: b\rc\r\n", "a CR without LF");
  expect_refused(ok + "\n", "a byte that no field name has");
  expect_refused(ok + "\rx", "a CR without LF");
}

TEST(AnswerParser, RefusesDoubtsAboutTheLength) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  expect_refused(ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "two lengths that differ");
  EXPECT_EQ(accepted(ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok").body, "ok");
  for (const char* length : {"", "-1", "+5", "5, 5", "0x5", "5 5", "99999999999999999999"}) {
    expect_refused(fmt::format("{}Content-Length: {}\r\n\r\n", ok, length), "Content-Length is not a plain number");
  }
  expect_refused(ok + chunked + "Content-Length: 5\r\n\r\n", "Content-Length beside Transfer-Encoding");
  expect_refused(ok + chunked + chunked + "\r\n", "Transfer-Encoding is not just 'chunked'");
  for (const char* encoding : {"gzip, chunked", "identity", "chunked, chunked", "xchunked", ""}) {
    expect_refused(fmt::format("{}Transfer-Encoding: {}\r\n\r\n", ok, encoding),
                   "Transfer-Encoding is not just 'chunked'");
  }
  expect_refused("HTTP/1.0 200 OK\r\n" + chunked + "\r\n", "Transfer-Encoding in HTTP/1.0");
}

TEST(AnswerParser, RefusesChunksThatAreNone) {
  const std::string head = ok + "Transfer-Encoding: chunked\r\n\r\n";
  expect_refused(head + "\r\n", "a chunk without a size");
  expect_refused(head + ";x\r\n", "a chunk without a size");
  expect_refused(head + " 5\r\n", "a chunk without a size");
  expect_refused(head + "5x\r\n", "a chunk's size is no hexadecimal number");
  expect_refused(head + "0x5\r\n", "a chunk's size is no hexadecimal number");
  expect_refused(head + "5\n", "a chunk's size is no hexadecimal number");
  expect_refused(head + "5;a\nb\r\n", "a control byte in the line of a chunk");
  expect_refused(head + "5\r5", "a CR without LF");
  expect_refused(head + "2\r\nokx", "a chunk that is longer than it says");
  expect_refused(head + "2\r\nok\n", "a chunk that is longer than it says");
  expect_refused(head + "2\r\nok\rx", "a CR without LF");
  expect_refused(head + "0\r\n folded\r\n", "a folded line");
  expect_refused(head + "0\r\na b: c\r\n", "a byte that no field name has");
  expect_refused(head + std::string(300, '0') + "\r\n", "the line of a chunk is too long");
  expect_refused(head + "1;" + std::string(300, 'x') + "\r\n", "the line of a chunk is too long");
  expect_refused(head + "fffffffffffffffff\r\n", "the body is too large");
}

TEST(AnswerParser, HoldsItsLimits) {
  const AnswerLimits limits{.head_bytes_max = 60, .fields_max = 2, .body_bytes_max = 8};
  const std::string length = "Content-Length: ";
  EXPECT_EQ(accepted(ok + length + "8\r\n\r\n12345678", limits).body, "12345678");
  expect_refused(ok + length + "9\r\n\r\n", "the body is too large", limits);
  expect_refused(ok + "\r\n123456789", "the body is too large", limits);
  EXPECT_EQ(parse(ok + "\r\n12345678", Ends::yes, limits).state, State::complete);

  const AnswerLimits roomy{.head_bytes_max = 100, .fields_max = 2, .body_bytes_max = 8};
  const std::string chunks = ok + "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n";
  EXPECT_EQ(accepted(chunks + "4\r\n5678\r\n0\r\n\r\n", roomy).body, "12345678");
  expect_refused(chunks + "5\r\n", "the body is too large", roomy);
  EXPECT_EQ(accepted(chunks + "0\r\na: b\r\n\r\n", roomy).body, "1234");
  expect_refused(chunks + "0\r\na: b\r\nc: d\r\n\r\n", "too many fields", roomy);
  expect_refused(ok + "a: b\r\nc: d\r\ne: f\r\n", "too many fields", limits);

  EXPECT_EQ(accepted("HTTP/1.1 204 " + std::string(43, 'x') + "\r\n\r\n", limits).status, 204) << "60 bytes of head";
  expect_refused("HTTP/1.1 204 " + std::string(44, 'x') + "\r\n\r\n", "the head is too large", limits);
  expect_refused("HTTP/1.1 100 x\r\n\r\nHTTP/1.1 100 x\r\n\r\nHTTP/1.1 100 x\r\n\r\nHTTP/1.1 100",
                 "the head is too large", limits);
}

TEST(AnswerParser, FailsWhereTheConnectionEndsTooEarly) {
  const std::string answer = ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    const Outcome outcome = parse_in_pieces({bytes_of(answer).first(cut)}, {}, Ends::yes);
    EXPECT_EQ(outcome.why, "the connection ended in the middle of the answer") << "cut at " << cut;
  }
  EXPECT_EQ(parse_in_pieces({}, {}, Ends::yes).why, "the connection ended without an answer");
  EXPECT_EQ(parse(ok + "Content-Length: 5\r\n\r\nhell", Ends::yes).why,
            "the connection ended in the middle of the answer");
  EXPECT_EQ(parse(answer, Ends::yes).state, State::complete) << "it was complete before";
}

}  // namespace
}  // namespace bascule::wire::http
