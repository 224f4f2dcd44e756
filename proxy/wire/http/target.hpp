// The target of a request: RFC 9112, section 3.2, taken apart and decoded once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::wire::http {

struct Target {
  std::string path;                   // as written, with its leading '/', without the query
  std::vector<std::string> segments;  // percent-decoded once: "/a/b%20c/" is {"a", "b c", ""}; "/" is {""}
  std::string query;                  // as written, without the '?'
  std::string authority;              // of an absolute-form target, else empty; it wins over Host (section 3.2.2)
};

// Origin-form and absolute-form (http and https) only. Empty for anything else: another form, a fragment, a bad or
// overlong percent escape, an escape for '/', '\', NUL or another control byte, a segment that is "." or ".." (also
// when written with escapes), bytes that are not UTF-8 after decoding.
std::optional<Target> parse_target(std::string_view raw);

}  // namespace bascule::wire::http
