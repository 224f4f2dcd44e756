#include "proxy/proof/key_set.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "proxy/base/base64.hpp"
#include "proxy/base/text.hpp"
#include "proxy/proof/json.hpp"
#include "proxy/proof/key.hpp"

namespace bascule::proof {
namespace {

using Keys = std::vector<std::shared_ptr<const Key>>;
using Algorithms = std::vector<Algorithm>;

bool contains(const Algorithms& algorithms, Algorithm algorithm) {
  return std::find(algorithms.begin(), algorithms.end(), algorithm) != algorithms.end();
}

// Those of the rules that fit the key's type; the usual one where the rules do not say.
Algorithms taken_for(KeyType type, const Algorithms& allowed) {
  if (allowed.empty()) { return {usual(type)}; }
  Algorithms taken;
  for (const Algorithm algorithm : allowed) {
    if (fits(algorithm, type) && !contains(taken, algorithm)) { taken.push_back(algorithm); }
  }
  return taken;
}

// A key that is none of ours, with the reason.
struct PassedOver {
  std::string why;
};

// --- JWK: RFC 7517, section 4 ---

// A member that is bytes. Empty: there is none, or it is no base64url.
std::string bytes_in(const Json& jwk, std::string_view name) {
  const Json* member = jwk.find(name);
  if (member == nullptr || !member->is(Json::Kind::text)) { return {}; }
  return base64url_decoded(member->text).value_or("");
}

// A member that is a text, where there is one.
Result<std::optional<std::string>, Unusable> text_in(const Json& jwk, std::string_view name) {
  const Json* member = jwk.find(name);
  if (member == nullptr) { return std::optional<std::string>(); }
  if (!member->is(Json::Kind::text)) { return Unusable{fmt::format("'{}' is no text", name)}; }
  return std::optional(member->text);
}

// Is the key for signatures? RFC 7517, sections 4.2 and 4.3: without either member it is for anything.
bool is_for_signatures(const Json& jwk) {
  const Json* use = jwk.find("use");
  if (use != nullptr && use->text != "sig") { return false; }
  const Json* operations = jwk.find("key_ops");
  if (operations == nullptr) { return true; }
  return std::any_of(operations->items.begin(), operations->items.end(),
                     [](const Json& each) { return each.text == "verify"; });
}

// The type that a JWK says it has. Empty: one that we do not know.
std::optional<KeyType> type_said(const Json& jwk) {
  const auto text = [&jwk](std::string_view name) {
    const Json* member = jwk.find(name);
    return member == nullptr ? std::string_view() : std::string_view(member->text);
  };
  if (text("kty") == "RSA") { return KeyType::rsa; }
  if (text("kty") == "EC" && text("crv") == "P-256") { return KeyType::p256; }
  if (text("kty") == "EC" && text("crv") == "P-384") { return KeyType::p384; }
  if (text("kty") == "OKP" && text("crv") == "Ed25519") { return KeyType::ed25519; }
  return std::nullopt;
}

// What the key itself says of its algorithm, and then what the rules say.
std::variant<Algorithms, PassedOver, Unusable> algorithms_of(const Json& jwk, KeyType type, const Algorithms& allowed) {
  const auto alg = text_in(jwk, "alg");
  if (!alg) { return alg.error(); }
  if (!*alg) {
    Algorithms taken = taken_for(type, allowed);
    if (taken.empty()) { return PassedOver{fmt::format("of type {}", word_of(type))}; }
    return taken;
  }
  const auto known = algorithm_called(**alg);
  if (!known) { return PassedOver{fmt::format("for '{}'", shown(**alg, 20))}; }
  if (!fits(*known, type)) { return Unusable{fmt::format("'alg' is {}, but its type is {}", **alg, word_of(type))}; }
  if (!allowed.empty() && !contains(allowed, *known)) { return PassedOver{fmt::format("for {}", **alg)}; }
  return Algorithms{*known};
}

Result<PublicKey, Unusable> public_key_of(const Json& jwk, KeyType type) {
  if (type == KeyType::rsa) { return rsa_key(bytes_in(jwk, "n"), bytes_in(jwk, "e")); }
  if (type == KeyType::ed25519) { return ed25519_key(bytes_in(jwk, "x")); }
  return curve_key(type, bytes_in(jwk, "x"), bytes_in(jwk, "y"));
}

// What none of them may be, whatever it is for: empty where it is not.
std::string fault_of(const Json& jwk) {
  if (!jwk.is(Json::Kind::object)) { return "it is no object"; }
  for (const std::string_view name : {"kty", "crv", "kid"}) {
    const auto text = text_in(jwk, name);
    if (!text) { return text.error().why; }
  }
  const Json* kty = jwk.find("kty");
  if (kty == nullptr) { return "it has no 'kty'"; }
  if (kty->text == "oct") { return "a secret key; a key set is public, so name the secret itself as the key"; }
  if (jwk.find("d") != nullptr) { return "a private key; whoever reads it can sign, so keep the public one"; }
  return {};
}

using ReadJwk = std::variant<std::shared_ptr<const Key>, PassedOver, Unusable>;

ReadJwk read_jwk(const Json& jwk, const Algorithms& allowed) {
  std::string fault = fault_of(jwk);
  if (!fault.empty()) { return Unusable{std::move(fault)}; }
  if (!is_for_signatures(jwk)) { return PassedOver{"not for signatures"}; }
  const auto said = type_said(jwk);
  if (!said) {
    const Json* curve = jwk.find("crv");
    return PassedOver{fmt::format("of type '{}'", shown((curve == nullptr ? jwk.find("kty") : curve)->text, 20))};
  }
  auto algorithms = algorithms_of(jwk, *said, allowed);
  if (auto* passed = std::get_if<PassedOver>(&algorithms)) { return std::move(*passed); }
  if (auto* bad = std::get_if<Unusable>(&algorithms)) { return std::move(*bad); }
  auto public_key = public_key_of(jwk, *said);
  if (!public_key) { return std::move(public_key.error()); }
  const auto type = type_of(*public_key);
  if (!type) { return type.error(); }
  auto key = std::make_shared<Key>(*type, std::move(std::get<Algorithms>(algorithms)));
  if (const Json* kid = jwk.find("kid")) { key->kid = kid->text; }
  key->public_key = std::move(*public_key);
  return key;
}

// "key 2 ('abc')"
std::string name_of(std::size_t index, const Json& jwk) {
  const Json* kid = jwk.find("kid");
  if (kid == nullptr || !kid->is(Json::Kind::text)) { return fmt::format("key {}", index + 1); }
  return fmt::format("key {} ('{}')", index + 1, shown(kid->text, 60));
}

// --- PEM: RFC 7468 ---

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

// What OpenSSL allocates for one block.
struct PemBlock {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;

