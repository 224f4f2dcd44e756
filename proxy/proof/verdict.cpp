#include "proxy/proof/verdict.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/proof/certificate.hpp"
#include "proxy/proof/name.hpp"
#include "proxy/proof/password.hpp"
#include "proxy/proof/session_cookie.hpp"
#include "proxy/proof/ticket.hpp"
#include "proxy/wire/http/parameters.hpp"

namespace bascule::proof {
namespace {

using ProofPointer = std::shared_ptr<const Proof>;
using Texts = std::vector<std::string>;

constexpr std::size_t cookie_field_bytes_max = 4000;  // browsers take 4096 of name, value and attributes

bool is_among(const Texts& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

// What stands between these characters, without spaces around it, as far as it is a name.
void append_names(Texts& names, std::string_view list, std::string_view separators) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(separators), list.size());
    const std::string_view name = trimmed(list.substr(0, end));
    if (is_name(name)) { names.emplace_back(name); }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

Identity somebody(const ProofPointer& proof, std::string user, Texts groups) {
  return {.user = std::move(user), .groups = std::move(groups), .by = {proof}};
}

// --- what a session cookie rests on ----------------------------------------------------------------------------------
//
// Each begins with the kind of its proof: a cookie that was made when the proof of that name was another is void.

std::string basic_bond(std::string_view hash) {
  return fmt::format("basic\n{}", hash);
}
std::string token_bond(const Secret& secret) {
  return fmt::format("token\n{}", secret.bytes());
}
// A ticket is for one route, and so is what is made from it; one for an address makes a cookie for just that visitor.
std::string ticket_bond(std::string_view route, const Address* client) {
  return fmt::format("ticket\n{}\n{}", route, client == nullptr ? std::string() : client->unmapped().host_text());
}
std::string jwt_bond(const Jwt& jwt) {
  return fmt::format("jwt\n{}\n{}\n{}\n{}\n{}", jwt.keys.written, jwt.rule.issuers, jwt.rule.audiences, jwt.user_from,
                     jwt.groups_from);
}

// The hash of a password that stands in no file of hashes.
std::string hash_of_one(const Basic::One& one) {
  return sha256(one.password.bytes());
}

// --- user and password -----------------------------------------------------------------------------------------------

Texts groups_of(const Basic& basic, std::string_view user) {
  Texts groups;
  for (const auto& [group, users] : basic.groups) {
    if (is_among(users, user)) { groups.push_back(group); }
  }
  return groups;
}

// Both are compared whatever the first says.
Verdict judge_one(const ProofPointer& proof, const Basic& basic, const UserPassword& given) {
  const bool user = same_secret(given.user, basic.one->user);
  const bool password = same_secret(given.password, basic.one->password.bytes());
  if (!user || !password) {
    return Wrong{.why = "the user or the password is wrong", .guess = true, .user = shown(given.user)};
  }
  return Proven{.identity = somebody(proof, given.user, groups_of(basic, given.user)),
                .bond = basic_bond(hash_of_one(*basic.one))};
}

// The same is done for a user who is there and for one who is not, up to the answer.
Verdict judge_user(const ProofPointer& proof, const Basic& basic, UserPassword given, const Keyring& keyring) {
  if (basic.one) { return judge_one(proof, basic, given); }
  const auto users = basic.users->current();
  const std::string_view stand_in = users->stand_in_for(given.user, keyring.stand_in);
  const std::string_view found = users->hash_of(given.user);
  const bool known = !found.empty();
  AskPassword ask{.hash = std::string(known ? found : stand_in), .known = known};
  ask.then.identity = somebody(proof, given.user, groups_of(basic, given.user));
  ask.then.bond = basic_bond(ask.hash);
  ask.user = std::move(given.user);
  ask.password = std::move(given.password);
  return ask;
}

Verdict judge(const ProofPointer& proof, const Basic& basic, const Presented& presented, const Keyring& keyring) {
  auto given = find_basic(*presented.head);
  if (!given) { return Disagree{given.error().why}; }
  if (!*given) { return Absent{"no Basic credentials in Authorization"}; }
  return judge_user(proof, basic, std::move(**given), keyring);
}

// --- credentials of one text -----------------------------------------------------------------------------------------

std::string nothing_in(const std::vector<CredentialPlace>& places) {
  Texts texts;
  for (const CredentialPlace& place : places) { texts.push_back(place.text()); }
  return fmt::format("nothing in {}", fmt::join(texts, ", "));
}

// The user, as a token names him: one clean text.
const std::string* user_in(const Claims& claims, const std::string& name) {
  const auto found = claims.find(name);
  if (found == claims.end() || found->second.size() != 1 || !is_name(found->second.front())) { return nullptr; }
  return &found->second.front();
}

// A list as it is; one text alone may hold several, as `scope` does (RFC 8693, section 4.2). What is no name is left
// out: groups only ever allow something.
Texts groups_in(const Claims& claims, const std::string& name) {
  Texts groups;
  const auto found = claims.find(name);
  if (name.empty() || found == claims.end()) { return groups; }
  const bool alone = found->second.size() == 1;
  for (const std::string& value : found->second) { append_names(groups, value, alone ? " ," : ""); }
  return groups;
}

Verdict judge_claims(const ProofPointer& proof, const Jwt& jwt, JwtClaims claims) {
  const std::string* const user = user_in(claims.claims, jwt.user_from);
  if (user == nullptr) {
    return Wrong{.why = fmt::format("the token does not name one user in '{}'", shown(jwt.user_from))};
  }
  Proven proven{.identity = somebody(proof, *user, groups_in(claims.claims, jwt.groups_from)), .bond = jwt_bond(jwt)};
  proven.identity.expires = claims.expires;
  proven.identity.claims = std::move(claims.claims);
  return proven;
}

Verdict judge_text(const ProofPointer& proof, const Jwt& jwt, const std::string& token, const Presented& /*presented*/,
                   WallTime now) {
  const auto keys = jwt.keys.set->current();
  const bool can_be_read_again = jwt.keys.url.has_value();
  if (keys->size() == 0) {
    if (can_be_read_again) { return AskKeys{}; }
    return Wrong{.why = "there are no keys to verify tokens with"};
  }
  auto verified = verify_jwt(token, *keys, jwt.rule, now);
  if (const auto* const bad = std::get_if<BadToken>(&verified)) { return Wrong{.why = bad->why}; }
  if (const auto* const unknown = std::get_if<UnknownKey>(&verified)) {
    if (can_be_read_again) { return AskKeys{unknown->kid}; }
    return Wrong{.why = fmt::format("the token is signed with a key '{}' that is not there", unknown->kid)};
  }
  return judge_claims(proof, jwt, std::move(std::get<JwtClaims>(verified)));
}

// The first word of a ticket that the path says otherwise; nullptr without one.
const std::string* differing_word(const Claims& words, const Presented& presented) {
  if (presented.captures == nullptr) { return nullptr; }
  for (const auto& [name, value] : *presented.captures) {
    const auto found = words.find(name);
    if (found != words.end() && found->second != Texts{value}) { return &found->first; }
  }
  return nullptr;
}

// What it is for; empty where it is for this visit.
std::string other_purpose(const TicketContent& ticket, const Claims& words, const Presented& presented) {
  if (ticket.route != presented.route) { return fmt::format("the ticket is for route '{}'", shown(ticket.route)); }
  if (ticket.address && !ticket.address->contains(presented.client)) {
    return fmt::format("the ticket is for visitors from {}", ticket.address->text());
  }
  if (const std::string* const name = differing_word(words, presented)) {
    return fmt::format("the ticket is for another '{}' than the path has", shown(*name));
  }
  return {};
}

Verdict judge_text(const ProofPointer& proof, const Ticket& rule, const std::string& text, const Presented& presented,
                   WallTime now) {
  auto ticket = read_ticket(text, rule.secrets, rule.max_age, now);
  if (!ticket) { return Wrong{.why = fmt::format("the ticket: {}", ticket.error().why)}; }
  Claims words;
  for (const auto& [name, word] : ticket->set) { words.emplace(name, Texts{word}); }
  std::string other = other_purpose(*ticket, words, presented);
  if (!other.empty()) { return Wrong{.why = std::move(other), .user = shown(ticket->user)}; }
  if (rule.single_use && ticket->id.empty()) { return Wrong{.why = "the ticket has no 'id', and is for single use"}; }

  // When the ticket ends is when nobody enters by it any more; the session that it opened goes on.
  Proven proven{.identity = somebody(proof, ticket->user, std::move(ticket->groups))};
  proven.identity.claims = std::move(words);
  proven.bond = ticket_bond(ticket->route, ticket->address ? &presented.client : nullptr);
  if (rule.single_use) { proven.once = Once{.digest = ticket->digest, .until = ticket->expires}; }
  return proven;
}

Verdict judge_text(const ProofPointer& proof, const Token& rule, const std::string& token,
                   const Presented& /*presented*/, WallTime /*now*/) {
  // All are compared, whichever it is.
  const Secret* matching = nullptr;
  for (const Secret& secret : rule.secrets) {
    if (same_secret(token, secret.bytes())) { matching = &secret; }
  }
  if (matching == nullptr || token.size() > credential_bytes_max) {
    return Wrong{.why = "the token is none of ours", .guess = true};
  }
  return Proven{.identity = somebody(proof, rule.user, rule.groups), .bond = token_bond(*matching)};
}

template <typename Rule>
Verdict judge_places(const ProofPointer& proof, const Rule& rule, const Presented& presented, WallTime now) {
  const auto text = find_credential(rule.credential, presented);
  if (!text) { return Disagree{text.error().why}; }
  if (!*text) { return Absent{nothing_in(rule.credential)}; }
  return judge_text(proof, rule, **text, presented, now);
}

// --- certificates ----------------------------------------------------------------------------------------------------

std::string user_of(const Certificate& certificate, ClientCertificate::UserFrom from) {
  using From = ClientCertificate::UserFrom;
  const auto first = [](const Texts& texts) { return texts.empty() ? std::string() : texts.front(); };
  switch (from) {
    case From::subject_cn: return certificate.common_name;
    case From::subject_dn: return certificate.subject;
    case From::san_email: return first(certificate.emails);
    case From::san_dns: return first(certificate.dns_names);
    case From::san_uri: return first(certificate.uris);
  }
  return {};
}

// Why the certificate does not count; empty where it does. What is not known of it (behind a proxy) is no match.
std::string fault_of(const Certificate& certificate, const ClientCertificate& rule, WallTime now) {
  if (certificate.expires && *certificate.expires <= now) { return "the certificate is over"; }
  if (!rule.issuers.empty() && !is_among(rule.issuers, certificate.issuer)) {
    return fmt::format("the certificate is of another issuer: '{}'", shown(certificate.issuer));
  }
  if (!rule.fingerprints.empty() && !is_among(rule.fingerprints, certificate.sha256)) {
    return "the certificate has another fingerprint than those listed";
  }
  std::string why;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (rule.authorities && !rule.authorities->issued(certificate, seconds, &why)) {
    return fmt::format("the certificate is of none of the authorities: {}", why);
  }
  return {};
}

Verdict judge(const ProofPointer& proof, const ClientCertificate& rule, const Presented& presented, WallTime now) {
  if (presented.certificate == nullptr) { return Absent{"no client certificate"}; }
  const Certificate& certificate = *presented.certificate;
  std::string fault = fault_of(certificate, rule, now);
  if (!fault.empty()) { return Wrong{.why = std::move(fault)}; }
  std::string user = user_of(certificate, rule.user_from);
  if (!is_name(user)) { return Wrong{.why = "the certificate does not name its user where the rules look for him"}; }
  Proven proven{.identity = somebody(proof, std::move(user), {})};
  proven.identity.expires = certificate.expires;
  return proven;
}

// --- session cookies -------------------------------------------------------------------------------------------------

const std::vector<Secret>& cookie_secrets(const Proof& proof, const Keyring& keyring) {
  return proof.cookie->secrets.empty() ? keyring.cookies : proof.cookie->secrets;
}

// Any of which a cookie of this user may rest on today; none where he is no longer there.
struct BondsOf {
  const Presented& presented;
  const std::string& user;

