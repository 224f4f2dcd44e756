#include "proxy/tls/certified_key.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <iterator>
#include <optional>
#include <utility>

#include "proxy/base/address.hpp"
#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/tls/owned.hpp"

namespace bascule::tls {
namespace {

using OwnedNames = std::unique_ptr<GENERAL_NAMES, FreedBy<GENERAL_NAMES_free>>;
using OwnedAnswer = std::unique_ptr<OCSP_RESPONSE, FreedBy<OCSP_RESPONSE_free>>;
using OwnedBasicAnswer = std::unique_ptr<OCSP_BASICRESP, FreedBy<OCSP_BASICRESP_free>>;
using OwnedCertificateId = std::unique_ptr<OCSP_CERTID, FreedBy<OCSP_CERTID_free>>;

constexpr int rsa_bits_min = 2048;

// Empty: nothing is wrong. Sentences for people, as all of `Bad::why`.
using Fault = std::string;

// --- dates -----------------------------------------------------------------------------------------------------------

// What our clock cannot count, as "99991231235959Z", which says that there is no end (RFC 5280, section 4.1.2.5),
// becomes the nearest that it can. Empty: no date.
std::optional<WallTime> moment_of(const ASN1_TIME* date) {
  std::tm calendar{};
  if (date == nullptr || ASN1_TIME_to_tm(date, &calendar) != 1) { return std::nullopt; }
  using std::chrono::seconds;
  const auto countable = std::chrono::duration_cast<seconds>(WallTime::max().time_since_epoch()).count();
  const std::time_t counted = timegm(&calendar);
  if (counted > countable) { return WallTime::max(); }
  return WallTime(seconds(std::max<std::time_t>(counted, -countable)));
}

std::string text_of(WallTime moment) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(moment);
  std::tm calendar{};
  gmtime_r(&seconds, &calendar);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", calendar.tm_year + 1900, calendar.tm_mon + 1,
                     calendar.tm_mday, calendar.tm_hour, calendar.tm_min, calendar.tm_sec);
}

// Both ends are within (RFC 5280, section 4.1.2.5), and they have no fractions of a second.
Fault fault_of_dates(std::optional<WallTime> first, std::optional<WallTime> last, WallTime now,
                     std::string_view way_out) {
  if (!first || !last) { return "its dates cannot be read"; }
  const WallTime this_second = std::chrono::floor<std::chrono::seconds>(now);
  if (this_second > *last) { return fmt::format("expired on {}; {}", text_of(*last), way_out); }
  if (this_second >= *first) { return {}; }
  return fmt::format("not valid before {}; is the clock right? it says {}", text_of(*first), text_of(this_second));
}

// --- kinds of keys ---------------------------------------------------------------------------------------------------

struct Curve {
  std::string_view group;  // as OpenSSL has it
  std::string_view word;
};
constexpr std::array<Curve, 3> curves{{{"prime256v1", "P-256"}, {"secp384r1", "P-384"}, {"secp521r1", "P-521"}}};

struct Kind {
  std::string word;  // "ECDSA P-256"
  Fault fault;
};

Kind kind_of(const EVP_PKEY* key) {
  if (key == nullptr) { return {{}, "its key cannot be read"}; }
  if (EVP_PKEY_is_a(key, "ED25519") == 1) { return {"Ed25519", {}}; }
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= rsa_bits_min) { return {fmt::format("RSA {}", bits), {}}; }
    return {{}, fmt::format("an RSA key of {} bits; at least {} are safe", bits, rsa_bits_min)};
  }
  if (EVP_PKEY_is_a(key, "EC") != 1) {
    return {{}, "a key of a kind that browsers do not take; ECDSA on P-256, RSA and Ed25519 are taken"};
  }
  std::array<char, 64> group{};
  std::size_t size = 0;
  EVP_PKEY_get_group_name(key, group.data(), group.size(), &size);
  const std::string_view name(group.data(), size);
  const auto curve = std::find_if(curves.begin(), curves.end(),
                                  [name](const Curve& each) { return each.group == name || each.word == name; });
  if (curve != curves.end()) { return {fmt::format("ECDSA {}", curve->word), {}}; }
  return {{}, "a key on a curve that is not taken; P-256, P-384 and P-521 are"};
}

