#include "proxy/proof/password.hpp"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "proxy/base/base64.hpp"
#include "proxy/base/bytes.hpp"
#include "proxy/base/text.hpp"
#include "proxy/proof/secret.hpp"

namespace bascule::proof {
namespace {

// --- what a hash costs -----------------------------------------------------------------------------------------------

// Beyond these a single attempt takes seconds or most of the memory, and the file that asks for it is a mistake.
constexpr std::uint64_t bcrypt_cost_max = 16;                                 // a few seconds
constexpr std::uint64_t sha_crypt_rounds_max = 2'000'000;                     // likewise
constexpr std::uint64_t memory_bytes_max = std::uint64_t{256} * 1024 * 1024;  // yescrypt and scrypt
constexpr std::uint64_t scrypt_passes_max = 4;                                // its `p`

// The alphabet of crypt(3), in the order of what its characters stand for.
constexpr std::string_view crypt_alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_of_crypt(std::string_view text) {
  return text.find_first_not_of(crypt_alphabet) == std::string_view::npos;
}

// What stands before the next '$', which is taken too.
std::string_view take_field(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('$'), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

// "$2y$05$" and 53 characters: 22 of the salt, 31 of the hash.
bool bcrypt_is_affordable(std::string_view rest) {
  const std::string_view digits = take_field(rest);
  const auto cost = digits.size() == 2 ? parse_decimal(digits, bcrypt_cost_max) : std::nullopt;
  return cost && *cost >= 4 && rest.size() == 53 && is_of_crypt(rest);
}

// "$6$rounds=5000$salt$hash" or without rounds.
bool sha_crypt_is_affordable(std::string_view rest, std::size_t hash_characters) {
  constexpr std::string_view rounds = "rounds=";
  if (rest.starts_with(rounds)) {
    if (!parse_decimal(take_field(rest).substr(rounds.size()), sha_crypt_rounds_max)) { return false; }
  }
  take_field(rest);  // the salt
  return rest.size() == hash_characters && is_of_crypt(rest);
}

// The number that `characters` stand for, the least significant first.
std::uint64_t crypt_number(std::string_view characters) {
  std::uint64_t value = 0;
  for (std::size_t at = characters.size(); at > 0; --at) {
    value = value << 6U | crypt_alphabet.find(characters[at - 1]);
  }
  return value;
}

// Both take 128 * N * r bytes.
bool memory_is_affordable(std::uint64_t log2_of_n, std::uint64_t r) {
  return log2_of_n < 32 && r > 0 && r <= memory_bytes_max / 128 && (r << log2_of_n) <= memory_bytes_max / 128;
}

constexpr std::size_t yescrypt_hash_characters = 43;

// "$y$j9T$salt$hash": flavour, N and r, each one character as long as nobody asks for anything outlandish.
bool yescrypt_is_affordable(std::string_view rest) {
  const std::string_view parameters = take_field(rest);
  take_field(rest);  // the salt
  if (rest.size() != yescrypt_hash_characters || !is_of_crypt(rest)) { return false; }
  if (parameters.size() != 3 || parameters.front() != 'j' || !is_of_crypt(parameters)) { return false; }
  return memory_is_affordable(crypt_number(parameters.substr(1, 1)) + 1, crypt_number(parameters.substr(2, 1)) + 1);
}

// "$7$CU..../....salt$hash": N in one character, r and p in five.
bool scrypt_is_affordable(std::string_view rest) {
  const std::string_view parameters = take_field(rest);
  if (rest.size() != yescrypt_hash_characters || !is_of_crypt(rest)) { return false; }
  if (parameters.size() < 11 || !is_of_crypt(parameters)) { return false; }
  const std::uint64_t passes = crypt_number(parameters.substr(6, 5));
  return passes > 0 && passes <= scrypt_passes_max &&
         memory_is_affordable(crypt_number(parameters.substr(0, 1)), crypt_number(parameters.substr(1, 5)));
}

// "$1$salt$hash", "$apr1$salt$hash".
bool md5_crypt_is_whole(std::string_view rest) {
  const std::string_view salt = take_field(rest);
  return salt.size() <= 8 && rest.size() == 22 && is_of_crypt(rest);
}

constexpr std::string_view sha_prefix = "{SHA}";
constexpr std::string_view apr1_prefix = "$apr1$";

struct Scheme {
  std::string_view prefix;
  HashStrength strength;
  bool (*affordable)(std::string_view rest);
};

constexpr std::array<Scheme, 11> schemes{{
    {"$2a$", HashStrength::strong, bcrypt_is_affordable},
    {"$2b$", HashStrength::strong, bcrypt_is_affordable},
    {"$2y$", HashStrength::strong, bcrypt_is_affordable},
    {"$5$", HashStrength::strong, [](std::string_view rest) { return sha_crypt_is_affordable(rest, 43); }},
    {"$6$", HashStrength::strong, [](std::string_view rest) { return sha_crypt_is_affordable(rest, 86); }},
    {"$y$", HashStrength::strong, yescrypt_is_affordable},
    {"$gy$", HashStrength::strong, yescrypt_is_affordable},
    {"$7$", HashStrength::strong, scrypt_is_affordable},
    {"$1$", HashStrength::weak, md5_crypt_is_whole},
    {apr1_prefix, HashStrength::weak, md5_crypt_is_whole},
    {sha_prefix, HashStrength::weak,
     [](std::string_view rest) {
       const auto digest = base64_decoded(rest);
       return digest && digest->size() == SHA_DIGEST_LENGTH;
     }},
}};

// --- hashing ---------------------------------------------------------------------------------------------------------

// By libcrypt. Empty where it does not know the scheme of the setting, or the password is too long for it.
std::string crypted(const std::string& password, const std::string& setting) {
  // 32 KiB, and what it holds is secret.
  struct Wiped {
    void operator()(crypt_data* data) const {
      OPENSSL_cleanse(data, sizeof *data);
      delete data;
    }
  };
  const std::unique_ptr<crypt_data, Wiped> data(new crypt_data());
  const char* const hash = crypt_r(password.c_str(), setting.c_str(), data.get());
  return hash == nullptr || hash[0] == '*' ? std::string() : std::string(hash);
}

std::string sha1_hash(std::string_view password) {
  std::string digest(SHA_DIGEST_LENGTH, '\0');
  SHA1(bytes_of(password).data(), password.size(), bytes_of(digest).data());
  return std::string(sha_prefix) + base64(digest);
}

class Md5 {
 public:
  Md5() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) != 1) {
      throw std::runtime_error("OpenSSL does not compute MD5");
    }
  }
  Md5& add(std::string_view text) {
    EVP_DigestUpdate(context_.get(), text.data(), text.size());
    return *this;
  }
  // Begins anew.
  std::string digest() {
    std::string bytes(16, '\0');
    EVP_DigestFinal_ex(context_.get(), bytes_of(bytes).data(), nullptr);
    EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr);
    return bytes;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// Three bytes of the digest become four characters, the lowest six bits first; its bytes stand in an order of their
// own.
std::string apr1_text(const std::string& digest) {
  const auto byte = [&digest](std::size_t at) { return std::uint32_t{static_cast<std::uint8_t>(digest[at])}; };
  std::string text;
  const auto append = [&text](std::uint32_t value, int characters) {
    for (; characters > 0; --characters, value >>= 6U) { text.push_back(crypt_alphabet[value & 0x3fU]); }
  };
  for (std::size_t at = 0; at < 5; ++at) {
    append(byte(at) << 16U | byte(at + 6) << 8U | byte(at == 4 ? 5 : at + 12), 4);
  }
  append(byte(11), 2);
  return text;
}

// Apache's variant of MD5-crypt: the scheme of FreeBSD's crypt with another prefix.
std::string apr1_hash(std::string_view password, std::string_view salt) {
  constexpr std::size_t digest_bytes = 16;
  constexpr int rounds = 1'000;
  Md5 md5;
  std::string digest = md5.add(password).add(salt).add(password).digest();

  md5.add(password).add(apr1_prefix).add(salt);
  for (std::size_t left = password.size(); left > 0; left -= std::min(left, digest_bytes)) {
    md5.add(std::string_view(digest).substr(0, std::min(left, digest_bytes)));
  }
  for (std::size_t bits = password.size(); bits > 0; bits >>= 1U) {
    md5.add((bits & 1U) != 0 ? std::string_view("\0", 1) : password.substr(0, 1));
  }
  digest = md5.digest();

  for (int round = 0; round < rounds; ++round) {
    const bool odd = round % 2 != 0;
    md5.add(odd ? password : std::string_view(digest));
    if (round % 3 != 0) { md5.add(salt); }
    if (round % 7 != 0) { md5.add(password); }
    digest = md5.add(odd ? std::string_view(digest) : password).digest();
  }
  return std::string(apr1_prefix).append(salt).append("$").append(apr1_text(digest));
}

std::string hashed_like(std::string_view password, std::string_view hash) {
  if (hash.starts_with(sha_prefix)) { return sha1_hash(password); }
  if (hash.starts_with(apr1_prefix)) {
    std::string_view rest = hash.substr(apr1_prefix.size());
    return apr1_hash(password, take_field(rest));
  }
  std::string terminated(password);
  std::string result = crypted(terminated, std::string(hash));
  wipe(terminated);
  return result;
}

}  // namespace

