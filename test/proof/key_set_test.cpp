#include "proxy/proof/key_set.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <string>
#include <vector>

#include "proxy/base/base64.hpp"
#include "test/proof/minting.hpp"

namespace bascule::proof {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using enum Algorithm;
using enum Pair;

std::string why_not(const Result<KeySet, KeySet::Bad>& result) {
  return result ? fmt::format("{} keys", result->size()) : result.error().why;
}

std::string wrong_with(const std::string& jwk, const std::vector<Algorithm>& allowed = {}) {
  return why_not(KeySet::from_jwks(jwks({jwk}), allowed));
}

// Does any key of the set that takes the algorithm say so?
bool holds(const KeySet& set, Algorithm algorithm, std::string_view text, std::string_view signature) {
  for (const Key* key : set.candidates(algorithm, nullptr)) {
    if (verifies(*key, algorithm, text, signature)) { return true; }
  }
  return false;
}

// A JWS whose payload is no JSON.
bool holds(const KeySet& set, Algorithm algorithm, const std::string& jws) {
  const std::size_t dot = jws.rfind('.');
  return holds(set, algorithm, std::string_view(jws).substr(0, dot), base64url_decoded(jws.substr(dot + 1)).value());
}

TEST(Algorithm, IsCalledByTheWordOfItsRfc) {
  for (const Algorithm algorithm : every_algorithm) {
    EXPECT_EQ(algorithm_called(word_of(algorithm)), algorithm) << word_of(algorithm);
  }
  for (const std::string_view word :
       {"none", "None", "", "hs256", "RS256 ", "ES512", "ES256K", "RSA-OAEP", "Ed25519"}) {
    EXPECT_FALSE(algorithm_called(word)) << word;
  }
}

// RFC 8037, appendices A.4 and A.5.
TEST(KeySet, VerifiesTheEd25519ExampleOfItsRfc) {
  const auto set = KeySet::from_jwks(
      R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})", {});
  ASSERT_TRUE(set) << why_not(set);
  const std::string jws =
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4"
      "ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  EXPECT_TRUE(holds(*set, EdDSA, jws));
  EXPECT_FALSE(holds(*set, EdDSA, "f" + jws.substr(1)));
}

// RFC 7520, section 4.2: PS384.
TEST(KeySet, VerifiesThePssExampleOfTheCookbook) {
  const auto set = KeySet::from_jwks(
      R"({"keys":[{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":")"
      "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMa"
      "JMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6c"
      "S6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwd"
      "q_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
      R"(","e":"AQAB"}]})",
      {PS384});
  ASSERT_TRUE(set) << why_not(set);
  EXPECT_TRUE(holds(*set, PS384,
                    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3V"
                    "zIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHl"
                    "vdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9"
                    "mZiB0by4.cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP"
                    "6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqr"
                    "YRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64"
                    "QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"));
}

TEST(KeySet, VerifiesEveryAlgorithmWithItsOwnKeyAndNoOther) {
  for (const Algorithm algorithm : every_algorithm) {
    const std::string made = signature(algorithm, first, "text");
    for (const Algorithm other : every_algorithm) {
      const KeySet set = key_set(other, first);
      EXPECT_EQ(holds(set, algorithm, "text", made), algorithm == other) << word_of(algorithm) << word_of(other);
      EXPECT_EQ(holds(set, other, "text", made), algorithm == other) << word_of(algorithm) << word_of(other);
    }
    EXPECT_FALSE(holds(key_set(algorithm, second), algorithm, "text", made)) << word_of(algorithm);
    EXPECT_FALSE(holds(key_set(algorithm, first), algorithm, "texts", made)) << word_of(algorithm);
  }
}

// Of the right length, or it is none: a signature has one form.
TEST(KeySet, TakesASignatureOfItsExactLengthOnly) {
  for (const Algorithm algorithm : every_algorithm) {
    const std::string made = signature(algorithm, first, "text");
    const KeySet set = key_set(algorithm, first);
    EXPECT_TRUE(holds(set, algorithm, "text", made));
    for (const std::string& other : {std::string(), made.substr(1), made.substr(0, made.size() - 1), made + '\0',
                                     std::string(1, '\0') + made, std::string(made.size(), '\0')}) {
      EXPECT_FALSE(holds(set, algorithm, "text", other)) << word_of(algorithm) << " " << other.size();
    }
  }
}

