// Origins: RFC 6454. Who wrote the page that opens this connection?
#pragma once

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

// The origin of a page that came from `authority` (a Host) by `scheme`.
std::optional<Origin> make_origin(std::string_view scheme, std::string_view authority);

std::string text_of(const Origin& origin);  // "https://example.org", with a port only where it is not the default

struct OriginVerdict {
  bool admitted = false;
  std::string detail{};  // for the log: what was compared, and which key would help
};

// `sent`: the value of Origin, nullptr when there was none. `own`: the origin under which the visitor's browser sees
// us.
OriginVerdict judge_origin(const OriginRule& rule, const std::string* sent, const Origin& own);

}  // namespace bascule::policy
