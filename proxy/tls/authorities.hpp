// Whose word counts: the authorities that certificates of the other side must come from.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/tls/bad.hpp"

namespace bascule::tls {

// Immutable; may be used from any thread.
class Authorities {
 public:
  // PEM, one certificate or more; other text in between is ignored.
  static Result<std::shared_ptr<const Authorities>, Bad> read(std::string_view pem);
  // Those that the system trusts.
  static Result<std::shared_ptr<const Authorities>, Bad> of_the_system();
  ~Authorities();
  Authorities(const Authorities&) = delete;
  Authorities& operator=(const Authorities&) = delete;

  // SHA-256 over all of them, 32 bytes: another set has another.
  const std::string& digest() const { return digest_; }

  // Owned by this.
  X509_STORE* store() const;
  const std::vector<X509_NAME*>& names() const;  // of their subjects; none for those of the system

 private:
  struct Parts;
  explicit Authorities(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
  std::string digest_;
};

}  // namespace bascule::tls
