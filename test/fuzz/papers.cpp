// Certificates, keys, lists of authorities, OCSP answers and keys of tickets, as they stand in files or as a visitor
// shows them: whatever the bytes, reading ends well or with a reason, and what it says of them is safe to print.
//
// Input: what each reader is given. '\1', '\2' and '\3' stand for a certificate, its key and the one that issued it, in
// PEM. Or, behind 'c' or 's', the DER of that certificate or of an OCSP answer for it, changed byte by byte: pairs of a
// place and what stands there.
#include <array>
#include <string>

#include "proxy/base/utf8.hpp"
#include "proxy/proof/certificate.hpp"
#include "proxy/tls/authorities.hpp"
#include "proxy/tls/certified_key.hpp"
#include "proxy/tls/ticket_keys.hpp"
#include "test/fuzz/fuzz.hpp"
#include "test/tls/making.hpp"

namespace bascule::fuzz {
namespace {

using namespace tls::making;

const Made& root() {
  static const Made made = make({.common_name = "root", .authority = true});
  return made;
}

const Made& own() {
  static const Made made = make({.common_name = "desk", .names = "DNS:desk.example.org,IP:192.0.2.7"}, &root());
  return made;
}

const tls::CertifiedKey& own_key() {
  static const auto read = tls::CertifiedKey::read(own().pem() + root().pem(), own().key_pem(), noon);
  require(read.ok(), "what is right is read", read.ok() ? "" : read.error().why);
  return **read;
}

std::string with_papers(std::string_view text) {
  static const std::array papers{own().pem(), own().key_pem(), root().pem()};
  std::string result;
  for (const char c : text) {
    if (c >= '\1' && c <= '\3') {
      result += papers[static_cast<std::size_t>(c - '\1')];
    } else {
      result += c;
    }
  }
  return result;
}

std::string changed(std::string der, Bytes changes) {
  for (std::size_t i = 0; i + 2 < changes.size(); i += 3) {
    const std::size_t at = changes[i] * std::size_t{256} + changes[i + 1];
    der[at % der.size()] = static_cast<char>(changes[i + 2]);
  }
  return der;
}

template <typename Read>
void check_reason(const Read& read) {
  if (read.ok()) { return; }
  require(!read.error().why.empty(), "what is refused has a reason");
  require_printable(read.error().why, "a reason is safe to print");
}

void check_files(const std::string& text) {
  const auto key = tls::CertifiedKey::read(text, text, noon);
  check_reason(key);
  if (key.ok()) {
    require((*key)->expires() > noon, "what is expired is not taken");
    require((*key)->sha256().size() == 64 && !(*key)->kind().empty(), "a key says of what kind it is");
    for (const std::string& name : (*key)->names()) { require_printable(name, "a name is safe to print"); }
  }
  const auto authorities = tls::Authorities::read(text);
  check_reason(authorities);
  require(!authorities.ok() || (*authorities)->digest().size() == 32, "authorities have a digest");
  const auto clients = proof::Authorities::from_pem(text);
  check_reason(clients);
  const auto ticket_key = tls::TicketKey::read(text);
  check_reason(ticket_key);
  require(!ticket_key.ok() || text.size() == tls::TicketKey::bytes, "a key of tickets has its size");
}

void check_certificate(const std::string& der) {
  const auto certificate = proof::read_certificate(der, {der, own().der()});
  if (!certificate) { return; }
  for (const std::string* const text : {&certificate->common_name, &certificate->subject, &certificate->issuer}) {
    require(is_clean_text(*text), "what a certificate says is clean text", *text);
  }
  for (const auto* const list : {&certificate->emails, &certificate->dns_names, &certificate->uris}) {
    for (const std::string& text : *list) { require(is_clean_text(text), "a name is clean text", text); }
  }
  static const auto authorities = proof::Authorities::from_pem(root().pem());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(noon.time_since_epoch()).count();
  std::string why;
  if (authorities->issued(*certificate, seconds, &why)) {
    require(certificate->der == own().der(), "only what was issued counts");
  } else {
    require_printable(why, "a reason is safe to print");
  }
}

void check_staple(const std::string& der) {
  const auto read = tls::read_staple(der, own_key(), noon);
  check_reason(read);
  require(!read.ok() || *read == der, "an answer is shown as it is");
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  using namespace bascule::fuzz;
  const Bytes input(data, size);
  if (size > 0 && data[0] == 'c') {
    check_certificate(changed(own().der(), input.subspan(1)));
  } else if (size > 0 && data[0] == 's') {
    static const std::string good = staple(own(), root());
    check_staple(changed(good, input.subspan(1)));
  } else {
    const std::string text(text_of(input));
    check_files(with_papers(text));
    check_certificate(text);
    check_staple(text);
  }
  return 0;
}
