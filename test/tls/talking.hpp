// Both sides of TLS in one process and without sockets: engines of ours, and a visitor by plain OpenSSL that can be
// made to do what ours never would.
//
//   Talker server(Engine::accept(...));
//   Visitor visitor({.name = "desk.example.org"});
//   EXPECT_EQ(shake_hands(server, visitor), "");
#pragma once

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/tls/engine.hpp"
#include "test/tls/making.hpp"

namespace bascule::tls::talking {

using making::Made;
using making::must;
using making::Wish;

// --- papers ----------------------------------------------------------------------------------------------------------

// OpenSSL verifies by the clock of the machine, so these are valid today.
inline Made make_today(Wish wish, const Made* issuer = nullptr) {
  const WallTime now = std::chrono::system_clock::now();
  if (wish.from == Wish().from) { wish.from = now - std::chrono::hours(1); }
  if (wish.until == Wish().until) { wish.until = now + std::chrono::hours(24); }
  return making::make(wish, issuer);
}

inline const Made& root() {
  static const Made made = make_today({.common_name = "root", .authority = true});
  return made;
}

inline Made issue(const std::string& names, const std::string& key = "EC:P-256") {
  return make_today({.common_name = names, .names = names, .key = key}, &root());
}

template <typename T>
T must_be(Result<T, Bad> made) {
  if (!made) { throw std::runtime_error(made.error().why); }
  return std::move(*made);
}

inline std::shared_ptr<const CertifiedKey> certified(const Made& made, const std::string& issuers = {}) {
  return must_be(CertifiedKey::read(made.pem() + issuers, made.key_pem(), std::chrono::system_clock::now()));
}

inline std::shared_ptr<const Authorities> authorities(const Made& made) {
  return must_be(Authorities::read(made.pem()));
}

// --- one side by an engine -------------------------------------------------------------------------------------------

struct Talker {
  std::unique_ptr<Engine> engine;
  std::string arrived{};  // and not taken yet
  std::vector<std::uint8_t> to_send{};

  explicit Talker(std::unique_ptr<Engine> which) : engine(std::move(which)) {}

  // Everything that follows hands in what has arrived, and keeps what was not taken.
  template <typename Asked>
  Did call(Asked asked) {
    Records records{.in = bytes_of(std::as_const(arrived)), .out = to_send};
    const Did did = asked(records);
    arrived.erase(0, arrived.size() - records.in.size());
    return did;
  }
  Did shake_hands() {
    return call([this](Records& records) { return engine->shake_hands(records); });
  }
  // One call; what was read is appended to `into`.
  Did read(std::string& into, std::size_t bytes_max = 65536) {
    std::string buffer(bytes_max, '\0');
    std::size_t count = 0;
    const Did did = call([&](Records& records) { return engine->read(records, bytes_of(buffer), count); });
    if ((did == Did::well) != (count > 0)) { throw std::runtime_error("`well` and nothing read, or the reverse"); }
    into.append(buffer, 0, count);
    return did;
  }
  // Until there is no more; gives how it stopped.
  Did read_all(std::string& into) {
    Did did = Did::well;
    while (did == Did::well) { did = read(into); }
    return did;
  }
  Did write(std::string_view data) {
    return call([&](Records& records) { return engine->write(records, bytes_of(data)); });
  }
  void close() {
    call([this](Records& records) {
      engine->close(records);
      return Did::well;
    });
  }
  std::string sent() {
    std::string all(text_of(to_send));
    to_send.clear();
    return all;
  }
};

inline Talker visited(const std::shared_ptr<const Server>& server, const TicketKeys& keys) {
  return Talker(Engine::accept(server, keys));
}

// --- the other by OpenSSL --------------------------------------------------------------------------------------------

using OwnedSession = std::shared_ptr<SSL_SESSION>;

struct VisitorWish {
  std::string name{};  // asked for (SNI); empty: none
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  std::string suites_1_2 = "DEFAULT";
  std::string signatures{};            // empty: OpenSSL's
  std::string protocols{};             // ALPN: each behind its length
  const Made* certificate = nullptr;   // shown if asked for
  std::vector<const Made*> issuers{};  // of that, shown with it
  OwnedSession session{};              // to be resumed
  bool wants_staple = false;
};

class Visitor {
 public:
  static constexpr int none = -1;

