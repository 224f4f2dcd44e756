#include "proxy/config/read_tls.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/outside.hpp"

namespace bascule::config {

namespace {

using policy::KeptAt;
using policy::ListenerTls;
using policy::ServiceTls;
using tls::CertifiedKey;
using With = TlsFinding::With;
using SharedKey = std::shared_ptr<const CertifiedKey>;

constexpr std::size_t pem_bytes_max = std::size_t{1024} * 1024;
constexpr std::size_t staple_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t ticket_key_bytes_max = 1024;  // enough to say how many there are instead
constexpr std::size_t names_shown = 5;

// One of the things that are read, with what is wrong with it.
struct Item {
  With with;
  std::size_t number = 0;
};

std::string day_of(WallTime time) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

const std::string& where(const KeptAt& kept) {
  return kept.env.empty() ? kept.file : kept.env;
}

std::string called(const KeptAt& kept) {
  return kept.env.empty() ? file_called(kept.file) : variable_called(kept.env);
}

class Findings {
 public:
  Findings(std::vector<TlsFinding>& troubles, std::vector<TlsFinding>& doubts) : troubles_(troubles), doubts_(doubts) {}

  void trouble(Item item, const KeptAt& at, std::string why) { add(troubles_, item, at, std::move(why)); }
  void doubt(Item item, const KeptAt& at, std::string why) { add(doubts_, item, at, std::move(why)); }

  // As it is, to the byte.
  std::optional<std::string> read(Item item, const KeptAt& at, std::size_t bytes_max) {
    auto bytes = at.env.empty() ? read_outside_file(at.file, bytes_max) : read_variable(at.env);
    if (bytes) { return std::move(*bytes); }
    trouble(item, at, bytes.error().text);
    return std::nullopt;
  }

  // The content of a key, a certificate, a staple: what `made` has, or why there is none.
  template <typename T>
  std::optional<T> take(Item item, const KeptAt& at, Result<T, tls::Bad> made) {
    if (made) { return std::move(*made); }
    trouble(item, at, fmt::format("{}: {}", called(at), made.error().why));
    return std::nullopt;
  }

 private:
  static void add(std::vector<TlsFinding>& list, Item item, const KeptAt& at, std::string why) {
    list.push_back({.with = item.with, .number = item.number, .what = {.file = where(at), .why = std::move(why)}});
  }

  std::vector<TlsFinding>& troubles_;
  std::vector<TlsFinding>& doubts_;
};

// --- a certificate and its key ---------------------------------------------------------------------------------------

struct PairAt {
  std::string certificate;
  KeptAt key;
  std::size_t number = 0;
};

void doubt_its_days(Findings& findings, const PairAt& pair, const CertifiedKey& key, WallTime now) {
  if (key.expires() - now > certificate_ends_soon) { return; }
  findings.doubt(
      {With::certificate, pair.number}, {.file = pair.certificate},
      fmt::format("{}: the certificate expires on {}", file_called(pair.certificate), day_of(key.expires())));
}

// Null after trouble.
SharedKey read_pair(Findings& findings, const PairAt& pair, WallTime now) {
  const KeptAt chain_at{.file = pair.certificate};
  const bool one_file = pair.key.nowhere();
  const auto chain = findings.read({With::certificate, pair.number}, chain_at, pem_bytes_max);
  const auto own_key = one_file ? std::nullopt : findings.read({With::key, pair.number}, pair.key, pem_bytes_max);
  if (!chain || (!one_file && !own_key)) { return nullptr; }
  auto key = CertifiedKey::read(*chain, one_file ? *chain : *own_key, now);
  if (!key) {
    const bool its_key = key.error().what == tls::Bad::What::key && !one_file;
    const Item item{its_key ? With::key : With::certificate, pair.number};
    const auto read = findings.take(item, its_key ? pair.key : chain_at, std::move(key));
    return nullptr;
  }
  if (pair.key.env.empty()) {
    const KeptAt at = one_file ? chain_at : pair.key;
    if (auto open = is_open_to_all(at.file)) {
      findings.doubt({one_file ? With::certificate : With::key, pair.number}, at, std::move(*open));
    }
  }
  doubt_its_days(findings, pair, **key, now);
  return std::move(*key);
}

// --- its names -------------------------------------------------------------------------------------------------------

// Does a name of a certificate stand for this one, as browsers see it (RFC 9525, section 6.3)? A written "*.a" is
// covered by itself only.
bool covers(std::string_view certified, std::string_view name) {
  if (certified == name) { return true; }
  const std::size_t dot = name.find('.');
  return certified.starts_with("*.") && !name.starts_with('*') && dot != std::string_view::npos && dot > 0 &&
         certified.substr(1) == name.substr(dot);
}

std::string some_of(const std::vector<std::string>& names) {
  if (names.empty()) { return "no name"; }
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), names_shown); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", shown(names[i], 80));
  }
  return names.size() > names_shown ? fmt::format("{} and {} more", text, names.size() - names_shown) : text;
}

