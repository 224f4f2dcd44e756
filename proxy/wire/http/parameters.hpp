// Parameters of a query (application/x-www-form-urlencoded, WHATWG URL) and cookies (RFC 6265, section 4.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/wire/http/head_parser.hpp"

namespace bascule::wire::http {

// The value of the first parameter of that name, decoded ('+' is a space, %XX a byte); nothing without one. A bad
// escape stays as it is written. What is not UTF-8 after decoding, or has a control byte in it, counts as not there.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

// The value of the first cookie of that name (names are case-sensitive), as sent, without a pair of quotes around it.
// Several Cookie fields count in their order, as if they were one.
std::optional<std::string> cookie(const RequestHead& head, std::string_view name);

}  // namespace bascule::wire::http