Fault fault_of_signature(X509* certificate) {
  int digest = NID_undef;
  int bits = 0;
  if (X509_get_signature_info(certificate, &digest, nullptr, &bits, nullptr) != 1) {
    return "signed in a way that is not known here";
  }
  constexpr int safe_bits = 100;  // SHA-1 has 63, MD5 39, SHA-256 128
  if (bits >= safe_bits) { return {}; }
  return fmt::format("signed with {}, which nobody can rely on; ask the authority for one with SHA-256",
                     OBJ_nid2sn(digest));
}

// --- reading ---------------------------------------------------------------------------------------------------------

bool holds(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

constexpr std::string_view not_pem = "not PEM but binary (DER, PKCS #12)";

Fault fault_of_no_certificate(std::string_view chain) {
  if (chain.empty()) { return "it is empty"; }
  if (chain.front() == '\x30') { return fmt::format("{}; `openssl x509 -in FILE -out FILE.pem` makes PEM", not_pem); }
  if (holds(chain, "-----BEGIN CERTIFICATE REQUEST-----")) {
    return "a request for a certificate; what the authority answers to it is wanted";
  }
  if (holds(chain, "PRIVATE KEY-----")) { return "no certificate in it but a private key; are the two files swapped?"; }
  return "no certificate in it (-----BEGIN CERTIFICATE-----)";
}

Fault fault_of_no_key(std::string_view text) {
  if (text.empty()) { return "it is empty"; }
  if (text.front() == '\x30') { return fmt::format("{}; `openssl pkey -in FILE -out FILE.pem` makes PEM", not_pem); }
  if (holds(text, "PRIVATE KEY-----")) { return "its private key cannot be read; was the file written to its end?"; }
  if (holds(text, "-----BEGIN PUBLIC KEY-----")) { return "only a public key is in it; its private one is wanted"; }
  if (holds(text, "-----BEGIN CERTIFICATE-----")) { return "only certificates are in it, and no private key"; }
  return "no private key in it (-----BEGIN PRIVATE KEY-----)";
}

// All certificates in the text, in order. The fault: one of them is broken.
Fault read_certificates(std::string_view pem, std::vector<OwnedCertificate>& certificates) {
  const OwnedBio text = reading(pem);
  for (;;) {
    OwnedCertificate certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    if (!certificate) { break; }
    certificates.push_back(std::move(certificate));
  }
  // At the end of the text, and only there, no other block begins.
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) {
    return certificates.empty() ? fault_of_no_certificate(pem) : Fault();
  }
  return fmt::format("certificate {} cannot be read; was the file written to its end?", certificates.size() + 1);
}

