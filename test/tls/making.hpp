// Certificates as nobody should have them, and some as they should: every kind of key, any dates, any issuer.
//
//   const Made root = make({.common_name = "root", .authority = true});
//   const Made site = make({.names = "DNS:a.example", .key = "RSA:1024"}, &root);
#pragma once

#include <openssl/ec.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>

#include "proxy/base/time.hpp"
#include "proxy/tls/owned.hpp"

namespace bascule::tls::making {

using namespace std::chrono_literals;

// Noon. Whatever is made is valid from an hour before until an hour after, unless it is wished otherwise.
inline const WallTime noon = std::chrono::sys_days(std::chrono::year(2026) / 6 / 15) + 12h;

inline void must(bool went_well, const char* what) {
  if (!went_well) { throw std::runtime_error(what); }
}

// What `write` puts into a BIO.
inline std::string written(const std::function<int(BIO*)>& write) {
  const OwnedBio memory(BIO_new(BIO_s_mem()));
  must(write(memory.get()) == 1, "writing");
  std::string text(BIO_ctrl_pending(memory.get()), '\0');
  BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

// "EC:P-256", "RSA:2048", "ED25519", "ED448".
inline OwnedKey make_key(const std::string& kind) {
  const std::string parameter = kind.substr(kind.find(':') + 1);
  EVP_PKEY* key = kind.starts_with("RSA:")  ? EVP_RSA_gen(static_cast<unsigned>(std::stoul(parameter)))
                  : kind.starts_with("EC:") ? EVP_EC_gen(parameter.c_str())
                                            : EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str());
  must(key != nullptr, "the key");
  return OwnedKey(key);
}

struct Made {
  OwnedCertificate certificate;
  OwnedKey key;

  std::string pem() const {
    return written([this](BIO* to) { return PEM_write_bio_X509(to, certificate.get()); });
  }
  std::string der() const {
    return written([this](BIO* to) { return i2d_X509_bio(to, certificate.get()); });
  }
  // PKCS #8: "BEGIN PRIVATE KEY".
  std::string key_pem() const {
    return written([this](BIO* to) {
      return PEM_write_bio_PKCS8PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  // "BEGIN EC PRIVATE KEY", "BEGIN RSA PRIVATE KEY".
  std::string traditional_key_pem() const {
    return written([this](BIO* to) {
      return PEM_write_bio_PrivateKey_traditional(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  std::string encrypted_key_pem(const std::string& passphrase) const {
    return written([&](BIO* to) {
      return PEM_write_bio_PKCS8PrivateKey(to, key.get(), EVP_aes_256_cbc(), passphrase.data(),
                                           static_cast<int>(passphrase.size()), nullptr, nullptr);
    });
  }
};

struct Wish {
  std::string common_name = "test";
  std::string names{};  // subjectAltName: "DNS:localhost,IP:127.0.0.1"; empty: none
  std::string key = "EC:P-256";
  const EVP_MD* digest = EVP_sha256();  // Ed25519 takes none
  bool authority = false;
  WallTime from = noon - 1h;
  WallTime until = noon + 1h;
};

inline void set_extension(X509* certificate, int nid, const std::string& value) {
  using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "an extension");
}

// By the issuer, or by itself.
inline Made make(const Wish& wish, const Made* issuer = nullptr) {
  static long serial = 0;
  Made made{.certificate = OwnedCertificate(X509_new()), .key = make_key(wish.key)};
  X509* const x509 = made.certificate.get();
  const Made& by = issuer != nullptr ? *issuer : made;
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(x509), std::chrono::system_clock::to_time_t(wish.from));
  ASN1_TIME_set(X509_getm_notAfter(x509), std::chrono::system_clock::to_time_t(wish.until));
  X509_set_pubkey(x509, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8, bytes_of(wish.common_name).data(), -1,
                             -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(by.certificate.get()));
  set_extension(x509, NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!wish.names.empty()) { set_extension(x509, NID_subject_alt_name, wish.names); }
  const bool digests_itself = EVP_PKEY_is_a(by.key.get(), "ED25519") == 1 || EVP_PKEY_is_a(by.key.get(), "ED448") == 1;
  must(X509_sign(x509, by.key.get(), digests_itself ? nullptr : wish.digest) > 0, "signing");
  return made;
}

struct StapleWish {
  int status = V_OCSP_CERTSTATUS_GOOD;
  WallTime from = noon - 1h;
  WallTime until = noon + 1h;
  bool has_end = true;
  int refused = OCSP_RESPONSE_STATUS_SUCCESSFUL;  // anything else: no answer at all
};

// What the issuer's OCSP responder says of it: DER.
inline std::string staple(const Made& about, const Made& issuer, const StapleWish& wish = {}) {
  using Basic = std::unique_ptr<OCSP_BASICRESP, FreedBy<OCSP_BASICRESP_free>>;
  using Id = std::unique_ptr<OCSP_CERTID, FreedBy<OCSP_CERTID_free>>;
  using Date = std::unique_ptr<ASN1_TIME, FreedBy<ASN1_TIME_free>>;
  using Response = std::unique_ptr<OCSP_RESPONSE, FreedBy<OCSP_RESPONSE_free>>;
  const auto date = [](WallTime moment) {
    return Date(ASN1_GENERALIZEDTIME_set(nullptr, std::chrono::system_clock::to_time_t(moment)));
  };
  const Basic basic(OCSP_BASICRESP_new());
  const X509* const by = issuer.certificate.get();
  const Id id(OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(by), X509_get0_pubkey_bitstr(by),
                               X509_get0_serialNumber(about.certificate.get())));
  const Date from = date(wish.from);
  const Date until = date(wish.until);
  const bool revoked = wish.status == V_OCSP_CERTSTATUS_REVOKED;
  must(OCSP_basic_add1_status(basic.get(), id.get(), wish.status, revoked ? OCSP_REVOKED_STATUS_KEYCOMPROMISE : 0,
                              revoked ? from.get() : nullptr, from.get(),
                              wish.has_end ? until.get() : nullptr) != nullptr,
       "the status");
  must(OCSP_basic_sign(basic.get(), issuer.certificate.get(), issuer.key.get(), EVP_sha256(), nullptr, 0) == 1,
       "signing the answer");
  const bool answered = wish.refused == OCSP_RESPONSE_STATUS_SUCCESSFUL;
  const Response response(OCSP_response_create(wish.refused, answered ? basic.get() : nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &der);
  must(size > 0, "the answer");
  std::string text(text_of({der, static_cast<std::size_t>(size)}));
  OPENSSL_free(der);
  return text;
}

}  // namespace bascule::tls::making
