#include "proxy/proof/certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/bytes.hpp"
#include "proxy/proof/secret.hpp"
#include "test/proof/printing.hpp"

namespace bascule::proof {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::string_literals;

// --- making certificates ---------------------------------------------------------------------------------------------

constexpr long long now = 1'800'000'000;
constexpr long long year = 365LL * 24 * 3600;

struct Wish {
  std::vector<std::pair<std::string, std::string>> subject{{"CN", "ada"}};
  std::vector<std::pair<int, std::string>> extensions{};  // by NID, as OpenSSL's configuration writes them
  std::vector<std::pair<int, std::string>> names{};       // alternative ones, by GEN_...
  long long begin = now - year;
  long long end = now + year;
};

struct Made {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> x509;

  std::string der() const {
    unsigned char* data = nullptr;
    const int length = i2d_X509(x509.get(), &data);
    std::string bytes(text_of(Bytes(data, static_cast<std::size_t>(length))));
    OPENSSL_free(data);
    return bytes;
  }
  std::string pem() const {
    BIO* const memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(memory, x509.get());
    char* data = nullptr;
    const long length = BIO_get_mem_data(memory, &data);
    std::string text(data, static_cast<std::size_t>(length));
    BIO_free(memory);
    return text;
  }
};

void add_names(X509* x509, const Wish& wish) {
  GENERAL_NAMES* const names = GENERAL_NAMES_new();
  for (const auto& [kind, text] : wish.names) {
    ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, text.data(), static_cast<int>(text.size()));
    GENERAL_NAME* const name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, kind, value);
    sk_GENERAL_NAME_push(names, name);
  }
  X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0);
  GENERAL_NAMES_free(names);
}

// Signed by `issuer`, or by itself.
Made make(const Wish& wish, const Made* issuer = nullptr) {
  Made made{.key = {EVP_EC_gen("P-256"), EVP_PKEY_free}, .x509 = {X509_new(), X509_free}};
  X509* const x509 = made.x509.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_time_adj_ex(X509_getm_notBefore(x509), 0, 0, nullptr);
  ASN1_TIME_set(X509_getm_notBefore(x509), wish.begin);
  ASN1_TIME_set(X509_getm_notAfter(x509), wish.end);
  X509_set_pubkey(x509, made.key.get());
  for (const auto& [field, value] : wish.subject) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), field.c_str(), MBSTRING_UTF8, bytes_of(value).data(),
                               static_cast<int>(value.size()), -1, 0);
  }
  X509_set_issuer_name(x509, X509_get_subject_name(issuer != nullptr ? issuer->x509.get() : x509));
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer != nullptr ? issuer->x509.get() : x509, x509, nullptr, nullptr, 0);
  for (const auto& [nid, value] : wish.extensions) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (!wish.names.empty()) { add_names(x509, wish); }
  X509_sign(x509, (issuer != nullptr ? *issuer : made).key.get(), EVP_sha256());
  return made;
}

Wish authority(const std::string& name) {
  return {.subject = {{"CN", name}},
          .extensions = {{NID_basic_constraints, "critical,CA:TRUE"},
                         {NID_key_usage, "critical,keyCertSign"},
                         {NID_subject_key_identifier, "hash"}}};
}

Certificate read(const Made& made, std::vector<std::string> chain = {}) {
  return read_certificate(made.der(), std::move(chain)).value();
}

// --- reading ---------------------------------------------------------------------------------------------------------

