// What proxies in front say of a visitor: X-Forwarded-For and its companions, or Forwarded (RFC 7239).
//
// Only the parsing is here. Whom to believe is policy's: such a field can be sent by anybody.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::wire::http {

// One proxy's word about the one who came to it.
struct ForwardedHop {
  Address client;       // a mapped IPv4 address as IPv4; none: not told ("unknown", "_hidden", no `for`)
  std::string proto{};  // "http", "https", as sent in lower case; empty: not told
  std::string host{};   // as sent; empty: not told
};

enum class ForwardingField : std::uint8_t {
  x_forwarded_for,  // with X-Forwarded-Proto and X-Forwarded-Host beside it
  forwarded,
};

// The hops, the nearest last; several fields of a name are one list, in their order. Parsed from the right, for the
// left part is written by whoever likes to: reading stops before the first hop that is malformed, and
// `malformed_before` is then true. At most 32 hops are read; one more counts as malformed. Addresses may have ports;
// IPv6 may stand in brackets. Empty items are none.
//
// X-Forwarded-Proto and X-Forwarded-Host are lists of their own: their items belong to the hops that stand as far from
// the right; with a single item, to every hop.
struct ForwardedHops {
  std::vector<ForwardedHop> hops;
  bool malformed_before = false;
};
ForwardedHops forwarded_hops(const RequestHead& head, ForwardingField field);

std::string_view name_of(ForwardingField field);  // "x-forwarded-for", "forwarded"

}  // namespace bascule::wire::http
