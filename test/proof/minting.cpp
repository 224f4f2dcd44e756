#include "test/proof/minting.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "proxy/base/base64.hpp"
#include "proxy/base/bytes.hpp"

namespace bascule::proof::test {
namespace {

template <auto free_it>
struct FreeBy {
  template <typename T>
  void operator()(T* it) const {
    free_it(it);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using Number = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using Memory = std::unique_ptr<BIO, FreeBy<BIO_free>>;

void must(bool worked) {
  if (!worked) { throw std::runtime_error("OpenSSL does not do what the test needs"); }
}

bool is_rsa(Algorithm algorithm) {
  return word_of(algorithm)[0] == 'R' || word_of(algorithm)[0] == 'P';
}
bool is_hmac(Algorithm algorithm) {
  return word_of(algorithm)[0] == 'H';
}

PrivateKey new_key(Algorithm algorithm) {
  if (is_rsa(algorithm)) { return PrivateKey(EVP_RSA_gen(2048)); }
  if (algorithm == Algorithm::ES256) { return PrivateKey(EVP_EC_gen("P-256")); }
  if (algorithm == Algorithm::ES384) { return PrivateKey(EVP_EC_gen("P-384")); }
  return PrivateKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

// Made when it is first asked for; the algorithms of RSA share one.
EVP_PKEY* key_of(Algorithm algorithm, Pair pair) {
  static std::array<std::array<PrivateKey, 12>, 2> keys;
  const Algorithm of_type = is_rsa(algorithm) ? Algorithm::RS256 : algorithm;
  PrivateKey& key = keys[static_cast<std::size_t>(pair)][static_cast<std::size_t>(of_type)];
  if (!key) { key = new_key(of_type); }
  must(key != nullptr);
  return key.get();
}

const EVP_MD* digest_of(Algorithm algorithm) {
  const std::string_view word = word_of(algorithm);
  if (word.ends_with("256")) { return EVP_sha256(); }
  if (word.ends_with("384")) { return EVP_sha384(); }
  return word.ends_with("512") ? EVP_sha512() : nullptr;
}

std::string number_in(EVP_PKEY* key, const char* name, int bytes) {
  BIGNUM* read = nullptr;
  must(EVP_PKEY_get_bn_param(key, name, &read) == 1);
  const Number number(read);
  std::string big_endian(static_cast<std::size_t>(bytes > 0 ? bytes : BN_num_bytes(number.get())), '\0');
  must(BN_bn2binpad(number.get(), bytes_of(big_endian).data(), static_cast<int>(big_endian.size())) > 0);
  return base64url(big_endian);
}

std::string rsa_numbers(EVP_PKEY* key, std::string_view more) {
  return fmt::format(R"({{"kty":"RSA","n":"{}","e":"{}"{}}})", number_in(key, OSSL_PKEY_PARAM_RSA_N, 0),
                     number_in(key, OSSL_PKEY_PARAM_RSA_E, 0), more);
}

template <typename Write>
std::string written(Write write) {
  const Memory memory(BIO_new(BIO_s_mem()));
  must(write(memory.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

// RFC 7518, section 3.4: OpenSSL's DER as two numbers behind each other.
std::string two_numbers(std::string_view der, int bytes) {
  const unsigned char* data = bytes_of(der).data();
  const std::unique_ptr<ECDSA_SIG, FreeBy<ECDSA_SIG_free>> both(
      d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  must(both != nullptr);
  std::string numbers(2 * static_cast<std::size_t>(bytes), '\0');
  must(BN_bn2binpad(ECDSA_SIG_get0_r(both.get()), bytes_of(numbers).data(), bytes) == bytes);
  must(BN_bn2binpad(ECDSA_SIG_get0_s(both.get()), bytes_of(numbers).data() + bytes, bytes) == bytes);
  return numbers;
}

}  // namespace

std::string jwk(Algorithm algorithm, Pair pair, std::string_view more) {
  EVP_PKEY* key = key_of(algorithm, pair);
  if (is_rsa(algorithm)) { return rsa_numbers(key, more); }
  if (algorithm == Algorithm::EdDSA) {
    std::string x(32, '\0');
    std::size_t size = x.size();
    must(EVP_PKEY_get_raw_public_key(key, bytes_of(x).data(), &size) == 1);
    return fmt::format(R"({{"kty":"OKP","crv":"Ed25519","x":"{}"{}}})", base64url(x), more);
  }
  const int bytes = algorithm == Algorithm::ES256 ? 32 : 48;
  return fmt::format(R"({{"kty":"EC","crv":"P-{}","x":"{}","y":"{}"{}}})", bytes * 8,
                     number_in(key, OSSL_PKEY_PARAM_EC_PUB_X, bytes), number_in(key, OSSL_PKEY_PARAM_EC_PUB_Y, bytes),
                     more);
}

std::string pem(Algorithm algorithm, Pair pair) {
  return written([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key_of(algorithm, pair)); });
}

std::string private_pem(Algorithm algorithm, Pair pair) {
  return written([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key_of(algorithm, pair), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string certificate(Algorithm algorithm, Pair pair) {
  EVP_PKEY* key = key_of(algorithm, pair);
  const std::unique_ptr<X509, FreeBy<X509_free>> x509(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), -3600);
  must(X509_set_pubkey(x509.get(), key) == 1);
  must(X509_sign(x509.get(), key, digest_of(algorithm)) > 0);
  return written([&](BIO* out) { return PEM_write_bio_X509(out, x509.get()); });
}

std::string rsa_jwk(int bits, std::string_view more) {
  const PrivateKey key(EVP_RSA_gen(static_cast<unsigned>(bits)));
  must(key != nullptr);
  return rsa_numbers(key.get(), more);
}

std::string pem_of_curve(const char* group) {
  const PrivateKey key(EVP_EC_gen(group));
  must(key != nullptr);
  return written([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key.get()); });
}

const std::string& secret(Pair pair) {
  static const std::array<std::string, 2> secrets{std::string(64, 'a'), std::string(64, 'b')};
  return secrets[static_cast<std::size_t>(pair)];
}

std::string jwks(const std::vector<std::string>& keys) {
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(keys, ","));
}

KeySet key_set(Algorithm algorithm, Pair pair) {
  auto set = is_hmac(algorithm) ? KeySet::from_secret(secret(pair), {algorithm})
                                : KeySet::from_jwks(jwks({jwk(algorithm, pair)}), {algorithm});
  if (!set) { throw std::runtime_error(set.error().why); }
  return *set;
}

std::string hmac(Algorithm algorithm, std::string_view key, std::string_view text) {
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  std::size_t size = 0;
  must(EVP_Q_mac(nullptr, "HMAC", nullptr, EVP_MD_get0_name(digest_of(algorithm)), nullptr, key.data(), key.size(),
                 bytes_of(text).data(), text.size(), bytes_of(mac).data(), mac.size(), &size) != nullptr);
  mac.resize(size);
  return mac;
}

std::string signature(Algorithm algorithm, Pair pair, std::string_view text) {
  if (is_hmac(algorithm)) { return hmac(algorithm, secret(pair), text); }
  const std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  must(EVP_DigestSignInit(context.get(), &settings, digest_of(algorithm), nullptr, key_of(algorithm, pair)) == 1);
  if (word_of(algorithm)[0] == 'P') {
    must(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1);
    must(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  std::string made(1024, '\0');
  std::size_t size = made.size();
  must(EVP_DigestSign(context.get(), bytes_of(made).data(), &size, bytes_of(text).data(), text.size()) == 1);
  made.resize(size);
  if (algorithm == Algorithm::ES256) { return two_numbers(made, 32); }
  return algorithm == Algorithm::ES384 ? two_numbers(made, 48) : made;
}

std::string token(Algorithm algorithm, Pair pair, std::string_view header, std::string_view payload) {
  const std::string text = fmt::format("{}.{}", base64url(header), base64url(payload));
  return fmt::format("{}.{}", text, base64url(signature(algorithm, pair, text)));
}

std::string token(Algorithm algorithm, Pair pair, std::string_view payload) {
  return token(algorithm, pair, fmt::format(R"({{"alg":"{}","typ":"JWT"}})", word_of(algorithm)), payload);
}

}  // namespace bascule::proof::test
