#include "proxy/proof/jwt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "proxy/base/base64.hpp"
#include "proxy/base/result.hpp"
#include "proxy/base/text.hpp"
#include "proxy/proof/json.hpp"

namespace bascule::proof {
namespace {

constexpr std::size_t shown_max = 60;  // of each text of the token that a reason tells

// --- the three parts: RFC 7515, section 3.1 ---

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // the first two, with the dot
};

std::optional<Parts> parts_of(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) { return std::nullopt; }
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return Parts{.header = token.substr(0, first),
               .payload = token.substr(first + 1, second - first - 1),
               .signature = token.substr(second + 1),
               .signed_text = token.substr(0, second)};
}

// --- the header: RFC 7515, section 4 ---

struct Header {
  std::string algorithm;
  std::optional<std::string> kid{};
};

// RFC 8725, section 3.11. A type without a slash means the same as with "application/" in front of it.
bool is_jwt_type(std::string_view written) {
  const std::string type = lowered(written);
  std::string_view name = type;
  if (name.starts_with("application/")) { name.remove_prefix(std::string_view("application/").size()); }
  return name == "jwt" || name.ends_with("+jwt");
}

// What is in it that we do not look for changes nothing: neither keys (`jwk`, `x5c`) nor places to fetch them from
// (`jku`, `x5u`) are taken from somebody who still has to prove himself.
Result<Header, BadToken> read_header(std::string_view part) {
  const auto bytes = base64url_decoded(part);
  if (!bytes) { return BadToken{"its header is no base64url"}; }
  const auto json = read_json(*bytes, jwt_bytes_max);
  if (!json || !json->is(Json::Kind::object)) { return BadToken{"its header is no JSON object"}; }
  for (const std::string_view name : {"crit", "b64"}) {  // RFC 7515, section 4.1.11; RFC 7797
    if (json->find(name) != nullptr) { return BadToken{fmt::format("its header has '{}'", name)}; }
  }
  for (const std::string_view name : {"alg", "typ", "kid"}) {
    const Json* member = json->find(name);
    if (member != nullptr && !member->is(Json::Kind::text)) {
      return BadToken{fmt::format("'{}' in its header is no text", name)};
    }
  }
  const Json* type = json->find("typ");
  if (type != nullptr && !is_jwt_type(type->text)) {
    return BadToken{fmt::format("its type is '{}', not JWT", shown(type->text, shown_max))};
  }
  const Json* algorithm = json->find("alg");
  if (algorithm == nullptr) { return BadToken{"its header has no 'alg'"}; }
  Header header{.algorithm = algorithm->text};
  if (const Json* kid = json->find("kid")) { header.kid = kid->text; }
  return header;
}

// --- the signature ---

std::string words_of(const std::vector<Algorithm>& algorithms) {
  std::string words;
  for (const Algorithm algorithm : algorithms) {
    if (!words.empty()) { words += ", "; }
    words += word_of(algorithm);
  }
  return words;
}

struct Verified {};

std::variant<Verified, BadToken, UnknownKey> verify_signature(const Parts& parts, const Header& header,
                                                              const KeySet& keys) {
  const auto algorithm = algorithm_called(header.algorithm);
  if (!algorithm) { return BadToken{fmt::format("signed with '{}'", shown(header.algorithm, shown_max))}; }
  const auto signature = base64url_decoded(parts.signature);
  if (!signature || signature->empty()) { return BadToken{"its signature is no base64url"}; }

  const auto candidates = keys.candidates(*algorithm, header.kid ? &*header.kid : nullptr);
  const bool held = std::any_of(candidates.begin(), candidates.end(), [&](const Key* key) {
    return verifies(*key, *algorithm, parts.signed_text, *signature);
  });
  if (held) { return Verified{}; }
  if (header.kid && keys.may_learn(*algorithm, *header.kid)) { return UnknownKey{shown(*header.kid, shown_max)}; }
  if (!candidates.empty()) { return BadToken{"its signature is wrong"}; }
  if (keys.size() == 0) { return BadToken{"there are no keys"}; }
  const auto taken = keys.algorithms();
  if (std::find(taken.begin(), taken.end(), *algorithm) == taken.end()) {
    return BadToken{fmt::format("signed with {}; the keys take {}", word_of(*algorithm), words_of(taken))};
  }
  return BadToken{fmt::format("no key '{}' takes {}", shown(header.kid.value_or(""), shown_max), word_of(*algorithm))};
}

