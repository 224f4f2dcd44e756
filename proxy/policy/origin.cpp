#include "proxy/policy/origin.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/authority.hpp"

namespace bascule::policy {

namespace {

// 0 for a scheme that has none of its own.
std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") { return 80; }
  if (scheme == "https" || scheme == "wss") { return 443; }
  return 0;
}

// RFC 3986, section 3.1; lower case by now.
bool is_scheme(std::string_view text) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto other = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'; };
  return !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), other);
}

bool written_in(const OriginRule& rule, const Origin& origin) {
  return std::find(rule.exact.begin(), rule.exact.end(), origin) != rule.exact.end();
}

// Why not, and what to write if it should be yes.
std::string why_foreign(const OriginRule& rule, const Origin& sent, const Origin& own) {
  const std::string got = text_of(sent);
  const std::string seen = text_of(own);
  std::string detail = fmt::format("got {}, own origin seen as {}; ", got, seen);
  if (sent == own) { return detail + "this server's own page? add 'same' to origins"; }
  if (rule.same && sent.host == own.host && sent.scheme == "https" && own.scheme == "http") {
    return detail + fmt::format("behind a proxy that ends TLS? add '{}' to origins", got);
  }
  return detail + fmt::format("another page that may connect? add '{}' to origins", got);
}

}  // namespace

std::optional<Origin> make_origin(std::string_view scheme, std::string_view authority) {
  Origin origin;
  origin.scheme = lowered(scheme);
  if (!is_scheme(origin.scheme)) { return std::nullopt; }
  const auto parsed = wire::http::parse_authority(authority);
  if (!parsed) { return std::nullopt; }
  origin.host = parsed->host;
  // "example.org." is another host than "example.org" to a browser, and so another origin; parse_authority drops the
  // dot.
  const std::string_view name = authority.substr(0, authority.rfind(':'));
  if (parsed->kind != wire::http::Authority::Kind::ipv6 && name.ends_with('.')) { origin.host += '.'; }
  origin.port = parsed->port.value_or(default_port(origin.scheme));
  return origin;
}

std::optional<Origin> parse_origin(std::string_view text) {
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) { return std::nullopt; }
  const std::string_view authority = text.substr(mark + 3);
  if (authority.ends_with(':')) { return std::nullopt; }  // a Host may end so, a serialised origin never does
  return make_origin(text.substr(0, mark), authority);
}

std::optional<Origin> parse_written_origin(std::string_view text) {
  auto origin = parse_origin(text);
  if (origin && origin->scheme == "ws") { origin->scheme = "http"; }
  if (origin && origin->scheme == "wss") { origin->scheme = "https"; }
  return origin;
}

std::string text_of(const Origin& origin) {
  const bool ipv6 = origin.host.find(':') != std::string::npos;
  std::string text = origin.scheme + "://" + (ipv6 ? "[" + origin.host + "]" : origin.host);
  if (origin.port != default_port(origin.scheme)) { text += fmt::format(":{}", origin.port); }
  return text;
}

OriginVerdict judge_origin(const OriginRule& rule, const std::string* sent, const Origin& own) {
  if (rule.any) { return {.admitted = true}; }
  if (sent == nullptr) {
    if (rule.missing) { return {.admitted = true}; }
    return {.admitted = false, .detail = "got no Origin; a client that is no browser? add 'missing' to origins"};
  }
  if (*sent == "null") {
    if (rule.opaque) { return {.admitted = true}; }
    return {.admitted = false,
            .detail =
                "got the origin null, of a sandboxed or local page; may any such page connect? add 'opaque' to "
                "origins"};
  }
  const auto origin = parse_origin(*sent);
  if (!origin) {
    return {.admitted = false, .detail = fmt::format("got '{}', which is not scheme://host[:port]", shown(*sent))};
  }
  if ((rule.same && *origin == own) || written_in(rule, *origin)) { return {.admitted = true}; }
  return {.admitted = false, .detail = why_foreign(rule, *origin, own)};
}

}  // namespace bascule::policy
