#include "proxy/config/auth_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/units.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::config {

using namespace std::chrono_literals;
using proof::CredentialPlace;
using proof::Url;

namespace {

constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t user_bytes_max = 255;  // as htpasswd has it
constexpr std::size_t url_bytes_max = 2000;

// What belongs to one connection and to nobody else (RFC 9110, section 7.6.1), and what says of whom and how it is
// asked.
constexpr std::array<std::string_view, 12> fields_of_a_connection{
    "connection", "upgrade", "host",           "content-length", "transfer-encoding", "te",
    "trailer",    "expect",  "http2-settings", "keep-alive",     "proxy-connection",  "proxy-authenticate"};

bool is_name_character(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool belongs_to_the_connection(std::string_view field) {
  return field.starts_with("sec-websocket-") ||
         std::find(fields_of_a_connection.begin(), fields_of_a_connection.end(), field) != fields_of_a_connection.end();
}

std::string time_text(std::chrono::seconds time) {
  if (time % 1h == 0s) { return fmt::format("{}h", time / 1h); }
  if (time % 1min == 0s) { return fmt::format("{}m", time / 1min); }
  return fmt::format("{}s", time.count());
}

Parsed<std::string> parse_field(std::string_view text) {
  if (!wire::http::is_token(text)) {
    return Wrong{fmt::format("'{}' cannot be the name of a header field", shown(text, 80))};
  }
  return lowered(text);
}

}  // namespace

// --- names -----------------------------------------------------------------------------------------------------------

Parsed<std::string> parse_proof_name(std::string_view text) {
  if (text == "none" || text == "any" || text == "all") {
    return Wrong{fmt::format("'{}' is a word of the language; call the proof something else", text)};
  }
  const bool good = std::all_of(text.begin(), text.end(), is_name_character);
  if (!good || text.empty() || text.size() > name_bytes_max) {
    return Wrong{fmt::format("'{}' is no name of a proof; letters, digits, '-' and '_' make one, at most {} of them",
                             shown(text, 80), name_bytes_max)};
  }
  return std::string(text);
}

Parsed<std::string> parse_user(std::string_view text) {
  if (text.empty()) { return Wrong{"an empty name is nobody's"}; }
  if (text.size() > user_bytes_max) {
    return Wrong{fmt::format("a name of {} bytes; {} are the most", text.size(), user_bytes_max)};
  }
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return Wrong{fmt::format("'{}' has a control character in it", shown(text, 80))};
  }
  return std::string(text);
}

Parsed<std::string> parse_realm(std::string_view text) {
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
  });
  if (!good || text.empty() || text.size() > user_bytes_max) {
    return Wrong{fmt::format("'{}' is no realm; it stands in quotes in a header, so it is ASCII without '\"' and '\\'",
                             shown(text, 80))};
  }
  return std::string(text);
}

// --- places of credentials -------------------------------------------------------------------------------------------

Parsed<CredentialPlace> parse_credential_place(std::string_view in, std::string_view name) {
  using In = CredentialPlace::In;
  if (in == "query") {
    if (name.empty()) { return Wrong{"a parameter of the query has a name: {query: token}"}; }
    return CredentialPlace{.in = In::query, .name = std::string(name)};
  }
  if (!wire::http::is_token(name)) {
    return Wrong{fmt::format("'{}' cannot be the name of a {}", shown(name, 80), in)};
  }
  if (in == "cookie") { return CredentialPlace{.in = In::cookie, .name = std::string(name)}; }
  if (in == "subprotocol") { return CredentialPlace{.in = In::subprotocol, .name = std::string(name)}; }
  const std::string field = lowered(name);
  if (field == "authorization") { return Wrong{"\"Authorization: Bearer ...\" is written 'header', without a name"}; }
  if (field == "cookie") { return Wrong{"a cookie is written by its own name: {cookie: portal_session}"}; }
  if (belongs_to_the_connection(field)) {
    return Wrong{fmt::format("'{}' belongs to the connection, and carries no credential", field)};
  }
  return CredentialPlace{.in = In::header, .name = field};
}

