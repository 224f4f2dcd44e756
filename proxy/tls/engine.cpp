#include "proxy/tls/engine.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "proxy/base/address.hpp"
#include "proxy/base/text.hpp"
#include "proxy/tls/context.hpp"

namespace bascule::tls {

// --- what OpenSSL calls ----------------------------------------------------------------------------------------------

// One BIO a thread, for both directions of all connections, lent to the one that is called. It holds nothing: it reads
// from and writes to the records of the call.
struct Engine::Hooks {
  static const BIO_METHOD* method();
  static BIO* bio_of_this_thread();
  static int read(BIO* bio, char* into, std::size_t size, std::size_t* count);
  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* count);
  static long control(BIO* bio, int command, long number, void* pointer);
  static void on_message(int is_ours, int version, int type, const void* data, std::size_t size, SSL* connection,
                         void* engine);
};

// Exists once for all, for as long as the process does.
const BIO_METHOD* Engine::Hooks::method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records");
    if (method == nullptr) { throw std::bad_alloc(); }
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }();
  return made;
}

BIO* Engine::Hooks::bio_of_this_thread() {
  thread_local const OwnedBio bio(BIO_new(method()));
  if (!bio) { throw std::bad_alloc(); }
  BIO_set_init(bio.get(), 1);
  return bio.get();
}

// Dries up as well when there has been too much of nothing: OpenSSL passes over some records by itself.
int Engine::Hooks::read(BIO* bio, char* into, std::size_t size, std::size_t* count) {
  Engine& engine = *static_cast<Engine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (engine.records_->in.empty() || !engine.exceeded().empty()) {
    engine.dry_ = true;
    BIO_set_retry_read(bio);
    return -1;
  }
  Bytes& in = engine.records_->in;
  *count = std::min(size, in.size());
  std::memcpy(into, in.data(), *count);
  in = in.subspan(*count);
  engine.bytes_without_data_ += *count;
  return 1;
}

int Engine::Hooks::write(BIO* bio, const char* from, std::size_t size, std::size_t* count) {
  const Engine& engine = *static_cast<Engine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  try {
    std::vector<std::uint8_t>& out = engine.records_->out;
    const Bytes bytes = bytes_of(std::string_view(from, size));  // vector moves whole blocks only of its own type
    out.insert(out.end(), bytes.begin(), bytes.end());
  } catch (const std::bad_alloc&) {  // not through the code of others
    return -1;
  }
  *count = size;
  return 1;
}

long Engine::Hooks::control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void Engine::Hooks::on_message(int is_ours, int /*version*/, int type, const void* data, std::size_t size,
                               SSL* /*connection*/, void* engine) {
  Engine& of = *static_cast<Engine*>(engine);
  // In TLS 1.2 each attempt to renegotiate is answered by one; the answers to one who does not read would pile up.
  if (is_ours != 0 && type == SSL3_RT_ALERT && of.shaken_) { ++of.alerts_; }
  if (is_ours != 0 || type != SSL3_RT_HANDSHAKE || size == 0) { return; }
  if (*static_cast<const std::uint8_t*>(data) == SSL3_MT_KEY_UPDATE) { ++of.key_updates_; }
}

Visit& visit_of(const SSL* connection) {
  return static_cast<Engine*>(BIO_get_data(SSL_get_rbio(connection)))->visit_;
}

// Looking is cheap; clearing goes through all the places of the queue.
void forget_errors() {
  if (ERR_peek_error() != 0) { ERR_clear_error(); }
}

