#include "proxy/tls/certified_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <vector>

#include "test/tls/making.hpp"

namespace bascule::tls {
namespace {

using making::Made;
using making::make;
using making::noon;
using making::staple;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

const Made& root() {
  static const Made made = make({.common_name = "root", .authority = true});
  return made;
}

std::shared_ptr<const CertifiedKey> must_read(const std::string& chain, const std::string& key, WallTime now = noon) {
  auto read = CertifiedKey::read(chain, key, now);
  if (!read) { throw std::runtime_error(read.error().why); }
  return *read;
}

Bad fault_of(const std::string& chain, const std::string& key, WallTime now = noon) {
  const auto read = CertifiedKey::read(chain, key, now);
  return read ? Bad{Bad::What::options, "nothing is wrong"} : read.error();
}

// --- what is taken ---------------------------------------------------------------------------------------------------

TEST(CertifiedKey, KnowsItsNamesAndItsEnd) {
  const Made site = make({.names = "DNS:Desk.Example.ORG,IP:192.0.2.7,DNS:*.example.org,DNS:desk.example.org,IP:::1,"
                                   "email:ada@example.org,URI:https://other.example"},
                         &root());
  const auto key = must_read(site.pem(), site.key_pem());
  EXPECT_THAT(key->names(), ElementsAre("desk.example.org", "*.example.org", "192.0.2.7", "::1"));
  EXPECT_EQ(key->expires(), noon + 1h);
  EXPECT_EQ(X509_cmp(key->certificate(), site.certificate.get()), 0);
  EXPECT_EQ(EVP_PKEY_eq(key->key(), site.key.get()), 1);
  EXPECT_THAT(key->issuers(), IsEmpty());
}

// RFC 9525, section 6.1: a common name is no name to be known by.
TEST(CertifiedKey, HasNoNameWhereOnlyTheCommonNameSaysOne) {
  const Made site = make({.common_name = "desk.example.org"}, &root());
  EXPECT_THAT(must_read(site.pem(), site.key_pem())->names(), IsEmpty());
}

// Elsewhere "desk.example.org\0.evil.example" was taken for desk.example.org (CVE-2009-2408).
TEST(CertifiedKey, DoesNotTakeANameWithANulForTheOneBeforeIt) {
  Made site = make({}, &root());
  // SEQUENCE { [2] "a.example" NUL ".evil" }
  const std::string names(
      "\x30\x11\x82\x0f"
      "a.example\0.evil",
      19);
  using Text = std::unique_ptr<ASN1_OCTET_STRING, FreedBy<ASN1_OCTET_STRING_free>>;
  const Text value(ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(value.get(), bytes_of(names).data(), static_cast<int>(names.size()));
  using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
  const Extension extension(X509_EXTENSION_create_by_NID(nullptr, NID_subject_alt_name, 0, value.get()));
  X509_add_ext(site.certificate.get(), extension.get(), -1);
  X509_sign(site.certificate.get(), root().key.get(), EVP_sha256());
  EXPECT_THAT(must_read(site.pem(), site.key_pem())->names(), IsEmpty());
}

TEST(CertifiedKey, HasTheFingerprintThatOpensslPrints) {
  const Made site = make({}, &root());
  const auto key = must_read(site.pem(), site.key_pem());
  std::string expected;
  for (const unsigned char byte : sha256_of(site.der())) {
    expected += "0123456789abcdef"[byte >> 4];
    expected += "0123456789abcdef"[byte & 15];
  }
  EXPECT_EQ(key->sha256(), expected);
}

TEST(CertifiedKey, TakesTheKindsOfKeysThatBrowsersTake) {
  struct Case {
    std::string key;
    std::string kind;
  };
  const std::vector<Case> cases{{"EC:P-256", "ECDSA P-256"}, {"EC:P-384", "ECDSA P-384"}, {"EC:P-521", "ECDSA P-521"},
                                {"RSA:2048", "RSA 2048"},    {"RSA:3072", "RSA 3072"},    {"ED25519", "Ed25519"}};
  for (const Case& each : cases) {
    const Made own = make({.key = each.key});
    const Made issued = make({.key = each.key}, &root());
    EXPECT_EQ(must_read(own.pem(), own.key_pem())->kind(), each.kind);
    EXPECT_EQ(must_read(issued.pem(), issued.key_pem())->kind(), each.kind);
  }
}

TEST(CertifiedKey, TakesEachFormOfAKeyAndBothHalvesFromOneFile) {
  const Made site = make({}, &root());
  const Made rsa = make({.key = "RSA:2048"}, &root());
  // As `openssl ecparam -genkey` writes it: the curve (1.2.840.10045.3.1.7) stands before the key.
  const std::string curve = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  struct Case {
    std::string chain;
    std::string key;
  };
  const std::vector<Case> cases{
      {site.pem(), site.key_pem()},
      {site.pem(), site.traditional_key_pem()},
      {site.pem(), curve + site.traditional_key_pem()},
      {rsa.pem(), rsa.traditional_key_pem()},
      {site.pem() + site.key_pem(), site.pem() + site.key_pem()},
      {site.key_pem() + site.pem() + root().pem(), site.key_pem() + site.pem() + root().pem()},
      {curve + site.traditional_key_pem() + site.pem(), curve + site.traditional_key_pem() + site.pem()},
      {"Bag Attributes\n  friendlyName: site\n" + site.pem(), "Key Attributes: none\r\n" + site.key_pem()},
  };
  for (const Case& each : cases) { EXPECT_EQ(fault_of(each.chain, each.key).why, "nothing is wrong") << each.chain; }
}

TEST(CertifiedKey, KeepsThoseWhoIssuedItInOrder) {
  const Made upper = make({.common_name = "upper", .authority = true}, &root());
  const Made lower = make({.common_name = "lower", .authority = true}, &upper);
  const Made site = make({}, &lower);
  const auto key = must_read(site.pem() + lower.pem() + upper.pem() + root().pem(), site.key_pem());
  ASSERT_EQ(key->issuers().size(), 3U);
  EXPECT_EQ(X509_cmp(key->issuers()[0], lower.certificate.get()), 0);
  EXPECT_EQ(X509_cmp(key->issuers()[1], upper.certificate.get()), 0);
  EXPECT_EQ(X509_cmp(key->issuers()[2], root().certificate.get()), 0);
  EXPECT_EQ(must_read(site.pem() + lower.pem(), site.key_pem())->issuers().size(), 1U) << "the root may be left out";
}

TEST(CertifiedKey, ForgivesARootItsOldSignatureSinceNobodyLooksAtIt) {
  const Made old_root = make({.common_name = "old root", .digest = EVP_sha1(), .authority = true});
  const Made site = make({}, &old_root);
  EXPECT_EQ(fault_of(site.pem() + old_root.pem(), site.key_pem()).why, "nothing is wrong");
}

// --- dates -----------------------------------------------------------------------------------------------------------

TEST(CertifiedKey, IsValidFromItsFirstSecondThroughItsLast) {
  const Made site = make({}, &root());
  const std::string chain = site.pem();
  const std::string key = site.key_pem();
  EXPECT_EQ(fault_of(chain, key, noon - 1h).why, "nothing is wrong");
  EXPECT_EQ(fault_of(chain, key, noon + 1h + 999ms).why, "nothing is wrong");

  const Bad early = fault_of(chain, key, noon - 1h - 1ms);
  EXPECT_EQ(early.what, Bad::What::certificate);
  EXPECT_EQ(early.why, "not valid before 2026-06-15 11:00:00 UTC; is the clock right? it says 2026-06-15 10:59:59 UTC");
  const Bad late = fault_of(chain, key, noon + 1h + 1s);
  EXPECT_EQ(late.what, Bad::What::certificate);
  EXPECT_EQ(late.why, "expired on 2026-06-15 13:00:00 UTC; renew it");
}

TEST(CertifiedKey, NamesTheOneOfTheChainThatIsExpired) {
  const Made upper = make({.common_name = "upper", .authority = true, .until = noon + 1min}, &root());
  const Made site = make({}, &upper);
  EXPECT_THAT(fault_of(site.pem() + upper.pem(), site.key_pem(), noon + 2min).why,
              HasSubstr("certificate 2 (upper): expired on 2026-06-15 12:01:00 UTC"));
}

// RFC 5280, section 4.1.2.5: so does one that has no end say so.
TEST(CertifiedKey, MayHaveNoEnd) {
  Made site = make({});
  ASN1_TIME_set_string(X509_getm_notAfter(site.certificate.get()), "99991231235959Z");
  X509_sign(site.certificate.get(), site.key.get(), EVP_sha256());
  EXPECT_EQ(must_read(site.pem(), site.key_pem())->expires(), WallTime::max());
}

// --- what is refused -------------------------------------------------------------------------------------------------

struct Wrong {
  std::string chain;
  std::string key;
  Bad::What what;
  std::string why;
};

void expect_refused(const std::vector<Wrong>& cases) {
  for (const Wrong& each : cases) {
    const Bad bad = fault_of(each.chain, each.key);
    EXPECT_EQ(bad.what, each.what) << bad.why;
    EXPECT_THAT(bad.why, HasSubstr(each.why));
  }
}

TEST(CertifiedKey, SaysWhatStandsInTheFileInsteadOfACertificate) {
  const Made site = make({}, &root());
  const std::string pem = site.pem();
  const std::string key = site.key_pem();
  constexpr auto certificate = Bad::What::certificate;
  expect_refused({
      {"", key, certificate, "it is empty"},
      {"hello", key, certificate, "no certificate in it (-----BEGIN CERTIFICATE-----)"},
      {site.der(), key, certificate, "`openssl x509 -in FILE -out FILE.pem` makes PEM"},
      {key, pem, certificate, "no certificate in it but a private key; are the two files swapped?"},
      {"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", key, certificate,
       "a request for a certificate"},
      {pem.substr(0, pem.size() / 2), key, certificate,
       "certificate 1 cannot be read; was the file written to its end"},
      {pem + root().pem().substr(0, 300), key, certificate, "certificate 2 cannot be read"},
  });
}

TEST(CertifiedKey, SaysWhatStandsInTheFileInsteadOfItsKey) {
  const Made site = make({}, &root());
  const std::string pem = site.pem();
  const std::string key = site.key_pem();
  const std::string public_key = making::written([&](BIO* to) { return PEM_write_bio_PUBKEY(to, site.key.get()); });
  const std::string der = making::written(
      [&](BIO* to) { return i2d_PKCS8PrivateKey_bio(to, site.key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  expect_refused({
      {pem, "", Bad::What::key, "it is empty"},
      {pem, "hello", Bad::What::key, "no private key in it (-----BEGIN PRIVATE KEY-----)"},
      {pem, der, Bad::What::key, "`openssl pkey -in FILE -out FILE.pem` makes PEM"},
      {pem, pem, Bad::What::key, "only certificates are in it, and no private key"},
      {pem, public_key, Bad::What::key, "only a public key is in it"},
      {pem, key.substr(0, key.size() / 2), Bad::What::key, "cannot be read; was the file written to its end?"},
      {pem, site.encrypted_key_pem("secret"), Bad::What::key,
       "encrypted with a passphrase; `openssl pkey -in KEY -out KEY.plain` takes it off"},
  });
}

TEST(CertifiedKey, IsRefusedWhereTheHalvesDoNotFit) {
  const Made site = make({}, &root());
  const Made renewed = make({}, &root());
  const Made rsa = make({.key = "RSA:2048"}, &root());
  const std::string why = "the key is not the one of this certificate; was only one of the two renewed?";
  expect_refused({
      {site.pem(), renewed.key_pem(), Bad::What::key, why},
      {site.pem(), rsa.key_pem(), Bad::What::key, why},
      {root().pem() + site.pem(), site.key_pem(), Bad::What::certificate,
       "the key is the one of certificate 2, but our own has to stand first"},
  });
}

TEST(CertifiedKey, IsRefusedWhereTheChainIsNone) {
  const Made upper = make({.common_name = "upper", .authority = true}, &root());
  const Made lower = make({.common_name = "lower", .authority = true}, &upper);
  const Made site = make({}, &lower);
  const Made other = make({.common_name = "other", .authority = true});
  // Has the name of the one that issued it, but another key.
  const Made impostor = make({.common_name = "lower", .authority = true}, &upper);
  const Made no_authority = make({.common_name = "no authority"}, &root());
  const Made by_no_authority = make({}, &no_authority);
  const std::string key = site.key_pem();
  constexpr auto certificate = Bad::What::certificate;
  expect_refused({
      {site.pem() + upper.pem() + lower.pem(), key, certificate, "certificate 2 (upper): it did not issue the first"},
      {site.pem() + lower.pem() + root().pem(), key, certificate,
       "certificate 3 (root): it did not issue certificate 2; our own stands first, then who issued it, and so on"},
      {site.pem() + other.pem(), key, certificate, "certificate 2 (other): it did not issue the first"},
      {site.pem() + impostor.pem(), key, certificate, "certificate 2 (lower): it did not issue the first"},
      {site.pem() + site.pem(), key, certificate, "certificate 2 (test): it did not issue the first"},
      {by_no_authority.pem() + no_authority.pem(), by_no_authority.key_pem(), certificate,
       "certificate 2 (no authority): it did not issue the first"},
  });
}

TEST(CertifiedKey, IsRefusedWhereItsKeyIsWeakOrOfAKindThatBrowsersDoNotTake) {
  struct Case {
    std::string key;
    std::string why;
  };
  const std::vector<Case> cases{{"RSA:1024", "an RSA key of 1024 bits; at least 2048 are safe"},
                                {"EC:secp256k1", "a key on a curve that is not taken; P-256, P-384 and P-521 are"},
                                {"EC:P-224", "a key on a curve that is not taken"},
                                {"ED448", "a key of a kind that browsers do not take"}};
  for (const Case& each : cases) {
    const Made site = make({.key = each.key}, &root());
    const Made weak_root = make({.common_name = "weak", .key = each.key, .authority = true});
    const Made below = make({}, &weak_root);
    expect_refused({
        {site.pem(), site.key_pem(), Bad::What::certificate, each.why},
        {below.pem() + weak_root.pem(), below.key_pem(), Bad::What::certificate, "certificate 2 (weak): " + each.why},
    });
  }
}

TEST(CertifiedKey, IsRefusedWhereItOrWhoIssuedItIsSignedWithABrokenHash) {
  const Made rsa_root = make({.common_name = "root", .key = "RSA:2048", .authority = true});  // ECDSA has no MD5
  for (const EVP_MD* digest : {EVP_sha1(), EVP_md5()}) {
    const std::string why = std::string("signed with ") + OBJ_nid2sn(EVP_MD_get_type(digest));
    const Made site = make({.digest = digest}, &rsa_root);
    const Made own = make({.key = "RSA:2048", .digest = digest});
    const Made upper = make({.common_name = "upper", .digest = digest, .authority = true}, &rsa_root);
    const Made below = make({}, &upper);
    expect_refused({
        {site.pem(), site.key_pem(), Bad::What::certificate, why},
        {own.pem(), own.key_pem(), Bad::What::certificate, why},
        {below.pem() + upper.pem(), below.key_pem(), Bad::What::certificate, "certificate 2 (upper): " + why},
    });
  }
}

TEST(CertifiedKey, MakesAForeignNameSafeToPrint) {
  const Made other = make({.common_name = "a\x1b[31mb", .authority = true});
  const Made site = make({}, &root());
  const std::string why = fault_of(site.pem() + other.pem(), site.key_pem()).why;
  EXPECT_THAT(why, HasSubstr(R"(certificate 2 (a\x1b[31mb))"));
  for (const char c : why) { EXPECT_TRUE(std::isprint(static_cast<unsigned char>(c)) != 0) << why; }
}

TEST(CertifiedKey, LeavesNoErrorBehindForOthersToStumbleOver) {
  const Made site = make({}, &root());
  fault_of(site.pem(), "hello");
  EXPECT_EQ(ERR_peek_error(), 0UL);
  must_read(site.pem() + root().pem(), site.key_pem());
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

// However a file is cut while it is being written: refused, never half of it.
TEST(CertifiedKey, IsRefusedAtEveryCutOfItsFiles) {
  const Made site = make({}, &root());
  const std::string pem = site.pem();
  const std::string key = site.key_pem();
  for (std::size_t cut = 0; cut + 1 < pem.size(); ++cut) {
    EXPECT_NE(fault_of(pem.substr(0, cut), key).why, "nothing is wrong") << "certificate cut at " << cut;
  }
  for (std::size_t cut = 0; cut + 1 < key.size(); ++cut) {
    EXPECT_NE(fault_of(pem, key.substr(0, cut)).why, "nothing is wrong") << "key cut at " << cut;
  }
}

// --- OCSP ------------------------------------------------------------------------------------------------------------

TEST(Staple, IsHandedOnAsItCame) {
  const Made site = make({}, &root());
  const std::string der = staple(site, root());
  for (const std::string& chain : {site.pem(), site.pem() + root().pem()}) {
    const auto read = read_staple(der, *must_read(chain, site.key_pem()), noon);
    ASSERT_TRUE(read) << read.error().why;
    EXPECT_EQ(*read, der);
  }
}

TEST(Staple, MayHaveNoEnd) {
  const Made site = make({}, &root());
  EXPECT_TRUE(
      read_staple(staple(site, root(), {.has_end = false}), *must_read(site.pem(), site.key_pem()), noon + 24h * 365));
}

TEST(Staple, IsRefusedUnlessItSaysThatThisCertificateIsGoodNow) {
  const Made site = make({}, &root());
  const Made other = make({}, &root());
  const Made namesake = make({.common_name = "root", .authority = true});  // another key
  const std::string good = staple(site, root());
  struct Case {
    std::string der;
    std::string why;
  };
  const std::vector<Case> cases{
      {"", "no OCSP answer in DER"},
      {"hello", "no OCSP answer in DER"},
      {site.pem(), "no OCSP answer in DER"},
      {good + "x", "no OCSP answer in DER"},
      {good.substr(0, good.size() - 1), "no OCSP answer in DER"},
      {staple(site, root(), {.status = V_OCSP_CERTSTATUS_REVOKED}), "the certificate is revoked"},
      {staple(site, root(), {.status = V_OCSP_CERTSTATUS_UNKNOWN}), "the authority does not know the certificate"},
      {staple(site, root(), {.until = noon - 1s}), "expired on 2026-06-15 11:59:59 UTC; fetch a new one"},
      {staple(site, root(), {.from = noon + 1s}), "not valid before 2026-06-15 12:00:01 UTC"},
      {staple(site, root(), {.refused = OCSP_RESPONSE_STATUS_TRYLATER}), "the responder's refusal: trylater"},
      {staple(other, root()), "it is about another certificate; was that renewed since?"},
      {staple(site, namesake), "it is about another certificate"},
  };
  const auto key = must_read(site.pem() + root().pem(), site.key_pem());
  for (const Case& each : cases) {
    const auto read = read_staple(each.der, *key, noon);
    ASSERT_FALSE(read) << each.why;
    EXPECT_EQ(read.error().what, Bad::What::staple);
    EXPECT_THAT(read.error().why, HasSubstr(each.why));
  }
}

// Numbers are one authority's own; where its certificate is not at hand, its name has to do.
TEST(Staple, IsRefusedOfAnotherAuthorityWhoseCertificateHasTheSameNumber) {
  const Made site = make({}, &root());
  const Made elsewhere = make({.common_name = "elsewhere", .authority = true});
  const auto read = read_staple(staple(site, elsewhere), *must_read(site.pem(), site.key_pem()), noon);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().why, HasSubstr("it is about another certificate"));
}

}  // namespace
}  // namespace bascule::tls
