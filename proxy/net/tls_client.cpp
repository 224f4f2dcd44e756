#include "proxy/net/tls_client.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proxy/base/address.hpp"
#include "proxy/base/text.hpp"

namespace bascule::net {

namespace {

constexpr std::size_t fetched_bytes = std::size_t{16} * 1024;  // one record of TLS

// What OpenSSL has to say of the last thing that went wrong on this thread.
std::string last_words() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "an unknown error";
}

TlsFailure failed(std::string why) {
  return {.why = std::move(why)};
}

}  // namespace

// --- what is trusted -------------------------------------------------------------------------------------------------

struct TlsTrust::Context {
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> ssl;
};

TlsTrust::TlsTrust(std::unique_ptr<Context> context) : context_(std::move(context)) {}
TlsTrust::~TlsTrust() = default;

Result<std::shared_ptr<const TlsTrust>, TlsFailure> TlsTrust::load(const std::string& path) {
  ERR_clear_error();
  auto context = std::make_unique<Context>();
  context->ssl.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const ssl = context->ssl.get();
  if (ssl == nullptr) { return failed(last_words()); }
  const bool loaded =
      path.empty() ? SSL_CTX_set_default_verify_paths(ssl) == 1 : SSL_CTX_load_verify_file(ssl, path.c_str()) == 1;
  if (!loaded) {
    return failed(
        fmt::format("cannot read authorities from '{}': {}", path.empty() ? "the system" : path, last_words()));
  }
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  ERR_clear_error();  // leftovers of files that were looked for
  return std::shared_ptr<const TlsTrust>(new TlsTrust(std::move(context)));
}

// --- one connection --------------------------------------------------------------------------------------------------

struct TlsClient::Engine {
  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  std::unique_ptr<SSL, Free> ssl;
  BIO* in = nullptr;   // what the server sent; the session's
  BIO* out = nullptr;  // what is to be sent to it; likewise
};

namespace {

// The certificate must be for this host (RFC 9525): a name is told to the server, too (SNI, RFC 6066, section 3); an
// address is not.
bool expect_host(SSL* ssl, std::string host) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (Address::parse_ip(host, 0)) { return X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1; }
  if (host.ends_with('.')) { host.pop_back(); }  // the root, which certificates do not write
  if (host.empty()) { return false; }            // OpenSSL would take that for "any"
  return X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
}

TlsFailure handshake_failure(const SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) { return failed(fmt::format("certificate: {}", X509_verify_cert_error_string(verified))); }
  return failed(fmt::format("TLS handshake: {}", last_words()));
}

}  // namespace

TlsClient::TlsClient(std::unique_ptr<SocketStream> stream, std::unique_ptr<Engine> engine)
    : stream_(std::move(stream)), engine_(std::move(engine)) {}

TlsClient::~TlsClient() = default;

Async<Result<std::unique_ptr<TlsClient>, TlsFailure>> TlsClient::connect(std::unique_ptr<SocketStream> stream,
                                                                         Waiter& waiter, const TlsTrust& trust,
                                                                         const std::string& host, TimePoint deadline) {
  ERR_clear_error();
  auto engine = std::make_unique<Engine>();
  engine->ssl.reset(SSL_new(trust.context_->ssl.get()));
  engine->in = BIO_new(BIO_s_mem());
  engine->out = BIO_new(BIO_s_mem());
  SSL* const ssl = engine->ssl.get();
  if (ssl == nullptr || engine->in == nullptr || engine->out == nullptr) {
    BIO_free(engine->in);
    BIO_free(engine->out);
    co_return failed("out of memory");
  }
  SSL_set_bio(ssl, engine->in, engine->out);
  SSL_set_connect_state(ssl);
  if (!expect_host(ssl, host)) {
    co_return failed(fmt::format("'{}' is no host that a certificate names", shown(host)));
  }

  std::unique_ptr<TlsClient> client(new TlsClient(std::move(stream), std::move(engine)));
  client->stream_->watched_by(&waiter);
  const auto shaken = co_await client->shake_hands(waiter, deadline);
  client->stream_->watched_by(nullptr);
  if (!shaken) { co_return shaken.error(); }
  co_return client;
}

