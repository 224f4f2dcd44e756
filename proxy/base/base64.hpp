// Base64 and its form for URLs: RFC 4648, sections 4 and 5. Strict, so that one text has one meaning and one meaning
// one text: no white space, no foreign alphabet, no bits behind the last byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bascule {

// With its padding.
std::string base64(std::string_view bytes);
std::optional<std::string> base64_decoded(std::string_view text);

// Without padding, as JOSE (RFC 7515, section 2) has it; with padding it is refused.
std::string base64url(std::string_view bytes);
std::optional<std::string> base64url_decoded(std::string_view text);

}  // namespace bascule
