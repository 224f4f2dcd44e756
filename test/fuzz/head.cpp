// Request heads, beside a slow parser that has the whole head at hand and reads it line by line: what one takes the
// other takes and reads the same, however the bytes are cut; and never more than the limits allow.
//
// Input: a head; LF counts as CRLF where it begins with '\n' (which is dropped), so that seeds are plain text.
#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/base/base64.hpp"
#include "proxy/base/text.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/ws/handshake.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using wire::http::Field;
using wire::http::HeadLimits;
using wire::http::HeadParser;
using wire::http::RequestHead;
using State = HeadParser::State;

// Within reach of short inputs.
constexpr HeadLimits limits{.line_bytes_max = 100, .head_bytes_max = 300, .fields_max = 8};
constexpr std::size_t empty_lines_bytes_max = 4;  // in front of a head, and no part of it

// --- slow ------------------------------------------------------------------------------------------------------------

constexpr std::string_view digits = "0123456789";

bool all_of(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

// RFC 9110, section 5.6.2.
bool is_slow_token(std::string_view text) {
  return !text.empty() && all_of(text,
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "!#$%&'*+-.^_`|~");
}

// RFC 9110, section 5.5: visible ASCII, what is above it, and white space.
bool is_slow_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::optional<std::vector<std::string_view>> lines_of(std::string_view head) {
  std::vector<std::string_view> lines;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) { return std::nullopt; }
    lines.push_back(head.substr(0, end));
    head.remove_prefix(end + 2);
  }
  return lines;
}

// RFC 9112, section 3.
bool read_slow_line(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) { return false; }
  const std::string_view version = line.substr(last + 1);
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  head.version_minor = version.ends_with('0') ? 0 : 1;
  const bool is_target = std::all_of(head.target.begin(), head.target.end(), [](char c) { return c > ' ' && c < 127; });
  return is_slow_token(head.method) && !head.target.empty() && is_target && version.size() == 8 &&
         version.starts_with("HTTP/1.") && all_of(version.substr(7), digits);
}

// RFC 9112, section 5.
bool read_slow_field(std::string_view line, RequestHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) { return false; }
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) { value.remove_prefix(1); }
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) { value.remove_suffix(1); }
  head.fields.push_back({lowered(line.substr(0, colon)), std::string(value)});
  return is_slow_token(line.substr(0, colon)) && is_slow_value(value);
}

std::vector<std::string> values_of(const RequestHead& head, std::string_view name) {
  std::vector<std::string> values;
  for (const Field& field : head.fields) {
    if (field.name == name) { values.push_back(field.value); }
  }
  return values;
}

// RFC 9112, sections 3.2 and 6: nobody can be of two minds about where it ends and whom it is for.
bool is_certain(const RequestHead& head) {
  const auto hosts = values_of(head, "host");
  const auto lengths = values_of(head, "content-length");
  const auto encodings = values_of(head, "transfer-encoding");
  if (hosts.size() > 1 || (hosts.empty() && head.version_minor == 1)) { return false; }
  for (const std::string& length : lengths) {
    const std::string_view number =
        std::string_view(length).substr(std::min(length.find_first_not_of('0'), length.size()));
    constexpr std::string_view most = "9223372036854775807";
    if (length.empty() || !all_of(length, digits) || length != lengths.front()) { return false; }
    if (number.size() > most.size() || (number.size() == most.size() && number > most)) { return false; }
  }
  if (encodings.empty()) { return true; }
  return encodings.size() == 1 && lowered(encodings.front()) == "chunked" && lengths.empty() && head.version_minor == 1;
}