Async<Result<bool, TlsFailure>> TlsClient::shake_hands(Waiter& waiter, TimePoint deadline) {
  SSL* const ssl = engine_->ssl.get();
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl);
    const int status = SSL_get_error(ssl, done);
    flush();  // also the alert that tells the server why not
    if (done == 1) { co_return true; }
    if (status != SSL_ERROR_WANT_READ) { co_return handshake_failure(ssl); }
    const IoResult got = fetch();
    if (got.status == Io::bytes) { continue; }
    if (!got.waits()) { co_return failed("the connection ended in the TLS handshake"); }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake == Wake::timeout) { co_return failed("the TLS handshake takes too long"); }
    if (wake == Wake::stopped) {
      TlsFailure stopped{.why = "stopped in the TLS handshake", .stopped = true};
      co_return stopped;
    }
  }
}

IoResult TlsClient::fetch() {
  std::array<std::uint8_t, fetched_bytes> buffer;
  const IoResult got = stream_->read(buffer);
  if (got.status == Io::bytes) { BIO_write(engine_->in, buffer.data(), static_cast<int>(got.bytes)); }
  return got;
}

void TlsClient::flush() {
  for (;;) {
    char* data = nullptr;
    const long size = BIO_ctrl(engine_->out, BIO_CTRL_INFO, 0, &data);
    if (size <= 0) { break; }
    const IoResult written = stream_->write(bytes_of(std::string_view(data, static_cast<std::size_t>(size))));
    if (written.status == Io::reset && error_ == 0) { error_ = written.error != 0 ? written.error : EPIPE; }
    if (written.status != Io::bytes) { return; }
    // Reading is how a memory BIO forgets what was sent.
    std::array<char, fetched_bytes> sent;
    for (std::size_t rest = written.bytes; rest > 0;) {
      const int dropped = BIO_read(engine_->out, sent.data(), static_cast<int>(std::min(rest, sent.size())));
      if (dropped <= 0) { return; }
      rest -= static_cast<std::size_t>(dropped);
    }
  }
  if (shut_) { stream_->shutdown_write(); }
}

IoResult TlsClient::read(MutableBytes into) {
  if (!early_.empty()) {
    const std::size_t count = std::min(into.size(), early_.size());
    std::copy_n(early_.begin(), count, into.begin());
    early_.erase(0, count);
    return IoResult::moved(count);
  }
  SSL* const ssl = engine_->ssl.get();
  for (;;) {
    ERR_clear_error();
    std::size_t count = 0;
    const int done = SSL_read_ex(ssl, into.data(), into.size(), &count);
    const int status = SSL_get_error(ssl, done);
    flush();  // a key update, an alert
    if (done == 1) { return IoResult::moved(count); }
    if (status == SSL_ERROR_ZERO_RETURN) { return IoResult::ended(); }
    if (status != SSL_ERROR_WANT_READ) {
      if (error_ == 0) { error_ = EPROTO; }
      return IoResult::broken(error_);
    }
    const IoResult got = fetch();
    // An end that TLS did not announce may be somebody's on the way (RFC 8446, section 6.1).
    if (got.status == Io::end) { return {Io::truncated, 0, 0}; }
    if (got.status != Io::bytes) { return got; }
  }
}

IoResult TlsClient::write(Bytes from) {
  flush();
  if (error_ != 0) { return IoResult::broken(error_); }
  if (BIO_ctrl_pending(engine_->out) > 0) { return IoResult::wait_writable(); }
  ERR_clear_error();
  std::size_t count = 0;
  if (SSL_write_ex(engine_->ssl.get(), from.data(), std::min(from.size(), fetched_bytes), &count) != 1) {
    error_ = EPROTO;  // a memory BIO takes everything, so it is not for want of room
    return IoResult::broken(error_);
  }
  flush();
  return IoResult::moved(count);
}

void TlsClient::unread(Bytes early) {
  early_.insert(0, text_of(early));
}

void TlsClient::shutdown_write() {
  if (shut_) { return; }
  shut_ = true;
  ERR_clear_error();
  SSL_shutdown(engine_->ssl.get());
  flush();
}

void TlsClient::abort() {
  stream_->abort();
}

std::size_t TlsClient::unsent() const {
  return BIO_ctrl_pending(engine_->out) + stream_->unsent();
}

int TlsClient::broken() const {
  return error_ != 0 ? error_ : stream_->broken();
}

}  // namespace bascule::net
