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

bool is_address(const Origin& origin) {
  return Address::parse_ip(origin.host, 0).has_value();
}

bool is_below(const Origin& origin, const Origin& parent) {
  return origin.scheme == parent.scheme && origin.port == parent.port && origin.host.size() > parent.host.size() + 1 &&
         origin.host.ends_with(parent.host) && origin.host[origin.host.size() - parent.host.size() - 1] == '.';
}

bool written_in(const OriginRule& rule, const Origin& origin) {
  return std::find(rule.exact.begin(), rule.exact.end(), origin) != rule.exact.end() ||
         std::any_of(rule.below.begin(), rule.below.end(),
                     [&](const Origin& parent) { return is_below(origin, parent); });
}

// What to write if it should be yes.
std::string way_out(const OriginRule& rule, const Origin& sent, const OwnOrigin& own) {
  if (sent == own.origin) { return "this server's own page? add 'same' to origins"; }
  std::string add = fmt::format("another page? add '{}' to origins", text_of(sent));
  if (!rule.same) { return add; }
  if (own.by == OwnOrigin::By::request) { return "behind a proxy? set public_url or trusted_proxies; " + add; }
  if (own.by == OwnOrigin::By::proxy_header && sent.scheme == "https") {
    return "does the proxy end TLS? let its PROXY header tell so (HAProxy: send-proxy-v2-ssl), or set public_url; " +
           add;
  }
  return add;
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

std::optional<Origin> parse_written_origin_below(std::string_view text) {
  constexpr std::string_view mark = "://*.";
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) { return std::nullopt; }
  auto parent =
      parse_written_origin(std::string(text.substr(0, at)).append("://").append(text.substr(at + mark.size())));
  const bool wide = !parent || parent->host.find('.') == std::string::npos || parent->host.ends_with('.');
  if (wide || is_address(*parent)) { return std::nullopt; }
  return parent;
}

std::string text_of(const Origin& origin) {
  const bool ipv6 = origin.host.find(':') != std::string::npos;
  std::string text = origin.scheme + "://" + (ipv6 ? "[" + origin.host + "]" : origin.host);
  if (origin.port != default_port(origin.scheme)) { text += fmt::format(":{}", origin.port); }
  return text;
}

std::string text_of_below(const Origin& origin) {
  Origin below = origin;
  below.host.insert(0, "*.");
  return text_of(below);
}

OriginVerdict judge_origin(const OriginRule& rule, const std::string* sent, const OwnOrigin& own) {
  if (rule.any) { return {.admitted = true}; }
  const auto no = [](std::string detail) { return OriginVerdict{.admitted = false, .detail = std::move(detail)}; };
  if (sent == nullptr) {
    if (rule.missing) { return {.admitted = true}; }
    return no("got no Origin; not a browser? add 'missing' to origins");
  }
  if (*sent == "null") {
    if (rule.opaque) { return {.admitted = true}; }
    return no("got the origin null, of a sandboxed or local page; may any such page connect? add 'opaque' to origins");
  }
  const auto origin = parse_origin(*sent);
  if (!origin) { return no(fmt::format("got '{}', which is not scheme://host[:port]", shown(*sent))); }
  if ((rule.same && *origin == own.origin) || written_in(rule, *origin)) { return {.admitted = true}; }
  return no(fmt::format("got {}, own origin seen as {}; {}", text_of(*origin), text_of(own.origin),
                        way_out(rule, *origin, own)));
}

}  // namespace bascule::policy
