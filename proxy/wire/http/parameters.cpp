#include "proxy/wire/http/parameters.hpp"

#include <algorithm>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::wire::http {
namespace {

// WHATWG URL, section 5.1: '+' is a space, %XX a byte, and an escape that is none is text.
std::string form_decoded(std::string_view raw) {
  std::string decoded;
  decoded.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    char c = raw[at];
    if (c == '+') {
      c = ' ';
    } else if (c == '%' && raw.size() - at >= 3) {
      const int high = hex_value(raw[at + 1]);
      const int low = hex_value(raw[at + 2]);
      if (high != not_hex && low != not_hex) {
        c = static_cast<char>(high * 16 + low);
        at += 2;
      }
    }
    decoded.push_back(c);
  }
  return decoded;
}

// What stands before the next `separator`, which is taken too.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

}  // namespace

std::vector<std::string> query_parameters(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  while (!query.empty()) {
    std::string_view value = take_until(query, '&');
    if (value.empty()) { continue; }
    if (form_decoded(take_until(value, '=')) == name) { values.push_back(form_decoded(value)); }
  }
  return values;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  std::vector<std::string> values = query_parameters(query, name);
  // The first one decides, clean or not: whoever reads the query behind us may well take the first.
  if (values.empty() || !is_clean_text(values.front())) { return std::nullopt; }
  return std::move(values.front());
}

std::vector<std::string> cookies(const RequestHead& head, std::string_view name) {
  std::vector<std::string> values;
  for (const Field& field : head.fields) {
    if (field.name != "cookie") { continue; }
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::string_view pair = trimmed(take_until(rest, ';'));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || pair.substr(0, equals) != name) { continue; }
      std::string_view value = pair.substr(equals + 1);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      values.emplace_back(value);
    }
  }
  return values;
}

std::optional<std::string> cookie(const RequestHead& head, std::string_view name) {
  std::vector<std::string> values = cookies(head, name);
  if (values.empty()) { return std::nullopt; }
  return std::move(values.front());
}

}  // namespace bascule::wire::http