TEST(ReadCertificate, TellsWhatStandsInIt) {
  const Made ca = make(authority("Acme Root"));
  const Made made = make({.subject = {{"O", "Acme"}, {"OU", "Ops"}, {"CN", "ada"}},
                          .names = {{GEN_EMAIL, "ada@example.org"},
                                    {GEN_DNS, "ada.example.org"},
                                    {GEN_EMAIL, "lovelace@example.org"},
                                    {GEN_URI, "spiffe://example.org/ada"}}},
                         &ca);
  const Certificate certificate = read(made, {"chain"});
  EXPECT_EQ(certificate.common_name, "ada");
  EXPECT_EQ(certificate.subject, "CN=ada,OU=Ops,O=Acme");
  EXPECT_EQ(certificate.issuer, "CN=Acme Root");
  EXPECT_THAT(certificate.emails, ElementsAre("ada@example.org", "lovelace@example.org"));
  EXPECT_THAT(certificate.dns_names, ElementsAre("ada.example.org"));
  EXPECT_THAT(certificate.uris, ElementsAre("spiffe://example.org/ada"));
  EXPECT_EQ(certificate.expires, WallTime(std::chrono::seconds(now + year)));
  EXPECT_EQ(certificate.sha256, hexadecimal(sha256(made.der())));
  EXPECT_EQ(certificate.der, made.der());
  EXPECT_THAT(certificate.chain, ElementsAre("chain"));
}

// "ada\0.evil" was "ada" for others once.
TEST(ReadCertificate, LeavesOutNamesThatAreNoText) {
  const Certificate certificate = read(make(
      {.subject = {{"CN", "ada\0.evil"s}, {"O", "a\nb"}},
       .names = {{GEN_EMAIL, "ada@example.org\0.evil"s}, {GEN_DNS, "\x1b[0m"}, {GEN_URI, "\xff"}, {GEN_URI, ""}}}));
  EXPECT_EQ(certificate.common_name, "");
  EXPECT_THAT(certificate.emails, IsEmpty());
  EXPECT_THAT(certificate.dns_names, IsEmpty());
  EXPECT_THAT(certificate.uris, IsEmpty());
  EXPECT_EQ(certificate.subject, "O=a\\0Ab,CN=ada\\00.evil") << "escaped as RFC 2253 says";
}

TEST(ReadCertificate, HasNoCommonNameWhereThereAreTwo) {
  EXPECT_EQ(read(make({.subject = {{"CN", "ada"}, {"CN", "root"}}})).common_name, "");
  EXPECT_EQ(read(make({.subject = {{"O", "Acme"}}})).common_name, "");
  EXPECT_EQ(read(make({.subject = {{"CN", "\xc3\xa9mile"}}})).common_name, "\xc3\xa9mile");
}

TEST(ReadCertificate, TellsNamesApartByTheirQuoting) {
  EXPECT_EQ(read(make({.subject = {{"CN", "ada,OU=Ops"}}})).subject, "CN=ada\\,OU=Ops");
}

TEST(ReadCertificate, GivesNothingForWhatIsNone) {
  const std::string der = make({}).der();
  EXPECT_FALSE(read_certificate("", {}));
  EXPECT_FALSE(read_certificate("nonsense", {}));
  EXPECT_FALSE(read_certificate(der + "x", {})) << "something behind it";
  EXPECT_FALSE(read_certificate(der.substr(0, der.size() - 1), {}));
}

// --- authorities -----------------------------------------------------------------------------------------------------

std::string verdict(const Authorities& authorities, const Certificate& certificate, long long at = now) {
  std::string why;
  return authorities.issued(certificate, at, &why) ? "issued" : why;
}

Authorities of(const std::string& pem) {
  auto authorities = Authorities::from_pem(pem);
  EXPECT_TRUE(authorities.ok());
  return *authorities;
}

TEST(Authorities, VouchForWhatTheyIssued) {
  const Made root = make(authority("Root"));
  const Made stranger = make(authority("Root"));
  const Made leaf = make({.extensions = {{NID_authority_key_identifier, "keyid"}}}, &root);
  EXPECT_EQ(verdict(of(root.pem()), read(leaf)), "issued");
  EXPECT_EQ(verdict(of(stranger.pem() + root.pem()), read(leaf)), "issued");
  EXPECT_THAT(verdict(of(stranger.pem()), read(leaf)), HasSubstr("issuer certificate"))
      << "the same name is not enough";
  EXPECT_FALSE(of(stranger.pem()).issued(read(leaf), now, nullptr));
  EXPECT_NE(verdict(of(root.pem()), read(make({}))), "issued") << "signed by itself";
}

