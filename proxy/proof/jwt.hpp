// JSON Web Tokens: RFC 7519 in the compact serialisation of RFC 7515, verified as RFC 8725 says. Never made here.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/base/time.hpp"
#include "proxy/proof/identity.hpp"
#include "proxy/proof/key_set.hpp"

namespace bascule::proof {

struct JwtRule {
  std::vector<std::string> issuers{};    // empty: any
  std::vector<std::string> audiences{};  // one of them is in `aud`; empty: any
  std::chrono::seconds leeway{30};       // for the clocks of others
  friend bool operator==(const JwtRule&, const JwtRule&) = default;
};

struct JwtClaims {
  Claims claims;     // flattened; `exp`, `nbf` and `iat` as they were written
  WallTime expires;  // from then on it is refused: `exp` and the leeway
};

// Why a token is none, for the log: never repeats the token. Texts from it are safe to print and short.
struct BadToken {
  std::string why;  // "expired 5 minutes ago", "signed with HS256; the keys take ES256"
};

// A key that may be there once the set is read again: the token names one that is not, and none of those that are made
// the signature. After the set was read again it only means: wrong.
struct UnknownKey {
  std::string kid;  // safe to print
};

// Refused among others: more than 8 KiB, more or fewer than three parts, `alg` none or not of the key, any `crit`,
// `b64`, duplicate members, nesting beyond 32, no `exp`, times that are no numbers, negative or in milliseconds, a type
// (`typ`) other than JWT or "...+jwt". `jku`, `jwk`, `x5u`, `x5c` are ignored. Where `audiences` is empty `aud` is too.
std::variant<JwtClaims, BadToken, UnknownKey> verify_jwt(std::string_view token, const KeySet& keys,
                                                         const JwtRule& rule, WallTime now);

inline constexpr std::size_t jwt_bytes_max = std::size_t{8} * 1024;

// An object, at most `bytes_max`, nesting at most 32, no member twice, UTF-8; flattened as Claims are: what is null,
// and lists and objects inside of a list, are left out. Empty: it is not so, or two claims would have one name ("a.b"
// and b inside of a).
std::optional<Claims> read_claims(std::string_view json, std::size_t bytes_max);

}  // namespace bascule::proof
