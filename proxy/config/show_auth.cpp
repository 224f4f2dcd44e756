#include "proxy/config/show_auth.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/config/show_words.hpp"

namespace bascule::config {

using proof::CredentialPlace;
using proof::Wanted;

namespace {

// It is printed as where it comes from, which is written as the rules write it.
void add_secrets(YamlValue& map, const std::vector<proof::Secret>& secrets) {
  if (secrets.size() == 1) {
    map.add("secret", word(secrets.front().source()));
    return;
  }
  YamlValue list = YamlValue::list();
  for (const proof::Secret& secret : secrets) { list.add(word(secret.source())); }
  map.add("secrets", std::move(list));
}

YamlValue show(const std::vector<CredentialPlace>& places) {
  constexpr std::array<std::string_view, 5> words{"header", "header", "cookie", "query", "subprotocol"};
  YamlValue list = YamlValue::list();
  for (const CredentialPlace& place : places) {
    const std::string_view in = words.at(static_cast<std::size_t>(place.in));
    const bool named = place.in != CredentialPlace::In::authorization;
    list.add(named ? YamlValue::map().add(in, YamlValue::text(place.name)) : word(in));
  }
  return list;
}

// Empty texts and lists are those that were not written.
void add_text(YamlValue& map, std::string_view key, const std::string& text) {
  if (!text.empty()) { map.add(key, YamlValue::text(text)); }
}

void add_texts(YamlValue& map, std::string_view key, const std::vector<std::string>& texts) {
  if (!texts.empty()) { map.add(key, YamlValue::texts(texts)); }
}

void add_path(YamlValue& map, std::string_view key, const std::string& file) {
  if (!file.empty()) { map.add(key, path(file)); }
}

YamlValue show(const proof::Basic& basic) {
  YamlValue map = YamlValue::map();
  if (basic.one) {
    map.add("user", YamlValue::text(basic.one->user)).add("password", word(basic.one->password.source()));
  } else {
    map.add("users", word(basic.users_source));
  }
  map.add("realm", YamlValue::text(basic.realm));
  if (!basic.groups.empty()) {
    YamlValue groups = YamlValue::map();
    for (const auto& [group, users] : basic.groups) { groups.add(group, YamlValue::texts(users)); }
    map.add("groups", std::move(groups));
  }
  return map;
}

YamlValue show(const proof::Jwt& jwt) {
  YamlValue map = YamlValue::map();
  map.add("keys", word(jwt.keys.written));
  if (jwt.keys.url) {
    map.add("refresh", duration(jwt.keys.refresh));
    add_path(map, "authorities", jwt.keys.url_authorities);
  }
  if (jwt.keys.algorithms.empty()) {
    map.note("algorithms: what each key is for");
  } else {
    YamlValue list = YamlValue::list();
    for (const proof::Algorithm algorithm : jwt.keys.algorithms) { list.add(word(proof::word_of(algorithm))); }
    map.add("algorithms", std::move(list));
  }
  add_texts(map, "issuer", jwt.rule.issuers);
  add_texts(map, "audience", jwt.rule.audiences);
  map.add("leeway", duration_or_none(jwt.rule.leeway));
  map.add("credential", show(jwt.credential));
  map.add("user_from", YamlValue::text(jwt.user_from));
  add_text(map, "groups_from", jwt.groups_from);
  return map.spread();
}

YamlValue show(const proof::Ticket& ticket) {
  YamlValue map = YamlValue::map();
  add_secrets(map, ticket.secrets);
  map.add("max_age", duration(ticket.max_age));
  map.add("single_use", word(ticket.single_use ? "true" : "false"));
  map.add("credential", show(ticket.credential));
  return map;
}

YamlValue show(const proof::Token& token) {
  YamlValue map = YamlValue::map();
  add_secrets(map, token.secrets);
  map.add("user", YamlValue::text(token.user));
  add_texts(map, "groups", token.groups);
  map.add("credential", show(token.credential));
  return map;
}

YamlValue show(const proof::ClientCertificate& certificate) {
  constexpr std::array<std::string_view, 5> words{"subject.CN", "subject", "san.email", "san.dns", "san.uri"};
  YamlValue map = YamlValue::map();
  map.add("user_from", word(words.at(static_cast<std::size_t>(certificate.user_from))));
  add_texts(map, "issuers", certificate.issuers);
  add_texts(map, "fingerprints", certificate.fingerprints);
  add_path(map, "authorities", certificate.authorities_path);
  return map;
}

YamlValue show(const proof::Ask& ask) {
  YamlValue map = YamlValue::map();
  map.add("url", YamlValue::text(ask.url.text()));
  add_path(map, "authorities", ask.authorities);
  add_texts(map, "pass", ask.pass);
  add_text(map, "user_from", ask.user_from);
  add_text(map, "groups_from", ask.groups_from);
  add_text(map, "target_from", ask.target_from);
  map.add("timeout", duration(ask.timeout));
  map.add("cache", duration_or_none(ask.cache));
  map.add("recheck", limit(ask.recheck));
  return map.spread();
}

YamlValue show(const proof::SessionCookie& cookie) {
  YamlValue map = YamlValue::map();
  map.add("max_age", duration(cookie.max_age));
  if (cookie.secrets.empty()) {
    map.note("secret: the process's own, new with each start");
  } else {
    add_secrets(map, cookie.secrets);
  }
  map.add("login", word(cookie.login ? "true" : "false"));
  return map;
}

}  // namespace

YamlValue show_proof(const proof::Proof& proof) {
  YamlValue map = YamlValue::map();
  map.add(proof.kind(), std::visit([](const auto& how) { return show(how); }, proof.how));
  if (proof.cookie) { map.add("session_cookie", show(*proof.cookie)); }
  return map.spread();
}

YamlValue show_wanted(const Wanted& wanted) {
  if (wanted.kind == Wanted::Kind::nothing) { return word("none"); }
  if (wanted.kind == Wanted::Kind::one) { return YamlValue::text(wanted.proof->name); }
  YamlValue list = YamlValue::list();
  for (const Wanted& each : wanted.of) { list.add(show_wanted(each)); }
  // A list means any of these.
  return wanted.kind == Wanted::Kind::all ? YamlValue::map().add("all", std::move(list)) : list;
}

}  // namespace bascule::config
