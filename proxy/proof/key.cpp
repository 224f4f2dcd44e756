#include "proxy/proof/key.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/bytes.hpp"

namespace bascule::proof {
namespace {

template <auto free_it>
struct FreeBy {
  template <typename T>
  void operator()(T* it) const {
    free_it(it);
  }
};
using Number = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, FreeBy<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, FreeBy<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;
using TwoNumbers = std::unique_ptr<ECDSA_SIG, FreeBy<ECDSA_SIG_free>>;

enum class Scheme : std::uint8_t { pkcs1, pss, ecdsa, eddsa, hmac };

struct AlgorithmRow {
  Algorithm algorithm;
  std::string_view word;
  Scheme scheme;
  KeyType type;
  const EVP_MD* (*digest)();  // null: the scheme has its own
};

// RFC 7518, section 3.1; RFC 8037, section 3.1.
constexpr std::array<AlgorithmRow, 12> algorithms{{
    {Algorithm::RS256, "RS256", Scheme::pkcs1, KeyType::rsa, EVP_sha256},
    {Algorithm::RS384, "RS384", Scheme::pkcs1, KeyType::rsa, EVP_sha384},
    {Algorithm::RS512, "RS512", Scheme::pkcs1, KeyType::rsa, EVP_sha512},
    {Algorithm::PS256, "PS256", Scheme::pss, KeyType::rsa, EVP_sha256},
    {Algorithm::PS384, "PS384", Scheme::pss, KeyType::rsa, EVP_sha384},
    {Algorithm::PS512, "PS512", Scheme::pss, KeyType::rsa, EVP_sha512},
    {Algorithm::ES256, "ES256", Scheme::ecdsa, KeyType::p256, EVP_sha256},
    {Algorithm::ES384, "ES384", Scheme::ecdsa, KeyType::p384, EVP_sha384},
    {Algorithm::EdDSA, "EdDSA", Scheme::eddsa, KeyType::ed25519, nullptr},
    {Algorithm::HS256, "HS256", Scheme::hmac, KeyType::secret, EVP_sha256},
    {Algorithm::HS384, "HS384", Scheme::hmac, KeyType::secret, EVP_sha384},
    {Algorithm::HS512, "HS512", Scheme::hmac, KeyType::secret, EVP_sha512},
}};

const AlgorithmRow& row_of(Algorithm algorithm) {
  return algorithms[static_cast<std::size_t>(algorithm)];
}

constexpr int rsa_bits_min = 2048;  // RFC 7518, section 3.3
constexpr int rsa_bits_max = 8192;  // more only costs time
constexpr int exponent_bits_max = 64;

std::size_t field_bytes(KeyType curve) {
  return curve == KeyType::p256 ? 32 : 48;
}

const unsigned char* data_of(std::string_view text) {
  return bytes_of(text).data();
}

Number number_from(std::string_view big_endian) {
  return Number(BN_bin2bn(data_of(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

PublicKey key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return PublicKey(key);
}

Number number_of(const PublicKey& key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key.get(), name, &number);
  return Number(number);
}

// Empty: nothing is wrong with it.
std::string fault_of_rsa(const PublicKey& key) {
  const Number modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
  const Number exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
  if (!modulus || !exponent) { return "an RSA key without its numbers"; }
  const int bits = BN_num_bits(modulus.get());
  if (bits < rsa_bits_min) { return fmt::format("an RSA key of {} bits; at least {} are safe", bits, rsa_bits_min); }
  if (bits > rsa_bits_max) { return fmt::format("an RSA key of {} bits; at most {} are taken", bits, rsa_bits_max); }
  const bool is_exponent = BN_is_odd(exponent.get()) == 1 && BN_is_one(exponent.get()) == 0;
  if (BN_is_odd(modulus.get()) == 0 || !is_exponent) { return "an RSA key whose numbers are none of RSA"; }
  if (BN_num_bits(exponent.get()) > exponent_bits_max) {
    return fmt::format("an RSA key whose exponent has more than {} bits", exponent_bits_max);
  }
  return {};
}

// RFC 7518, section 3.4: two numbers behind each other, each as long as the field. OpenSSL wants them in DER.
std::string der_of_two_numbers(std::string_view signature, std::size_t bytes) {
  if (signature.size() != 2 * bytes) { return {}; }
  Number r = number_from(signature.substr(0, bytes));
  Number s = number_from(signature.substr(bytes));
  const TwoNumbers both(ECDSA_SIG_new());
  if (!r || !s || !both || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) { return {}; }
  static_cast<void>(r.release());  // `both` owns them now
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(both.get(), &der);
  if (size <= 0) { return {}; }
  std::string result(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return result;
}

bool set_padding(EVP_PKEY_CTX* context, const AlgorithmRow& algorithm) {
  if (algorithm.scheme == Scheme::pkcs1) { return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1; }
  // RFC 7518, section 3.5: the salt is as long as the hash, and MGF1 uses the same hash.
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, algorithm.digest()) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool signature_holds(const Key& key, const AlgorithmRow& algorithm, std::string_view text, std::string_view signature) {
  std::string der;
  if (algorithm.scheme == Scheme::ecdsa) {
    der = der_of_two_numbers(signature, field_bytes(key.type));
    if (der.empty()) { return false; }
    signature = der;
  }
  // RFC 8017, section 8.1.2; OpenSSL would take one whose leading zeros are left out.
  if (key.type == KeyType::rsa && std::cmp_not_equal(signature.size(), EVP_PKEY_get_size(key.public_key.get()))) {
    return false;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = algorithm.digest == nullptr ? nullptr : algorithm.digest();
  EVP_PKEY_CTX* settings = nullptr;  // part of the context
  if (!context || EVP_DigestVerifyInit(context.get(), &settings, digest, nullptr, key.public_key.get()) != 1) {
    return false;
  }
  if (key.type == KeyType::rsa && !set_padding(settings, algorithm)) { return false; }
  // Below 0 is an error, not a yes.
  return EVP_DigestVerify(context.get(), data_of(signature), signature.size(), data_of(text), text.size()) == 1;
}

bool hmac_holds(const Key& key, const AlgorithmRow& algorithm, std::string_view text, std::string_view signature) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  std::size_t size = 0;
  if (EVP_Q_mac(nullptr, "HMAC", nullptr, EVP_MD_get0_name(algorithm.digest()), nullptr, key.secret.data(),
                key.secret.size(), data_of(text), text.size(), mac.data(), mac.size(), &size) == nullptr) {
    return false;
  }
  return signature.size() == size && CRYPTO_memcmp(mac.data(), signature.data(), size) == 0;
}

}  // namespace

void FreeKey::operator()(EVP_PKEY* key) const {
  EVP_PKEY_free(key);
}

Key::Key(KeyType of_type, std::vector<Algorithm> for_algorithms)
    : type(of_type), algorithms(std::move(for_algorithms)) {}

Key::~Key() {
  OPENSSL_cleanse(secret.data(), secret.size());
}

OwnErrors::OwnErrors() {
  ERR_clear_error();
}

OwnErrors::~OwnErrors() {
  ERR_clear_error();
}

std::string_view word_of(Algorithm algorithm) {
  return row_of(algorithm).word;
}

std::optional<Algorithm> algorithm_called(std::string_view word) {
  const auto row = std::find_if(algorithms.begin(), algorithms.end(),
                                [word](const AlgorithmRow& each) { return each.word == word; });
  if (row == algorithms.end()) { return std::nullopt; }
  return row->algorithm;
}

bool fits(Algorithm algorithm, KeyType type) {
  return row_of(algorithm).type == type;
}

Algorithm usual(KeyType type) {
  const auto row = std::find_if(algorithms.begin(), algorithms.end(),
                                [type](const AlgorithmRow& each) { return each.type == type; });
  return row->algorithm;  // each type has some
}

std::size_t hash_bytes(Algorithm algorithm) {
  const AlgorithmRow& row = row_of(algorithm);
  return row.digest == nullptr ? 0 : static_cast<std::size_t>(EVP_MD_get_size(row.digest()));
}

std::string_view word_of(KeyType type) {
  switch (type) {
    case KeyType::rsa: return "RSA";
    case KeyType::p256: return "P-256";
    case KeyType::p384: return "P-384";
    case KeyType::ed25519: return "Ed25519";
    case KeyType::secret: return "secret";
  }
  return {};
}

Result<PublicKey, Unusable> rsa_key(std::string_view modulus, std::string_view exponent) {
  const Number n = number_from(modulus);
  const Number e = number_from(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  const bool built = n && e && builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                     OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1;
  PublicKey key = built ? key_from("RSA", builder.get()) : nullptr;
  if (!key) { return Unusable{"an RSA key whose numbers are none of RSA"}; }
  return key;
}

Result<PublicKey, Unusable> curve_key(KeyType curve, std::string_view x, std::string_view y) {
  // RFC 7518, section 6.2.1.2: as long as the field, zeros in front included.
  const std::size_t bytes = field_bytes(curve);
  if (x.size() != bytes || y.size() != bytes) {
    return Unusable{fmt::format("x and y of {} have {} bytes each", word_of(curve), bytes)};
  }
  std::string point = "\x04";  // uncompressed: SEC 1, section 2.3.3
  point.append(x).append(y);
  const std::string group(word_of(curve));
  const Builder builder(OSSL_PARAM_BLD_new());
  const bool built =
      builder && OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.c_str(), 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1;
  PublicKey key = built ? key_from("EC", builder.get()) : nullptr;  // is the point on the curve? it looks
  if (!key) { return Unusable{fmt::format("its point is not on {}", group)}; }
  return key;
}

Result<PublicKey, Unusable> ed25519_key(std::string_view x) {
  constexpr std::size_t bytes = 32;
  if (x.size() != bytes) { return Unusable{fmt::format("x of Ed25519 has {} bytes", bytes)}; }
  PublicKey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data_of(x), x.size()));
  if (!key) { return Unusable{"an Ed25519 key that OpenSSL does not take"}; }
  return key;
}

Result<KeyType, Unusable> type_of(const PublicKey& key) {
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
    std::string fault = fault_of_rsa(key);
    if (!fault.empty()) { return Unusable{std::move(fault)}; }
    return KeyType::rsa;
  }
  if (EVP_PKEY_is_a(key.get(), "ED25519") == 1) { return KeyType::ed25519; }
  if (EVP_PKEY_is_a(key.get(), "EC") != 1) {
    return Unusable{"a key of a type that is not taken; RSA, P-256, P-384 and Ed25519 are"};
  }
  std::array<char, 64> group{};
  std::size_t size = 0;
  EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &size);
  const std::string_view name(group.data(), size);
  const bool p256 = name == "prime256v1" || name == "P-256";
  if (!p256 && name != "secp384r1" && name != "P-384") {
    return Unusable{"a key on a curve that is not taken; P-256, P-384 and Ed25519 are"};
  }
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!context || EVP_PKEY_public_check(context.get()) != 1) { return Unusable{"its point is not on its curve"}; }
  return p256 ? KeyType::p256 : KeyType::p384;
}

bool verifies(const Key& key, Algorithm algorithm, std::string_view text, std::string_view signature) {
  if (std::find(key.algorithms.begin(), key.algorithms.end(), algorithm) == key.algorithms.end()) { return false; }
  const OwnErrors errors;
  const AlgorithmRow& row = row_of(algorithm);
  return row.scheme == Scheme::hmac ? hmac_holds(key, row, text, signature)
                                    : signature_holds(key, row, text, signature);
}

}  // namespace bascule::proof