// Nobody is here to be asked; without an answer of ours OpenSSL would ask at the terminal.
int note_passphrase(char* /*answer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Fault read_key(std::string_view pem, OwnedKey& key) {
  bool asked = false;
  key.reset(PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, note_passphrase, &asked));
  if (key) { return {}; }
  return asked ? "encrypted with a passphrase; `openssl pkey -in KEY -out KEY.plain` takes it off"
               : fault_of_no_key(pem);
}

// --- the chain -------------------------------------------------------------------------------------------------------

// "certificate 2 (Example CA)", where people can count them in the file; the first is "".
std::string called(const std::vector<OwnedCertificate>& chain, std::size_t at) {
  if (at == 0) { return {}; }
  std::array<char, 200> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(chain[at].get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return fmt::format("certificate {}{}: ", at + 1, name[0] == '\0' ? "" : fmt::format(" ({})", shown(name.data(), 80)));
}

bool is_self_signed(X509* certificate) {
  return (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;
}

// What can be said of one alone. Nobody verifies the signature of a root.
Fault fault_of_one(X509* certificate, bool first, WallTime now) {
  if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0) { return "its extensions cannot be read"; }
  Fault fault = fault_of_dates(moment_of(X509_get0_notBefore(certificate)), moment_of(X509_get0_notAfter(certificate)),
                               now, first ? "renew it" : "a renewed certificate comes with a chain of today");
  if (fault.empty()) { fault = kind_of(X509_get0_pubkey(certificate)).fault; }
  if (fault.empty() && (first || !is_self_signed(certificate))) { fault = fault_of_signature(certificate); }
  return fault;
}

bool issued(X509* issuer, X509* certificate) {
  return X509_check_ca(issuer) > 0 && X509_check_issued(issuer, certificate) == X509_V_OK &&
         X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
}

Fault fault_of_chain(const std::vector<OwnedCertificate>& chain, WallTime now) {
  for (std::size_t at = 0; at < chain.size(); ++at) {
    const Fault fault = fault_of_one(chain[at].get(), at == 0, now);
    if (!fault.empty()) { return called(chain, at) + fault; }
  }
  for (std::size_t at = 1; at < chain.size(); ++at) {
    if (issued(chain[at].get(), chain[at - 1].get())) { continue; }
    return fmt::format("{}it did not issue {}; our own stands first, then who issued it, and so on", called(chain, at),
                       at == 1 ? "the first" : fmt::format("certificate {}", at));
  }
  return {};
}

std::optional<Bad> bad_pair(const std::vector<OwnedCertificate>& chain, const EVP_PKEY* key) {
  const auto fits = std::find_if(chain.begin(), chain.end(), [key](const OwnedCertificate& each) {
    return X509_check_private_key(each.get(), key) == 1;
  });
  if (fits == chain.begin()) { return std::nullopt; }
  if (fits == chain.end()) {
    return Bad{Bad::What::key, "the key is not the one of this certificate; was only one of the two renewed?"};
  }
  return Bad{Bad::What::certificate, fmt::format("the key is the one of certificate {}, but our own has to stand first",
                                                 fits - chain.begin() + 1)};
}

// --- what it is for --------------------------------------------------------------------------------------------------

std::string_view view_of(const ASN1_STRING* text) {
  return bascule::text_of({ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))});
}

// Empty: neither IPv4 nor IPv6.
std::string address_text_of(Bytes octets) {
  if (octets.size() == 4) {
    std::array<std::uint8_t, 4> four{};
    std::copy_n(octets.begin(), four.size(), four.begin());
    return Address::ipv4(four, 0).host_text();
  }
  if (octets.size() != 16) { return {}; }
  std::array<std::uint8_t, 16> sixteen{};
  std::copy_n(octets.begin(), sixteen.size(), sixteen.begin());
  return Address::ipv6(sixteen, 0).host_text();
}

// A name with a NUL or the like in it is nobody's: "example.org\0.evil.example" has been taken for the former
// elsewhere.
std::string dns_name_of(std::string_view written) {
  return is_clean_text(written) ? lowered(written) : std::string();
}

std::vector<std::string> names_of(const X509* certificate) {
  const OwnedNames all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> names;
  std::vector<std::string> addresses;
  for (int at = 0; all && at < sk_GENERAL_NAME_num(all.get()); ++at) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), at), &type);
    if (type != GEN_DNS && type != GEN_IPADD) { continue; }
    const std::string_view content = view_of(static_cast<const ASN1_STRING*>(value));
    auto& list = type == GEN_DNS ? names : addresses;
    std::string name = type == GEN_DNS ? dns_name_of(content) : address_text_of(bytes_of(content));
    if (!name.empty() && std::find(list.begin(), list.end(), name) == list.end()) { list.push_back(std::move(name)); }
  }
  std::move(addresses.begin(), addresses.end(), std::back_inserter(names));
  return names;
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes_of(bytes)) { fmt::format_to(std::back_inserter(text), "{:02x}", byte); }
  return text;
}

}  // namespace

struct CertifiedKey::Parts {
  std::vector<OwnedCertificate> chain;
  OwnedKey key;
  std::vector<X509*> issuers;
};

CertifiedKey::CertifiedKey(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
  for (const OwnedCertificate& each : parts_->chain) { parts_->issuers.push_back(each.get()); }
  parts_->issuers.erase(parts_->issuers.begin());
  names_ = names_of(certificate());
  expires_ = moment_of(X509_get0_notAfter(certificate())).value_or(WallTime());
  kind_ = kind_of(parts_->key.get()).word;
  sha256_ = hexadecimal(sha256_of(certificate()));
}

CertifiedKey::~CertifiedKey() = default;

Result<std::shared_ptr<const CertifiedKey>, Bad> CertifiedKey::read(std::string_view chain, std::string_view key,
                                                                    WallTime now) {
  const OwnErrors errors;
  auto parts = std::make_unique<Parts>();
  Fault fault = read_certificates(chain, parts->chain);
  if (!fault.empty()) { return Bad{Bad::What::certificate, std::move(fault)}; }
  fault = read_key(key, parts->key);
  if (!fault.empty()) { return Bad{Bad::What::key, std::move(fault)}; }
  // Before everything about others: where the order is wrong, the key tells which one is ours.
  const std::optional<Bad> pair = bad_pair(parts->chain, parts->key.get());
  if (pair) { return *pair; }
  fault = fault_of_chain(parts->chain, now);
  if (!fault.empty()) { return Bad{Bad::What::certificate, std::move(fault)}; }
  return std::shared_ptr<const CertifiedKey>(new CertifiedKey(std::move(parts)));
}

X509* CertifiedKey::certificate() const {
  return parts_->chain.front().get();
}

EVP_PKEY* CertifiedKey::key() const {
  return parts_->key.get();
}

const std::vector<X509*>& CertifiedKey::issuers() const {
  return parts_->issuers;
}

// --- OCSP ------------------------------------------------------------------------------------------------------------

namespace {

Bad bad_staple(std::string why) {
  return {Bad::What::staple, std::move(why)};
}

OwnedAnswer parse_answer(std::string_view der) {
  const unsigned char* at = bytes_of(der).data();
  const unsigned char* const end = at + der.size();
  OwnedAnswer answer(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (at != end) { answer.reset(); }
  return answer;
}

bool same(const ASN1_OCTET_STRING* hash, const std::array<unsigned char, EVP_MAX_MD_SIZE>& other, unsigned size) {
  return view_of(hash) == bascule::text_of({other.data(), size});
}

// A certificate is named by its number and by hashes of its issuer's name and key (RFC 6960, section 4.1.1). The key is
// only known where the issuer stands in the chain.
bool is_about(const OCSP_SINGLERESP* single, const CertifiedKey& key) {
  const OwnedCertificateId id(OCSP_CERTID_dup(OCSP_SINGLERESP_get0_id(single)));
  ASN1_OCTET_STRING* name_hash = nullptr;
  ASN1_OCTET_STRING* key_hash = nullptr;
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_INTEGER* serial = nullptr;
  if (!id || OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, &serial, id.get()) != 1) { return false; }
  const EVP_MD* const hash = EVP_get_digestbyobj(algorithm);
  if (hash == nullptr || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(key.certificate())) != 0) { return false; }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_NAME_digest(X509_get_issuer_name(key.certificate()), hash, digest.data(), &size) != 1 ||
      !same(name_hash, digest, size)) {
    return false;
  }
  return key.issuers().empty() ||
         (X509_pubkey_digest(key.issuers().front(), hash, digest.data(), &size) == 1 && same(key_hash, digest, size));
}

Fault fault_of_single(OCSP_SINGLERESP* single, WallTime now) {
  ASN1_GENERALIZEDTIME* begin = nullptr;
  ASN1_GENERALIZEDTIME* end = nullptr;  // may be missing: newer ones are to be had at any time
  const int status = OCSP_single_get0_status(single, nullptr, nullptr, &begin, &end);
  if (status == V_OCSP_CERTSTATUS_REVOKED) { return "it says that the certificate is revoked; get another one"; }
  if (status != V_OCSP_CERTSTATUS_GOOD) { return "it says that the authority does not know the certificate"; }
  return fault_of_dates(moment_of(begin), end == nullptr ? WallTime::max() : moment_of(end), now, "fetch a new one");
}

}  // namespace

Result<std::string, Bad> read_staple(std::string_view der, const CertifiedKey& key, WallTime now) {
  const OwnErrors errors;
  const OwnedAnswer answer = parse_answer(der);
  if (!answer) { return bad_staple("no OCSP answer in DER; `openssl ocsp ... -respout FILE` writes one"); }
  const int status = OCSP_response_status(answer.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return bad_staple(
        fmt::format("no answer but the responder's refusal: {}; fetch it again", OCSP_response_status_str(status)));
  }
  const OwnedBasicAnswer basic(OCSP_response_get1_basic(answer.get()));
  for (int at = 0; basic && at < OCSP_resp_count(basic.get()); ++at) {
    OCSP_SINGLERESP* const single = OCSP_resp_get0(basic.get(), at);
    if (!is_about(single, key)) { continue; }
    Fault fault = fault_of_single(single, now);
    if (!fault.empty()) { return bad_staple(std::move(fault)); }
    return std::string(der);
  }
  return bad_staple("it is about another certificate; was that renewed since?");
}

}  // namespace bascule::tls