// The head that `text` begins with; empty where it begins with none.
struct SlowHead {
  RequestHead head;
  std::size_t bytes = 0;
};
std::optional<SlowHead> slow_head(std::string_view text) {
  SlowHead found;
  for (int empty_lines = 0; empty_lines < 2 && text.starts_with("\r\n"); ++empty_lines) {
    text.remove_prefix(2);
    found.bytes += 2;
  }
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) { return std::nullopt; }
  const auto lines = lines_of(text.substr(0, end + 2));
  if (!lines || end + 4 > limits.head_bytes_max) { return std::nullopt; }
  if (lines->front().size() + 2 > limits.line_bytes_max || lines->size() - 1 > limits.fields_max) {
    return std::nullopt;
  }
  found.bytes += end + 4;
  if (!read_slow_line(lines->front(), found.head)) { return std::nullopt; }
  for (std::size_t i = 1; i < lines->size(); ++i) {
    if (!read_slow_field((*lines)[i], found.head)) { return std::nullopt; }
  }
  if (!is_certain(found.head)) { return std::nullopt; }
  return found;
}

// --- and the other ---------------------------------------------------------------------------------------------------

struct Outcome {
  State state = State::incomplete;
  std::size_t taken = 0;
  bool started = false;
  int error = 0;
  std::string told{};

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string written(const RequestHead& head) {
  std::string text = head.method + ' ' + head.target + (head.version_minor == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const Field& field : head.fields) { text += field.name + ": " + field.value + "\r\n"; }
  return text + "\r\n";
}

Outcome read(const std::vector<Bytes>& pieces, RequestHead* head = nullptr) {
  HeadParser parser(limits);
  Outcome outcome;
  for (const Bytes piece : pieces) {
    const std::size_t taken = parser.feed(piece);
    require(taken <= piece.size(), "no more is taken than is there");
    require(taken == piece.size() || parser.state() != State::incomplete, "who is not done takes everything");
    outcome.taken += taken;
  }
  require(outcome.taken <= limits.head_bytes_max + empty_lines_bytes_max, "no head is longer than the limit");
  outcome.state = parser.state();
  outcome.started = parser.started();
  if (outcome.state == State::failed) {
    outcome.error = static_cast<int>(parser.error());
    outcome.told = parser.why();
    require(!outcome.told.empty(), "a failure has a reason");
  } else if (outcome.state == State::complete) {
    const RequestHead taken = parser.take();
    require(parser.state() == State::incomplete && !parser.started(), "what is taken leaves nothing");
    outcome.told = written(taken);
    if (head != nullptr) { *head = taken; }
  }
  return outcome;
}

void check_upgrade(const RequestHead& head) {
  const auto judged = wire::ws::judge_upgrade(head);
  const auto* const upgrade = std::get_if<wire::ws::Upgrade>(&judged);
  if (upgrade == nullptr) { return; }
  require(head.method == "GET" && head.version_minor == 1 && wire::ws::asks_for_websocket(head),
          "an upgrade is asked for");
  require(values_of(head, "sec-websocket-key") == std::vector{upgrade->key}, "it has one key");
  require(upgrade->key.size() == 24 && upgrade->key.ends_with("=="), "of 16 bytes");
  for (const std::string& protocol : upgrade->protocols) { require(is_slow_token(protocol), "protocols are tokens"); }
  require(wire::ws::accept_for(upgrade->key).size() == 28, "an answer to a key is a SHA-1");
}

void check_complete(std::string_view text, const Outcome& whole) {
  RequestHead head;
  read({bytes_of(text)}, &head);
  const auto slow = slow_head(text);
  require(slow.has_value(), "what is no head is not taken for one", text);
  require(slow->bytes == whole.taken, "a head ends where it ends", text);
  require(written(slow->head) == whole.told, "a head says what it says", whole.told);
  require(read({bytes_of(text).first(whole.taken - 1)}).state == State::incomplete,
          "the last byte is the one that decides");
  require(head.announces_body() == (!values_of(head, "transfer-encoding").empty() ||
                                    !all_of(head.find("content-length") ? *head.find("content-length") : "", "0")),
          "a body is announced");
  check_upgrade(head);

  // Written in another way it may be longer, by a space a field.
  if (whole.told.size() > limits.head_bytes_max) { return; }
  require(read({bytes_of(whole.told)}).told == whole.told, "what is written is read", whole.told);
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

  if (whole.state == HeadParser::State::complete) {
    check_complete(text, whole);
  } else {
    require(!slow_head(text), "what is a head is taken for one", text);
  }
  return 0;
}