  Texts operator()(const Basic& basic) const {
    if (basic.one) { return user == basic.one->user ? Texts{basic_bond(hash_of_one(*basic.one))} : Texts{}; }
    const auto users = basic.users->current();
    const std::string_view hash = users->hash_of(user);
    return hash.empty() ? Texts{} : Texts{basic_bond(hash)};
  }
  Texts operator()(const Jwt& jwt) const { return {jwt_bond(jwt)}; }
  Texts operator()(const Ticket& /*rule*/) const {
    return {ticket_bond(presented.route, nullptr), ticket_bond(presented.route, &presented.client)};
  }
  Texts operator()(const Token& token) const {
    Texts bonds;
    for (const Secret& secret : token.secrets) { bonds.push_back(token_bond(secret)); }
    return bonds;
  }
  // What comes with every connection, and what has a session of its own, need none of ours.
  Texts operator()(const ClientCertificate& /*rule*/) const { return {}; }
  Texts operator()(const Ask& /*rule*/) const { return {}; }
};

// What the rules say of him today counts, not what they said when the cookie was made.
void follow_the_rules(const Proof& proof, Identity& identity) {
  if (const auto* const basic = std::get_if<Basic>(&proof.how)) { identity.groups = groups_of(*basic, identity.user); }
  if (const auto* const token = std::get_if<Token>(&proof.how)) {
    identity.user = token->user;
    identity.groups = token->groups;
  }
}

// `without`: the verdict where there is no cookie either.
Verdict judge_cookie(const ProofPointer& proof, const Presented& presented, const Keyring& keyring, WallTime now,
                     Absent without) {
  const auto values = wire::http::cookies(*presented.head, session_cookie_name(proof->name));
  if (values.empty()) { return without; }
  if (values.size() > 1) { return Disagree{"two session cookies of one name"}; }
  const std::vector<Secret>& secrets = cookie_secrets(*proof, keyring);
  auto cookie = read_session_cookie(values.front(), proof->name, secrets, now);
  if (!cookie) { return Absent{cookie.error().why}; }
  Identity& identity = cookie->identity;
  const Texts bonds = std::visit(BondsOf{presented, identity.user}, proof->how);
  const auto bond = std::find_if(bonds.begin(), bonds.end(),
                                 [&](const std::string& each) { return bond_holds(*cookie, each, secrets); });
  if (bond == bonds.end()) { return Absent{"the session cookie rests on what is no longer so, or not here"}; }
  const bool of_ticket = std::holds_alternative<Ticket>(proof->how);
  if (of_ticket && differing_word(identity.claims, presented) != nullptr) {
    return Absent{"the session cookie is for another path"};
  }
  follow_the_rules(*proof, identity);
  identity.by = {proof};
  return Proven{.identity = std::move(identity), .by_cookie = true, .bond = *bond};
}

Verdict judge_credential(const ProofPointer& proof, const Presented& presented, const Keyring& keyring, WallTime now) {
  struct Judge {
    const ProofPointer& proof;
    const Presented& presented;
    const Keyring& keyring;
    WallTime now;

    Verdict operator()(const Basic& basic) const { return judge(proof, basic, presented, keyring); }
    Verdict operator()(const Jwt& jwt) const { return judge_places(proof, jwt, presented, now); }
    Verdict operator()(const Ticket& ticket) const { return judge_places(proof, ticket, presented, now); }
    Verdict operator()(const Token& token) const { return judge_places(proof, token, presented, now); }
    Verdict operator()(const ClientCertificate& rule) const { return judge(proof, rule, presented, now); }
    Verdict operator()(const Ask& /*ask*/) const { return AskAuthorizer{}; }
  };
  return std::visit(Judge{proof, presented, keyring, now}, proof->how);
}

// RFC 9110, section 5.6.4.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') { result.push_back('\\'); }
    result.push_back(c);
  }
  return result + '"';
}

}  // namespace

