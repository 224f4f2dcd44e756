#include "proxy/wire/http/answer_parser.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::wire::http {
namespace {

constexpr std::string_view version_form = "HTTP/1.y";
constexpr std::uint8_t status_digits = 3;
constexpr int status_max = 599;

// A chunk's size with what stands behind it; nobody sends more, and nobody here reads extensions.
constexpr std::size_t chunk_line_bytes_max = 256;

// The first byte of [at, end) that is not in the table.
const std::uint8_t* run_of(const CharacterTable& table, const std::uint8_t* at, const std::uint8_t* end) {
  while (at != end && table[*at]) { ++at; }
  return at;
}

void append(std::string& text, const std::uint8_t* begin, const std::uint8_t* end) {
  text.append(text_of(Bytes(begin, end)));
}

// How long the body is, as the fields say it. Every doubt is an error: what one reader takes for the next answer on
// this connection another takes for the rest of this one (RFC 9112, sections 6.1 and 6.3).
struct Framing {
  std::optional<std::uint64_t> length{};
  bool chunked = false;
  const char* wrong = nullptr;
};

Framing framing_of(const std::vector<Field>& fields, bool one_point_zero) {
  constexpr std::uint64_t length_max = std::numeric_limits<std::int64_t>::max();
  Framing framing;
  for (const Field& field : fields) {
    if (field.name == "content-length") {
      const auto length = parse_decimal(field.value, length_max);
      if (!length) { return {.wrong = "Content-Length is not a plain number"}; }
      if (framing.length && *framing.length != *length) { return {.wrong = "two lengths that differ"}; }
      framing.length = length;
    } else if (field.name == "transfer-encoding") {
      if (framing.chunked || !same_ignoring_case(field.value, "chunked")) {
        return {.wrong = "Transfer-Encoding is not just 'chunked'"};
      }
      framing.chunked = true;
    }
  }
  if (framing.chunked && framing.length) { return {.wrong = "Content-Length beside Transfer-Encoding"}; }
  if (framing.chunked && one_point_zero) { return {.wrong = "Transfer-Encoding in HTTP/1.0"}; }
  return framing;
}

// True when one of the comma-separated items of any Connection field is "close".
bool says_close(const std::vector<Field>& fields) {
  for (const Field& field : fields) {
    if (field.name != "connection") { continue; }
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (same_ignoring_case(trimmed(rest.substr(0, comma)), "close")) { return true; }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

}  // namespace

std::size_t AnswerParser::feed(Bytes input) {
  const std::uint8_t* const begin = input.data();
  const std::uint8_t* const end = begin + input.size();
  const std::uint8_t* at = begin;
  while (state_ == State::incomplete && at != end) { at = step(at, end); }
  return static_cast<std::size_t>(at - begin);
}

void AnswerParser::end() {
  if (state_ != State::incomplete) { return; }
  if (place_ == Place::until_end) { return complete(); }
  fail(started_ ? "the connection ended in the middle of the answer" : "the connection ended without an answer");
}

const std::uint8_t* AnswerParser::step(const std::uint8_t* at, const std::uint8_t* end) {
  started_ = true;
  if (place_ > Place::end_lf) { return step_body(at, end); }

  // A run of bytes stops where the limit is, so that the limit strikes at the same byte however the input is cut.
  if (head_bytes_ >= limits_.head_bytes_max) {
    fail("the head is too large");
    return at;
  }
  end = at + std::min(static_cast<std::size_t>(end - at), limits_.head_bytes_max - head_bytes_);
  const std::uint8_t* const next = step_head(at, end);
  head_bytes_ += static_cast<std::size_t>(next - at);
  return next;
}

// --- the head --------------------------------------------------------------------------------------------------------

const std::uint8_t* AnswerParser::step_head(const std::uint8_t* at, const std::uint8_t* end) {
  const std::uint8_t* next = at + 1;
  switch (place_) {
    case Place::version: step_version(*at); break;
    case Place::before_status: expect(*at, ' ', Place::status, "no status behind the version"); break;
    case Place::status: step_status(*at); break;
    case Place::behind_status:
      // The space belongs there even without a phrase (RFC 9112, section 4); not every server knows.
      if (*at == '\r') {
        place_ = Place::line_lf;
      } else {
        expect(*at, ' ', Place::phrase, "no status of three digits");
      }
      break;
    case Place::phrase:
      next = run_of(value_characters, at, end);
      if (next != end) { expect(*next++, '\r', Place::line_lf, "a control byte in the status line"); }
      break;
    case Place::line_lf:
    case Place::value_lf: expect(*at, '\n', Place::field, "a CR without LF"); break;
    case Place::field:
      step_field(*at);
      if (place_ == Place::name && state_ != State::failed) { next = step_name(at, end); }
      break;
    case Place::name: next = step_name(at, end); break;
    case Place::value_left:
      while (next != end && (*next == ' ' || *next == '\t')) { ++next; }
      if (*at != ' ' && *at != '\t') {
        place_ = Place::value;
        next = step_value(at, end);
      }
      break;
    case Place::value: next = step_value(at, end); break;
    case Place::end_lf:
      expect(*at, '\n', Place::end_lf, "a CR without LF");
      if (state_ != State::failed) { end_of_head(); }
      break;
    default: break;  // the body's
  }
  return next;
}

// "HTTP/1." and a digit (RFC 9112, section 2.3).
void AnswerParser::step_version(std::uint8_t byte) {
  const char wanted = version_form[have_++];
  if (wanted != 'y') { return expect(byte, wanted, Place::version, "not an answer of HTTP/1.1"); }
  if (byte < '0' || byte > '9') { return fail("not an answer of HTTP/1.1"); }
  version_minor_ = static_cast<char>(byte);
  have_ = 0;
  place_ = Place::before_status;
}

void AnswerParser::step_status(std::uint8_t byte) {
  if (byte < '0' || byte > '9') { return fail("no status of three digits"); }
  status_ = status_ * 10 + (byte - '0');
  if (++have_ < status_digits) { return; }
  have_ = 0;
  if (status_ < 100 || status_ > status_max) { return fail("a status that does not exist"); }
  place_ = Place::behind_status;
}

void AnswerParser::step_field(std::uint8_t byte) {
  if (byte == '\r') {
    place_ = Place::end_lf;
    return;
  }
  if (byte == ' ' || byte == '\t') { return fail("a folded line"); }
  if (field_count_ == limits_.fields_max) { return fail("too many fields"); }
  ++field_count_;
  if (in_trailers_) {
    trailer_ = {};
  } else {
    fields_.emplace_back();
  }
  place_ = Place::name;
}

const std::uint8_t* AnswerParser::step_name(const std::uint8_t* at, const std::uint8_t* end) {
  std::string& name = current().name;
  const std::uint8_t* next = run_of(token_characters, at, end);
  const std::size_t before = name.size();
  append(name, at, next);
  std::transform(name.begin() + static_cast<std::ptrdiff_t>(before), name.end(),
                 name.begin() + static_cast<std::ptrdiff_t>(before), lower);
  if (next == end) { return next; }
  if (name.empty()) {
    fail("a byte that no field name has");
    return next;
  }
  expect(*next, ':', Place::value_left, "a byte that no field name has");
  return next + 1;
}

const std::uint8_t* AnswerParser::step_value(const std::uint8_t* at, const std::uint8_t* end) {
  std::string& value = current().value;
  const std::uint8_t* next = run_of(value_characters, at, end);
  append(value, at, next);
  if (next == end) { return next; }
  expect(*next, '\r', Place::value_lf, *next == '\n' ? "a bare LF" : "a control byte in a field");
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) { value.pop_back(); }
  return next + 1;
}

void AnswerParser::end_of_head() {
  if (in_trailers_) { return complete(); }
  if (status_ == 101) { return fail("a switch of protocols that nobody asked for"); }
  if (status_ >= 200) { return begin_body(); }
  // What comes next is the answer proper, or one more of these; the limits go on.
  fields_.clear();
  status_ = 0;
  place_ = Place::version;
}

// --- the body --------------------------------------------------------------------------------------------------------

void AnswerParser::begin_body() {
  const Framing framing = framing_of(fields_, version_minor_ == '0');
  if (framing.wrong != nullptr) { return fail(framing.wrong); }
  const bool announced = framing.chunked || framing.length.value_or(0) > 0;
  reusable_ = version_minor_ != '0' && !says_close(fields_);
  if (status_ == 204 || status_ == 304) {
    // No body whatever the fields say (RFC 9112, section 6.3); who says otherwise may send one all the same.
    reusable_ = reusable_ && !announced;
    return complete();
  }
  if (framing.chunked) {
    place_ = Place::chunk_size;
    return;
  }
  if (!framing.length) {
    reusable_ = false;
    place_ = Place::until_end;
    return;
  }
  if (*framing.length > limits_.body_bytes_max) { return fail("the body is too large"); }
  rest_ = static_cast<std::size_t>(*framing.length);
  place_ = Place::body;
  if (rest_ == 0) { complete(); }
}

const std::uint8_t* AnswerParser::step_body(const std::uint8_t* at, const std::uint8_t* end) {
  switch (place_) {
    case Place::chunk_size:
    case Place::chunk_extension: step_chunk_line(*at); return at + 1;
    case Place::chunk_size_lf:
      expect(*at, '\n', Place::body, "a CR without LF");
      if (state_ != State::failed) { begin_chunk(); }
      return at + 1;
    case Place::chunk_end_cr:
      expect(*at, '\r', Place::chunk_end_lf, "a chunk that is longer than it says");
      return at + 1;
    case Place::chunk_end_lf: expect(*at, '\n', Place::chunk_size, "a CR without LF"); return at + 1;
    default: break;
  }
  const auto available = static_cast<std::size_t>(end - at);
  if (place_ == Place::until_end) {
    const std::size_t room = limits_.body_bytes_max - body_.size();
    append(body_, at, at + std::min(available, room));
    if (available > room) { fail("the body is too large"); }
    return at + std::min(available, room);
  }
  const std::size_t count = std::min(available, rest_);
  append(body_, at, at + count);
  rest_ -= count;
  if (rest_ == 0 && in_chunks_) { place_ = Place::chunk_end_cr; }
  if (rest_ == 0 && !in_chunks_) { complete(); }
  return at + count;
}

// chunk-size [ chunk-ext ] CRLF (RFC 9112, section 7.1). Extensions are read over, as everybody does.
void AnswerParser::step_chunk_line(std::uint8_t byte) {
  if (++line_bytes_ > chunk_line_bytes_max) { return fail("the line of a chunk is too long"); }
  const char c = static_cast<char>(byte);
  if (place_ == Place::chunk_size) {
    if (const int digit = hex_value(c); digit != not_hex) {
      rest_ = rest_ * 16 + static_cast<std::size_t>(digit);
      // Before the next digit could let it overflow.
      if (rest_ > limits_.body_bytes_max - body_.size()) { return fail("the body is too large"); }
      return;
    }
    if (line_bytes_ == 1) { return fail("a chunk without a size"); }
    if (c == ';' || c == ' ' || c == '\t') {
      place_ = Place::chunk_extension;
      return;
    }
    return expect(byte, '\r', Place::chunk_size_lf, "a chunk's size is no hexadecimal number");
  }
  if (!value_characters[byte]) { expect(byte, '\r', Place::chunk_size_lf, "a control byte in the line of a chunk"); }
}

void AnswerParser::begin_chunk() {
  line_bytes_ = 0;
  in_chunks_ = rest_ > 0;
  if (in_chunks_) { return; }
  in_trailers_ = true;  // the last one: trailers, then an empty line
  place_ = Place::field;
}

void AnswerParser::expect(std::uint8_t byte, char wanted, Place next, const char* otherwise) {
  if (byte != static_cast<std::uint8_t>(wanted)) { return fail(otherwise); }
  place_ = next;
}

void AnswerParser::fail(const char* why) {
  state_ = State::failed;
  why_ = why;
}

}  // namespace bascule::wire::http
