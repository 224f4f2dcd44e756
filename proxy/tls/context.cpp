#include "proxy/tls/context.hpp"

#include <openssl/err.h>

namespace bascule::tls {

namespace {

// Mozilla's "intermediate" of version 5.7 without its suites of finite-field Diffie-Hellman, which no browser has:
// forward secrecy and authenticated encryption only. Among them the client's order counts, for it knows whether it has
// AES in hardware.
constexpr const char* suites_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* suites_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

// Both for the exchange of keys; a service's certificate of TLS 1.2 may be on P-521 only if that is among them.
constexpr const char* groups_of_a_server = "X25519:P-256:P-384";
constexpr const char* groups_of_a_client = "X25519:P-256:P-384:P-521";

// Nothing by SHA-1.
constexpr const char* signatures =
    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:"
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
    "rsa_pss_pss_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";

// 112 bits everywhere: RSA and DH of 2048 bits, no SHA-1.
constexpr int security_level = 2;

// Whatever the system's openssl.cnf says.
void set_options(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                                     SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_ALLOW_NO_DHE_KEX | SSL_OP_NO_EXTENDED_MASTER_SECRET |
                                     SSL_OP_NO_ENCRYPT_THEN_MAC | SSL_OP_NO_TICKET);
  // Without AUTO_RETRY a record that has no data in it ends the call, and so can be counted.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 0);
  SSL_CTX_set_max_early_data(context, 0);
  SSL_CTX_set_max_cert_list(context, chain_bytes_max);
  SSL_CTX_set_verify_depth(context, chain_depth_max);
  SSL_CTX_set_security_level(context, security_level);
}

bool set_algorithms(SSL_CTX* context, int version_min, const char* groups) {
  return SSL_CTX_set_min_proto_version(context, version_min) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, suites_1_2) == 1 && SSL_CTX_set_ciphersuites(context, suites_1_3) == 1 &&
         SSL_CTX_set1_groups_list(context, groups) == 1 && SSL_CTX_set1_sigalgs_list(context, signatures) == 1;
}

}  // namespace

OwnedContext new_context(const SSL_METHOD* method, int version_min) {
  OwnedContext context(SSL_CTX_new(method));
  if (!context) { return context; }
  set_options(context.get());
  const char* const groups = method == TLS_server_method() ? groups_of_a_server : groups_of_a_client;
  if (!set_algorithms(context.get(), version_min, groups)) { context.reset(); }
  return context;
}

bool show(SSL_CTX* context, const CertifiedKey& key) {
  const auto free_stack = [](STACK_OF(X509) * stack) { sk_X509_free(stack); };
  const std::unique_ptr<STACK_OF(X509), decltype(free_stack)> chain(sk_X509_new_null(), free_stack);
  for (X509* const issuer : key.issuers()) {
    if (sk_X509_push(chain.get(), issuer) == 0) { return false; }
  }
  constexpr int replace = 1;
  return chain && SSL_CTX_use_cert_and_key(context, key.certificate(), key.key(), chain.get(), replace) == 1;
}

std::string_view words_of(unsigned long error) {
  const char* const reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "an unknown error";
}

}  // namespace bascule::tls