// --- the times: RFC 7519, section 2, NumericDate ---

using Seconds = std::chrono::duration<double>;  // since 1970

// Whoever writes milliseconds is here; seconds come this far in 30,000 years.
constexpr Seconds in_milliseconds{1e12};
// A WallTime of 64 bits ends in 2262, and people write later years for "never": they mean this one, 2255.
constexpr Seconds latest{9e9};

// A claim that is a time, where there is one.
Result<std::optional<Seconds>, BadToken> time_in(const Json& payload, std::string_view name) {
  const Json* claim = payload.find(name);
  if (claim == nullptr) { return std::optional<Seconds>(); }
  if (!claim->is(Json::Kind::number)) { return BadToken{fmt::format("'{}' is no number", name)}; }
  double value = 0;
  const char* end = claim->text.data() + claim->text.size();
  const auto read = std::from_chars(claim->text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value)) {
    return BadToken{fmt::format("'{}' is out of range", name)};
  }
  if (value < 0) { return BadToken{fmt::format("'{}' is negative", name)}; }
  if (Seconds(value) >= in_milliseconds) { return BadToken{fmt::format("'{}' is out of range: milliseconds?", name)}; }
  return std::optional(std::min(Seconds(value), latest));
}

// "5 minutes": the largest unit of which there is one.
std::string rough(Seconds span) {
  struct Unit {
    double seconds;
    std::string_view one;
  };
  constexpr std::array<Unit, 3> units{{{86400, "day"}, {3600, "hour"}, {60, "minute"}}};
  const auto* const unit =
      std::find_if(units.begin(), units.end(), [span](const Unit& each) { return span.count() >= each.seconds; });
  const double count = std::floor(span.count() / (unit == units.end() ? 1 : unit->seconds));
  return fmt::format("{:.0f} {}{}", count, unit == units.end() ? "second" : unit->one, count == 1 ? "" : "s");
}

// RFC 7519, section 4.1.4 and 4.1.5. When it ends, if it is good now.
Result<WallTime, BadToken> judge_times(const Json& payload, std::chrono::seconds leeway, WallTime now) {
  const auto expires = time_in(payload, "exp");
  if (!expires) { return expires.error(); }
  const auto not_before = time_in(payload, "nbf");
  if (!not_before) { return not_before.error(); }
  const auto issued = time_in(payload, "iat");  // says only how old it is, but must say that well
  if (!issued) { return issued.error(); }
  if (!*expires) { return BadToken{"it has no 'exp'"}; }
  const Seconds present = now.time_since_epoch();
  const auto end = WallTime(std::chrono::duration_cast<WallTime::duration>(std::min(**expires + leeway, latest)));
  if (now >= end) { return BadToken{fmt::format("expired {} ago", rough(present - **expires))}; }
  if (*not_before && present + leeway < **not_before) {
    return BadToken{fmt::format("not valid for another {}", rough(**not_before - present))};
  }
  return end;
}

// --- by whom and for whom ---

bool is_one_of(const Json& claim, const std::vector<std::string>& wanted) {
  return claim.is(Json::Kind::text) && std::find(wanted.begin(), wanted.end(), claim.text) != wanted.end();
}