// --- authorizers -----------------------------------------------------------------------------------------------------

Parsed<std::string> parse_passed_field(std::string_view text) {
  auto field = parse_field(text);
  if (field && belongs_to_the_connection(*field)) {
    return Wrong{fmt::format("'{}' belongs to the visitor's connection and is not passed on", *field)};
  }
  return field;
}

Parsed<std::string> parse_answer_field(std::string_view text) {
  return parse_field(text);
}

Parsed<Url> parse_url(std::string_view text, Scheme scheme) {
  constexpr std::string_view http = "http://";
  constexpr std::string_view https = "https://";
  const bool secure = same_ignoring_case(text.substr(0, https.size()), https);
  const bool plain = same_ignoring_case(text.substr(0, http.size()), http);
  if (!secure && !(plain && scheme == Scheme::http_or_https)) {
    return Wrong{scheme == Scheme::https ? "a URL here begins with 'https://'"
                                         : "a URL here begins with 'http://' or 'https://'"};
  }
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return wire::http::is_in(wire::http::target_characters, c); });
  if (!printable || text.size() > url_bytes_max) {
    return Wrong{fmt::format("a URL is ASCII without spaces, at most {} bytes", url_bytes_max)};
  }
  const std::string_view rest = text.substr(secure ? https.size() : http.size());
  if (rest.find('#') != std::string_view::npos) { return Wrong{"a URL has no '#' here; nothing behind it is sent"}; }
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view where = rest.substr(0, end);
  // What stands in front of an '@' is most likely a password.
  if (where.find('@') != std::string_view::npos) {
    return Wrong{"a URL has no user and no password here: 'http://127.0.0.1:9091/verify'"};
  }
  auto authority = wire::http::parse_authority(where);
  if (!authority) { return Wrong{fmt::format("'{}' is not a host name or an address", shown(where, 80))}; }
  std::string target(rest.substr(end));
  if (!target.starts_with('/')) { target = fmt::format("/{}", target); }
  const std::uint16_t usual_port = secure ? 443 : 80;
  return Url{.secure = secure,
             .host = std::move(authority->host),
             .port = authority->port.value_or(usual_port),
             .target = std::move(target)};
}

// --- certificates, times ---------------------------------------------------------------------------------------------

Parsed<std::string> parse_fingerprint(std::string_view text) {
  constexpr std::size_t digits = 64;
  std::string fingerprint;
  bool good = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ':') {
      good = good && at % 3 == 2;
      continue;
    }
    good = good && wire::http::hex_value(text[at]) != wire::http::not_hex;
    fingerprint += lower(text[at]);
  }
  const bool with_colons = text.size() == digits + digits / 2 - 1;
  if (!good || fingerprint.size() != digits || !(with_colons || text.size() == digits)) {
    return Wrong{
        fmt::format("'{}' is no SHA-256; 64 hexadecimal digits make one, as `openssl x509 -noout -fingerprint "
                    "-sha256 -in ada.pem` prints them",
                    shown(text, 120))};
  }
  return fingerprint;
}

Parsed<std::chrono::seconds> parse_seconds(std::string_view text, std::chrono::seconds most) {
  const auto time = parse_duration(text);
  if (!time) { return time.error(); }
  const std::string most_said = time_text(most);
  if (!*time) { return Wrong{fmt::format("'none' is no time here; {} is the longest", most_said)}; }
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(**time);
  if (whole != **time) { return Wrong{fmt::format("'{}' is not a whole number of seconds", shown(text, 40))}; }
  if (whole > most) { return Wrong{fmt::format("'{}' is too long; {} is the longest", shown(text, 40), most_said)}; }
  return whole;
}

}  // namespace bascule::config