void doubt_its_names(Findings& findings, const ListenerTls::Pair& pair, std::size_t number, const CertifiedKey& key) {
  for (const std::string& name : pair.names) {
    const bool known = std::any_of(key.names().begin(), key.names().end(),
                                   [&](const std::string& certified) { return covers(certified, name); });
    if (known) { continue; }
    findings.doubt({With::names, number}, {.file = pair.certificate},
                   fmt::format("{} is for {}, so at '{}' browsers will refuse it", file_called(pair.certificate),
                               some_of(key.names()), shown(name, 80)));
  }
}

const std::vector<std::string>& names_of(const tls::ServerOptions::Paper& paper) {
  return paper.names.empty() ? paper.key->names() : paper.names;
}

// "RSA" of "RSA 2048".
std::string_view kind_of(const CertifiedKey& key) {
  return std::string_view(key.kind()).substr(0, key.kind().find(' '));
}

// Of two for the same names by the same kind of key only the first is ever shown.
void doubt_its_use(Findings& findings, const ListenerTls& written,
                   const std::vector<tls::ServerOptions::Paper>& papers) {
  for (std::size_t later = 1; later < papers.size(); ++later) {
    const auto& names = names_of(papers[later]);
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const auto& taken = names_of(papers[earlier]);
      const bool hidden = kind_of(*papers[later].key) == kind_of(*papers[earlier].key) &&
                          std::all_of(names.begin(), names.end(), [&](const std::string& name) {
                            return std::find(taken.begin(), taken.end(), name) != taken.end();
                          });
      if (!hidden) { continue; }
      const std::string& file = written.certificates[later].certificate;
      findings.doubt({With::certificate, later}, {.file = file},
                     fmt::format("{} is never shown: {} is for the same names, with a key of the same kind",
                                 file_called(file), file_called(written.certificates[earlier].certificate)));
      break;
    }
  }
}

// --- the rest --------------------------------------------------------------------------------------------------------

// A handshake works without one, so what is wrong with it is no trouble.
std::string read_staple_at(Findings& findings, const std::string& file, std::size_t number, const CertifiedKey& key,
                           WallTime now) {
  const Item item{With::ocsp, number};
  const auto der = read_outside_file(file, staple_bytes_max);
  if (!der) {
    findings.doubt(item, {.file = file}, fmt::format("{}; nothing is stapled", der.error().text));
    return {};
  }
  auto staple = tls::read_staple(*der, key, now);
  if (staple) { return std::move(*staple); }
  findings.doubt(item, {.file = file},
                 fmt::format("{}: {}; nothing is stapled", file_called(file), staple.error().why));
  return {};
}

std::shared_ptr<const tls::Authorities> read_authorities(Findings& findings, const std::string& file) {
  const Item item{With::authorities, 0};
  if (file.empty()) {
    return findings.take(item, {.file = "the system's authorities"}, tls::Authorities::of_the_system())
        .value_or(nullptr);
  }
  const auto pem = findings.read(item, {.file = file}, pem_bytes_max);
  return pem ? findings.take(item, {.file = file}, tls::Authorities::read(*pem)).value_or(nullptr) : nullptr;
}

