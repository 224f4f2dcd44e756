// One key, as OpenSSL holds it, and which algorithms fit it. For key_set.cpp; everybody else has a KeySet.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/proof/key_set.hpp"

namespace bascule::proof {

enum class KeyType : std::uint8_t { rsa, p256, p384, ed25519, secret };

struct FreeKey {
  void operator()(EVP_PKEY* key) const;
};
using PublicKey = std::unique_ptr<EVP_PKEY, FreeKey>;

struct Key {
  KeyType type;
  std::vector<Algorithm> algorithms;  // never empty, and each fits the type
  std::optional<std::string> kid{};
  PublicKey public_key{};  // null: a secret
  std::string secret{};

  Key(KeyType of_type, std::vector<Algorithm> for_algorithms);
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key();  // wipes the secret
};

// May a key of this type be used with it at all? RFC 7518, section 3.1; RFC 8037, section 3.1.
bool fits(Algorithm algorithm, KeyType type);
// What is taken where neither key nor rules say.
Algorithm usual(KeyType type);
// Of its hash; 0 for EdDSA.
std::size_t hash_bytes(Algorithm algorithm);
std::string_view word_of(KeyType type);  // "RSA", "P-256"

// Why a key cannot be used, without repeating any of it.
struct Unusable {
  std::string why;
};

// From the numbers of a JWK, big-endian. On a curve both are as long as its field.
Result<PublicKey, Unusable> rsa_key(std::string_view modulus, std::string_view exponent);
Result<PublicKey, Unusable> curve_key(KeyType curve, std::string_view x, std::string_view y);
Result<PublicKey, Unusable> ed25519_key(std::string_view x);

// Of what kind it is; that it is safe and makes sense is looked at as well.
Result<KeyType, Unusable> type_of(const PublicKey& key);

// OpenSSL keeps a queue of errors for each thread. Ours must not begin with those of others, nor others' with ours.
class OwnErrors {
 public:
  OwnErrors();
  ~OwnErrors();
  OwnErrors(const OwnErrors&) = delete;
  OwnErrors& operator=(const OwnErrors&) = delete;
};

}  // namespace bascule::proof
