// Origins: RFC 6454. Who wrote the page that opens this connection?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/policy/rules.hpp"

namespace bascule::policy {

// The serialised form of RFC 6454, section 6.2: scheme "://" host [ ":" port ]. No path, no user information, no
// trailing slash. Default ports of http, https, ws and wss are filled in; another scheme (an app's or an extension's,
// such as capacitor://localhost) has port 0 unless it writes one. "example.org." is another host than "example.org".
std::optional<Origin> parse_origin(std::string_view text);

// The same of an operator's word: ws and wss count as http and https, the schemes of the pages that open them.
std::optional<Origin> parse_written_origin(std::string_view text);

// An operator's "https://*.example.org[:port]": the origin "https://example.org[:port]", below whose host the pages
// are. Empty for anything else, a wildcard below a single label ("https://*.org") included.
std::optional<Origin> parse_written_origin_below(std::string_view text);

// The origin of a page that came from `authority` (a Host) by `scheme`.
std::optional<Origin> make_origin(std::string_view scheme, std::string_view authority);

std::string text_of(const Origin& origin);        // "https://example.org", with a port only where it is not the default
std::string text_of_below(const Origin& origin);  // "https://*.example.org", likewise

// Our own origin as the visitor's browser sees it, and what tells it.
struct OwnOrigin {
  enum class By : std::uint8_t {
    request,       // Host, and whether the connection has TLS
    proxy_header,  // Host, and a PROXY header that tells of no TLS
    forwarding,    // a trusted proxy: its header field, or the TLS that its PROXY header tells of
    public_url,
  };
  Origin origin;
  By by = By::request;
};

struct OriginVerdict {
  bool admitted = false;
  std::string detail{};  // of a no, for the log: what was compared, and which key would help
};

// `sent`: the value of Origin, nullptr when there was none.
OriginVerdict judge_origin(const OriginRule& rule, const std::string* sent, const OwnOrigin& own);

}  // namespace bascule::policy
