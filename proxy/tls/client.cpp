#include "proxy/tls/client.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <utility>

#include "proxy/tls/context.hpp"

namespace bascule::tls {

struct Client::Parts {
  ClientOptions options;
  OwnedContext context;

  bool prepare();
};

bool Client::Parts::prepare() {
  SSL_CTX* const ssl = context.get();
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
  if (!options.verify) { return true; }
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  return SSL_CTX_set1_verify_cert_store(ssl, options.authorities->store()) == 1;
}

Client::Client(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Client::~Client() = default;

Result<std::shared_ptr<const Client>, Bad> Client::make(const ClientOptions& options) {
  const OwnErrors errors;
  if (options.verify && !options.authorities) { return Bad{Bad::What::options, "nobody is trusted"}; }
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  parts->context = new_context(TLS_client_method(), TLS1_2_VERSION);
  if (!parts->context || !parts->prepare()) {
    return Bad{Bad::What::options, fmt::format("OpenSSL: {}", words_of(ERR_peek_error()))};
  }
  if (options.key && !show(parts->context.get(), *options.key)) {
    return Bad{Bad::What::certificate, std::string(words_of(ERR_peek_error()))};
  }
  return std::shared_ptr<const Client>(new Client(std::move(parts)));
}

SSL_CTX* Client::context() const {
  return parts_->context.get();
}

bool Client::verifies() const {
  return parts_->options.verify;
}

}  // namespace bascule::tls
