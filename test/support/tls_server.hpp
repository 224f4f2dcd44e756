// What a test needs to be a TLS server: certificates made on the spot, and a story told over TLS. With LoopbackServer:
//
//   const Authority authority;
//   const Certified certified = authority.certify({.names = "DNS:localhost"});
//   LoopbackServer server([&](Socket& visitor) { TlsVisitor(visitor, certified).write("hello"); });
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "test/support/sockets.hpp"

namespace bascule::test {

template <auto free>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
using OwnedCertificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

struct Certified {
  OwnedCertificate certificate;
  OwnedKey key;

  std::string pem() const {
    const std::unique_ptr<BIO, FreeBy<BIO_free>> memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(memory.get(), certificate.get());
    std::array<char, 8192> text;
    const int size = BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
    return {text.data(), static_cast<std::size_t>(size)};
  }

  std::string key_pem() const {
    const std::unique_ptr<BIO, FreeBy<BIO_free>> memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::array<char, 8192> text;
    const int size = BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
    return {text.data(), static_cast<std::size_t>(size)};
  }
};

struct CertificateWish {
  std::string names{};  // subjectAltName: "DNS:localhost,IP:127.0.0.1"; empty: none
  std::string common_name = "test";
  long valid_seconds = 3600;  // from an hour ago on, plus this
};

inline void extend(X509* certificate, int nid, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) { throw std::runtime_error("extension"); }
}

// A fresh P-256 key with a certificate by the issuer, or by itself.
inline Certified certified_by(const Certified* issuer, const CertificateWish& wish) {
  static long serial = 0;
  Certified made{.certificate = OwnedCertificate(X509_new()), .key = OwnedKey(EVP_EC_gen("P-256"))};
  X509* const x509 = made.certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), wish.valid_seconds);
  X509_set_pubkey(x509, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : x509));
  extend(x509, NID_basic_constraints, issuer != nullptr ? "critical,CA:FALSE" : "critical,CA:TRUE");
  if (!wish.names.empty()) { extend(x509, NID_subject_alt_name, wish.names); }
  if (X509_sign(x509, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256()) <= 0) {
    throw std::runtime_error("the certificate could not be signed");
  }
  return made;
}

class Authority {
 public:
  explicit Authority(const std::string& name = "test authority") : own_(certified_by(nullptr, {.common_name = name})) {}
  std::string pem() const { return own_.pem(); }
  Certified certify(const CertificateWish& wish) const { return certified_by(&own_, wish); }

 private:
  Certified own_;
};

// One who has come to a TLS server. Blocks; throws when the handshake fails or the connection breaks.
class TlsVisitor {
 public:
  TlsVisitor(const Socket& socket, const Certified& certified, int version_max = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_server_method())) {
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to those who have gone
    SSL_CTX_set_max_proto_version(context_.get(), version_max);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    if (version_max < TLS1_2_VERSION) { SSL_CTX_set_security_level(context_.get(), 0); }
    SSL_CTX_use_certificate(context_.get(), certified.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), certified.key.get());
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket.fd());
    if (SSL_accept(ssl_.get()) != 1) { throw std::runtime_error("the TLS handshake failed"); }
  }

  std::string name_asked_for() const {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
  }

  void write(std::string_view text) {
    if (SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) <= 0) { throw std::runtime_error("write"); }
  }
  // At least one byte; empty at a proper end.
  std::string read() {
    std::array<char, 16384> bytes;
    const int got = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (got > 0) { return {bytes.data(), static_cast<std::size_t>(got)}; }
    if (SSL_get_error(ssl_.get(), got) != SSL_ERROR_ZERO_RETURN) { throw std::runtime_error("read"); }
    return {};
  }
  void close_notify() { SSL_shutdown(ssl_.get()); }

 private:
  std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeBy<SSL_free>> ssl_;
};

}  // namespace bascule::test
