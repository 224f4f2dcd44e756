#include "proxy/proof/proof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

namespace bascule::proof {
namespace {

template <typename T>
bool same_source(const std::shared_ptr<Source<T>>& a, const std::shared_ptr<Source<T>>& b) {
  if (!a || !b) { return a == b; }
  return a->path() == b->path();
}

void collect(const Wanted& wanted, std::vector<std::shared_ptr<const Proof>>& found) {
  if (wanted.kind == Wanted::Kind::one) {
    const bool known = std::any_of(found.begin(), found.end(),
                                   [&](const auto& each) { return each == wanted.proof || *each == *wanted.proof; });
    if (!known) { found.push_back(wanted.proof); }
  }
  for (const Wanted& each : wanted.of) { collect(each, found); }
}

}  // namespace

bool operator==(const Basic& a, const Basic& b) {
  return a.realm == b.realm && same_source(a.users, b.users) && a.one == b.one && a.users_source == b.users_source &&
         a.groups == b.groups;
}

// What a file holds now and what a URL gives now may differ from moment to moment; where it comes from is what the
// rules say. Material without a source of its own is told apart by its digest.
bool operator==(const Keys& a, const Keys& b) {
  return a.written == b.written && a.digest == b.digest && a.url == b.url && a.url_authorities == b.url_authorities &&
         a.refresh == b.refresh && a.algorithms == b.algorithms;
}

std::string Url::text() const {
  const bool default_port = port == (secure ? 443 : 80);
  const bool ipv6 = host.find(':') != std::string::npos;
  std::string text = fmt::format("{}://{}{}{}", secure ? "https" : "http", ipv6 ? "[" : "", host, ipv6 ? "]" : "");
  if (!default_port) { text += fmt::format(":{}", port); }
  return text + target;
}

std::string_view Proof::kind() const {
  static constexpr std::array<std::string_view, 6> words{"basic", "jwt", "ticket", "token", "client_certificate",
                                                         "ask"};
  static_assert(words.size() == std::variant_size_v<decltype(how)>);
  return words[how.index()];
}

const std::vector<CredentialPlace>& Proof::credential_places() const {
  static const std::vector<CredentialPlace> none;
  return std::visit(
      [](const auto& kind) -> const std::vector<CredentialPlace>& {
        if constexpr (requires { kind.credential; }) {
          return kind.credential;
        } else {
          return none;
        }
      },
      how);
}

std::vector<std::shared_ptr<const Proof>> Wanted::proofs() const {
  std::vector<std::shared_ptr<const Proof>> found;
  collect(*this, found);
  return found;
}

bool Wanted::has_login() const {
  const auto all = proofs();
  return std::any_of(all.begin(), all.end(), [](const auto& each) { return each->has_login(); });
}

bool Wanted::wants_certificate() const {
  const auto all = proofs();
  return std::any_of(all.begin(), all.end(),
                     [](const auto& each) { return std::holds_alternative<ClientCertificate>(each->how); });
}

bool Wanted::needs_certificate() const {
  const auto needs = [](const Wanted& each) { return each.needs_certificate(); };
  switch (kind) {
    case Kind::nothing: return false;
    case Kind::one: return std::holds_alternative<ClientCertificate>(proof->how);
    case Kind::any: return std::all_of(of.begin(), of.end(), needs);
    case Kind::all: return std::any_of(of.begin(), of.end(), needs);
  }
  return false;
}

bool Wanted::satisfied_by(const std::vector<std::shared_ptr<const Proof>>& given) const {
  const auto satisfied = [&given](const Wanted& each) { return each.satisfied_by(given); };
  switch (kind) {
    case Kind::nothing: return true;
    case Kind::one:
      return std::any_of(given.begin(), given.end(),
                         [this](const auto& each) { return each == proof || *each == *proof; });
    case Kind::any: return std::any_of(of.begin(), of.end(), satisfied);
    case Kind::all: return std::all_of(of.begin(), of.end(), satisfied);
  }
  return false;
}

std::string Wanted::text() const {
  if (kind == Kind::nothing) { return "none"; }
  if (kind == Kind::one) { return proof->name; }
  std::string text;
  for (const Wanted& each : of) {
    if (!text.empty()) { text += kind == Kind::any ? " or " : " and "; }
    text += each.of.size() > 1 ? fmt::format("({})", each.text()) : each.text();
  }
  return text;
}

bool operator==(const Wanted& a, const Wanted& b) {
  if (a.kind != b.kind || a.of != b.of) { return false; }
  return a.kind != Wanted::Kind::one || a.proof == b.proof || *a.proof == *b.proof;
}

}  // namespace bascule::proof
