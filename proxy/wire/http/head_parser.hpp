// Reading the head of an HTTP/1.1 request: RFC 9112, strictly.
//
// Incremental (any cut of the input gives the same result), linear (each byte is looked at once) and bounded.
// What is lenient elsewhere and has led to request smuggling is an error here: bare LF or CR, folded lines, space
// before a colon, control bytes, a second Host, Content-Length beside Transfer-Encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.hpp"

namespace bascule::wire::http {

struct Field {
  std::string name;   // lower case
  std::string value;  // without the white space around it
};

// A request as every version of HTTP can say it; the judgement knows no versions.
struct RequestHead {
  std::string method;  // as written: methods are case-sensitive
  std::string target;  // as written
  std::uint8_t version_minor =
      1;                      // 0 or 1; a minor version that is newer than ours counts as 1 (RFC 9110, section 2.5)
  std::vector<Field> fields;  // in the order they came

  // The value of the first field of that (lower case) name; nullptr without one.
  const std::string* find(std::string_view name) const;
  std::size_t count(std::string_view name) const;

  // True when one of the comma-separated items of any field of that name is `token`, ignoring case.
  bool has_token(std::string_view name, std::string_view token) const;

  // True when a body follows: Transfer-Encoding, or a Content-Length above 0 (RFC 9112, section 6). Nobody here reads
  // one, so after such a head the connection cannot be used for another.
  bool announces_body() const;
};

// Why a head was refused; each has one status (policy/refusal).
enum class HeadError : std::uint8_t {
  malformed,         // 400
  target_too_long,   // 414: the request line is longer than the limit
  fields_too_large,  // 431: more bytes or more fields than the limits
  version_not_ours,  // 505: a major version other than 1
};

struct HeadLimits {
  std::size_t line_bytes_max = std::size_t{8} * 1024;   // of the request line, with its line end
  std::size_t head_bytes_max = std::size_t{16} * 1024;  // of everything up to and with the empty line
  std::size_t fields_max = 64;
};

class HeadParser {
 public:
  enum class State : std::uint8_t { incomplete, complete, failed };

  explicit HeadParser(const HeadLimits& limits) : limits_(limits) {}

  // Takes bytes up to the end of the head and says how many it took; the rest belongs to whatever follows.
  std::size_t feed(Bytes input);

  State state() const { return state_; }
  // True once a byte of a head has been seen. Empty lines before the request line are skipped (RFC 9112, section 2.2),
  // at most two of them.
  bool started() const { return started_; }

  // REQUIRES: complete. Leaves the parser empty.
  RequestHead take();

  // REQUIRES: failed. `why` is a constant text for people.
  HeadError error() const { return error_; }
  const char* why() const { return why_; }

 private:
  // What the next byte is, or is a part of.
  enum class Place : std::uint8_t {
    before,     // the request line, or an empty line in front of it
    before_lf,  // the LF of such an empty line
    method,     // up to and with the space behind it
    target,     // up to and with the space behind it
    version,    // "HTTP/1.1"
    line_cr,    // the line end of the request line
    line_lf,
    field,       // a field line or the empty line
    name,        // up to and with the colon
    value_left,  // white space in front of the value
    value,       // up to and with the CR
    value_lf,
    end_lf,  // the LF of the empty line
  };

  // Takes at least one byte of [at, end) or fails; gives where it stopped.
  const std::uint8_t* step(const std::uint8_t* at, const std::uint8_t* end);
  const std::uint8_t* step_name(const std::uint8_t* at, const std::uint8_t* end);
  const std::uint8_t* step_value(const std::uint8_t* at, const std::uint8_t* end);
  void step_before(std::uint8_t byte);
  void step_version(std::uint8_t byte);
  void finish();
  void expect(std::uint8_t byte, char wanted, Place next, const char* otherwise);
  void fail(HeadError error, const char* why);

  HeadLimits limits_;
  RequestHead head_;
  std::size_t bytes_ = 0;  // of the head, so far
  State state_ = State::incomplete;
  Place place_ = Place::before;
  std::uint8_t empty_lines_ = 0;  // in front of the request line
  std::uint8_t version_have_ = 0;
  char major_ = '0';
  bool started_ = false;
  HeadError error_ = HeadError::malformed;
  const char* why_ = "";
};

}  // namespace bascule::wire::http
