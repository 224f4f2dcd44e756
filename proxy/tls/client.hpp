// How we come to a service by TLS: whom we believe, and what we show.
#pragma once

#include <openssl/types.h>

#include <memory>

#include "proxy/base/result.hpp"
#include "proxy/tls/authorities.hpp"
#include "proxy/tls/bad.hpp"
#include "proxy/tls/certified_key.hpp"

namespace bascule::tls {

struct ClientOptions {
  std::shared_ptr<const Authorities> authorities;  // never null, but where nothing is verified
  std::shared_ptr<const CertifiedKey> key{};       // shown where the service asks; null: nothing is
  bool verify = true;                              // the chain and the name
};

// Immutable; may be used from any thread. TLS 1.2 and 1.3, forward secrecy and authenticated encryption only; nothing
// is resumed.
class Client {
 public:
  static Result<std::shared_ptr<const Client>, Bad> make(const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

 private:
  friend class Engine;
  struct Parts;
  explicit Client(std::unique_ptr<Parts> parts);

  SSL_CTX* context() const;
  bool verifies() const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace bascule::tls
