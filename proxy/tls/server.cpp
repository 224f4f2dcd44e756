#include "proxy/tls/server.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "proxy/base/address.hpp"
#include "proxy/base/text.hpp"
#include "proxy/tls/context.hpp"
#include "proxy/tls/server_name.hpp"
#include "proxy/tls/visit.hpp"

namespace bascule::tls {

namespace {

constexpr std::string_view spoken = "http/1.1";

// Seconds for which a session may be resumed, if the keys live that long.
constexpr long resumable_seconds = std::chrono::seconds(TicketKeys::rotate_every).count();

// --- which certificates at which name --------------------------------------------------------------------------------

using Papers = std::vector<ServerOptions::Paper>;
using Chosen = std::vector<std::size_t>;  // indices of Papers, ascending; one of each kind of key at most

const std::vector<std::string>& names_of(const ServerOptions::Paper& paper) {
  return paper.names.empty() ? paper.key->names() : paper.names;
}

bool has_name(const ServerOptions::Paper& paper, const std::string& name) {
  const auto& names = names_of(paper);
  return std::find(names.begin(), names.end(), name) != names.end();
}

Chosen papers_of(const Papers& papers, const std::string& name) {
  Chosen chosen;
  for (std::size_t i = 0; i < papers.size(); ++i) {
    const int kind = EVP_PKEY_get_base_id(papers[i].key->key());
    const bool taken = std::any_of(chosen.begin(), chosen.end(), [&](std::size_t other) {
      return EVP_PKEY_get_base_id(papers[other].key->key()) == kind;
    });
    if (!taken && has_name(papers[i], name)) { chosen.push_back(i); }
  }
  return chosen;
}

// The first paper, and beside it what others there are of its first name.
Chosen default_papers(const Papers& papers) {
  const auto& names = names_of(papers.front());
  return names.empty() ? Chosen{0} : papers_of(papers, names.front());
}

// "*.example.org" for "www.example.org": a wildcard is exactly one label (RFC 9525, section 6.3).
std::string wildcard_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos) { return {}; }
  return fmt::format("*{}", name.substr(dot));
}

// --- tickets ---------------------------------------------------------------------------------------------------------

// RFC 5077, section 4: AES-256-CBC, and HMAC-SHA256 over all of it.
bool arm(const TicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool seals) {
  TicketKey own = key;            // OpenSSL's parameters are not const; wiped when it goes
  std::string digest = "SHA256";  // nor are its texts
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, own.hmac.data(), own.hmac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, own.aes.data(), iv, seals ? 1 : 0) == 1;
}

// As SSL_CTX_set_tlsext_ticket_key_evp_cb wants it: negative is an error, 0 shakes hands in full, 1 resumes, and 2
// resumes and seals a new ticket.
int on_ticket(SSL* connection, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int seals) {
  const TicketKeys& keys = *visit_of(connection).keys;
  if (seals != 0) {
    try {
      const TicketKey key = keys.sealing();
      std::copy(key.name.begin(), key.name.end(), name);
      const bool armed = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1;
      return armed && arm(key, iv, cipher, mac, true) ? 1 : -1;
    } catch (const std::exception&) { return -1; }
  }
  const auto found = keys.opening(std::span<const std::uint8_t, 16>(name, 16));
  if (!found) { return 0; }
  if (!arm(found->key, iv, cipher, mac, false)) { return -1; }
  return found->newest ? 1 : 2;
}

// --- what else a hello may bring -------------------------------------------------------------------------------------

// RFC 7301, section 3.2: names, each behind a byte with its length. Who offers only others is refused.
int on_protocols(SSL* /*connection*/, const unsigned char** chosen, unsigned char* chosen_size,
                 const unsigned char* offered, unsigned int offered_size, void* /*argument*/) {
  Bytes rest(offered, offered_size);
  while (!rest.empty() && rest.front() < rest.size()) {
    const Bytes name = rest.subspan(1, rest.front());
    if (text_of(name) == spoken) {
      *chosen = name.data();
      *chosen_size = rest.front();
      return SSL_TLSEXT_ERR_OK;
    }
    rest = rest.subspan(1 + name.size());
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// The names are read by on_hello; without this one OpenSSL would not tell the visitor that we have heeded his (RFC
// 6066, section 3).
int on_name(SSL* connection, int* /*alert*/, void* /*argument*/) {
  return visit_of(connection).name.empty() ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

// How OpenSSL wants to be handed some of its callbacks; it knows what they are.
template <typename... Arguments>
void (*of_any_kind(int (*callback)(Arguments...)))() {
  return reinterpret_cast<void (*)()>(callback);
}

struct Refused {
  int alert = SSL_AD_INTERNAL_ERROR;
  std::string why{};
};

Refused refused(BadServerName bad) {
  if (bad == BadServerName::malformed) { return {SSL_AD_DECODE_ERROR, "TLS: the name asked for (SNI) is malformed"}; }
  return {SSL_AD_ILLEGAL_PARAMETER, "TLS: the name asked for (SNI) is none"};
}

// Empty: no name is asked for.
Result<std::string, Refused> asked_name(SSL* connection) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_server_name, &data, &size) != 1) { return std::string(); }
  auto name = parse_server_name({data, size});
  if (!name) { return refused(name.error()); }
  return std::move(*name);
}

}  // namespace

