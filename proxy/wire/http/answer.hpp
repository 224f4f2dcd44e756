// Writing the head of an HTTP/1.1 answer: RFC 9112, section 4.
#pragma once

#include <string>
#include <string_view>

namespace bascule::wire::http {

// The reason phrase of a status; "" for one we never send.
std::string_view reason_phrase(int status);

// Builds "HTTP/1.1 404 Not Found\r\n...\r\n\r\n" and nothing else: the caller adds the body.
// REQUIRES: no CR, LF or NUL in a name or value; values made from a visitor's words are allow-listed before they get
// here.
class AnswerHead {
 public:
  explicit AnswerHead(int status);
  AnswerHead& field(std::string_view name, std::string_view value);
  std::string done();  // with the empty line; to be asked for once

 private:
  std::string text_;
};

}  // namespace bascule::wire::http
