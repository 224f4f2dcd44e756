// A private key of ours and the certificates that say whose it is.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/tls/bad.hpp"

namespace bascule::tls {

// Immutable; may be used from any thread.
class CertifiedKey {
 public:
  // `chain`: PEM, our own certificate first, then those that issued it (the root may be left out). `key`: PEM, not
  // encrypted; may be the same text, for many keep both in one file. Refused: what cannot be read, a key that is not
  // the certificate's, a certificate that is expired or not yet valid at `now`, a chain in which one does not issue the
  // one before it, an RSA key below 2048 bits, curves other than P-256, P-384, P-521 (and Ed25519), signatures by SHA-1
  // or MD5.
  static Result<std::shared_ptr<const CertifiedKey>, Bad> read(std::string_view chain, std::string_view key,
                                                               WallTime now);
  ~CertifiedKey();
  CertifiedKey(const CertifiedKey&) = delete;
  CertifiedKey& operator=(const CertifiedKey&) = delete;

  // What the certificate is for, of its alternative names only (RFC 9525): DNS names in lower case, "*.example.org"
  // among them, then IP addresses as text.
  const std::vector<std::string>& names() const { return names_; }
  WallTime expires() const { return expires_; }
  // "ECDSA P-256", "RSA 2048"
  const std::string& kind() const { return kind_; }
  // Of the certificate: 64 lower case hexadecimal digits.
  const std::string& sha256() const { return sha256_; }

  // Owned by this.
  X509* certificate() const;
  EVP_PKEY* key() const;
  const std::vector<X509*>& issuers() const;  // the rest of the chain, in order

 private:
  struct Parts;
  explicit CertifiedKey(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
  std::vector<std::string> names_;
  WallTime expires_{};
  std::string kind_;
  std::string sha256_;
};

// An OCSP answer for a certificate of ours, to be stapled to handshakes (RFC 6066, section 8): DER. Refused: what is no
// answer, or none for this certificate, one that says anything but "good", one that is not valid at `now`. (Its
// signature is the visitor's to check.)
Result<std::string, Bad> read_staple(std::string_view der, const CertifiedKey& key, WallTime now);

}  // namespace bascule::tls
