#include "proxy/proof/certificate.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <ctime>
#include <iterator>
#include <utility>

#include "proxy/base/bytes.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/proof/secret.hpp"

namespace bascule::proof {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
// sk_X509_pop_free is a macro in OpenSSL's own dress.
void free_certificates(STACK_OF(X509) * certificates) {
  sk_X509_pop_free(certificates, X509_free);
}

using X509Owned = std::unique_ptr<X509, Freed<X509_free>>;
using BioOwned = std::unique_ptr<BIO, Freed<BIO_free>>;
using NamesOwned = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using ChainOwned = std::unique_ptr<STACK_OF(X509), Freed<free_certificates>>;
using ContextOwned = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

// What a client may send with his certificate; nobody has so many authorities above him.
constexpr std::size_t chain_max = 16;
constexpr int depth_max = 8;

// The whole of `der` is one certificate; else null.
X509Owned parse_der(std::string_view der) {
  const unsigned char* at = bytes_of(der).data();
  X509Owned certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate && at != bytes_of(der).data() + der.size()) { certificate.reset(); }
  ERR_clear_error();
  return certificate;
}

// Empty where it is no clean text: a NUL in a name has made "ada\0.evil" into "ada" elsewhere.
std::string clean(std::string_view text) {
  return is_clean_text(text) ? std::string(text) : std::string();
}

std::string clean_utf8(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, text);
  if (length < 0) { return {}; }
  std::string result = clean(text_of(Bytes(utf8, static_cast<std::size_t>(length))));
  OPENSSL_free(utf8);
  return result;
}

// Of two common names nobody can say which one counts.
std::string common_name_of(const X509_NAME* subject) {
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) { return {}; }
  return clean_utf8(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
}

std::string text_of_name(const X509_NAME* name) {
  const BioOwned memory(BIO_new(BIO_s_mem()));
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) { return {}; }
  char* data = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &data);
  return length <= 0 ? std::string() : clean({data, static_cast<std::size_t>(length)});
}

void read_alternative_names(const X509* x509, Certificate& certificate) {
  const NamesOwned names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int at = 0; names && at < sk_GENERAL_NAME_num(names.get()); ++at) {
    int kind = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), at), &kind);
    std::vector<std::string>* const list = kind == GEN_EMAIL ? &certificate.emails
                                           : kind == GEN_DNS ? &certificate.dns_names
                                           : kind == GEN_URI ? &certificate.uris
                                                             : nullptr;
    if (list == nullptr) { continue; }
    const auto* const string = static_cast<const ASN1_STRING*>(value);
    std::string text =
        clean(text_of(Bytes(ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string)))));
    if (!text.empty()) { list->push_back(std::move(text)); }
  }
}

std::optional<WallTime> end_of(const X509* x509) {
  std::tm calendar{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(x509), &calendar) != 1) { return std::nullopt; }
  const std::time_t seconds = timegm(&calendar);
  // "99991231235959Z" says that it has no end (RFC 5280, section 4.1.2.5), and is more than our clock can count.
  const auto countable = std::chrono::duration_cast<std::chrono::seconds>(WallTime::max().time_since_epoch());
  if (seconds < 0 || seconds > countable.count()) { return std::nullopt; }
  return WallTime(std::chrono::seconds(seconds));
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes_of(bytes)) { fmt::format_to(std::back_inserter(text), "{:02x}", byte); }
  return text;
}

}  // namespace

std::optional<Certificate> read_certificate(std::string_view der, std::vector<std::string> chain) {
  const X509Owned x509 = parse_der(der);
  if (!x509) { return std::nullopt; }
  Certificate certificate;
  certificate.common_name = common_name_of(X509_get_subject_name(x509.get()));
  certificate.subject = text_of_name(X509_get_subject_name(x509.get()));
  certificate.issuer = text_of_name(X509_get_issuer_name(x509.get()));
  read_alternative_names(x509.get(), certificate);
  certificate.expires = end_of(x509.get());
  certificate.sha256 = hexadecimal(sha256(der));
  certificate.der = der;
  certificate.chain = std::move(chain);
  ERR_clear_error();
  return certificate;
}

// --- authorities -----------------------------------------------------------------------------------------------------

// Of OpenSSL, which locks it itself: it may be asked from any thread.
struct Authorities::Store {
  std::unique_ptr<X509_STORE, Freed<X509_STORE_free>> certificates{X509_STORE_new()};
};

Result<Authorities, Authorities::Bad> Authorities::from_pem(std::string_view pem) {
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return Bad{"a private key stands in it, and belongs to nobody but its authority"};
  }
  auto store = std::make_shared<Store>();
  // An authority below another is enough: what is written here is what is trusted.
  X509_STORE_set_flags(store->certificates.get(), X509_V_FLAG_PARTIAL_CHAIN);
  const BioOwned memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  int count = 0;
  for (;; ++count) {
    const X509Owned certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
    if (!certificate) { break; }
    if (X509_STORE_add_cert(store->certificates.get(), certificate.get()) != 1) {
      ERR_clear_error();
      return Bad{fmt::format("certificate {} cannot be used", count + 1)};
    }
  }
  // At the end of the text, and only there, no other block begins.
  const unsigned long error = ERR_peek_last_error();
  const bool at_the_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_the_end) { return Bad{fmt::format("certificate {} cannot be read", count + 1)}; }
  if (count == 0) { return Bad{"no certificate in it (-----BEGIN CERTIFICATE-----)"}; }
  Authorities authorities;
  authorities.pem_ = pem;
  authorities.store_ = std::move(store);
  return authorities;
}

bool Authorities::issued(const Certificate& certificate, long long unix_seconds, std::string* why) const {
  const auto no = [why](std::string_view reason) {
    if (why != nullptr) { *why = reason; }
    ERR_clear_error();
    return false;
  };
  const X509Owned leaf = parse_der(certificate.der);
  if (!leaf) { return no("nothing but its name is known"); }
  const ChainOwned chain(sk_X509_new_null());
  if (certificate.chain.size() > chain_max) { return no("it came with too many others"); }
  for (const std::string& der : certificate.chain) {
    X509Owned link = parse_der(der);
    if (!link || sk_X509_push(chain.get(), link.get()) <= 0) { return no("it came with one that cannot be read"); }
    static_cast<void>(link.release());  // the chain's now
  }
  const ContextOwned context(X509_STORE_CTX_new());
  if (!store_ || !context ||
      X509_STORE_CTX_init(context.get(), store_->certificates.get(), leaf.get(), chain.get()) != 1) {
    return no("it cannot be verified");
  }
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT);
  X509_STORE_CTX_set_depth(context.get(), depth_max);
  X509_STORE_CTX_set_time(context.get(), 0, static_cast<time_t>(unix_seconds));
  if (X509_verify_cert(context.get()) != 1) {
    return no(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  }
  ERR_clear_error();
  return true;
}

}  // namespace bascule::proof