Keyring make_keyring() {
  constexpr std::size_t key_bytes = 32;
  return {.cookies = {Secret(random_bytes(key_bytes), "this process")}, .stand_in = random_bytes(key_bytes)};
}

Verdict judge_proof(const std::shared_ptr<const Proof>& proof, const Presented& presented, const Keyring& keyring,
                    WallTime now) {
  Verdict verdict = judge_credential(proof, presented, keyring, now);
  auto* const absent = std::get_if<Absent>(&verdict);
  if (absent == nullptr || !proof->cookie) { return verdict; }
  return judge_cookie(proof, presented, keyring, now, std::move(*absent));
}

Verdict judge_password(const std::shared_ptr<const Proof>& proof, std::string_view user, std::string_view password,
                       const Keyring& keyring) {
  if (!is_name(user) || !is_clean_text(password) || password.size() > basic_bytes_max) {
    return Wrong{.why = "no user, or what no user and password are made of", .guess = true, .user = shown(user)};
  }
  UserPassword given{.user = std::string(user), .password = std::string(password)};
  return judge_user(proof, std::get<Basic>(proof->how), std::move(given), keyring);
}

std::string cookie_for(const Proof& proof, const Proven& proven, const Keyring& keyring, WallTime now) {
  if (!proof.cookie || proven.by_cookie || proven.bond.empty()) { return {}; }
  std::chrono::seconds life = proof.cookie->max_age;
  if (proven.identity.expires) {
    life = std::min(life, std::chrono::duration_cast<std::chrono::seconds>(*proven.identity.expires - now));
  }
  if (life <= std::chrono::seconds(0)) { return {}; }
  Identity identity = proven.identity;
  identity.expires = now + life;
  const Secret& secret = cookie_secrets(proof, keyring).front();
  std::string field = set_cookie(proof.name, mint_session_cookie(proof.name, identity, proven.bond, secret), life);
  return field.size() > cookie_field_bytes_max ? std::string() : field;
}

