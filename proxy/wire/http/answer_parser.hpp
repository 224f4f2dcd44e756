// Reading an answer of another server: RFC 9112, sections 4, 6 and 7. Incremental, linear, bounded, strict where
// leniency has led to smuggling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::wire::http {

struct AnswerLimits {
  std::size_t head_bytes_max = std::size_t{16} * 1024;  // of all heads, interim ones and trailers included
  std::size_t fields_max = 64;
  std::size_t body_bytes_max = std::size_t{64} * 1024;
};

// Of a GET. Interim answers (100 to 199) are skipped; 101 is an error. The body by Content-Length, chunked, or up to
// the end of the connection.
class AnswerParser {
 public:
  enum class State : std::uint8_t { incomplete, complete, failed };

  explicit AnswerParser(const AnswerLimits& limits) : limits_(limits) {}

  // Takes bytes up to the end of the answer and says how many it took.
  std::size_t feed(Bytes input);
  // The connection has ended: completes an answer that lasts until then, else fails.
  void end();

  State state() const { return state_; }
  bool started() const { return started_; }  // a byte has come

  // REQUIRES: complete.
  int status() const { return status_; }
  const std::vector<Field>& fields() const { return fields_; }  // names in lower case; without trailers
  const std::string& body() const { return body_; }
  bool reusable() const { return reusable_; }  // the connection may carry another request

  const char* why() const { return why_; }  // REQUIRES: failed; a constant text for people

 private:
  // What the next byte is, or is a part of. In order: the head, then the body.
  enum class Place : std::uint8_t {
    version,  // "HTTP/1.1"
    before_status,
    status,
    behind_status,  // a space, or the line end where there is no phrase
    phrase,         // up to and with the CR
    line_lf,
    field,       // a field line or the empty line
    name,        // up to and with the colon
    value_left,  // white space in front of the value
    value,       // up to and with the CR
    value_lf,
    end_lf,      // the LF of the empty line
    chunk_size,  // the line of it, up to and with the CR
    chunk_extension,
    chunk_size_lf,
    chunk_end_cr,
    chunk_end_lf,
    body,       // `rest_` more bytes of it, or of its chunk
    until_end,  // of the connection
  };

  // Takes at least one byte of [at, end) or fails; gives where it stopped.
  const std::uint8_t* step(const std::uint8_t* at, const std::uint8_t* end);
  const std::uint8_t* step_head(const std::uint8_t* at, const std::uint8_t* end);
  const std::uint8_t* step_name(const std::uint8_t* at, const std::uint8_t* end);
  const std::uint8_t* step_value(const std::uint8_t* at, const std::uint8_t* end);
  const std::uint8_t* step_body(const std::uint8_t* at, const std::uint8_t* end);
  void step_version(std::uint8_t byte);
  void step_status(std::uint8_t byte);
  void step_field(std::uint8_t byte);
  void step_chunk_line(std::uint8_t byte);
  void end_of_head();
  void begin_body();
  void begin_chunk();
  void expect(std::uint8_t byte, char wanted, Place next, const char* otherwise);
  void complete() { state_ = State::complete; }
  void fail(const char* why);

  // The field that is being read. Trailers are read over.
  Field& current() { return in_trailers_ ? trailer_ : fields_.back(); }

  AnswerLimits limits_;
  State state_ = State::incomplete;
  Place place_ = Place::version;
  bool started_ = false;
  bool in_chunks_ = false;
  bool in_trailers_ = false;
  bool reusable_ = false;
  char version_minor_ = '1';
  std::uint8_t have_ = 0;        // characters of the version, digits of the status
  std::size_t head_bytes_ = 0;   // so far, of all heads and trailers
  std::size_t field_count_ = 0;  // likewise
  std::size_t line_bytes_ = 0;   // of a chunk's line
  std::size_t rest_ = 0;         // bytes of the body or of the chunk that are still to come
  int status_ = 0;
  std::vector<Field> fields_;
  Field trailer_;
  std::string body_;
  const char* why_ = "";
};

}  // namespace bascule::wire::http
