#include "proxy/proof/secret.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "proxy/base/bytes.hpp"

namespace bascule::proof {
namespace {

constexpr std::size_t sha256_bytes = 32;
constexpr std::size_t entropy_bytes_max = 256;  // that getentropy(3) gives at a time

}  // namespace

Secret::Secret(std::string bytes, std::string source) : bytes_(std::move(bytes)), source_(std::move(source)) {}

// A short text lives inside the string, where moving copies it: the old one is wiped too.
Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), source_(std::move(other.source_)) {
  wipe(other.bytes_);
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) { *this = Secret(other); }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) { return *this; }
  wipe(bytes_);
  bytes_ = std::move(other.bytes_);
  source_ = std::move(other.source_);
  wipe(other.bytes_);
  return *this;
}

Secret::~Secret() {
  wipe(bytes_);
}

bool operator==(const Secret& a, const Secret& b) {
  return same_secret(a.bytes_, b.bytes_);
}

bool same_secret(std::string_view a, std::string_view b) {
  const std::string digest_a = sha256(a);
  const std::string digest_b = sha256(b);
  return CRYPTO_memcmp(digest_a.data(), digest_b.data(), sha256_bytes) == 0;
}

std::string sha256(std::string_view text) {
  std::string digest(sha256_bytes, '\0');
  const int done =
      EVP_Digest(text.data(), text.size(), bytes_of(digest).data(), nullptr, EVP_sha256(), /*engine=*/nullptr);
  if (done != 1) { throw std::runtime_error("OpenSSL does not compute SHA-256"); }
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  if (key.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::length_error("a key for HMAC is too long");
  }
  std::string code(sha256_bytes, '\0');
  // OpenSSL takes a null key for "the one from before", and an empty view may be null.
  const char* const key_data = key.empty() ? "" : key.data();
  const unsigned char* const done = HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()), bytes_of(text).data(),
                                         text.size(), bytes_of(code).data(), nullptr);
  if (done == nullptr) { throw std::runtime_error("OpenSSL does not compute HMAC-SHA-256"); }
  return code;
}

bool is_signed_by_one_of(const std::vector<Secret>& secrets, std::string_view text, std::string_view code) {
  bool any = false;
  for (const Secret& secret : secrets) {
    const bool same = same_secret(hmac_sha256(secret.bytes(), text), code);
    any = any || same;
  }
  return any;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t at = 0; at < count; at += entropy_bytes_max) {
    if (::getentropy(bytes.data() + at, std::min(count - at, entropy_bytes_max)) != 0) {
      throw std::runtime_error("the system gives no random bytes");
    }
  }
  return bytes;
}

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace bascule::proof