// Lends the connection the thread's BIO: its own would take 200 bytes for as long as it lives. OpenSSL's queue of
// errors belongs to the thread as well: ours begins empty, and nothing of it is left to others.
struct Engine::Call {
  Call(Engine& which, Records& records) : engine(which), bio(Hooks::bio_of_this_thread()) {
    forget_errors();
    engine.records_ = &records;
    BIO_set_data(bio, &engine);
    BIO_up_ref(bio);
    SSL_set0_rbio(engine.ssl_.get(), bio);
    BIO_up_ref(bio);
    SSL_set0_wbio(engine.ssl_.get(), bio);
  }
  ~Call() {
    SSL_set0_rbio(engine.ssl_.get(), nullptr);
    SSL_set0_wbio(engine.ssl_.get(), nullptr);
    BIO_set_data(bio, nullptr);
    engine.records_ = nullptr;
    forget_errors();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Engine& engine;
  BIO* const bio;
};

// --- the beginning ---------------------------------------------------------------------------------------------------

void Engine::FreeSsl::operator()(SSL* connection) const {
  SSL_free(connection);
}

Engine::Engine(SSL_CTX* context, std::shared_ptr<const void> made_by)
    : made_by_(std::move(made_by)), ssl_(SSL_new(context)) {
  if (!ssl_) { throw std::bad_alloc(); }
  SSL_set_msg_callback(ssl_.get(), Hooks::on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
}

Engine::~Engine() = default;

std::unique_ptr<Engine> Engine::accept(std::shared_ptr<const Server> server, const TicketKeys& own_keys) {
  const OwnErrors errors;
  SSL_CTX* const context = server->context();
  const TicketKeys& keys = server->keys_or(own_keys);
  std::unique_ptr<Engine> engine(new Engine(context, std::move(server)));
  engine->is_server_ = true;
  engine->visit_.keys = &keys;
  SSL_set_accept_state(engine->ssl_.get());
  return engine;
}

Result<std::unique_ptr<Engine>, Bad> Engine::connect(std::shared_ptr<const Client> client, const std::string& name) {
  const OwnErrors errors;
  SSL_CTX* const context = client->context();
  const bool verify = client->verifies();
  std::unique_ptr<Engine> engine(new Engine(context, std::move(client)));
  SSL_set_connect_state(engine->ssl_.get());
  if (!engine->expect(name, verify)) {
    return Bad{Bad::What::options, fmt::format("'{}' is no host that a certificate names", shown(name))};
  }
  return engine;
}

// RFC 9525: the alternative names of the certificate count, not its subject, and a wildcard is a whole label.
bool Engine::expect(std::string name, bool verify) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (Address::parse_ip(name, 0)) { return !verify || X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1; }
  if (name.ends_with('.')) { name.pop_back(); }  // the root, which certificates do not write
  if (name.empty()) { return !verify; }          // OpenSSL would take that for "any"
  return (!verify || X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) == 1) &&
         SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

Did Engine::shake_hands(Records& records) {
  if (failed_) { return Did::failed; }
  const Call call(*this, records);
  for (;;) {
    dry_ = false;
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
      settle();
      return Did::well;
    }
    if (SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ) { return fail_as_openssl_says(); }
    if (!exceeded().empty()) { return fail(std::string(exceeded())); }
    if (dry_) { return Did::wants_more; }
  }
}

namespace {

// OpenSSL keeps both halves of the exchange of keys until the connection ends. Emptied they take less, and whoever sees
// our memory later learns nothing of what was said before.
void forget(int which, SSL* connection) {
  EVP_PKEY* key = nullptr;
  if (SSL_ctrl(connection, which, 0, &key) != 1) { return; }
  const OwnedKey shared(key);
  EVP_PKEY_set_type(key, EVP_PKEY_get_base_id(key));
}

}  // namespace

// Lets go of what only a handshake needs.
void Engine::settle() {
  if (shaken_) { return; }
  shaken_ = true;
  bytes_without_data_ = 0;
  SSL* const connection = ssl_.get();
  forget(SSL_CTRL_GET_TMP_KEY, connection);
  forget(SSL_CTRL_GET_PEER_TMP_KEY, connection);
  SSL_certs_clear(connection);
  if (is_server_) { SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, nullptr); }
}

// --- data ------------------------------------------------------------------------------------------------------------

Did Engine::read(Records& records, MutableBytes into, std::size_t& count) {
  count = 0;
  if (failed_) { return Did::failed; }
  const Call call(*this, records);
  // An end or a failure behind some data stays, and is told when it comes first.
  for (std::size_t opened = 0; opened < records_max; ++opened) {
    std::size_t got = 0;
    const Did did = read_some(into.subspan(count), got);
    tells_more_ = did == Did::ended || did == Did::failed;
    if (did != Did::well) { return count > 0 ? Did::well : did; }
    count += got;
    if (count == into.size() || (records.in.empty() && buffered() == 0)) { break; }
  }
  return Did::well;
}

// From one record. Those without data end OpenSSL's call, but not this one.
Did Engine::read_some(MutableBytes into, std::size_t& count) {
  const bool opens = buffered() == 0;
  for (;;) {
    dry_ = false;
    const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
    if (done == 1) {
      if (opens) { note_data(count + buffered()); }
      return exceeded().empty() ? Did::well : fail(std::string(exceeded()));
    }
    const int status = SSL_get_error(ssl_.get(), done);
    if (status == SSL_ERROR_ZERO_RETURN) { return Did::ended; }
    if (status != SSL_ERROR_WANT_READ) { return fail_as_openssl_says(); }
    if (!exceeded().empty()) { return fail(std::string(exceeded())); }
    if (dry_) { return Did::wants_more; }
  }
}