  explicit Visitor(const VisitorWish& wish) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, wish.version_min);
    SSL_CTX_set_max_proto_version(context, wish.version_max);
    must(SSL_CTX_set_cipher_list(context, wish.suites_1_2.c_str()) == 1, "suites");
    must(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1, "suites of TLS 1.3");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    SSL_CTX_set_keylog_callback(context, on_secret);
    if (wish.certificate != nullptr) {
      SSL_CTX_use_certificate(context, wish.certificate->certificate.get());
      SSL_CTX_use_PrivateKey(context, wish.certificate->key.get());
    }
    for (const Made* const issuer : wish.issuers) { SSL_CTX_add1_chain_cert(context, issuer->certificate.get()); }

    ssl_.reset(SSL_new(context));
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    SSL_set_connect_state(ssl_.get());
    if (!wish.name.empty()) {
      std::string name = wish.name;
      must(SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1, "SNI");
    }
    if (!wish.signatures.empty()) { must(SSL_set1_sigalgs_list(ssl_.get(), wish.signatures.c_str()) == 1, "sigalgs"); }
    if (!wish.protocols.empty()) {
      SSL_set_alpn_protos(ssl_.get(), bytes_of(wish.protocols).data(), static_cast<unsigned>(wish.protocols.size()));
    }
    if (wish.session) { resume(wish.session.get()); }
    if (wish.wants_staple) { SSL_set_tlsext_status_type(ssl_.get(), TLSEXT_STATUSTYPE_ocsp); }
  }
  // A session whose connection was not closed is one that OpenSSL does not offer again.
  ~Visitor() { SSL_set_shutdown(ssl(), SSL_SENT_SHUTDOWN); }
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  SSL* ssl() const { return ssl_.get(); }
  // That the other side has sent: a number of RFC 8446, section 6.
  int alert() const { return alert_; }

  bool shake_hands() {
    ERR_clear_error();
    const bool done = SSL_do_handshake(ssl()) == 1;
    note_alert();
    return done;
  }
  void write(std::string_view data) {
    ERR_clear_error();
    must(SSL_write(ssl(), data.data(), static_cast<int>(data.size())) == static_cast<int>(data.size()), "write");
  }
  // As much as there is.
  std::string read() {
    std::string all;
    std::array<char, 16384> some;
    for (;;) {
      ERR_clear_error();
      const int got = SSL_read(ssl(), some.data(), static_cast<int>(some.size()));
      if (got <= 0) { break; }
      all.append(some.data(), static_cast<std::size_t>(got));
    }
    note_alert();
    return all;
  }
  bool was_told_of_the_end() const { return (SSL_get_shutdown(ssl()) & SSL_RECEIVED_SHUTDOWN) != 0; }

  std::string sent() {
    BIO* const bio = SSL_get_wbio(ssl());
    std::string all(BIO_ctrl_pending(bio), '\0');
    if (!all.empty()) { BIO_read(bio, all.data(), static_cast<int>(all.size())); }
    return all;
  }
  void receive(std::string_view data) {
    if (!data.empty()) { BIO_write(SSL_get_rbio(ssl()), data.data(), static_cast<int>(data.size())); }
  }

  bool was_shown(const Made& made) const {
    const X509* const shown = SSL_get0_peer_certificate(ssl());
    return shown != nullptr && X509_cmp(shown, made.certificate.get()) == 0;
  }
  bool resumed() const { return SSL_session_reused(ssl()) == 1; }
  // The last that can be resumed; null: none.
  OwnedSession session() const { return session_; }
  // Hexadecimal, as SSLKEYLOGFILE has it; of TLS 1.3.
  const std::string& own_secret() const { return own_secret_; }

 private:
  static int on_session(SSL* ssl, SSL_SESSION* session) {
    static_cast<Visitor*>(SSL_get_app_data(ssl))->session_ = OwnedSession(session, SSL_SESSION_free);
    return 1;
  }
  static void on_secret(const SSL* ssl, const char* line) {
    const std::string_view text(line);
    if (!text.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) { return; }
    static_cast<Visitor*>(SSL_get_app_data(ssl))->own_secret_ = text.substr(text.rfind(' ') + 1);
  }
  // OpenSSL offers one of TLS 1.3 only once, and one of TLS 1.2 in vain to whoever speaks TLS 1.3.
  void resume(const SSL_SESSION* session) {
    const std::unique_ptr<SSL_SESSION, FreedBy<SSL_SESSION_free>> copy(SSL_SESSION_dup(session));
    must(SSL_set_session(ssl(), copy.get()) == 1, "session");
    SSL_set_max_proto_version(ssl(), SSL_SESSION_get_protocol_version(session));
  }
  void note_alert() {
    const unsigned long error = ERR_peek_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET) {
      alert_ = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    }
    ERR_clear_error();
  }

  std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreedBy<SSL_free>> ssl_;
  OwnedSession session_;
  std::string own_secret_;
  int alert_ = none;
};

