// Hashes of passwords: bcrypt, SHA-crypt, yescrypt and their kin by libcrypt; apr1 and {SHA} of htpasswd by our own
// code. Slow, as they are meant to be: never to be called on a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule::proof {

// Compares in constant time. False also for a hash that is refused, a password with a NUL in it, or one of more than
// 511 bytes where libcrypt is asked. (bcrypt itself looks at no more than the first 72 bytes.)
bool password_matches(std::string_view password, std::string_view hash);

enum class HashStrength : std::uint8_t {
  strong,
  weak,     // apr1, {SHA}, MD5-crypt: taken, with a warning
  refused,  // unknown, or no protection: DES, plain text, a hash that would take minutes or gigabytes, half a hash
};
HashStrength strength_of(std::string_view hash);

enum class HashKind : std::uint8_t { yescrypt, bcrypt, sha512 };

// A new hash with salt from the system's generator, at a cost of today. Throws for a password that cannot be
// hashed as a whole: with a NUL in it, or of more than 511 bytes (72 for bcrypt).
std::string password_hash(std::string_view password, HashKind kind);

}  // namespace bascule::proof