  PemBlock() = default;
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;
  ~PemBlock() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));  // it may turn out to be a private key
  }
};

PublicKey key_in_certificate(const unsigned char* der, long size) {
  X509* certificate = d2i_X509(nullptr, &der, size);
  if (certificate == nullptr) { return nullptr; }
  PublicKey key(X509_get_pubkey(certificate));
  X509_free(certificate);
  return key;
}

Result<PublicKey, Unusable> read_block(const PemBlock& block) {
  const std::string_view name = block.name;
  if (name.ends_with("PRIVATE KEY")) {
    return Unusable{"a private key; whoever reads it can sign, so keep the public one"};
  }
  const unsigned char* der = block.data;
  PublicKey key;
  if (name == "PUBLIC KEY") {
    key.reset(d2i_PUBKEY(nullptr, &der, block.size));
  } else if (name == "RSA PUBLIC KEY") {
    key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &der, block.size));
  } else if (name == "CERTIFICATE") {
    key = key_in_certificate(der, block.size);
  } else {
    return Unusable{fmt::format("'{}' is neither a public key nor a certificate", shown(name, 40))};
  }
  if (!key) { return Unusable{fmt::format("a {} that cannot be read", lowered(name))}; }
  return key;
}

Result<std::shared_ptr<const Key>, Unusable> read_pem_key(const PemBlock& block, const Algorithms& allowed) {
  auto public_key = read_block(block);
  if (!public_key) { return std::move(public_key.error()); }
  const auto type = type_of(*public_key);
  if (!type) { return type.error(); }
  Algorithms algorithms = taken_for(*type, allowed);
  if (algorithms.empty()) { return Unusable{fmt::format("of type {}: none of the algorithms fits", word_of(*type))}; }
  auto key = std::make_shared<Key>(*type, std::move(algorithms));
  key->public_key = std::move(*public_key);
  return std::shared_ptr<const Key>(std::move(key));
}

// Something that is no secret, though a rules file may well name it as one by mistake.
bool is_public_material(std::string_view text) {
  if (text.find("-----BEGIN ") != std::string_view::npos) { return true; }
  const auto json = read_json(text, KeySet::json_bytes_max);
  return json && (json->find("kty") != nullptr || json->find("keys") != nullptr);
}

}  // namespace

