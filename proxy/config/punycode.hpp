// The ASCII form of an international host name, for a hint: RFC 3492 ("xn--").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bascule::config {

// "bücher.example" is "xn--bcher-kva.example". Only where it is certain: browsers also fold case and compose accents by
// the tables of Unicode, so a name with characters that might change by that has no answer here.
std::optional<std::string> ascii_host(std::string_view name);

}  // namespace bascule::config