bool password_matches(std::string_view password, std::string_view hash) {
  if (strength_of(hash) == HashStrength::refused) { return false; }
  const std::string computed = hashed_like(password, hash);
  const bool same = same_secret(computed, hash);
  // crypt reads up to a NUL, and would let in whoever knows what stands before it.
  const bool readable = password.find('\0') == std::string_view::npos;
  return same && readable;
}

HashStrength strength_of(std::string_view hash) {
  if (hash.find('\0') != std::string_view::npos) { return HashStrength::refused; }
  for (const Scheme& scheme : schemes) {
    if (!hash.starts_with(scheme.prefix)) { continue; }
    return scheme.affordable(hash.substr(scheme.prefix.size())) ? scheme.strength : HashStrength::refused;
  }
  return HashStrength::refused;
}

std::string password_hash(std::string_view password, HashKind kind) {
  if (password.find('\0') != std::string_view::npos) { throw std::invalid_argument("a password with a NUL in it"); }
  constexpr std::size_t bcrypt_bytes_max = 72;  // what is behind them does not count
  if (kind == HashKind::bcrypt && password.size() > bcrypt_bytes_max) {
    throw std::invalid_argument("bcrypt looks at the first 72 bytes of a password only; take another kind of hash");
  }
  // Some 20 to 80 ms each, on a machine of 2026. libcrypt's own default is enough for yescrypt only: it would give
  // bcrypt a cost of 5, which is 2 ms.
  const char* prefix = "$y$";
  unsigned long cost = 0;  // libcrypt's own
  if (kind == HashKind::bcrypt) {
    prefix = "$2b$";
    cost = 10;
  } else if (kind == HashKind::sha512) {
    prefix = "$6$";
    cost = 100'000;
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  // Without bytes of ours it takes some from the system.
  if (crypt_gensalt_rn(prefix, cost, nullptr, 0, setting.data(), static_cast<int>(setting.size())) == nullptr) {
    throw std::runtime_error("libcrypt makes no salt for this kind of hash");
  }
  std::string terminated(password);
  std::string hash = crypted(terminated, setting.data());
  wipe(terminated);
  if (hash.empty()) { throw std::runtime_error("libcrypt cannot hash this password; it may have at most 511 bytes"); }
  return hash;
}

}  // namespace bascule::proof