bool NameSet::contains(std::string_view name) const {
  if (any) { return true; }
  if (unnamed && (name.empty() || name == "localhost" || Address::parse_ip(name, 0))) { return true; }
  if (std::find(names.begin(), names.end(), name) != names.end()) { return true; }
  return std::any_of(parents.begin(), parents.end(), [name](const std::string& parent) {
    return name.size() > parent.size() + 1 && name.ends_with(parent) && name[name.size() - parent.size() - 1] == '.';
  });
}

// --- the server ------------------------------------------------------------------------------------------------------

struct Server::Parts {
  ServerOptions options;
  std::unique_ptr<TicketKeys> keys;                      // null: the listener has none of its own
  std::map<Chosen, OwnedContext> contexts;               // of what is shown
  std::map<std::string, SSL_CTX*> by_name;               // those of names and of wildcards as they are written
  std::map<std::string, std::string> resumable_by_name;  // resumable() of the names that are known
  SSL_CTX* of_the_rest = nullptr;

  std::optional<Bad> make_contexts();
  Result<SSL_CTX*, Bad> context_of(const Chosen& chosen);
  bool prepare(SSL_CTX* context);
  SSL_CTX* find(const std::string& name) const;  // null: the name is unknown
  std::optional<Refused> greet(SSL* connection, Visit& visit) const;
  bool settle(SSL* connection, SSL_CTX* context, const Visit& visit) const;
  bool asks_for_certificate(const std::string& name) const;
  std::string resumable(const std::string& name) const;

  static int on_hello(SSL* connection, int* alert, void* parts);
  static int on_status(SSL* connection, void* parts);
};

std::optional<Bad> Server::Parts::make_contexts() {
  const auto rest = context_of(default_papers(options.papers));
  if (!rest) { return rest.error(); }
  of_the_rest = *rest;
  resumable_by_name.emplace("", resumable(""));
  for (const auto& paper : options.papers) {
    for (const std::string& name : names_of(paper)) {
      if (by_name.contains(name)) { continue; }
      const auto context = context_of(papers_of(options.papers, name));
      if (!context) { return context.error(); }
      by_name.emplace(name, *context);
      resumable_by_name.emplace(name, resumable(name));
    }
  }
  return std::nullopt;
}

Result<SSL_CTX*, Bad> Server::Parts::context_of(const Chosen& chosen) {
  const auto known = contexts.find(chosen);
  if (known != contexts.end()) { return known->second.get(); }
  OwnedContext context =
      new_context(TLS_server_method(), options.versions == Versions::modern ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (!context || !prepare(context.get())) {
    return Bad{Bad::What::options, fmt::format("OpenSSL: {}", words_of(ERR_peek_error()))};
  }
  for (const std::size_t i : chosen) {
    if (!show(context.get(), *options.papers[i].key)) {
      return Bad{Bad::What::certificate, std::string(words_of(ERR_peek_error()))};
    }
  }
  return contexts.emplace(chosen, std::move(context)).first->second.get();
}

// Every context may be the one that a callback is looked up in: OpenSSL takes some of that the connection began with
// and some of that it goes on with.
bool Server::Parts::prepare(SSL_CTX* context) {
  SSL_CTX_set_client_hello_cb(context, on_hello, this);
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, of_any_kind(on_name));
  SSL_CTX_set_alpn_select_cb(context, on_protocols, nullptr);
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, of_any_kind(on_status));
  SSL_CTX_set_tlsext_status_arg(context, this);
  SSL_CTX_set_timeout(context, resumable_seconds);
  if (SSL_CTX_set_num_tickets(context, 1) != 1) { return false; }
  if (SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) != 1) { return false; }
  if (!options.client_ca) { return true; }
  for (const X509_NAME* const name : options.client_ca->names()) {
    const std::unique_ptr<X509, FreedBy<X509_free>> named(X509_new());  // the way to add one name to the list
    if (!named || X509_set_subject_name(named.get(), name) != 1 || SSL_CTX_add_client_CA(context, named.get()) != 1) {
      return false;
    }
  }
  return SSL_CTX_set1_verify_cert_store(context, options.client_ca->store()) == 1;
}

SSL_CTX* Server::Parts::find(const std::string& name) const {
  auto found = by_name.find(name);
  if (found == by_name.end()) { found = by_name.find(wildcard_of(name)); }
  return found != by_name.end() ? found->second : nullptr;
}

