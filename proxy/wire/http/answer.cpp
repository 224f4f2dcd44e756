#include "proxy/wire/http/answer.hpp"

#include <cassert>

namespace bascule::wire::http {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

AnswerHead::AnswerHead(int status) {
  assert(status >= 100 && status <= 999);
  text_.reserve(256);
  text_ += "HTTP/1.1 ";
  text_ += std::to_string(status);
  text_ += ' ';
  text_ += reason_phrase(status);
  text_ += "\r\n";
}

AnswerHead& AnswerHead::field(std::string_view name, std::string_view value) {
  assert(name.find_first_of(std::string_view("\r\n\0: ", 5)) == std::string_view::npos && !name.empty());
  assert(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  text_ += name;
  text_ += ": ";
  text_ += value;
  text_ += "\r\n";
  return *this;
}

std::string AnswerHead::done() {
  text_ += "\r\n";
  return std::move(text_);
}

}  // namespace bascule::wire::http