std::optional<Identity> identity_of_answer(const std::shared_ptr<const Proof>& proof,
                                           const std::vector<wire::http::Field>& fields) {
  const Ask& ask = std::get<Ask>(proof->how);
  // A field that was sent twice says nothing: which one would count?
  const auto only = [&fields](const std::string& name) {
    const std::string* value = nullptr;
    for (const wire::http::Field& field : fields) {
      if (field.name != name) { continue; }
      if (value != nullptr) { return std::string(); }
      value = &field.value;
    }
    return value != nullptr && is_name(*value) ? *value : std::string();
  };
  const std::string user = ask.user_from.empty() ? std::string() : only(ask.user_from);
  const std::string target = ask.target_from.empty() ? std::string() : only(ask.target_from);
  if (user.empty() != ask.user_from.empty() || target.empty() != ask.target_from.empty()) { return std::nullopt; }
  Identity identity = somebody(proof, user, {});
  if (!target.empty()) { identity.target = target; }
  for (const wire::http::Field& field : fields) {
    if (!ask.groups_from.empty() && field.name == ask.groups_from) { append_names(identity.groups, field.value, ","); }
  }
  identity.answered = {.users = {user}, .groups = identity.groups, .targets = {target}};
  return identity;
}

std::string challenge_of(const Proof& proof, bool wrong) {
  if (const auto* const basic = std::get_if<Basic>(&proof.how)) {
    return fmt::format("Basic realm={}, charset=\"UTF-8\"", quoted(basic->realm));
  }
  if (std::holds_alternative<Jwt>(proof.how) || std::holds_alternative<Token>(proof.how)) {
    return fmt::format("Bearer realm={}{}", quoted(proof.name), wrong ? ", error=\"invalid_token\"" : "");
  }
  return {};
}

}  // namespace bascule::proof