TEST(Authorities, VouchByWayOfAChain) {
  const Made root = make(authority("Root"));
  const Made middle = make(authority("Middle"), &root);
  const Made leaf = make({}, &middle);
  EXPECT_EQ(verdict(of(root.pem()), read(leaf, {middle.der()})), "issued");
  EXPECT_NE(verdict(of(root.pem()), read(leaf)), "issued") << "the link is missing";
  EXPECT_EQ(verdict(of(middle.pem()), read(leaf)), "issued") << "one below another is enough";
  const Made no_authority = make({.subject = {{"CN", "eve"}}}, &root);
  EXPECT_NE(verdict(of(root.pem()), read(make({}, &no_authority), {no_authority.der()})), "issued")
      << "who is no authority issues nothing";
}

TEST(Authorities, VouchForNothingThatIsOverOrForOtherUses) {
  const Made root = make(authority("Root"));
  const Authorities authorities = of(root.pem());
  EXPECT_THAT(verdict(authorities, read(make({.end = now - 1}, &root))), HasSubstr("expired"));
  EXPECT_THAT(verdict(authorities, read(make({.begin = now + 1}, &root))), HasSubstr("not yet valid"));
  EXPECT_NE(verdict(authorities, read(make({}, &root)), now + 2 * year), "issued");
  EXPECT_EQ(verdict(authorities, read(make({.extensions = {{NID_ext_key_usage, "clientAuth"}}}, &root))), "issued");
  EXPECT_NE(verdict(authorities, read(make({.extensions = {{NID_ext_key_usage, "serverAuth"}}}, &root))), "issued");
}

TEST(Authorities, VouchForNothingOfWhichOnlyTheNameIsKnown) {
  const Authorities authorities = of(make(authority("Root")).pem());
  EXPECT_EQ(verdict(authorities, {.common_name = "ada"}), "nothing but its name is known");
  EXPECT_NE(verdict(authorities, {.common_name = "ada", .der = "nonsense"}), "issued");
}

TEST(Authorities, AreNotImpressedByALongOrBrokenChain) {
  const Made root = make(authority("Root"));
  const Made leaf = make({}, &root);
  EXPECT_NE(verdict(of(root.pem()), read(leaf, std::vector<std::string>(17, root.der()))), "issued");
  EXPECT_EQ(verdict(of(root.pem()), read(leaf, std::vector<std::string>(16, root.der()))), "issued");
  EXPECT_NE(verdict(of(root.pem()), read(leaf, {"nonsense"})), "issued");
}

TEST(Authorities, AreReadFromPemWithNothingElseInIt) {
  const std::string pem = make(authority("Root")).pem();
  const auto why = [](const std::string& text) {
    const auto authorities = Authorities::from_pem(text);
    return authorities ? "fine"s : authorities.error().why;
  };
  EXPECT_EQ(why(pem), "fine");
  EXPECT_EQ(why("a comment\n" + pem + "\nanother\n" + pem), "fine") << "the same twice";
  EXPECT_THAT(why(""), HasSubstr("no certificate"));
  EXPECT_THAT(why("nonsense"), HasSubstr("no certificate"));
  EXPECT_THAT(why(pem.substr(0, pem.size() / 2)), HasSubstr("certificate 1 cannot be read"));
  EXPECT_THAT(why(pem + pem.substr(0, pem.size() / 2)), HasSubstr("certificate 2 cannot be read"));
  std::string broken = pem;
  broken.replace(60, 8, "!!!!!!!!");
  EXPECT_THAT(why(broken), HasSubstr("certificate 1 cannot be read"));
  EXPECT_THAT(why(pem + "-----BEGIN PRIVATE KEY-----\n"), HasSubstr("private key"));
}

TEST(Authorities, AreEqualWhereTheirTextIs) {
  const std::string pem = make(authority("Root")).pem();
  EXPECT_EQ(of(pem), of(pem));
  EXPECT_NE(of(pem), of(make(authority("Root")).pem()));
}

}  // namespace
}  // namespace bascule::proof
