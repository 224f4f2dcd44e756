// Where a visitor's words lead: an address made from them, one that an authorizer named, or what a table says.
#pragma once

#include <optional>

#include "proxy/base/result.hpp"
#include "proxy/policy/endpoint.hpp"
#include "proxy/policy/refusal.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/policy/words.hpp"

namespace bascule::policy {

// For a service that leads every visitor to the same place: empty. For another one where it leads this one, which lies
// within the service's bounds as far as it is no name yet; or why nowhere. `named`: by an authorizer; nullptr: by none.
Result<std::optional<Endpoint>, Refused> destination_of(const Service& service, const Spoken& spoken,
                                                        const std::string* named);

}  // namespace bascule::policy
