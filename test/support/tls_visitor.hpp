// A visitor by TLS as a test scripts it: OpenSSL's own client on a blocking socket, every wait bounded as the socket's.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "test/support/frames.hpp"
#include "test/support/sockets.hpp"
#include "test/support/tls_server.hpp"

namespace bascule::test {

using OwnedSession = std::shared_ptr<SSL_SESSION>;

struct TlsWish {
  std::string name{};                      // asked for by SNI; empty: none
  const Certified* certificate = nullptr;  // shown when asked; nullptr: nothing is
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  std::string protocols{};  // ALPN: "h2", "http/1.1"; one; empty: none is offered
  OwnedSession session{};   // to be taken up again
};

// Whom he talks to is looked at, not verified: see shown().
class TlsSocket {
 public:
  struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
  };

  // Throws `Refused` with OpenSSL's words when the handshake fails.
  explicit TlsSocket(Socket socket, const TlsWish& wish = {})
      : socket_(std::move(socket)), context_(SSL_CTX_new(TLS_client_method())) {
    ::signal(SIGPIPE, SIG_IGN);
    SSL_CTX_ctrl(context_.get(), SSL_CTRL_SET_MIN_PROTO_VERSION, wish.version_min, nullptr);
    SSL_CTX_ctrl(context_.get(), SSL_CTRL_SET_MAX_PROTO_VERSION, wish.version_max, nullptr);
    if (wish.version_min < TLS1_2_VERSION) {
      SSL_CTX_set_security_level(context_.get(), 0);
      SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    }
    SSL_CTX_ctrl(context_.get(), SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL,
                 nullptr);
    SSL_CTX_sess_set_new_cb(context_.get(), keep_session);
    if (wish.certificate != nullptr) {
      SSL_CTX_use_certificate(context_.get(), wish.certificate->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), wish.certificate->key.get());
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_ex_data(ssl_.get(), 0, this);
    std::string name = wish.name;
    if (!name.empty()) { SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()); }
    if (!wish.protocols.empty()) {
      const std::string wire = static_cast<char>(wish.protocols.size()) + wish.protocols;
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned>(wire.size()));
    }
    if (wish.session) {  // a copy: OpenSSL takes one up only once
      SSL_set_session(ssl_.get(), OwnedSession(SSL_SESSION_dup(wish.session.get()), SSL_SESSION_free).get());
    }
    SSL_set_fd(ssl_.get(), socket_.fd());
    ERR_clear_error();
    if (SSL_connect(ssl_.get()) != 1) { throw Refused(words()); }
  }
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  void send(std::string_view bytes) {
    ERR_clear_error();
    std::size_t sent = 0;
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) != 1 || sent != bytes.size()) {
      throw std::runtime_error("write: " + words());
    }
  }
  // At least one byte; empty at a proper end. Throws `Refused` at an alert, an error at anything else.
  std::string receive() {
    std::array<char, 16384> bytes;
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (got > 0) { return {bytes.data(), static_cast<std::size_t>(got)}; }
    if (SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN) { return {}; }
    throw Refused(words());
  }
  std::string receive_all() {
    std::string all;
    for (std::string some = receive(); !some.empty(); some = receive()) { all += some; }
    return all;
  }
  // An answer of HTTP with a Content-Length, or up to the end.
  HttpAnswer receive_answer() {
    HttpAnswer answer;
    while (buffer_.find("\r\n\r\n") == std::string::npos) { more("the end came before the head did"); }
    const std::size_t end = buffer_.find("\r\n\r\n") + 4;
    for (const char c : buffer_.substr(0, end)) { answer.head += static_cast<char>(std::tolower(c)); }
    buffer_.erase(0, end);
    answer.status = std::atoi(answer.head.c_str() + 9);
    const std::string length = field(answer.head, "content-length");
    const std::size_t bytes = length.empty() ? 0 : std::stoul(length);
    while (buffer_.size() < bytes) { more("the end came before the body did"); }
    answer.body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return answer;
  }
  // Of a session that is open.
  ServerFrame receive_frame() {
    for (;;) {
      if (auto frame = take_server_frame(buffer_)) { return *frame; }
      more("the end came before a frame did");
    }
  }

  void close_notify() { SSL_shutdown(ssl_.get()); }
  Socket& socket() { return socket_; }
  SSL* ssl() { return ssl_.get(); }

  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  // The last one that we were given: with TLS 1.3 something must have been received since the handshake.
  OwnedSession session() const { return session_; }
  // The common name of who the other side says it is.
  std::string shown() const {
    const std::unique_ptr<X509, FreeBy<X509_free>> certificate(SSL_get1_peer_certificate(ssl_.get()));
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return name.data();
  }

 private:
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    static_cast<TlsSocket*>(SSL_get_ex_data(ssl, 0))->session_ = OwnedSession(session, SSL_SESSION_free);
    return 1;
  }
  static std::string words() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason != nullptr ? reason : "the connection broke";
  }
  static std::string field(const std::string& head, const std::string& name) {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) { return {}; }
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  void more(const char* otherwise) {
    const std::string some = receive();
    if (some.empty()) { throw std::runtime_error(otherwise); }
    buffer_ += some;
  }

  Socket socket_;
  std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeBy<SSL_free>> ssl_;
  OwnedSession session_;
  std::string buffer_;
};

}  // namespace bascule::test
