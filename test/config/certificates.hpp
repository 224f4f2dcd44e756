// Certificates for rules that name some: made once a process, good from an hour ago until in a year.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "test/config/secrets.hpp"
#include "test/tls/making.hpp"

namespace bascule::config {

using namespace std::chrono_literals;
namespace making = tls::making;

inline WallTime today() {
  static const WallTime now = std::chrono::system_clock::now();
  return now;
}

// `wish` with dates as they are today.
inline making::Wish valid(making::Wish wish, std::chrono::hours until = 24h * 365) {
  wish.from = today() - 1h;
  wish.until = today() + until;
  return wish;
}

inline const making::Made& test_authority() {
  static const making::Made made = making::make(valid({.common_name = "authority", .authority = true}));
  return made;
}

// By that authority, for names such as "DNS:desk.example.org".
inline making::Made certified(const std::string& names, const std::string& key = "EC:P-256") {
  return making::make(valid({.names = names, .key = key}), &test_authority());
}

inline void write_pair(const std::filesystem::path& folder, const std::string& name, const making::Made& made) {
  write_private(folder / (name + ".pem"), made.pem() + test_authority().pem());
  write_private(folder / (name + ".key"), made.key_pem());
}

inline std::string ticket_key_bytes(char seed) {
  std::string bytes(80, seed);
  for (std::size_t i = 0; i < bytes.size(); ++i) { bytes[i] = static_cast<char>(seed + static_cast<char>(7 * i)); }
  return bytes;
}

// Into FOLDER/certs and FOLDER/secrets, under the names that rules/ uses.
inline void write_certificates(const std::filesystem::path& folder) {
  static const std::string names = "DNS:example.org,DNS:*.example.org,DNS:*.desks.example.org";
  static const making::Made site = certified(names);
  static const making::Made site_by_rsa = certified(names, "RSA:2048");
  static const making::Made other = certified("DNS:app.example.net");
  static const making::Made bascule = certified("DNS:bascule.lan");
  const std::filesystem::path certs = folder / "certs";
  write_pair(certs, "site", site);
  write_pair(certs, "site-rsa", site_by_rsa);
  write_pair(certs, "bascule", bascule);
  write_private(certs / "app.pem", other.pem() + other.key_pem());
  write_private(certs / "site.ocsp",
                making::staple(site, test_authority(), {.from = today() - 1h, .until = today() + 24h}));
  write_private(certs / "brokers-ca.pem", test_authority().pem());
  write_private(folder / "secrets" / "session-tickets.key", ticket_key_bytes('\x91'));
  write_private(folder / "secrets" / "old-session-tickets.key", ticket_key_bytes('\x35'));
}

}  // namespace bascule::config
