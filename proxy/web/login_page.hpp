// The page on which a visitor logs in: plain HTML, no script, no file. And what its form sends.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/wire/http/answer.hpp"

namespace bascule::web {

struct LoginPage {
  std::string realm;         // whose page it is; any text
  std::string_view message;  // what went wrong with the last attempt; a constant text; empty: nothing
};

std::string html_of(const LoginPage& page);

// The fields that such an answer needs besides those of every answer: its type, and what a browser may do with it. It
// sends its form nowhere but here, is framed by nobody, and tells its origin with the form (under Referrer-Policy
// no-referrer browsers would send `Origin: null`).
void put_login_fields(wire::http::AnswerHead& head);

// The form, as application/x-www-form-urlencoded has it. Empty: something is missing, is there twice, or is no text.
struct LoginForm {
  bool logout = false;  // "logout=1"
  std::string user{};
  std::string password{};
};
std::optional<LoginForm> read_login_form(std::string_view body);

inline constexpr std::size_t login_bytes_max = std::size_t{4} * 1024;

}  // namespace bascule::web
