// What the clients' TLS connections have in common: what they offer, the last ticket, and memory that they share. Uses
// OpenSSL as everybody does, and nothing of the proxy's.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "test/bench/options.hpp"

namespace bascule::bench {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslPointer = std::unique_ptr<SSL, FreeSsl>;

// One thread's. TLS 1.3 with AES-128-GCM and X25519, so that all proxies do the same; believes any certificate, for
// what a client checks is not what is measured.
class TlsClient {
 public:
  explicit TlsClient(Tls kind);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Resumes the newest session of which a ticket has come, if it should resume and one has.
  [[nodiscard]] SslPointer new_connection() const;

  // Bytes on their way into a socket; whoever has sent all of his gives the memory back for the next.
  std::string& spare() { return spare_; }

 private:
  static int keep_ticket(SSL* ssl, SSL_SESSION* session);

  const Tls kind_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::unique_ptr<SSL_SESSION, FreeSsl> ticket_;
  std::string spare_;
};

// The first message of a handshake, as this client would send it.
std::string client_hello(const TlsClient& tls);

// Throws what OpenSSL says about the last call on this thread.
[[noreturn]] void fail_tls(const char* what);

}  // namespace bascule::bench