int Server::Parts::on_hello(SSL* connection, int* alert, void* parts) {
  try {
    Visit& visit = visit_of(connection);
    auto refused = static_cast<const Parts*>(parts)->greet(connection, visit);
    if (!refused) { return SSL_CLIENT_HELLO_SUCCESS; }
    *alert = refused->alert;
    visit.why = std::move(refused->why);
  } catch (const std::bad_alloc&) {  // not through the code of others
    *alert = SSL_AD_INTERNAL_ERROR;
  }
  return SSL_CLIENT_HELLO_ERROR;
}

// A hello comes twice where the first one had no group of ours (RFC 8446, section 4.1.4), and must be the same but for
// that.
std::optional<Refused> Server::Parts::greet(SSL* connection, Visit& visit) const {
  auto name = asked_name(connection);
  if (!name) { return name.error(); }
  if (visit.greeted && *name != visit.name) {
    return Refused{SSL_AD_ILLEGAL_PARAMETER, "TLS: a second hello asks for another name"};
  }
  visit.greeted = true;
  visit.name = std::move(*name);
  visit.asked_for_certificate = asks_for_certificate(visit.name);

  SSL_CTX* context = visit.name.empty() ? of_the_rest : find(visit.name);
  if (context == nullptr && options.refuse_unknown_names) {
    return Refused{SSL_AD_UNRECOGNIZED_NAME, fmt::format("TLS: no certificate for '{}'", shown(visit.name))};
  }
  if (context == nullptr) { context = of_the_rest; }
  if (!settle(connection, context, visit)) { return Refused{SSL_AD_INTERNAL_ERROR, "TLS: out of memory"}; }
  return std::nullopt;
}

bool Server::Parts::asks_for_certificate(const std::string& name) const {
  return options.client_ca && options.ask_at.contains(name);
}

// A session can be resumed where this text of its beginning is that of now, and nowhere else. No certificate of ours is
// in it: a renewed one changes nothing between people who know each other.
std::string Server::Parts::resumable(const std::string& name) const {
  return sha256_of(fmt::format("{}\n{}\n{}", name, asks_for_certificate(name),
                               options.client_ca ? options.client_ca->digest() : ""));
}

bool Server::Parts::settle(SSL* connection, SSL_CTX* context, const Visit& visit) const {
  const auto known = resumable_by_name.find(visit.name);
  const std::string where = known != resumable_by_name.end() ? known->second : resumable(visit.name);
  if (SSL_set_SSL_CTX(connection, context) != context ||
      SSL_set_session_id_context(connection, bytes_of(where).data(), static_cast<unsigned>(where.size())) != 1) {
    return false;
  }
  if (!visit.asked_for_certificate) { return true; }
  // Whether one may do without is judged when the head has been read; a wrong one ends the handshake.
  SSL_set_verify(connection, SSL_VERIFY_PEER, nullptr);
  SSL_set_options(connection, SSL_OP_NO_TICKET);
  return SSL_set_num_tickets(connection, 0) == 1;
}

// RFC 6066, section 8. By now OpenSSL has made up its mind which certificate it shows.
int Server::Parts::on_status(SSL* connection, void* parts) {
  const X509* const certificate = SSL_get_certificate(connection);
  for (const auto& paper : static_cast<const Parts*>(parts)->options.papers) {
    if (paper.staple.empty() || paper.key->certificate() != certificate) { continue; }
    void* const copy = OPENSSL_memdup(paper.staple.data(), paper.staple.size());  // the connection's
    if (copy == nullptr) { break; }
    SSL_set_tlsext_status_ocsp_resp(connection, copy, static_cast<long>(paper.staple.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() = default;

Result<std::shared_ptr<const Server>, Bad> Server::make(ServerOptions options) {
  const OwnErrors errors;
  if (options.papers.empty()) { return Bad{Bad::What::options, "without a certificate there is no TLS"}; }
  auto parts = std::make_unique<Parts>();
  if (!options.ticket_keys.empty()) { parts->keys = std::make_unique<TicketKeys>(std::move(options.ticket_keys)); }
  options.ticket_keys.clear();
  parts->options = std::move(options);
  auto bad = parts->make_contexts();
  if (bad) { return std::move(*bad); }
  return std::shared_ptr<const Server>(new Server(std::move(parts)));
}

WallTime Server::expires() const {
  const auto& papers = parts_->options.papers;
  const auto first = std::min_element(papers.begin(), papers.end(),
                                      [](const auto& a, const auto& b) { return a.key->expires() < b.key->expires(); });
  return first->key->expires();
}

const std::string& Server::authorities_digest() const {
  static const std::string none;
  return parts_->options.client_ca ? parts_->options.client_ca->digest() : none;
}

SSL_CTX* Server::context() const {
  return parts_->of_the_rest;
}

const TicketKeys& Server::keys_or(const TicketKeys& own) const {
  return parts_->keys ? *parts_->keys : own;
}

}  // namespace bascule::tls
