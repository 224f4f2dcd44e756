// The cookie that bascule gives after a proof, so that a page logs in once and its WebSocket is known: signed, for one
// proof, without any state here.
//
//   __Host-bascule-NAME=bc1.<base64url(JSON)>.<base64url(HMAC-SHA-256)>; Path=/; Secure; HttpOnly; SameSite=Lax
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/proof/identity.hpp"
#include "proxy/proof/secret.hpp"

namespace bascule::proof {

std::string session_cookie_name(std::string_view proof);  // "__Host-bascule-staff"

// `bond`: what the proof rests on (the hash of the password, the secret of the token); when that changes, the cookie is
// void. Empty: nothing. Only a keyed digest of it goes into the cookie.
// REQUIRES: the identity says when it expires; that is when the cookie ends.
std::string mint_session_cookie(std::string_view proof, const Identity& identity, std::string_view bond,
                                const Secret& secret);

struct BadCookie {
  std::string why;
};
struct CookieContent {
  Identity identity;  // without `by`
  std::string bond_digest;
};
// Signed by one of the secrets, for this proof, not over. Its identity has the user, the groups, the claims and the
// end.
Result<CookieContent, BadCookie> read_session_cookie(std::string_view value, std::string_view proof,
                                                     const std::vector<Secret>& secrets, WallTime now);
// Does what the proof rests on still say the same?
bool bond_holds(const CookieContent& cookie, std::string_view bond, const std::vector<Secret>& secrets);

// The values of a Set-Cookie field.
std::string set_cookie(std::string_view proof, std::string_view value, std::chrono::seconds max_age);
std::string clear_cookie(std::string_view proof);

}  // namespace bascule::proof