// --- both ------------------------------------------------------------------------------------------------------------

// Empty: well. `cut`: so many bytes arrive at the engine at a time.
inline std::string shake_hands(Talker& server, Visitor& visitor, std::size_t cut = std::string::npos) {
  for (int flights = 0; flights < 8; ++flights) {
    const bool visitor_done = visitor.shake_hands();
    std::string on_the_way = visitor.sent();
    Did did = Did::wants_more;
    do {
      server.arrived += on_the_way.substr(0, cut);
      on_the_way.erase(0, std::min(cut, on_the_way.size()));
      did = server.shake_hands();
    } while (!on_the_way.empty() && did != Did::failed);
    visitor.receive(server.sent());
    if (did == Did::failed) {
      visitor.shake_hands();
      return server.engine->why();
    }
    if (did == Did::well && visitor_done) {
      visitor.read();  // a ticket
      return {};
    }
  }
  return "no end of it";
}

// Two engines. Empty: well.
inline std::string shake_hands(Talker& server, Talker& client, std::size_t cut = std::string::npos) {
  const auto pass = [cut](Talker& from, Talker& to) {
    std::string on_the_way = from.sent();
    Did did = to.shake_hands();
    while (!on_the_way.empty() && did != Did::failed) {
      to.arrived += on_the_way.substr(0, cut);
      on_the_way.erase(0, std::min(cut, on_the_way.size()));
      did = to.shake_hands();
    }
    return did;
  };
  for (int flights = 0; flights < 8; ++flights) {
    const Did client_did = pass(server, client);
    if (client_did == Did::failed) { return client.engine->why(); }
    const Did server_did = pass(client, server);
    if (server_did == Did::failed) { return server.engine->why(); }
    if (client_did == Did::well && server_did == Did::well) { return {}; }
  }
  return "no end of it";
}

// --- records that OpenSSL does not make ------------------------------------------------------------------------------

// Seals records in the visitor's name, by AES-128-GCM and SHA-256: RFC 8446, sections 5.2 and 7.3; RFC 5246, section
// 6.3, and RFC 5288, section 3. From then on the visitor itself must not say anything.
class Forger {
 public:
  explicit Forger(const Visitor& visitor) : is_1_3_(SSL_version(visitor.ssl()) == TLS1_3_VERSION) {
    if (is_1_3_) {
      std::string secret;
      for (std::size_t at = 0; at + 1 < visitor.own_secret().size(); at += 2) {
        secret += static_cast<char>(std::stoi(visitor.own_secret().substr(at, 2), nullptr, 16));
      }
      key_ = expanded(secret, "key", 16);
      nonce_ = expanded(secret, "iv", 12);
      return;
    }
    const std::string block = key_block(visitor.ssl(), 40);  // two keys, two beginnings of nonces
    key_ = block.substr(0, 16);
    nonce_ = block.substr(32, 4) + std::string(8, '\0');
    number_ = 1;  // behind the Finished
  }

