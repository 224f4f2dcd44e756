#include "proxy/web/login_page.hpp"

#include <fmt/format.h>

#include "proxy/wire/http/parameters.hpp"

namespace bascule::web {

namespace {

constexpr std::string_view page_format = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{realm}</title>
<style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif;
  background: #f3f4f6; color: #111827; }}
form {{ width: min(20rem, 90vw); padding: 2rem; border-radius: .75rem; background: #fff;
  box-shadow: 0 1px 8px rgb(0 0 0 / 15%); }}
h1 {{ margin: 0 0 1rem; font-size: 1.25rem; overflow-wrap: anywhere; }}
label {{ display: block; margin-top: .75rem; }}
input, button {{ box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; border: 1px solid #9ca3af;
  border-radius: .375rem; }}
button {{ margin-top: 1.25rem; border: 0; background: #1d4ed8; color: #fff; cursor: pointer; }}
[role=alert] {{ margin: 0; color: #b91c1c; }}
</style>
</head>
<body>
<form method="post">
<h1>{realm}</h1>
{alert}<label>User<input name="user" autocomplete="username" autocapitalize="none" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button>
</form>
</body>
</html>
)";

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&': html += "&amp;"; break;
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '"': html += "&quot;"; break;
      case '\'': html += "&#39;"; break;
      default: html += c;
    }
  }
  return html;
}

}  // namespace

std::string html_of(const LoginPage& page) {
  const std::string alert =
      page.message.empty() ? std::string() : fmt::format("<p role=\"alert\">{}</p>\n", escaped(page.message));
  return fmt::format(page_format, fmt::arg("realm", escaped(page.realm)), fmt::arg("alert", alert));
}

void put_login_fields(wire::http::AnswerHead& head) {
  head.field("content-type", "text/html; charset=utf-8")
      .field("content-security-policy",
             "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
             "frame-ancestors 'none'")
      .field("referrer-policy", "same-origin");
}

std::optional<LoginForm> read_login_form(std::string_view body) {
  const auto logout = wire::http::query_parameters(body, "logout");
  if (logout.size() == 1 && logout.front() == "1") { return LoginForm{.logout = true}; }
  const auto users = wire::http::query_parameters(body, "user");
  const auto passwords = wire::http::query_parameters(body, "password");
  if (users.size() != 1 || passwords.size() != 1) { return std::nullopt; }
  return LoginForm{.user = users.front(), .password = passwords.front()};
}

}  // namespace bascule::web
