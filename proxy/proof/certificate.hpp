// What a client certificate says of its holder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"

namespace bascule::proof {

// Copied out of the certificate at the handshake. Texts are UTF-8 without control characters; what is not is left out.
// Behind a proxy that ends TLS only the common name may be known (PROXY protocol, PP2_SUBTYPE_SSL_CN).
struct Certificate {
  std::string common_name{};          // empty where there are two
  std::string subject{};              // "CN=ada,OU=Ops,O=Acme": as `openssl x509 -subject -nameopt RFC2253` prints it
  std::string issuer{};               // likewise
  std::vector<std::string> emails{};  // of the subject's alternative names
  std::vector<std::string> dns_names{};
  std::vector<std::string> uris{};
  std::optional<WallTime> expires{};
  std::string sha256{};              // fingerprint: 64 lower case hexadecimal digits
  std::string der{};                 // the certificate itself
  std::vector<std::string> chain{};  // what the client sent with it, DER, without the certificate itself
};

// Empty where `der` is no certificate.
std::optional<Certificate> read_certificate(std::string_view der, std::vector<std::string> chain);

// Authorities whose certificates count.
class Authorities {
 public:
  struct Bad {
    std::string why;
  };
  // PEM, one certificate or more.
  static Result<Authorities, Bad> from_pem(std::string_view pem);

  // Is the certificate (of which all is known, not only the name) issued, by way of its chain, by one of these, for use
  // as a client's, and valid at `unix_seconds`? `why` tells what OpenSSL says otherwise.
  bool issued(const Certificate& certificate, long long unix_seconds, std::string* why) const;

  friend bool operator==(const Authorities& a, const Authorities& b) { return a.pem_ == b.pem_; }

 private:
  struct Store;
  std::string pem_;
  std::shared_ptr<const Store> store_;
};

}  // namespace bascule::proof
