// Answers of other servers: cut anywhere they read the same, what was read is within its limits, and the last byte that
// was taken is the one that decided.
//
// LF counts as CRLF where the input begins with '\n' (which is dropped), so that seeds are plain text.
#include "proxy/wire/http/answer_parser.hpp"

#include <string>
#include <vector>

#include "proxy/wire/http/characters.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using wire::http::AnswerLimits;
using wire::http::AnswerParser;
using State = AnswerParser::State;

constexpr AnswerLimits limits{.head_bytes_max = 512, .fields_max = 8, .body_bytes_max = 256};

struct Outcome {
  State state = State::incomplete;
  State at_the_end = State::incomplete;
  std::size_t taken = 0;
  std::string told{};

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void check(const AnswerParser& parser) {
  require(parser.status() >= 200 && parser.status() <= 599, "the status is a final one");
  require(parser.body().size() <= limits.body_bytes_max, "the body is within its limit");
  require(parser.fields().size() <= limits.fields_max, "the fields are within their limit");
  for (const auto& field : parser.fields()) {
    require(wire::http::is_token(field.name), "a name is a token", field.name);
    for (const char c : field.value) {
      require(wire::http::is_in(wire::http::value_characters, c), "a value has no control bytes", field.value);
    }
  }
}

Outcome read(const std::vector<Bytes>& pieces) {
  AnswerParser parser(limits);
  Outcome outcome;
  for (const Bytes piece : pieces) { outcome.taken += parser.feed(piece); }
  outcome.state = parser.state();
  parser.end();
  outcome.at_the_end = parser.state();
  require(outcome.at_the_end != State::incomplete, "an end decides");
  require(outcome.state == State::incomplete || outcome.state == outcome.at_the_end, "what is decided stays");
  if (outcome.at_the_end == State::failed) {
    outcome.told = parser.why();
    require(!outcome.told.empty(), "a failure has a reason");
    return outcome;
  }
  check(parser);
  outcome.told = std::to_string(parser.status());
  for (const auto& field : parser.fields()) { outcome.told += "\n" + field.name + ":" + field.value; }
  outcome.told += parser.reusable() ? "\n\nreusable\n" : "\n\n";
  outcome.told += parser.body();
  return outcome;
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  const std::string_view raw = text_of(Bytes(data, size));
  const std::string text = raw.starts_with('\n') ? with_crlf(raw.substr(1)) : std::string(raw);
  const Bytes input = bytes_of(text);
  const Outcome whole = read({input});
  require(read(single_bytes(input)) == whole, "byte by byte it is the same");
  require(read(pieces_of(input)) == whole, "in pieces it is the same");
  const std::size_t cut = cut_of(input);
  require(read({input.first(cut), input.subspan(cut)}) == whole, "cut in two it is the same");
  if (whole.state == State::incomplete) {
    require(whole.taken == input.size(), "an incomplete answer takes everything");
  } else if (whole.state == State::complete) {
    const Outcome before = read({input.first(whole.taken - 1)});
    require(before.state == State::incomplete, "the last byte that was taken is the one that decided");
  }
  return 0;
}
