#include "proxy/proof/session_cookie.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/base/base64.hpp"
#include "proxy/base/text.hpp"
#include "proxy/proof/json.hpp"

namespace bascule::proof {
namespace {

constexpr std::string_view prefix = "bc1.";
constexpr std::size_t cookie_bytes_max = std::size_t{4} * 1024;  // RFC 6265, section 6.1: no browser must keep more
constexpr std::uint64_t seconds_max = std::uint64_t{1} << 33U;   // the year 2242

// What a key signs says what it is: no ticket that was made with the same secret is a cookie, no bond is either.
constexpr std::string_view bond_prefix = "bc1-bond.";

std::string digest_of_bond(std::string_view bond, const Secret& secret) {
  return base64url(hmac_sha256(secret.bytes(), std::string(bond_prefix).append(bond)));
}

std::vector<std::string> texts_of(const Json* list) {
  std::vector<std::string> texts;
  if (list == nullptr || !list->is(Json::Kind::list)) { return texts; }
  for (const Json& each : list->items) { texts.push_back(each.text); }
  return texts;
}

std::string text_of_member(const Json& json, std::string_view name) {
  const Json* const member = json.find(name);
  return member != nullptr && member->is(Json::Kind::text) ? member->text : std::string();
}

Claims claims_of(const Json* object) {
  Claims claims;
  if (object == nullptr || !object->is(Json::Kind::object)) { return claims; }
  for (std::size_t at = 0; at < object->names.size(); ++at) {
    claims.emplace(object->names[at], texts_of(&object->items[at]));
  }
  return claims;
}

}  // namespace

std::string session_cookie_name(std::string_view proof) {
  return fmt::format("__Host-bascule-{}", proof);
}

std::string mint_session_cookie(std::string_view proof, const Identity& identity, std::string_view bond,
                                const Secret& secret) {
  const auto end = std::chrono::duration_cast<std::chrono::seconds>(identity.expires.value().time_since_epoch());
  nlohmann::ordered_json json{{"proof", proof}, {"exp", end.count()}, {"user", identity.user}};
  if (!identity.groups.empty()) { json["groups"] = identity.groups; }
  if (!identity.claims.empty()) { json["claims"] = identity.claims; }
  if (!bond.empty()) { json["bond"] = digest_of_bond(bond, secret); }
  const std::string text = json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace);
  const std::string body = std::string(prefix) + base64url(text);
  return fmt::format("{}.{}", body, base64url(hmac_sha256(secret.bytes(), body)));
}

Result<CookieContent, BadCookie> read_session_cookie(std::string_view value, std::string_view proof,
                                                     const std::vector<Secret>& secrets, WallTime now) {
  const std::size_t dot = value.rfind('.');
  if (value.size() > cookie_bytes_max || !value.starts_with(prefix) || dot < prefix.size()) {
    return BadCookie{"the session cookie is none of ours"};
  }
  const std::string_view body = value.substr(0, dot);
  const auto signature = base64url_decoded(value.substr(dot + 1));
  if (!signature || !is_signed_by_one_of(secrets, body, *signature)) {
    return BadCookie{"the session cookie is not signed with our secret"};
  }
  const auto text = base64url_decoded(body.substr(prefix.size()));
  const auto json = text ? read_json(*text, cookie_bytes_max) : std::nullopt;
  if (!json || text_of_member(*json, "proof") != proof) { return BadCookie{"the session cookie is of another proof"}; }
  const Json* const exp = json->find("exp");
  const auto seconds =
      exp != nullptr && exp->is(Json::Kind::number) ? parse_decimal(exp->text, seconds_max) : std::nullopt;
  if (!seconds) { return BadCookie{"the session cookie does not say when it ends"}; }
  const WallTime end{std::chrono::seconds(*seconds)};
  if (end <= now) { return BadCookie{"the session cookie is over"}; }
  CookieContent content;
  content.identity.user = text_of_member(*json, "user");
  content.identity.groups = texts_of(json->find("groups"));
  content.identity.claims = claims_of(json->find("claims"));
  content.identity.expires = end;
  content.bond_digest = text_of_member(*json, "bond");
  return content;
}

bool bond_holds(const CookieContent& cookie, std::string_view bond, const std::vector<Secret>& secrets) {
  if (bond.empty()) { return cookie.bond_digest.empty(); }
  bool any = false;
  for (const Secret& secret : secrets) {
    const bool same = same_secret(digest_of_bond(bond, secret), cookie.bond_digest);
    any = any || same;
  }
  return any;
}

std::string set_cookie(std::string_view proof, std::string_view value, std::chrono::seconds max_age) {
  return fmt::format("{}={}; Max-Age={}; Path=/; Secure; HttpOnly; SameSite=Lax", session_cookie_name(proof), value,
                     max_age.count());
}

std::string clear_cookie(std::string_view proof) {
  return set_cookie(proof, "", std::chrono::seconds(0));
}

}  // namespace bascule::proof