// RFC 8017, section 8.1.2: as long as the modulus. One in 256 begins with a zero, which OpenSSL lets one leave out.
TEST(KeySet, TakesNoRsaSignatureWithoutItsLeadingZero) {
  for (const Algorithm algorithm : {RS256, PS256}) {
    const KeySet set = key_set(algorithm, first);
    std::string text;
    std::string made = "x";
    for (int i = 0; made.front() != '\0'; ++i) {
      ASSERT_LT(i, 10'000);
      text = "text " + std::to_string(i);
      made = signature(algorithm, first, text);
    }
    EXPECT_TRUE(holds(set, algorithm, text, made)) << word_of(algorithm);
    EXPECT_FALSE(holds(set, algorithm, text, made.substr(1))) << word_of(algorithm);
  }
}

// "Psychic signatures": zeros verify in nobody's name. Nor do numbers beyond the curve's order.
TEST(KeySet, TakesNoSignatureOfZerosOrOnes) {
  for (const Algorithm algorithm : {ES256, ES384}) {
    const KeySet set = key_set(algorithm, first);
    const std::size_t half = signature(algorithm, first, "text").size() / 2;
    for (const char r : {'\0', '\xff'}) {
      for (const char s : {'\0', '\xff'}) {
        EXPECT_FALSE(holds(set, algorithm, "text", std::string(half, r) + std::string(half, s)));
      }
    }
  }
}

// RFC 7518, section 3.4: two numbers, not OpenSSL's DER.
TEST(KeySet, TakesNoDerForTwoNumbers) {
  const std::string numbers = signature(ES256, first, "text");
  std::string der = "\x30\x46\x02\x21";
  der += std::string(1, '\0') + numbers.substr(0, 32) + "\x02\x21" + std::string(1, '\0') + numbers.substr(32);
  EXPECT_FALSE(holds(key_set(ES256, first), ES256, "text", der));
}

TEST(KeySet, TakesOfAKeyWithoutAlgTheUsualOne) {
  const auto set =
      KeySet::from_jwks(jwks({jwk(RS256, first), jwk(ES256, first), jwk(ES384, first), jwk(EdDSA, first)}), {});
  ASSERT_TRUE(set) << why_not(set);
  EXPECT_THAT(set->algorithms(), ElementsAre(RS256, ES256, ES384, EdDSA));
  EXPECT_EQ(set->size(), 4U);
}

TEST(KeySet, TakesWhatBothTheKeyAndTheRulesSay) {
  const auto by_key = KeySet::from_jwks(jwks({jwk(PS512, first, R"(,"alg":"PS512")")}), {});
  ASSERT_TRUE(by_key) << why_not(by_key);
  EXPECT_THAT(by_key->algorithms(), ElementsAre(PS512));

  const auto by_rules = KeySet::from_jwks(jwks({jwk(PS512, first)}), {PS256, ES256, RS512, PS256});
  ASSERT_TRUE(by_rules) << why_not(by_rules);
  EXPECT_THAT(by_rules->algorithms(), ElementsAre(PS256, RS512));

  const auto by_both = KeySet::from_jwks(jwks({jwk(PS512, first, R"(,"alg":"PS512")")}), {PS256, PS512});
  ASSERT_TRUE(by_both) << why_not(by_both);
  EXPECT_THAT(by_both->algorithms(), ElementsAre(PS512));

  EXPECT_EQ(wrong_with(jwk(PS512, first, R"(,"alg":"PS512","kid":"a")"), {PS256}),
            "no key in it is of use: key 1 ('a') is for PS512");
  EXPECT_EQ(wrong_with(jwk(ES256, first), {RS256}), "no key in it is of use: key 1 is of type P-256");
}

TEST(KeySet, PassesOverKeysThatAreNotForIt) {
  const std::vector<std::string> others{
      jwk(RS256, first, R"(,"use":"enc")"),
      jwk(RS256, first, R"(,"key_ops":["encrypt","wrapKey"])"),
      jwk(RS256, first, R"(,"key_ops":[])"),
      jwk(RS256, first, R"(,"alg":"RSA-OAEP")"),
      jwk(ES256, first, R"(,"alg":"none")"),
      rsa_jwk(1024, R"(,"use":"enc")"),
      R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA","alg":"ES512"})",
      R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})",
      R"({"kty":"OKP","crv":"X25519","x":"AA"})",
      R"({"kty":"EC"})",
      R"({"kty":"AKP","alg":"ML-DSA-44","pub":"AA"})",
      R"({"kty":"rsa"})",
  };
  for (const std::string& other : others) {
    EXPECT_THAT(wrong_with(other), testing::StartsWith("no key in it is of use: key 1 is ")) << other;
    const auto set = KeySet::from_jwks(jwks({other, jwk(EdDSA, first, R"(,"use":"sig","key_ops":["verify"])")}), {});
    ASSERT_TRUE(set) << why_not(set) << other;
    EXPECT_EQ(set->size(), 1U) << other;
  }
}

