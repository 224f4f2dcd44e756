#include "proxy/wire/http/head_parser.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::wire::http {
namespace {

constexpr std::uint8_t empty_lines_max = 2;
constexpr std::size_t usual_fields = 16;  // a browser's upgrade has 12 to 16
constexpr std::string_view version_form = "HTTP/x.y";

// The first byte of [at, end) that is not in the table.
const std::uint8_t* run_of(const CharacterTable& table, const std::uint8_t* at, const std::uint8_t* end) {
  while (at != end && table[*at]) { ++at; }
  return at;
}

void append(std::string& text, const std::uint8_t* begin, const std::uint8_t* end) {
  text.append(text_of(Bytes(begin, end)));
}

}  // namespace

const std::string* RequestHead::find(std::string_view name) const {
  for (const Field& field : fields) {
    if (field.name == name) { return &field.value; }
  }
  return nullptr;
}

std::size_t RequestHead::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [name](const Field& field) { return field.name == name; }));
}

bool RequestHead::has_token(std::string_view name, std::string_view token) const {
  for (const Field& field : fields) {
    if (field.name != name) { continue; }
    std::string_view rest = field.value;
    while (true) {
      const std::size_t comma = rest.find(',');
      if (same_ignoring_case(trimmed(rest.substr(0, comma)), token)) { return true; }
      if (comma == std::string_view::npos) { break; }
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

bool RequestHead::announces_body() const {
  if (find("transfer-encoding") != nullptr) { return true; }
  const std::string* length = find("content-length");
  return length != nullptr && length->find_first_not_of('0') != std::string::npos;
}

std::size_t HeadParser::feed(Bytes input) {
  const std::uint8_t* const begin = input.data();
  const std::uint8_t* const end = begin + input.size();
  const std::uint8_t* at = begin;
  while (state_ == State::incomplete && at != end) { at = step(at, end); }
  return static_cast<std::size_t>(at - begin);
}

RequestHead HeadParser::take() {
  assert(state_ == State::complete);
  RequestHead head = std::move(head_);
  *this = HeadParser(limits_);
  return head;
}

const std::uint8_t* HeadParser::step(const std::uint8_t* at, const std::uint8_t* end) {
  if (place_ == Place::before || place_ == Place::before_lf) {
    step_before(*at);
    // The first byte of the request line was only looked at; it is the method's.
    return place_ == Place::method ? at : at + 1;
  }

  // A run of bytes stops where the limit is, so that the limit strikes at the same byte however the input is cut.
  const bool in_request_line = place_ < Place::field;
  const std::size_t limit =
      in_request_line ? std::min(limits_.line_bytes_max, limits_.head_bytes_max) : limits_.head_bytes_max;
  if (bytes_ >= limit) {
    if (in_request_line) {
      fail(HeadError::target_too_long, "the request line is too long");
    } else {
      fail(HeadError::fields_too_large, "the head is too large");
    }
    return at;
  }
  end = at + std::min(static_cast<std::size_t>(end - at), limit - bytes_);

  const std::uint8_t* next = at + 1;
  switch (place_) {
    case Place::before:
    case Place::before_lf: break;
    case Place::method:
      next = run_of(token_characters, at, end);
      append(head_.method, at, next);
      if (next == end) { break; }
      if (head_.method.empty()) {
        fail(HeadError::malformed, "the method is missing");
        break;
      }
      expect(*next++, ' ', Place::target, "a byte that no method has");
      break;
    case Place::target:
      next = run_of(target_characters, at, end);
      append(head_.target, at, next);
      if (next == end) { break; }
      if (head_.target.empty()) {
        fail(HeadError::malformed, "the target is missing");
        break;
      }
      expect(*next++, ' ', Place::version, "a byte that no target has");
      break;
    case Place::version: step_version(*at); break;
    case Place::line_cr: expect(*at, '\r', Place::line_lf, "something behind the version"); break;
    case Place::line_lf: expect(*at, '\n', Place::field, "a CR without LF"); break;
    case Place::field:
      if (*at == '\r') {
        place_ = Place::end_lf;
      } else if (*at == ' ' || *at == '\t') {
        fail(HeadError::malformed, "a folded line");
      } else if (head_.fields.size() == limits_.fields_max) {
        fail(HeadError::fields_too_large, "too many fields");
      } else {
        if (head_.fields.empty()) { head_.fields.reserve(std::min(usual_fields, limits_.fields_max)); }
        head_.fields.emplace_back();
        place_ = Place::name;
        next = step_name(at, end);
      }
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
    case Place::value_lf: expect(*at, '\n', Place::field, "a CR without LF"); break;
    case Place::end_lf:
      expect(*at, '\n', Place::end_lf, "a CR without LF");
      if (state_ != State::failed) { finish(); }
      break;
  }
  bytes_ += static_cast<std::size_t>(next - at);
  return next;
}

void HeadParser::step_before(std::uint8_t byte) {
  if (place_ == Place::before_lf) {
    ++empty_lines_;
    expect(byte, '\n', Place::before, "a CR without LF");
  } else if (byte == '\r' && empty_lines_ < empty_lines_max) {
    place_ = Place::before_lf;
  } else {
    started_ = true;
    place_ = Place::method;
  }
}

// "HTTP/" and two digits with a dot between them (RFC 9112, section 2.3).
void HeadParser::step_version(std::uint8_t byte) {
  const char wanted = version_form[version_have_++];
  if (wanted != 'x' && wanted != 'y') {
    expect(byte, wanted, Place::version, "no HTTP version behind the target");
    return;
  }
  if (byte < '0' || byte > '9') {
    fail(HeadError::malformed, "no HTTP version behind the target");
    return;
  }
  if (wanted == 'x') {
    major_ = static_cast<char>(byte);
    return;
  }
  if (major_ != '1') {
    fail(HeadError::version_not_ours, "only HTTP/1.1 is spoken here");
    return;
  }
  head_.version_minor = byte == '0' ? 0 : 1;
  place_ = Place::line_cr;
}

const std::uint8_t* HeadParser::step_name(const std::uint8_t* at, const std::uint8_t* end) {
  std::string& name = head_.fields.back().name;
  const std::uint8_t* next = run_of(token_characters, at, end);
  const std::size_t before = name.size();
  append(name, at, next);
  std::transform(name.begin() + static_cast<std::ptrdiff_t>(before), name.end(),
                 name.begin() + static_cast<std::ptrdiff_t>(before), lower);
  if (next == end) { return next; }
  if (name.empty()) {
    fail(HeadError::malformed, "a byte that no field name has");
    return next;
  }
  // White space before a colon has hidden fields from one of two parsers in a row (RFC 9112, section 5.1).
  const bool space = *next == ' ' || *next == '\t';
  expect(*next, ':', Place::value_left, space ? "space in or behind a field name" : "a byte that no field name has");
  return next + 1;
}

const std::uint8_t* HeadParser::step_value(const std::uint8_t* at, const std::uint8_t* end) {
  std::string& value = head_.fields.back().value;
  const std::uint8_t* next = run_of(value_characters, at, end);
  append(value, at, next);
  if (next == end) { return next; }
  expect(*next, '\r', Place::value_lf, *next == '\n' ? "a bare LF" : "a control byte in a field");
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) { value.pop_back(); }
  return next + 1;
}

// What can only be said of all fields together. Every doubt about where a request ends is an error: two parsers in a
// row that settle it differently are what request smuggling lives on (RFC 9112, sections 3.2, 6.1 and 6.3).
void HeadParser::finish() {
  std::size_t hosts = 0;
  const std::string* length = nullptr;
  const std::string* encoding = nullptr;
  for (const Field& field : head_.fields) {
    if (field.name == "host") {
      ++hosts;
    } else if (field.name == "content-length") {
      constexpr std::uint64_t length_max = std::numeric_limits<std::int64_t>::max();
      if (!parse_decimal(field.value, length_max)) {
        return fail(HeadError::malformed, "Content-Length is not a plain number");
      }
      if (length != nullptr && *length != field.value) { return fail(HeadError::malformed, "two lengths that differ"); }
      length = &field.value;
    } else if (field.name == "transfer-encoding") {
      if (encoding != nullptr || !same_ignoring_case(field.value, "chunked")) {
        return fail(HeadError::malformed, "Transfer-Encoding is not just 'chunked'");
      }
      encoding = &field.value;
    }
  }
  if (hosts > 1) { return fail(HeadError::malformed, "more than one Host"); }
  if (hosts == 0 && head_.version_minor > 0) { return fail(HeadError::malformed, "Host is missing"); }
  if (encoding != nullptr && length != nullptr) {
    return fail(HeadError::malformed, "Content-Length beside Transfer-Encoding");
  }
  if (encoding != nullptr && head_.version_minor == 0) {
    return fail(HeadError::malformed, "Transfer-Encoding in HTTP/1.0");
  }
  state_ = State::complete;
}

void HeadParser::expect(std::uint8_t byte, char wanted, Place next, const char* otherwise) {
  if (byte != static_cast<std::uint8_t>(wanted)) { return fail(HeadError::malformed, otherwise); }
  place_ = next;
}

void HeadParser::fail(HeadError error, const char* why) {
  state_ = State::failed;
  error_ = error;
  why_ = why;
}

}  // namespace bascule::wire::http
