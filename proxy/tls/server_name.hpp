// The name that a visitor asks for in its hello, by the extension server_name: RFC 6066, section 3.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/bytes.hpp"
#include "proxy/base/result.hpp"

namespace bascule::tls {

enum class BadServerName : std::uint8_t {
  malformed,  // no list of exactly one name of a host
  no_name,    // nothing that a host can be called
};

// The content of the extension: gives the name in lower case, without a dot at its end, 1 to 255 printable bytes. It
// need not be one of ours, nor any that DNS would take; an address, which the RFC does not permit but some send, passes
// as well.
Result<std::string, BadServerName> parse_server_name(Bytes extension);

}  // namespace bascule::tls