TEST(KeySet, SaysWhichKeyIsWrongAndWhy) {
  const std::string good = jwk(EdDSA, first);
  const std::string ec = jwk(ES256, first);
  const std::string off_curve = R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                                R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"})";
  struct Wrong {
    std::string jwk;
    std::string why;
  };
  const std::vector<Wrong> all{
      {rsa_jwk(1024, R"(,"kid":"abc")"), "key 2 ('abc'): an RSA key of 1024 bits; at least 2048 are safe"},
      {R"({"kty":"RSA","e":"AQAB"})", "key 2: an RSA key of 0 bits; at least 2048 are safe"},
      {R"({"kty":"RSA","n":"AQAB=","e":"AQAB"})", "key 2: an RSA key of 0 bits; at least 2048 are safe"},
      {fmt::format(R"({{"kty":"RSA","n":"{}","e":"AQAB"}})", base64url(std::string(1025, '\x7f'))),
       "key 2: an RSA key of 8199 bits; at most 8192 are taken"},
      {fmt::format(R"({{"kty":"RSA","n":"{}","e":"AQAB"}})", base64url(std::string(256, '\x80'))),
       "key 2: an RSA key whose numbers are none of RSA"},
      {fmt::format(R"({{"kty":"RSA","n":"{}","e":"AQ"}})", base64url(std::string(256, '\xff'))),
       "key 2: an RSA key whose numbers are none of RSA"},
      {fmt::format(R"({{"kty":"RSA","n":"{}","e":""}})", base64url(std::string(256, '\xff'))),
       "key 2: an RSA key whose numbers are none of RSA"},
      {fmt::format(R"({{"kty":"RSA","n":"{}","e":"{}"}})", base64url(std::string(256, '\xff')),
                   base64url(std::string(9, '\xff'))),
       "key 2: an RSA key whose exponent has more than 64 bits"},
      {off_curve, "key 2: its point is not on P-256"},
      {R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})", "key 2: x and y of P-384 have 48 bytes each"},
      {R"({"kty":"EC","crv":"P-256"})", "key 2: x and y of P-256 have 32 bytes each"},
      {R"({"kty":"OKP","crv":"Ed25519","x":7})", "key 2: x of Ed25519 has 32 bytes"},
      {jwk(ES256, first, R"(,"alg":"ES384")"), "key 2: 'alg' is ES384, but its type is P-256"},
      {jwk(RS256, first, R"(,"alg":"HS256")"), "key 2: 'alg' is HS256, but its type is RSA"},
      {jwk(RS256, first, R"(,"alg":7)"), "key 2: 'alg' is no text"},
      {jwk(RS256, first, R"(,"kid":7)"), "key 2: 'kid' is no text"},
      {R"({"crv":"P-256"})", "key 2: it has no 'kty'"},
      {R"({"kty":["RSA"]})", "key 2: 'kty' is no text"},
      {R"("RSA")", "key 2: it is no object"},
      {R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ","kid":"\u001b[2J"})",
       "key 2 ('\\x1b[2J'): a secret key; a key set is public, so name the secret itself as the key"},
      {jwk(ES256, first, R"(,"d":"AA")"), "key 2: a private key; whoever reads it can sign, so keep the public one"},
  };
  for (const Wrong& wrong : all) {
    EXPECT_EQ(why_not(KeySet::from_jwks(jwks({good, wrong.jwk}), {})), wrong.why) << wrong.jwk;
  }
}

