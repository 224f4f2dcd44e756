// What a listener shows of itself and asks for: which certificate at which name, which versions and suites, at which
// names a client certificate.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/tls/authorities.hpp"
#include "proxy/tls/bad.hpp"
#include "proxy/tls/certified_key.hpp"
#include "proxy/tls/ticket_keys.hpp"

namespace bascule::tls {

// Mozilla's recommendations, version 5.7. `intermediate`: TLS 1.2 with forward secrecy and AEAD, and TLS 1.3;
// `modern`: TLS 1.3 alone.
enum class Versions : std::uint8_t { intermediate, modern };

// Some of the names that a visitor may ask for (SNI).
struct NameSet {
  bool any = false;                            // also no name at all
  bool unnamed = false;                        // no name (an address was asked for), an address, and `localhost`
  std::vector<std::string> names{};            // lower case
  std::vector<std::string> parents{};          // "example.org": the names below it, at any depth
  bool contains(std::string_view name) const;  // lower case, without a dot at its end; empty: none was asked for
  friend bool operator==(const NameSet&, const NameSet&) = default;
};

struct ServerOptions {
  struct Paper {
    std::shared_ptr<const CertifiedKey> key;
    std::vector<std::string> names{};  // lower case; "*.example.org" is any one label; empty: those of the certificate
    std::string staple{};              // an OCSP answer, DER; empty: none
  };
  // The first is shown where no name fits or none was asked for. Several may have a name in common: of each kind of key
  // (RSA, ECDSA, Ed25519) the first is taken, and what the visitor can verify decides among them.
  std::vector<Paper> papers;  // at least one
  Versions versions = Versions::intermediate;
  bool refuse_unknown_names = false;               // alert unrecognized_name where a name was asked for that none has
  std::shared_ptr<const Authorities> client_ca{};  // whose client certificates are verified; null: none is asked for
  NameSet ask_at{};                                // where one is asked for
  std::vector<TicketKey> ticket_keys{};            // empty: those of the process
};

// Immutable; may be used from any thread. Connections keep it alive.
//
// Everything that depends on the name is decided when the hello has been read and before anything else is: a session
// that began under one name is resumed only under that name, and none is where a client certificate is asked for
// (OpenSSL resumes before its own SNI callback is called, so that a certificate asked for there can be gone around:
// CVE-2025-23419 of nginx). There a certificate is judged at every connection.
class Server {
 public:
  static Result<std::shared_ptr<const Server>, Bad> make(ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // When the first of its certificates expires.
  WallTime expires() const;

  // Of those whose client certificates are verified: another set has another. Empty: none is asked for.
  const std::string& authorities_digest() const;

 private:
  friend class Engine;
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  SSL_CTX* context() const;                                // that each connection begins with
  const TicketKeys& keys_or(const TicketKeys& own) const;  // of the listener; where it has none, `own`

  std::unique_ptr<Parts> parts_;
};

}  // namespace bascule::tls
