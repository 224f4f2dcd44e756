#include "proxy/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/punycode.hpp"
#include "proxy/policy/origin.hpp"
#include "proxy/wire/http/authority.hpp"

namespace bascule::config {

namespace {

constexpr std::string_view wildcard = "*.";

bool is_name_character(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// `before` and `behind`: what stands around the host in what is suggested.
Wrong not_ascii(std::string_view text, std::string_view before, std::string_view host, std::string_view behind) {
  const auto ascii = ascii_host(host);
  return {fmt::format("'{}' is not ASCII; browsers send the form that begins with 'xn--'{}", shown(text),
                      ascii ? fmt::format(": '{}'", shown(fmt::format("{}{}{}", before, *ascii, behind))) : "")};
}

// A wildcard over "org" or "co" would be half of the world.
std::optional<Wrong> wrong_parent(std::string_view text, std::string_view parent) {
  const auto authority = wire::http::parse_authority(parent);
  if (parent.find('*') != std::string_view::npos) {
    return Wrong{fmt::format("in '{}' the '*' stands alone and first, as in '*.example.org'", shown(text, 80))};
  }
  if (authority && authority->kind != wire::http::Authority::Kind::name) {
    return Wrong{fmt::format("'{}': an address has no names below it", shown(text, 80))};
  }
  if (authority && authority->host.find('.') == std::string::npos) {
    return Wrong{
        fmt::format("'{}' would take a whole top-level domain; a wildcard stands over two labels at least, as in "
                    "'*.example.org'",
                    shown(text, 80))};
  }
  return std::nullopt;
}

}  // namespace

Parsed<std::string> parse_name(std::string_view text) {
  constexpr std::size_t most = 64;
  const bool good = std::all_of(text.begin(), text.end(), is_name_character);
  if (!good || text.empty() || text.size() > most) {
    return Wrong{fmt::format("'{}' is no name; letters, digits, '-', '_' and '.' make one, at most {} of them",
                             shown(text, 80), most)};
  }
  return std::string(text);
}

Parsed<std::string> parse_service_name(std::string_view text) {
  if (text == "echo") { return Wrong{"'echo' is taken, by the built-in \"echo:\""}; }
  if (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return Wrong{fmt::format("'{}' looks like a port; the name of a service is more than digits", shown(text, 80))};
  }
  if (text.find('.') != std::string_view::npos) {
    return Wrong{fmt::format("'{}' looks like a host; the name of a service has no '.'", shown(text, 80))};
  }
  return parse_name(text);
}

Parsed<unsigned> parse_mode(std::string_view text) {
  const bool octal = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  const bool three_digits = text.size() == 3 || (text.size() == 4 && text.front() == '0');
  if (!octal || !three_digits) {
    return Wrong{fmt::format("'{}' is no mode; three octal digits make one: \"0660\"", shown(text, 20))};
  }
  unsigned mode = 0;
  for (const char c : text) { mode = mode * 8 + static_cast<unsigned>(c - '0'); }
  return mode;
}

Parsed<HostName> parse_host(std::string_view text) {
  if (text == "*") { return Wrong{"'*' is written 'any'"}; }
  if (text.find('/') != std::string_view::npos) {
    return Wrong{fmt::format("'{}' is an address of a page; a host is a name alone: 'desk.example.org'", shown(text))};
  }
  const bool below = text.starts_with(wildcard);
  const std::string_view name = below ? text.substr(wildcard.size()) : text;
  if (!is_ascii(text)) { return not_ascii(text, below ? wildcard : "", name, ""); }
  if (text.find('*') != std::string_view::npos) {
    if (auto wrong = wrong_parent(text, name)) { return std::move(*wrong); }
  }
  if (const auto address = Address::parse_ip(name, 0)) { return HostName{.name = address->host_text()}; }
  const auto authority = wire::http::parse_authority(name);
  if (!authority) { return Wrong{fmt::format("'{}' is not a host name", shown(text, 80))}; }
  if (authority->port) {
    return Wrong{
        fmt::format("a host is written without its port: '{}{}'", below ? wildcard : "", shown(authority->host, 80))};
  }
  return HostName{.name = authority->host, .below = below};
}

Parsed<PageOrigin> parse_page_origin(std::string_view text) {
  if (text == "*") { return Wrong{"'*' is written 'any'"}; }
  if (text == "null") { return Wrong{"the origin null is written 'opaque'"}; }
  const std::size_t mark = text.find("://");
  const std::size_t host = mark == std::string_view::npos ? 0 : mark + 3;
  const std::size_t host_end = std::min(text.find_first_of(":/", host), text.size());
  if (!is_ascii(text)) {
    return not_ascii(text, text.substr(0, host), text.substr(host, host_end - host), text.substr(host_end));
  }
  const bool below = mark != std::string_view::npos && text.substr(host).starts_with(wildcard);
  std::string plain(text);
  if (below) { plain.erase(host, wildcard.size()); }
  if (text.find('*') != std::string_view::npos) {
    if (mark == std::string_view::npos) {
      return Wrong{fmt::format("an origin begins with its scheme: 'https://{}'", shown(text, 80))};
    }
    if (auto wrong = wrong_parent(text, std::string_view(plain).substr(host))) { return std::move(*wrong); }
  }
  if (auto origin = below ? policy::parse_written_origin_below(text) : policy::parse_written_origin(text)) {
    return PageOrigin{.origin = std::move(*origin), .below = below};
  }
  if (mark == std::string_view::npos) {
    if (policy::make_origin("https", text)) {
      return Wrong{fmt::format("an origin begins with its scheme: 'https://{}'", shown(text, 80))};
    }
  } else {
    const std::size_t path = plain.find('/', host);
    if (path != std::string::npos && policy::parse_origin(plain.substr(0, path))) {
      return Wrong{fmt::format("an origin has no path: '{}'", shown(text.substr(0, text.find('/', host)), 80))};
    }
  }
  return Wrong{fmt::format(
      "'{}' is not an origin; write 'https://app.example.org', or one of same, missing, opaque, any", shown(text, 80))};
}

Parsed<policy::Origin> parse_public_url(std::string_view text) {
  const std::size_t mark = text.find("://");
  const std::size_t host = mark == std::string_view::npos ? 0 : mark + 3;
  const std::size_t path = std::min(text.find('/', host), text.size());
  if (!is_ascii(text)) {
    const std::size_t host_end = std::min(text.find_first_of(":/", host), text.size());
    return not_ascii(text, text.substr(0, host), text.substr(host, host_end - host), text.substr(host_end));
  }
  const std::string_view alone = text.substr(0, path);
  auto origin = policy::parse_written_origin(alone);
  if (origin && (origin->scheme == "http" || origin->scheme == "https")) {
    if (text.substr(path).size() > 1) {
      return Wrong{fmt::format("a public URL has no path, for paths are the routes'; write '{}'", shown(alone, 80))};
    }
    return std::move(*origin);
  }
  if (mark == std::string_view::npos && policy::make_origin("https", alone)) {
    return Wrong{fmt::format("a public URL begins with its scheme: 'https://{}'", shown(alone, 80))};
  }
  return Wrong{
      fmt::format("'{}' is not a public URL; write 'https://desk.example.org', as visitors type it", shown(text, 80))};
}

}  // namespace bascule::config