TEST(KeySet, RefusesWhatIsNoKeySet) {
  const std::string key = jwk(EdDSA, first);
  const std::vector<std::string> texts{
      "",
      "null",
      "[]",
      "{}",
      R"({"keys":{}})",
      R"({"keys":[]})",
      key,
      jwks({key}) + "x",
      jwks({key}) + jwks({key}),
      fmt::format(R"({{"keys":[{}],"keys":[{}]}})", key, key),
      fmt::format(R"({{"keys":[{}],"x":1e400}})", key),
      fmt::format(R"({{"keys":[{}],"x":"{}"}})", key, "\xff"),
      fmt::format(R"({{"keys":[{}],"x":"{}"}})", key, "\xc3\x28"),
      fmt::format(R"({{"keys":[{}],}})", key),
      fmt::format(R"({{"keys":[{}] /* ours */}})", key),
      jwks({jwk(EdDSA, first, R"(,"kty":"OKP")")}),
      jwks(std::vector<std::string>(KeySet::keys_max + 1, key)),
      jwks({key}) + std::string(KeySet::json_bytes_max, ' '),
      fmt::format(R"({{"keys":[{}],"x":{}1{}}})", key, std::string(32, '['), std::string(32, ']')),
      std::string(100'000, '['),
      R"({"keys":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
  };
  for (const std::string& text : texts) { EXPECT_FALSE(KeySet::from_jwks(text, {})) << text.substr(0, 200); }
}

TEST(KeySet, TakesWhatIsOneThoughThereIsMoreInIt) {
  const std::string key = jwk(EdDSA, first, R"(,"x5u":"https://evil.example/","x5c":[1,{}],"kid":"a")");
  const std::vector<std::string> texts{
      jwks({key}),
      " \r\n" + jwks({key}) + "\n",
      fmt::format(R"({{"x":{}1{},"keys":[{}]}})", std::string(31, '['), std::string(31, ']'), key),
      jwks(std::vector<std::string>(KeySet::keys_max, key)),
  };
  for (const std::string& text : texts) { EXPECT_TRUE(KeySet::from_jwks(text, {})) << text.substr(0, 200); }
}

TEST(KeySet, ReadsPublicKeysAndCertificatesFromPem) {
  const std::string text = "ours\n" + pem(RS256, first) + "\n# theirs\r\n" + certificate(ES384, first) +
                           pem(EdDSA, first) + "and that is all\n";
  const auto set = KeySet::from_pem(text, {});
  ASSERT_TRUE(set) << why_not(set);
  EXPECT_THAT(set->algorithms(), ElementsAre(RS256, ES384, EdDSA));
  for (const Algorithm algorithm : {RS256, ES384, EdDSA}) {
    EXPECT_TRUE(holds(*set, algorithm, "text", signature(algorithm, first, "text"))) << word_of(algorithm);
    EXPECT_FALSE(holds(*set, algorithm, "text", signature(algorithm, second, "text"))) << word_of(algorithm);
  }
  const auto chosen = KeySet::from_pem(pem(RS256, first), {PS256, ES256});
  ASSERT_TRUE(chosen) << why_not(chosen);
  EXPECT_THAT(chosen->algorithms(), ElementsAre(PS256));
}

TEST(KeySet, SaysWhatIsWrongWithAPem) {
  const std::string good = pem(ES256, first);
  struct Wrong {
    std::string pem;
    std::string why;
  };
  const std::vector<Wrong> all{
      {"", "it is empty"},
      {"hello", "no PEM: nothing begins with '-----BEGIN'"},
      {good + private_pem(ES256, first), "key 2: a private key; whoever reads it can sign, so keep the public one"},
      {good + good.substr(0, good.size() / 2), "key 2: a PEM block that cannot be read"},
      {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "key 1: a public key that cannot be read"},
      {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "key 1: a certificate that cannot be read"},
      {"-----BEGIN PGP MESSAGE-----\nAAAA\n-----END PGP MESSAGE-----\n",
       "key 1: 'PGP MESSAGE' is neither a public key nor a certificate"},
      {good + pem_of_curve("P-521"), "key 2: a key on a curve that is not taken; P-256, P-384 and Ed25519 are"},
      {pem_of_curve("secp256k1"), "key 1: a key on a curve that is not taken; P-256, P-384 and Ed25519 are"},
      {good + std::string(KeySet::json_bytes_max, ' '), "a PEM of more than 262144 bytes"},
  };
  for (const Wrong& wrong : all) { EXPECT_EQ(why_not(KeySet::from_pem(wrong.pem, {})), wrong.why); }
  EXPECT_EQ(why_not(KeySet::from_pem(good, {RS256})), "key 1: of type P-256: none of the algorithms fits");
  // A key for an algorithm of HMAC would be a secret that everybody knows.
  EXPECT_EQ(why_not(KeySet::from_pem(pem(RS256, first), {HS256})), "key 1: of type RSA: none of the algorithms fits");
}

// RFC 7518, section 3.2.
TEST(KeySet, WantsASecretAsLongAsTheHash) {
  EXPECT_EQ(why_not(KeySet::from_secret(std::string(31, 'x'), {})), "a secret of 31 bytes; HS256 needs at least 32");
  EXPECT_EQ(why_not(KeySet::from_secret(std::string(32, 'x'), {})), "1 keys");
  EXPECT_EQ(why_not(KeySet::from_secret(std::string(47, 'x'), {HS384})),
            "a secret of 47 bytes; HS384 needs at least 48");
  EXPECT_EQ(why_not(KeySet::from_secret(std::string(63, 'x'), {HS256, HS512})),
            "a secret of 63 bytes; HS512 needs at least 64");
  EXPECT_EQ(why_not(KeySet::from_secret(std::string(64, 'x'), {HS256, HS512})), "1 keys");
  EXPECT_EQ(why_not(KeySet::from_secret(std::string(64, 'x'), {RS256})),
            "a secret is for HS256, HS384 and HS512; none of them is among the algorithms");
}

// RFC 8725, section 2.1: everybody knows the public key, so everybody could sign.
TEST(KeySet, TakesNothingPublicForASecret) {
  for (const std::string& text : {pem(RS256, first), "\n" + pem(ES256, first), certificate(RS256, first),
                                  jwk(RS256, first), jwks({jwk(ES256, first)})}) {
    EXPECT_EQ(why_not(KeySet::from_secret(text, {})), "a PEM or a JWK is no secret: name it as the key itself");
  }
}

TEST(KeySet, LooksForAKeyByItsId) {
  const auto set = KeySet::from_jwks(jwks({jwk(RS256, first, R"(,"kid":"a")"), jwk(RS256, second, R"(,"kid":"b")"),
                                           jwk(ES256, first, R"(,"kid":"a")"), jwk(EdDSA, first)}),
                                     {});
  ASSERT_TRUE(set) << why_not(set);
  const std::string a = "a";
  const std::string c = "../../etc/passwd";
  EXPECT_EQ(set->candidates(RS256, &a).size(), 1U);
  EXPECT_EQ(set->candidates(RS256, nullptr).size(), 2U);
  EXPECT_EQ(set->candidates(RS256, &c).size(), 0U);
  EXPECT_EQ(set->candidates(ES256, &a).size(), 1U);
  EXPECT_EQ(set->candidates(EdDSA, &c).size(), 1U);  // without an id it is always tried
  EXPECT_EQ(set->candidates(PS256, nullptr).size(), 0U);
}

TEST(KeySet, MayLearnAKeyOnlyWhereKeysHaveNames) {
  const auto set = KeySet::from_jwks(jwks({jwk(RS256, first, R"(,"kid":"a")")}), {RS256, PS256});
  ASSERT_TRUE(set) << why_not(set);
  EXPECT_TRUE(set->may_learn(RS256, "b"));
  EXPECT_TRUE(set->may_learn(PS256, "b"));
  EXPECT_FALSE(set->may_learn(RS256, "a"));
  EXPECT_FALSE(set->may_learn(ES256, "b"));
  EXPECT_FALSE(set->may_learn(HS256, "b"));
  EXPECT_TRUE(KeySet().may_learn(ES256, "b"));  // not fetched yet
  EXPECT_FALSE(KeySet().may_learn(HS256, "b"));
  EXPECT_FALSE(key_set(HS256, first).may_learn(HS256, "b"));
  EXPECT_FALSE(KeySet::from_pem(pem(RS256, first), {})->may_learn(RS256, "b"));
}

// OpenSSL's queue of errors is the thread's: what is left in it, a TLS connection takes for its own.
TEST(KeySet, LeavesNoErrorBehind) {
  const KeySet set = key_set(RS256, first);
  EXPECT_FALSE(holds(set, RS256, "text", "no signature"));
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_FALSE(KeySet::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", {}));
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_FALSE(KeySet::from_jwks(R"({"keys":[{"kty":"RSA"}]})", {}));
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_TRUE(KeySet::from_pem(pem(RS256, first), {}));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(KeySet, NeverRepeatsAKey) {
  const std::string material = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ";
  const std::vector<std::string> whys{
      wrong_with(fmt::format(R"({{"kty":"oct","k":"{}"}})", material)),
      wrong_with(fmt::format(R"({{"kty":"RSA","n":"{0}","e":"{0}","d":"{0}"}})", material)),
      wrong_with(fmt::format(R"({{"kty":"OKP","crv":"Ed25519","x":"{0}","d":"{0}"}})", material)),
      why_not(KeySet::from_jwks(material, {})),
      why_not(KeySet::from_secret(material.substr(0, 20), {})),
      why_not(KeySet::from_pem("-----BEGIN PRIVATE KEY-----\n" + material + "\n", {})),
  };
  for (const std::string& why : whys) { EXPECT_THAT(why, Not(HasSubstr(material.substr(0, 8)))); }
}

}  // namespace
}  // namespace bascule::proof
