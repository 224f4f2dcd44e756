// Parameters of a query (application/x-www-form-urlencoded, WHATWG URL) and cookies (RFC 6265, section 4.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/wire/http/head_parser.hpp"

namespace bascule::wire::http {

// The values of all parameters of that name in their order, decoded ('+' is a space, %XX a byte), so any bytes at all.
// A bad escape stays as it is written.
std::vector<std::string> query_parameters(std::string_view query, std::string_view name);

// The first of them; nothing without one. What is not UTF-8, or has a control byte in it, counts as not there.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

// The values of all cookies of that name (names are case-sensitive) in their order, as sent, without a pair of quotes
// around them. Several Cookie fields count in their order, as if they were one.
std::vector<std::string> cookies(const RequestHead& head, std::string_view name);

// The first of them; nothing without one.
std::optional<std::string> cookie(const RequestHead& head, std::string_view name);

}  // namespace bascule::wire::http
