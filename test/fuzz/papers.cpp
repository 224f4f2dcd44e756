// Certificates, keys, lists of authorities, OCSP answers and keys of tickets, as they stand in files or as a visitor
// shows them: whatever the bytes, reading ends well or with a reason, and what it says of them is safe to print.
//
// Input: a digit that says who reads (any byte is one, modulo 8), and what he is given. '\1', '\2' and '\3' stand
// for a certificate, its key and the one that issued it, in PEM. For '6' and '7' it is the DER of that certificate, or
// of an OCSP answer for it, changed byte by byte: pairs of a place and what stands there.
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

// OpenSSL takes a millisecond for a key: of more than a few, nothing is learned that is worth their time.
constexpr int papers_max = 6;

std::string with_papers(std::string_view text) {
  static const std::array papers{own().pem(), own().key_pem(), root().pem()};
  std::string result;
  int count = 0;
  for (const char c : text) {
    if (c >= '\1' && c <= '\3' && ++count <= papers_max) {
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

void check_key(const std::string& text) {
  const auto key = tls::CertifiedKey::read(text, text, noon);
  check_reason(key);
  if (!key.ok()) { return; }
  require((*key)->expires() > noon, "what is expired is not taken");
  require((*key)->sha256().size() == 64 && !(*key)->kind().empty(), "a key says of what kind it is");
  for (const std::string& name : (*key)->names()) { require_printable(name, "a name is safe to print"); }
}

void check_authorities(const std::string& text) {
  const auto authorities = tls::Authorities::read(text);
  check_reason(authorities);
  require(!authorities.ok() || (*authorities)->digest().size() == 32, "authorities have a digest");
}

void check_ticket_key(const std::string& text) {
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
  if (size == 0) { return 0; }
  const Bytes input = Bytes(data, size).subspan(1);
  const std::string text(text_of(input));
  switch (data[0] % 8) {
    case 0: check_key(with_papers(text)); break;
    case 1: check_authorities(with_papers(text)); break;
    case 2: check_reason(proof::Authorities::from_pem(with_papers(text))); break;
    case 3: check_ticket_key(text); break;
    case 4: check_certificate(text); break;
    case 5: check_staple(text); break;
    case 6: check_certificate(changed(own().der(), input)); break;
    default: {
      static const std::string good = staple(own(), root());
      check_staple(changed(good, input));
    }
  }
  return 0;
}
