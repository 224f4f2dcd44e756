#include "test/bench/tls_client.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <array>
#include <stdexcept>

namespace bascule::bench {
namespace {

// OpenSSL's own macros for these calls cast as C does.
void control(SSL_CTX* context, int command, long number, const char* text = nullptr) {
  if (SSL_CTX_ctrl(context, command, number, const_cast<char*>(text)) == 0) { fail_tls("SSL_CTX_ctrl"); }
}

}  // namespace

void fail_tls(const char* what) {
  std::array<char, 256> text{};
  const unsigned long error = ERR_get_error();
  ERR_error_string_n(error, text.data(), text.size());
  ERR_clear_error();
  throw std::runtime_error(fmt::format("{}: {}", what, error == 0 ? "no reason was given" : text.data()));
}

TlsClient::TlsClient(Tls kind) : kind_(kind), context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* context = context_.get();
  if (context == nullptr) { fail_tls("SSL_CTX_new"); }
  control(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION);
  control(context, SSL_CTRL_SET_GROUPS_LIST, 0, "X25519:P-256");
  if (SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1) { fail_tls("SSL_CTX_set_ciphersuites"); }
  constexpr std::array<unsigned char, 9> http{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  if (SSL_CTX_set_alpn_protos(context, http.data(), http.size()) != 0) { fail_tls("SSL_CTX_set_alpn_protos"); }
  SSL_CTX_set_cert_verify_callback(
      context, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  // Thousands of connections that rest should not fill our own memory; those that work read a whole record at a time.
  control(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_ex_data(context, 0, this);
  SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL, nullptr);
  SSL_CTX_sess_set_new_cb(context, keep_ticket);
}

int TlsClient::keep_ticket(SSL* ssl, SSL_SESSION* session) {
  constexpr int taken = 1;
  constexpr int not_taken = 0;
  auto* self = static_cast<TlsClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0));
  if (self->kind_ != Tls::resumed) { return not_taken; }
  self->ticket_.reset(session);
  return taken;
}

SslPointer TlsClient::new_connection() const {
  SslPointer ssl(SSL_new(context_.get()));
  if (!ssl) { fail_tls("SSL_new"); }
  SSL_set_connect_state(ssl.get());
  if (ticket_) {
    // OpenSSL would use a session once and then call it spent, but many connections begin before the next ticket comes.
    const std::unique_ptr<SSL_SESSION, FreeSsl> copy(SSL_SESSION_dup(ticket_.get()));
    if (!copy || SSL_set_session(ssl.get(), copy.get()) != 1) { fail_tls("SSL_set_session"); }
  }
  return ssl;
}

std::string client_hello(const TlsClient& tls) {
  const SslPointer ssl = tls.new_connection();
  BIO* nothing = BIO_new(BIO_s_mem());
  BIO* written = BIO_new(BIO_s_mem());
  if (nothing == nullptr || written == nullptr) { fail_tls("BIO_new"); }
  SSL_set_bio(ssl.get(), nothing, written);
  SSL_do_handshake(ssl.get());
  ERR_clear_error();
  std::string hello(2048, '\0');
  const int bytes = BIO_read(written, hello.data(), static_cast<int>(hello.size()));
  if (bytes <= 0) { fail_tls("the first message of a handshake"); }
  hello.resize(static_cast<std::size_t>(bytes));
  return hello;
}

}  // namespace bascule::bench