  // `type`: 23 is data, 22 a handshake's, 21 an alert.
  std::string seal(std::string content, char type) {
    const std::string number = big_endian(number_++);
    std::string nonce = nonce_;
    for (std::size_t i = 0; i < 8; ++i) { nonce[4 + i] = static_cast<char>(nonce[4 + i] ^ number[i]); }
    if (is_1_3_) {
      content += type;
      const std::string header = std::string("\x17\x03\x03") + size_of(content.size() + tag_bytes);
      return header + encrypted(content, nonce, header);
    }
    const std::string before = type + std::string("\x03\x03");
    return before + size_of(number.size() + content.size() + tag_bytes) + number +
           encrypted(content, nonce, number + before + size_of(content.size()));
  }

 private:
  static constexpr std::size_t tag_bytes = 16;

  static std::string size_of(std::size_t size) { return big_endian(size).substr(6); }
  static std::string big_endian(std::uint64_t number) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) { bytes += static_cast<char>(number >> static_cast<unsigned>(shift)); }
    return bytes;
  }

  std::string encrypted(std::string content, const std::string& nonce, const std::string& seen) const {
    const std::unique_ptr<EVP_CIPHER_CTX, FreedBy<EVP_CIPHER_CTX_free>> cipher(EVP_CIPHER_CTX_new());
    std::string tag(tag_bytes, '\0');
    int count = 0;
    EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, bytes_of(key_).data(), bytes_of(nonce).data());
    EVP_EncryptUpdate(cipher.get(), nullptr, &count, bytes_of(seen).data(), static_cast<int>(seen.size()));
    EVP_EncryptUpdate(cipher.get(), bytes_of(content).data(), &count, bytes_of(std::as_const(content)).data(),
                      static_cast<int>(content.size()));
    EVP_EncryptFinal_ex(cipher.get(), nullptr, &count);
    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes), tag.data());
    return content + tag;
  }

  static std::string derived(const char* name, const std::vector<OSSL_PARAM>& parameters, std::size_t size) {
    const std::unique_ptr<EVP_KDF, FreedBy<EVP_KDF_free>> kdf(EVP_KDF_fetch(nullptr, name, nullptr));
    const std::unique_ptr<EVP_KDF_CTX, FreedBy<EVP_KDF_CTX_free>> context(EVP_KDF_CTX_new(kdf.get()));
    std::string out(size, '\0');
    must(EVP_KDF_derive(context.get(), bytes_of(out).data(), size, parameters.data()) == 1, name);
    return out;
  }

  static std::string expanded(std::string secret, std::string label, std::size_t size) {
    std::string prefix = "tls13 ";
    std::string digest = "SHA256";
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    return derived("TLS13-KDF",
                   {
                       OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                       OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                       OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
                       OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix.data(), prefix.size()),
                       OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label.data(), label.size()),
                       OSSL_PARAM_construct_end(),
                   },
                   size);
  }

  static std::string key_block(const SSL* ssl, std::size_t size) {
    std::string master(48, '\0');
    SSL_SESSION_get_master_key(SSL_get_session(ssl), bytes_of(master).data(), master.size());
    std::string digest = "SHA256";
    std::string seed = "key expansion" + std::string(64, '\0');
    SSL_get_server_random(ssl, bytes_of(seed).data() + 13, 32);
    SSL_get_client_random(ssl, bytes_of(seed).data() + 45, 32);
    return derived("TLS1-PRF",
                   {
                       OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                       OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master.data(), master.size()),
                       OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
                       OSSL_PARAM_construct_end(),
                   },
                   size);
  }

  bool is_1_3_ = true;
  std::string key_;
  std::string nonce_;
  std::uint64_t number_ = 0;
};

}  // namespace bascule::tls::talking