void Engine::note_data(std::size_t record_bytes) {
  bytes_without_data_ = 0;
  splinters_ = record_bytes < splinter_bytes ? splinters_ + 1 : 0;
}

std::string_view Engine::exceeded() const {
  if (!shaken_) { return bytes_without_data_ < handshake_bytes_max ? "" : "TLS: the handshake is too long"; }
  if (bytes_without_data_ >= bytes_without_data_max) { return "TLS: nothing but records without data"; }
  if (key_updates_ > key_updates_max) { return "TLS: too many key updates"; }
  if (alerts_ > alerts_max) { return "TLS: too many attempts to renegotiate"; }
  return is_server_ && splinters_ > splinters_max ? "TLS: nothing but splinters of records" : "";
}

Did Engine::write(Records& records, Bytes from) {
  if (failed_) { return Did::failed; }
  if (from.empty()) { return Did::well; }
  const Call call(*this, records);
  std::size_t count = 0;
  // Without PARTIAL_WRITE, and since the BIO takes whatever it is given, this is all of it.
  const int done = SSL_write_ex(ssl_.get(), from.data(), from.size(), &count);
  if (done == 1) { return Did::well; }
  // In the middle of a message that comes behind the handshake (half a ticket) OpenSSL wants the rest of it first.
  return SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ ? Did::wants_more : fail_as_openssl_says();
}

void Engine::close(Records& records) {
  if (failed_ || closed_ || !shaken_) { return; }
  closed_ = true;
  const Call call(*this, records);
  SSL_shutdown(ssl_.get());
}

std::size_t Engine::buffered() const {
  return static_cast<std::size_t>(SSL_pending(ssl_.get()));
}

// --- the end ---------------------------------------------------------------------------------------------------------

Did Engine::fail(std::string why) {
  failed_ = true;
  visit_.why = std::move(why);
  return Did::failed;
}

namespace {

// What TLS says of it comes behind what was wrong below ("cipher operation failed").
unsigned long error_of_tls() {
  const unsigned long first = ERR_get_error();
  for (unsigned long code = first; code != 0; code = ERR_get_error()) {
    if (ERR_GET_LIB(code) == ERR_LIB_SSL) { return code; }
  }
  return first;
}

}  // namespace

Did Engine::fail_as_openssl_says() {
  if (!visit_.why.empty()) { return fail(std::move(visit_.why)); }
  const unsigned long code = error_of_tls();
  const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    distrusts_ = true;
    return fail(fmt::format("certificate: {}", X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()))));
  }
  if (reason >= SSL_AD_REASON_OFFSET) {  // an alert
    return fail(fmt::format("the other side says: {}", SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET)));
  }
  return fail(fmt::format("TLS: {}", words_of(code)));
}

// --- once hands are shaken -------------------------------------------------------------------------------------------

std::string_view Engine::version() const {
  return SSL_get_version(ssl_.get());
}

std::string_view Engine::suite() const {
  return SSL_CIPHER_get_name(SSL_get_current_cipher(ssl_.get()));
}

bool Engine::resumed() const {
  return SSL_session_reused(ssl_.get()) == 1;
}

namespace {

std::string der_of(const X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  if (size <= 0) { return {}; }
  std::string der(static_cast<std::size_t>(size), '\0');
  unsigned char* end = bytes_of(der).data();
  i2d_X509(certificate, &end);
  return der;
}

}  // namespace

Engine::Shown Engine::take_certificate() {
  const X509* const own = SSL_get0_peer_certificate(ssl_.get());
  if (own == nullptr || SSL_get_verify_mode(ssl_.get()) == SSL_VERIFY_NONE) { return {}; }
  Shown taken{.der = der_of(own), .chain{}};
  STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl_.get());
  // To a server the chain is the rest of it, to a client it is all of it.
  for (int i = is_server_ ? 0 : 1; i < sk_X509_num(chain); ++i) {
    taken.chain.push_back(der_of(sk_X509_value(chain, i)));
  }
  while (sk_X509_num(chain) > 0) { X509_free(sk_X509_pop(chain)); }
  return taken;
}

}  // namespace bascule::tls
