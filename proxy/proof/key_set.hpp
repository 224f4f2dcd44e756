// Keys that signatures are verified with: from a JWKS (RFC 7517), from PEM, or a secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/base/source.hpp"

namespace bascule::proof {

// RFC 7518, section 3.1, and RFC 8037. `none` is not among them.
enum class Algorithm : std::uint8_t {
  RS256,
  RS384,
  RS512,
  PS256,
  PS384,
  PS512,
  ES256,
  ES384,
  EdDSA,
  HS256,
  HS384,
  HS512
};
std::string_view word_of(Algorithm algorithm);
std::optional<Algorithm> algorithm_called(std::string_view word);

// One key, and the algorithms it may be used with: its type allows some, its `alg` says which of them, the rules which
// of those. The token never has a say (RFC 8725, section 3.1).
struct Key;

class KeySet {
 public:
  struct Bad {
    std::string why;  // "key 2 ('abc'): an RSA key of 1024 bits; at least 2048 are safe". Never repeats key material.
  };

  // `allowed`: those of the rules; empty: what each key's `alg` says, and without one RS256 for RSA, ES256 or ES384 by
  // its curve, EdDSA. Passed over are keys that are not for us: for encryption ("use", "key_ops"), of a `kty`, `crv` or
  // `alg` that we do not know, for algorithms that the rules do not take; no key left is an error. So is a key that is
  // wrong in itself: numbers that are none, RSA below 2048 bits, an `alg` that does not fit its `kty`, a private or a
  // secret key (kty "oct"): this is public material.
  static Result<KeySet, Bad> from_jwks(std::string_view json, const std::vector<Algorithm>& allowed);

  // "-----BEGIN PUBLIC KEY-----" or a certificate, whose dates do not matter; several may stand behind each other, and
  // what stands between them is a comment. A private key is an error, as are keys that nothing is taken from.
  static Result<KeySet, Bad> from_pem(std::string_view pem, const std::vector<Algorithm>& allowed);

  // HMAC; `allowed` empty means HS256. A secret shorter than the hash is an error (RFC 7518, section 3.2), and so is
  // one that is a PEM or a JWK: whoever knows a public key could sign with it (RFC 8725, section 2.1).
  static Result<KeySet, Bad> from_secret(std::string_view secret, const std::vector<Algorithm>& allowed);

  std::size_t size() const { return keys_.size(); }

  // Those that a signature with this algorithm and key id may have been made with. With a `kid` in both, only the equal
  // one; a key without `kid` is always tried.
  std::vector<const Key*> candidates(Algorithm algorithm, const std::string* kid) const;

  // What a signature may be made with; each once.
  std::vector<Algorithm> algorithms() const;

  // May this set, when it is read again, have a key of that name? Only one that names keys (a JWKS, or none yet), for
  // an algorithm that it takes, and where no key is called so already.
  bool may_learn(Algorithm algorithm, std::string_view kid) const;

  static constexpr std::size_t json_bytes_max = std::size_t{256} * 1024;  // of PEM as well
  static constexpr std::size_t keys_max = 100;

 private:
  std::vector<std::shared_ptr<const Key>> keys_;
  bool names_keys_ = true;
  std::vector<Algorithm> allowed_;  // of the rules
};

// True when `signature` is one of `text` by this key.
bool verifies(const Key& key, Algorithm algorithm, std::string_view text, std::string_view signature);

}  // namespace bascule::proof