// Empty: it is by and for the right ones.
std::string fault_of_parties(const Json& payload, const JwtRule& rule) {
  const Json* issuer = payload.find("iss");
  if (!rule.issuers.empty()) {
    if (issuer == nullptr) { return "it has no 'iss'"; }
    if (!is_one_of(*issuer, rule.issuers)) { return fmt::format("issued by '{}'", shown(issuer->text, shown_max)); }
  }
  if (rule.audiences.empty()) { return {}; }
  const Json* audience = payload.find("aud");  // RFC 7519, section 4.1.3: a text or a list of them
  if (audience == nullptr) { return "it has no 'aud'"; }
  const bool for_us = audience->is(Json::Kind::list)
                          ? std::any_of(audience->items.begin(), audience->items.end(),
                                        [&rule](const Json& each) { return is_one_of(each, rule.audiences); })
                          : is_one_of(*audience, rule.audiences);
  if (for_us) { return {}; }
  const Json* first = audience->items.empty() ? audience : &audience->items.front();
  return fmt::format("it is for '{}'", shown(first->text, shown_max));
}

// --- claims ---

bool is_leaf(const Json& json) {
  return json.is(Json::Kind::text) || json.is(Json::Kind::number) || json.is(Json::Kind::yes_or_no);
}

// False: one name twice. Recurses no deeper than JSON nests.
// NOLINTNEXTLINE(misc-no-recursion)
bool flatten(const Json& object, const std::string& prefix, Claims& claims) {
  for (std::size_t i = 0; i < object.names.size(); ++i) {
    const Json& value = object.items[i];
    std::string name = prefix + object.names[i];
    if (value.is(Json::Kind::object)) {
      if (!flatten(value, name + ".", claims)) { return false; }
      continue;
    }
    if (value.is(Json::Kind::null)) { continue; }
    const auto [claim, is_new] = claims.try_emplace(std::move(name));
    if (!is_new) { return false; }
    if (is_leaf(value)) { claim->second.push_back(value.text); }
    for (const Json& item : value.items) {
      if (is_leaf(item)) { claim->second.push_back(item.text); }
    }
  }
  return true;
}

std::optional<Claims> claims_of(const std::optional<Json>& json) {
  if (!json || !json->is(Json::Kind::object)) { return std::nullopt; }
  Claims claims;
  if (!flatten(*json, "", claims)) { return std::nullopt; }
  return claims;
}

std::variant<JwtClaims, BadToken, UnknownKey> read_payload(std::string_view part, const JwtRule& rule, WallTime now) {
  const auto bytes = base64url_decoded(part);
  if (!bytes) { return BadToken{"its payload is no base64url"}; }
  const auto json = read_json(*bytes, jwt_bytes_max);
  if (!json || !json->is(Json::Kind::object)) { return BadToken{"its payload is no JSON object"}; }
  const auto expires = judge_times(*json, rule.leeway, now);
  if (!expires) { return expires.error(); }
  std::string fault = fault_of_parties(*json, rule);
  if (!fault.empty()) { return BadToken{std::move(fault)}; }
  auto claims = claims_of(json);
  if (!claims) { return BadToken{"two of its claims have one name"}; }
  return JwtClaims{.claims = std::move(*claims), .expires = *expires};
}

}  // namespace

std::variant<JwtClaims, BadToken, UnknownKey> verify_jwt(std::string_view token, const KeySet& keys,
                                                         const JwtRule& rule, WallTime now) {
  if (token.size() > jwt_bytes_max) { return BadToken{fmt::format("more than {} bytes", jwt_bytes_max)}; }
  const auto parts = parts_of(token);
  if (!parts) { return BadToken{"it has not three parts"}; }
  const auto header = read_header(parts->header);
  if (!header) { return header.error(); }
  // What it says counts only once it is known who says so.
  auto signature = verify_signature(*parts, *header, keys);
  if (auto* bad = std::get_if<BadToken>(&signature)) { return std::move(*bad); }
  if (auto* unknown = std::get_if<UnknownKey>(&signature)) { return std::move(*unknown); }
  return read_payload(parts->payload, rule, now);
}

std::optional<Claims> read_claims(std::string_view json, std::size_t bytes_max) {
  return claims_of(read_json(json, bytes_max));
}

}  // namespace bascule::proof
