// Tickets: what a web application hands to a page that it knows, so that the page's WebSocket gets in; short-lived, for
// one route, and usually good for one session. Any language with HMAC can make them; rules/README.md has examples.
//
//   ticket    = "bt1." base64url(JSON) "." base64url(HMAC-SHA-256(secret, "bt1." base64url(JSON)))
//   JSON      = an object with these members and no others:
//     "route"   the name of the route it is for
//     "exp"     when it ends, in whole seconds since 1970; at most `max_age` from now, and 30 s for its maker's clock
//     "id"      8 to 64 bytes that no other ticket has; needed where tickets are for single use
//     "user"    whom it makes of its bearer (optional)
//     "groups"  a list of his groups (optional)
//     "address" the IP address or network he must come from (optional)
//     "set"     an object of texts: words that a target may be made from, {claim.NAME}; where the route's path has a
//               {NAME} too, both must be the same (optional)
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/network.hpp"
#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/proof/secret.hpp"

namespace bascule::proof {

struct TicketContent {
  std::string route;
  WallTime expires;
  std::string id{};
  std::string user{};
  std::vector<std::string> groups{};
  std::optional<Network> address{};
  std::map<std::string, std::string, std::less<>> set{};
  // Of one that was read: 32 bytes of its id and of who signed it. By this it is known again, whichever proof takes it.
  std::string digest{};
};

struct BadTicket {
  std::string why;  // safe to print; never the ticket
};

// How far the clock of whoever makes tickets may be ahead of ours.
inline constexpr std::chrono::seconds ticket_clock_leeway{30};

// Signed by one of the secrets, well-formed, not over. What it is for is the caller's to compare.
Result<TicketContent, BadTicket> read_ticket(std::string_view ticket, const std::vector<Secret>& secrets,
                                             std::chrono::seconds max_age, WallTime now);

// Texts are UTF-8; what is not becomes U+FFFD. Empty ones are left out.
std::string mint_ticket(const TicketContent& content, const Secret& secret);

}  // namespace bascule::proof
