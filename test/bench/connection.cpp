#include "test/bench/connection.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bascule::bench {
namespace {

// So much is sealed at a time: few system calls, and what is sealed is still in the core's cache when it is sent.
constexpr std::size_t sealed_at_once = std::size_t{128} * 1024;

}  // namespace

// OpenSSL writes records into `unsent`, many of them before one call of send(2).
struct Connection::Secured {
  Secured(int socket, TlsClient& client) : fd(socket), tls(client), ssl(client.new_connection()) {
    tries_to_resume = SSL_get_session(ssl.get()) != nullptr;
    BIO* records_in = BIO_new_socket(fd, BIO_NOCLOSE);
    BIO* records_out = BIO_new(gatherer());
    if (records_in == nullptr || records_out == nullptr) { fail_tls("BIO_new"); }
    BIO_set_data(records_out, this);
    BIO_set_init(records_out, 1);
    SSL_set_bio(ssl.get(), records_in, records_out);
  }

  Secured(const Secured&) = delete;
  Secured& operator=(const Secured&) = delete;

  // A session that ends without being shut down takes its ticket with it.
  ~Secured() { SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

  static const BIO_METHOD* gatherer() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gatherer");
      if (made == nullptr) { fail_tls("BIO_meth_new"); }
      BIO_meth_set_write_ex(made, [](BIO* bio, const char* data, std::size_t size, std::size_t* written) {
        static_cast<Secured*>(BIO_get_data(bio))->unsent.append(data, size);
        *written = size;
        return 1;
      });
      // The end of a flight of handshake messages, and of an alert.
      BIO_meth_set_ctrl(made, [](BIO* bio, int command, long, void*) -> long {
        if (command != BIO_CTRL_FLUSH) { return 0; }
        return static_cast<Secured*>(BIO_get_data(bio))->flush_from_within();
      });
      return made;
    }();
    return method;
  }

  bool flush() {
    if (unsent.empty()) { return true; }
    const std::size_t sent = bench::send_some(fd, unsent);
    if (sent < unsent.size()) {
      unsent.erase(0, sent);
      return false;
    }
    unsent.clear();
    std::swap(unsent, tls.spare());
    unsent.clear();
    return true;
  }

  // No exception may pass through OpenSSL. What could not be sent is tried again by whoever called it, and throws
  // there.
  long flush_from_within() {
    try {
      flush();
      return 1;
    } catch (const std::system_error&) { return 0; }
  }

  std::size_t seal(std::string_view data) {
    std::swap(unsent, tls.spare());
    std::size_t sealed = 0;
    if (SSL_write_ex(ssl.get(), data.data(), data.size(), &sealed) != 1) { fail_tls("SSL_write"); }
    return sealed;
  }

  // Throws unless it is only a matter of time.
  void check_retry(int result, const char* what) {
    switch (SSL_get_error(ssl.get(), result)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: return;
      case SSL_ERROR_SYSCALL: fail(what);
      default: fail_tls(what);
    }
  }

  const int fd;
  TlsClient& tls;
  SslPointer ssl;
  std::string unsent;
  bool tries_to_resume = false;
};

Connection::Connection() = default;
Connection::Connection(Socket socket) : socket_(std::move(socket)) {}
Connection::Connection(Socket socket, TlsClient* tls) : socket_(std::move(socket)) {
  if (tls != nullptr) { secured_ = std::make_unique<Secured>(socket_.fd(), *tls); }
}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

bool Connection::shake_hands() {
  if (!secured_) { return true; }
  const int result = SSL_do_handshake(secured_->ssl.get());
  secured_->flush();
  if (result == 1) { return true; }
  secured_->check_retry(result, "the TLS handshake");
  return false;
}

bool Connection::resumes() const {
  return secured_ && secured_->tries_to_resume;
}

bool Connection::resumed() const {
  return secured_ && SSL_session_reused(secured_->ssl.get()) == 1;
}

std::size_t Connection::send_some(std::string_view data) {
  if (!flush()) { return 0; }
  if (!secured_) { return bench::send_some(socket_.fd(), data); }
  const std::size_t sealed = secured_->seal(data.substr(0, sealed_at_once));
  secured_->flush();
  return sealed;
}

std::size_t Connection::send_file_some(const MemoryFile& file, std::size_t from) {
  if (secured_) { return send_some(file.content().substr(from)); }
  return bench::send_file_some(socket_, file.fd(), from, file.size() - from);
}

bool Connection::say(std::string_view message) {
  if (secured_) {
    if (!secured_->flush()) { throw std::runtime_error("a message was said before the last one had left"); }
    secured_->seal(message);
  } else {
    unsent_ += message;
  }
  return flush();
}

bool Connection::flush() {
  if (secured_) { return secured_->flush(); }
  if (!unsent_.empty()) { unsent_.erase(0, bench::send_some(socket_.fd(), unsent_)); }
  return unsent_.empty();
}

std::optional<std::size_t> Connection::receive_some(char* buffer, std::size_t bytes) {
  if (!secured_) { return bench::receive_some(socket_, buffer, bytes); }
  std::size_t received = 0;
  const int result = SSL_read_ex(secured_->ssl.get(), buffer, bytes, &received);
  if (result == 1) { return received; }
  if (SSL_get_error(secured_->ssl.get(), result) == SSL_ERROR_ZERO_RETURN) { return std::nullopt; }
  secured_->check_retry(result, "SSL_read");
  return 0;
}

bool Connection::has_buffered() const {
  return secured_ && SSL_has_pending(secured_->ssl.get()) == 1;
}

void Connection::finish_writing() {
  say_end();
  socket_.finish_writing();
}

void Connection::say_end() {
  if (secured_) { SSL_shutdown(secured_->ssl.get()); }  // which flushes, and asks nobody whether it could be sent
}

}  // namespace bascule::bench
