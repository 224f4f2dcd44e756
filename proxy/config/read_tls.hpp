// What a listener shows by TLS and how a service is come to by it, from the files that the rules name: read with the
// rules, and again whenever one of the files changes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

// What is wrong, and with which file. Never repeats any of a key.
struct TlsTrouble {
  std::string file;  // path, or the name of a variable
  std::string why;   // for people, with the file's name in it
};

// All files are read anew. A pair of which only one half has been renewed is trouble; whoever has made one before keeps
// that. A staple that is over is none: visitors do without.
Result<std::shared_ptr<const tls::Server>, TlsTrouble> make_server(const policy::ListenerTls& written, WallTime now);
Result<std::shared_ptr<const tls::Client>, TlsTrouble> make_client(const policy::ServiceTls& written, WallTime now);

// --- the same in parts, for whoever tells an operator all of it at once ----------------------------------------------

// What is found in one of the files.
struct TlsFinding {
  enum class With : std::uint8_t { certificate, key, names, ocsp, authorities, ticket_key };
  With with = With::certificate;
  std::size_t number = 0;  // of the certificate or the ticket key, from 0
  TlsTrouble what;
};

template <typename Options>
struct TlsParts {
  Options options;  // complete where there is no trouble
  std::vector<TlsFinding> troubles{};
  std::vector<TlsFinding> doubts{};  // what works, but is not what was meant, or will not work for long
};

// Without `ask_at`.
TlsParts<tls::ServerOptions> read_server_parts(const policy::ListenerTls& written, WallTime now);
TlsParts<tls::ClientOptions> read_client_parts(const policy::ServiceTls& written, WallTime now);

// Every file that is read for it, each once: what a watch looks at.
std::vector<std::string> files_of(const policy::ListenerTls& written);
std::vector<std::string> files_of(const policy::ServiceTls& written);

// Whoever renews certificates does so earlier.
inline constexpr auto certificate_ends_soon = std::chrono::hours(24 * 14);

}  // namespace bascule::config
