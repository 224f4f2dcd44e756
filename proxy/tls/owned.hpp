// What OpenSSL hands out, each with one owner.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/bytes.hpp"

namespace bascule::tls {

template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using OwnedBio = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using OwnedCertificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;

// OpenSSL keeps a queue of errors for each thread. Ours must not begin with those of others, nor others' with ours.
struct OwnErrors {
  OwnErrors() { ERR_clear_error(); }
  ~OwnErrors() { ERR_clear_error(); }
  OwnErrors(const OwnErrors&) = delete;
  OwnErrors& operator=(const OwnErrors&) = delete;
};

// Reads a text where it lies; the text outlives it.
inline OwnedBio reading(std::string_view text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// 32 bytes.
inline std::string sha256_of(std::string_view bytes) {
  std::string digest(32, '\0');
  std::size_t size = digest.size();
  EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), bytes_of(digest).data(), &size);
  return digest;
}

inline std::string sha256_of(const X509* certificate) {
  std::string digest(32, '\0');
  X509_digest(certificate, EVP_sha256(), bytes_of(digest).data(), nullptr);
  return digest;
}

}  // namespace bascule::tls