void read_ticket_keys(Findings& findings, const ListenerTls& written, std::vector<tls::TicketKey>& keys) {
  for (std::size_t number = 0; number < written.ticket_keys.size(); ++number) {
    const Item item{With::ticket_key, number};
    const KeptAt& at = written.ticket_keys[number];
    const auto bytes = findings.read(item, at, ticket_key_bytes_max);
    if (!bytes) { continue; }
    if (const auto key = findings.take(item, at, tls::TicketKey::read(*bytes))) { keys.push_back(*key); }
    auto open = is_open_to_all(at.file);
    if (open) { findings.doubt(item, at, std::move(*open)); }
  }
}

void add_once(std::vector<std::string>& files, const std::string& file) {
  const bool known = file.empty() || std::find(files.begin(), files.end(), file) != files.end();
  if (!known) { files.push_back(file); }
}

}  // namespace

// --- in parts --------------------------------------------------------------------------------------------------------

TlsParts<tls::ServerOptions> read_server_parts(const ListenerTls& written, WallTime now) {
  TlsParts<tls::ServerOptions> parts{
      .options = {.papers = {}, .versions = written.versions, .refuse_unknown_names = written.refuse_unknown_names}};
  Findings findings(parts.troubles, parts.doubts);
  for (std::size_t number = 0; number < written.certificates.size(); ++number) {
    const ListenerTls::Pair& pair = written.certificates[number];
    SharedKey key = read_pair(findings, {pair.certificate, pair.key, number}, now);
    if (key == nullptr) { continue; }
    doubt_its_names(findings, pair, number, *key);
    std::string staple = pair.ocsp.empty() ? "" : read_staple_at(findings, pair.ocsp, number, *key, now);
    parts.options.papers.push_back({.key = std::move(key), .names = pair.names, .staple = std::move(staple)});
  }
  if (!written.client_ca.empty()) { parts.options.client_ca = read_authorities(findings, written.client_ca); }
  read_ticket_keys(findings, written, parts.options.ticket_keys);
  if (parts.troubles.empty()) { doubt_its_use(findings, written, parts.options.papers); }
  return parts;
}

TlsParts<tls::ClientOptions> read_client_parts(const ServiceTls& written, WallTime now) {
  TlsParts<tls::ClientOptions> parts{.options = {.authorities = nullptr, .key = nullptr, .verify = written.verify}};
  Findings findings(parts.troubles, parts.doubts);
  if (written.verify) { parts.options.authorities = read_authorities(findings, written.ca); }
  if (!written.certificate.empty()) {
    parts.options.key = read_pair(findings, {written.certificate, written.key, 0}, now);
  }
  return parts;
}

std::vector<std::string> files_of(const ListenerTls& written) {
  std::vector<std::string> files;
  for (const ListenerTls::Pair& pair : written.certificates) {
    add_once(files, pair.certificate);
    add_once(files, pair.key.file);
    add_once(files, pair.ocsp);
  }
  add_once(files, written.client_ca);
  for (const KeptAt& key : written.ticket_keys) { add_once(files, key.file); }
  return files;
}

std::vector<std::string> files_of(const ServiceTls& written) {
  std::vector<std::string> files;
  add_once(files, written.ca);
  add_once(files, written.certificate);
  add_once(files, written.key.file);
  return files;
}

// --- as a whole ------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<const tls::Server>, TlsTrouble> make_server(const ListenerTls& written, WallTime now) {
  auto parts = read_server_parts(written, now);
  if (!parts.troubles.empty()) { return std::move(parts.troubles.front().what); }
  parts.options.ask_at = written.ask_at;
  auto server = tls::Server::make(std::move(parts.options));
  if (server) { return std::move(*server); }
  const std::string& file = written.certificates.front().certificate;
  return TlsTrouble{.file = file, .why = fmt::format("{}: {}", file_called(file), server.error().why)};
}

Result<std::shared_ptr<const tls::Client>, TlsTrouble> make_client(const ServiceTls& written, WallTime now) {
  auto parts = read_client_parts(written, now);
  if (!parts.troubles.empty()) { return std::move(parts.troubles.front().what); }
  auto client = tls::Client::make(parts.options);
  if (client) { return std::move(*client); }
  return TlsTrouble{.file = written.certificate, .why = client.error().why};
}

}  // namespace bascule::config
