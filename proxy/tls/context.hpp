// What the contexts of both sides have in common: which versions, suites, groups and signatures there are for us, and
// that a connection at rest keeps nothing it can do without.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string_view>

#include "proxy/tls/certified_key.hpp"
#include "proxy/tls/owned.hpp"

namespace bascule::tls {

using OwnedContext = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;

// What a side says at most before any data, and in one chain of certificates.
inline constexpr long chain_bytes_max = 64L * 1024;
// Certificates between the other side's and an authority that we trust.
inline constexpr int chain_depth_max = 8;

// `version_min`: TLS1_2_VERSION or TLS1_3_VERSION. Null where OpenSSL cannot do what we want of it.
OwnedContext new_context(const SSL_METHOD* method, int version_min);

// Shows this certificate, and its chain just as it is. One of each kind of key can be shown. False: OpenSSL does not
// take it.
bool show(SSL_CTX* context, const CertifiedKey& key);

// An error of OpenSSL's queue, in its words; safe to print.
std::string_view words_of(unsigned long error);

}  // namespace bascule::tls
