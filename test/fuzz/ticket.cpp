// Tickets and session cookies: what strangers send never passes, and what we would have signed is read without harm and
// says the same when it is minted and read again.
#include "proxy/proof/ticket.hpp"

#include <string>
#include <vector>

#include "proxy/base/base64.hpp"
#include "proxy/proof/session_cookie.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using namespace std::chrono_literals;

const std::vector<proof::Secret> secrets{{"new secret", ""}, {"old secret", ""}};
const WallTime now{1'800'000'000s};
constexpr std::chrono::seconds max_age = 1h;

std::string signed_text(std::string_view prefix, std::string_view text) {
  const std::string body = std::string(prefix) + base64url(text);
  return body + "." + base64url(proof::hmac_sha256(secrets.back().bytes(), body));
}

void check_stranger(std::string_view text) {
  const auto ticket = proof::read_ticket(text, secrets, max_age, now);
  require(!ticket, "who does not know the secret makes no ticket");
  require_printable(ticket.error().why, "a reason is safe to print");
  const auto cookie = proof::read_session_cookie(text, "staff", secrets, now);
  require(!cookie, "nor a session cookie");
}

void check_ticket(std::string_view json) {
  const auto ticket = proof::read_ticket(signed_text("bt1.", json), secrets, max_age, now);
  if (!ticket) {
    require_printable(ticket.error().why, "a reason is safe to print");
    return;
  }
  require(!ticket->route.empty() && ticket->expires > now, "a ticket has a route and an end");
  require(ticket->id.empty() || (ticket->id.size() >= 8 && ticket->id.size() <= 64), "and an id of some length");
  const auto again = proof::read_ticket(proof::mint_ticket(*ticket, secrets.front()), secrets, max_age, now);
  require(again.ok(), "what was read can be minted");
  require(again->route == ticket->route && again->expires == ticket->expires && again->id == ticket->id &&
              again->user == ticket->user && again->groups == ticket->groups && again->address == ticket->address &&
              again->set == ticket->set,
          "and says the same");
}

void check_cookie(std::string_view json) {
  const auto cookie = proof::read_session_cookie(signed_text("bc1.", json), "staff", secrets, now);
  if (!cookie) { return; }
  const std::string minted = proof::mint_session_cookie("staff", cookie->identity, "bond", secrets.front());
  const auto again = proof::read_session_cookie(minted, "staff", secrets, now);
  if (!again) { return; }  // what was read in another notation may be longer than a cookie
  require(again->identity.user == cookie->identity.user && again->identity.groups == cookie->identity.groups &&
              again->identity.claims == cookie->identity.claims,
          "a cookie says the same again");
  require(proof::bond_holds(*again, "bond", secrets), "and rests on its bond");
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = bascule::text_of(bascule::Bytes(data, size));
  bascule::fuzz::check_stranger(text);
  bascule::fuzz::check_ticket(text);
  bascule::fuzz::check_cookie(text);
  return 0;
}
