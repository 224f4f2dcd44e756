// Keys made for one run, and tokens signed with them: what bascule itself never does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/proof/key_set.hpp"

namespace bascule::proof::test {

inline const std::vector<Algorithm> every_algorithm{
    Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512,
    Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::HS256, Algorithm::HS384, Algorithm::HS512};

enum class Pair { first, second };  // two keys of each type, so that one can be the wrong one

// What a portal publishes of its key: {"kty":"RSA","n":"...","e":"..."}; `more`: members to add, ',"kid":"a"'.
std::string jwk(Algorithm algorithm, Pair pair, std::string_view more = {});
std::string pem(Algorithm algorithm, Pair pair);          // "-----BEGIN PUBLIC KEY-----"
std::string certificate(Algorithm algorithm, Pair pair);  // of that key, signed by itself, and long over
std::string private_pem(Algorithm algorithm, Pair pair);
std::string rsa_jwk(int bits, std::string_view more = {});  // of a key made for it
std::string pem_of_curve(const char* group);                // likewise
const std::string& secret(Pair pair);                       // 64 bytes

std::string jwks(const std::vector<std::string>& keys);

// For this algorithm only, whatever the type of the key allows besides.
KeySet key_set(Algorithm algorithm, Pair pair);

std::string signature(Algorithm algorithm, Pair pair, std::string_view text);
std::string hmac(Algorithm algorithm, std::string_view key, std::string_view text);

// "header.payload.signature". Header and payload are JSON.
std::string token(Algorithm algorithm, Pair pair, std::string_view header, std::string_view payload);
// With {"alg":...,"typ":"JWT"} as its header.
std::string token(Algorithm algorithm, Pair pair, std::string_view payload);

}  // namespace bascule::proof::test
