#include "proxy/tls/authorities.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "proxy/tls/owned.hpp"

namespace bascule::tls {
namespace {

using OwnedStore = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;
using OwnedName = std::unique_ptr<X509_NAME, FreedBy<X509_NAME_free>>;

Bad bad(std::string why) {
  return {Bad::What::authorities, std::move(why)};
}

// Why a text without a single certificate has none.
std::string fault_of_none(std::string_view pem) {
  if (pem.empty()) { return "it is empty"; }
  if (pem.front() == '\x30') { return "not PEM but DER; `openssl x509 -in FILE -out FILE.pem` turns it into PEM"; }
  return "no certificate in it (-----BEGIN CERTIFICATE-----)";
}

// --- those of the system ---------------------------------------------------------------------------------------------

// As OpenSSL's own programs look for them: its variables, then the places it was built with.
std::string place_of(const char* variable, const char* built_in) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : built_in;
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// "9d04f354.0": OpenSSL finds an authority in a folder by the hash of its subject.
bool is_hash_name(std::string_view name) {
  const auto dot = name.find('.');
  return dot == 8 && name.find_first_not_of("0123456789abcdef") == dot && name.size() > dot + 1 &&
         name.find_first_not_of("0123456789", dot + 1) == std::string_view::npos;
}

// Each file's text. Read at once rather than when the first service shows its certificate: by then the process may not
// be allowed to.
std::vector<std::string> texts_of_the_system() {
  std::vector<std::filesystem::path> files{place_of(X509_get_default_cert_file_env(), X509_get_default_cert_file())};
  const std::string folder = place_of(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  std::error_code failed;
  for (auto entry = std::filesystem::directory_iterator(folder, failed); !failed && entry != end(entry);
       entry.increment(failed)) {
    if (is_hash_name(entry->path().filename().string())) { files.push_back(entry->path()); }
  }
  std::sort(files.begin(), files.end());  // the same files make the same texts
  std::vector<std::string> texts;
  std::transform(files.begin(), files.end(), std::back_inserter(texts), content_of);
  return texts;
}

}  // namespace

struct Authorities::Parts {
  OwnedStore store{X509_STORE_new()};
  std::vector<OwnedName> owned_names;
  std::vector<X509_NAME*> names;
  std::vector<std::string> digests;  // of each certificate

  // False: OpenSSL does not take it.
  bool add(X509* certificate);
  // How many were taken in; empty: the one behind them is broken.
  std::optional<std::size_t> add_all(std::string_view pem);
  std::string digest();
};

bool Authorities::Parts::add(X509* certificate) {
  digests.push_back(sha256_of(certificate));
  if (X509_STORE_add_cert(store.get(), certificate) != 1) { return false; }
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const bool known = std::any_of(names.begin(), names.end(),
                                 [subject](const X509_NAME* name) { return X509_NAME_cmp(name, subject) == 0; });
  if (known) { return true; }
  owned_names.emplace_back(X509_NAME_dup(subject));
  names.push_back(owned_names.back().get());
  return names.back() != nullptr;
}

std::optional<std::size_t> Authorities::Parts::add_all(std::string_view pem) {
  const OwnedBio text = reading(pem);
  for (std::size_t count = 0;; ++count) {
    const OwnedCertificate certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    if (!certificate) {
      // At the end of the text, and only there, no other block begins.
      const unsigned long error = ERR_peek_last_error();
      const bool at_the_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
      return at_the_end ? std::optional(count) : std::nullopt;
    }
    if (!add(certificate.get())) { return std::nullopt; }
  }
}

// Neither the order nor one that stands there twice makes another set.
std::string Authorities::Parts::digest() {
  std::sort(digests.begin(), digests.end());
  digests.erase(std::unique(digests.begin(), digests.end()), digests.end());
  std::string all;
  for (const std::string& one : digests) { all += one; }
  return sha256_of(all);
}

Authorities::Authorities(std::unique_ptr<Parts> parts) : parts_(std::move(parts)), digest_(parts_->digest()) {}

Authorities::~Authorities() = default;

Result<std::shared_ptr<const Authorities>, Bad> Authorities::read(std::string_view pem) {
  const OwnErrors errors;
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return bad("a private key stands in it, and belongs to nobody but its authority; leave only the certificates");
  }
  auto parts = std::make_unique<Parts>();
  // An authority below another is enough: what is written here is what is trusted.
  X509_STORE_set_flags(parts->store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  const std::optional<std::size_t> count = parts->add_all(pem);
  if (!count) { return bad(fmt::format("certificate {} cannot be read", parts->digests.size() + 1)); }
  if (*count == 0) { return bad(fault_of_none(pem)); }
  return std::shared_ptr<const Authorities>(new Authorities(std::move(parts)));
}

Result<std::shared_ptr<const Authorities>, Bad> Authorities::of_the_system() {
  // A hundred and forty of them take a megabyte: whoever asks while they are in use and unchanged shares them.
  static std::mutex mutex;
  static std::weak_ptr<const Authorities> in_use;
  static std::string in_use_text;

  const OwnErrors errors;
  const std::vector<std::string> texts = texts_of_the_system();
  const std::string text = sha256_of(fmt::format("{}", fmt::join(texts, "\n")));
  const std::lock_guard lock(mutex);
  auto shared = in_use.lock();
  if (shared && text == in_use_text) { return shared; }
  auto parts = std::make_unique<Parts>();
  for (const std::string& each : texts) { parts->add_all(each); }  // a broken file takes nothing from the others
  if (parts->names.empty()) {
    return bad("the system trusts no authority; install the package ca-certificates, or write whom to trust: `ca`");
  }
  parts->names.clear();
  parts->owned_names.clear();
  shared = std::shared_ptr<const Authorities>(new Authorities(std::move(parts)));
  in_use = shared;
  in_use_text = text;
  return shared;
}

X509_STORE* Authorities::store() const {
  return parts_->store.get();
}

const std::vector<X509_NAME*>& Authorities::names() const {
  return parts_->names;
}

}  // namespace bascule::tls