Result<KeySet, KeySet::Bad> KeySet::from_jwks(std::string_view json, const std::vector<Algorithm>& allowed) {
  if (json.size() > json_bytes_max) { return Bad{fmt::format("a key set of more than {} bytes", json_bytes_max)}; }
  const auto whole = read_json(json, json_bytes_max);
  if (!whole) { return Bad{"no JSON, or JSON with a member twice, or nested too deeply"}; }
  const Json* list = whole->find("keys");
  if (list == nullptr || !list->is(Json::Kind::list)) { return Bad{"no key set: it has no list 'keys'"}; }
  if (list->items.size() > keys_max) { return Bad{fmt::format("more than {} keys", keys_max)}; }

  const OwnErrors errors;
  KeySet set;
  set.allowed_ = allowed;
  std::string passed_over;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Json& jwk = list->items[i];
    ReadJwk read = read_jwk(jwk, allowed);
    if (const auto* bad = std::get_if<Unusable>(&read)) {
      return Bad{fmt::format("{}: {}", name_of(i, jwk), bad->why)};
    }
    if (const auto* passed = std::get_if<PassedOver>(&read)) {
      if (passed_over.empty()) { passed_over = fmt::format(": {} is {}", name_of(i, jwk), passed->why); }
      continue;
    }
    set.keys_.push_back(std::move(std::get<std::shared_ptr<const Key>>(read)));
  }
  if (set.keys_.empty()) { return Bad{fmt::format("no key in it is of use{}", passed_over)}; }
  return set;
}

Result<KeySet, KeySet::Bad> KeySet::from_pem(std::string_view pem, const std::vector<Algorithm>& allowed) {
  if (pem.size() > json_bytes_max) { return Bad{fmt::format("a PEM of more than {} bytes", json_bytes_max)}; }
  if (pem.empty()) { return Bad{"it is empty"}; }
  const OwnErrors errors;
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) { return Bad{"out of memory"}; }
  KeySet set;
  set.names_keys_ = false;
  while (true) {
    PemBlock block;
    if (PEM_read_bio(bio.get(), &block.name, &block.header, &block.data, &block.size) != 1) { break; }
    if (set.keys_.size() == keys_max) { return Bad{fmt::format("more than {} keys", keys_max)}; }
    auto key = read_pem_key(block, allowed);
    if (!key) { return Bad{fmt::format("key {}: {}", set.keys_.size() + 1, key.error().why)}; }
    set.keys_.push_back(std::move(*key));
  }
  // It ends where no other block begins; any other reason is a block that is broken.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return Bad{fmt::format("key {}: a PEM block that cannot be read", set.keys_.size() + 1)};
  }
  if (set.keys_.empty()) { return Bad{"no PEM: nothing begins with '-----BEGIN'"}; }
  return set;
}

Result<KeySet, KeySet::Bad> KeySet::from_secret(std::string_view secret, const std::vector<Algorithm>& allowed) {
  Algorithms algorithms = taken_for(KeyType::secret, allowed);
  if (algorithms.empty()) {
    return Bad{"a secret is for HS256, HS384 and HS512; none of them is among the algorithms"};
  }
  if (is_public_material(secret)) { return Bad{"a PEM or a JWK is no secret: name it as the key itself"}; }
  for (const Algorithm algorithm : algorithms) {
    if (secret.size() < hash_bytes(algorithm)) {
      return Bad{fmt::format("a secret of {} bytes; {} needs at least {}", secret.size(), word_of(algorithm),
                             hash_bytes(algorithm))};
    }
  }
  auto key = std::make_shared<Key>(KeyType::secret, std::move(algorithms));
  key->secret = secret;
  KeySet set;
  set.names_keys_ = false;
  set.keys_.push_back(std::move(key));
  return set;
}

std::vector<const Key*> KeySet::candidates(Algorithm algorithm, const std::string* kid) const {
  std::vector<const Key*> found;
  for (const auto& key : keys_) {
    const bool may_be = kid == nullptr || !key->kid || *key->kid == *kid;
    if (may_be && contains(key->algorithms, algorithm)) { found.push_back(key.get()); }
  }
  return found;
}

std::vector<Algorithm> KeySet::algorithms() const {
  Algorithms all;
  for (const auto& key : keys_) {
    for (const Algorithm algorithm : key->algorithms) {
      if (!contains(all, algorithm)) { all.push_back(algorithm); }
    }
  }
  return all;
}

bool KeySet::may_learn(Algorithm algorithm, std::string_view kid) const {
  if (!names_keys_ || fits(algorithm, KeyType::secret)) { return false; }
  if (!allowed_.empty() && !contains(allowed_, algorithm)) { return false; }
  return std::none_of(keys_.begin(), keys_.end(), [kid](const auto& key) { return key->kid == kid; });
}

}  // namespace bascule::proof
