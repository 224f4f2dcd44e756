// `jwt` and `ask`: keys that are given or fetched, and authorizers that are asked.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/auth_words.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/show_words.hpp"
#include "proxy/config/text_file.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using namespace std::chrono_literals;
using proof::Algorithm;
using proof::Authorities;
using proof::Keys;
using proof::KeySet;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t pem_bytes_max = std::size_t{1024} * 1024;
constexpr std::size_t hmac_bytes_min = 32;  // RFC 7518, section 3.2: HS256
constexpr auto leeway_max = 10min;
constexpr auto refresh_min = 1s;

constexpr std::array all_algorithms{Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256,
                                    Algorithm::PS384, Algorithm::PS512, Algorithm::ES256, Algorithm::ES384,
                                    Algorithm::EdDSA, Algorithm::HS256, Algorithm::HS384, Algorithm::HS512};

// The content of a file that need not be secret; or why there is none, without a word of it.
Parsed<std::string> public_file(const std::string& path, std::size_t bytes_max) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) { return Wrong{"there is no such file"}; }
  if (!fs::is_regular_file(status)) { return Wrong{"this is no file"}; }
  auto text = read_text_file(path, bytes_max + 1);
  if (!text) { return Wrong{fmt::format("this file cannot be read: {}", text.error().why)}; }
  if (text->size() > bytes_max) { return Wrong{fmt::format("this file has more than {}", size_text(bytes_max))}; }
  return std::move(*text);
}

// A name of a claim or a field: any text but none.
void read_claim(const Fields& fields, std::string_view key, std::string& claim) {
  if (const auto name = fields.value(key, parse_user)) { claim = *name; }
}

void read_texts(const Fields& fields, std::string_view key, std::vector<std::string>& texts) {
  fields.refuse_empty(key, ", so no token would do; leave it out for any");
  for (const YamlNode* item : fields.texts(key)) {
    if (item->text.empty()) {
      fields.mistake(*item, fmt::format("{} is empty", fields.name_of(key)));
    } else {
      texts.push_back(item->text);
    }
  }
}

}  // namespace

// --- jwt -------------------------------------------------------------------------------------------------------------

void Reader::read_jwt(const Fields& fields, proof::Proof& proof) {
  proof::Jwt jwt;
  read_algorithms(fields, jwt.keys);
  read_keys(fields, jwt.keys);
  read_texts(fields, "issuer", jwt.rule.issuers);
  read_texts(fields, "audience", jwt.rule.audiences);
  if (const std::string* leeway = fields.text("leeway")) {
    if (*leeway == "none") {
      jwt.rule.leeway = 0s;
    } else if (const auto time = fields.accept(*fields.find("leeway"), "leeway", parse_seconds(*leeway, leeway_max))) {
      jwt.rule.leeway = *time;
    }
  }
  read_credential(fields, jwt.credential);
  read_claim(fields, "user_from", jwt.user_from);
  read_claim(fields, "groups_from", jwt.groups_from);
  proof.how = std::move(jwt);
}

void Reader::read_algorithms(const Fields& fields, Keys& keys) {
  fields.refuse_empty("algorithms", "; leave it out for what the keys say");
  std::vector<std::string_view> words;
  words.reserve(all_algorithms.size());
  for (const Algorithm algorithm : all_algorithms) { words.push_back(proof::word_of(algorithm)); }
  for (const YamlNode* item : fields.texts("algorithms")) {
    const auto algorithm = proof::algorithm_called(item->text);
    if (!algorithm) {
      std::string help = item->text == "none" ? "; it would be no signature at all" : did_you_mean(item->text, words);
      if (help.empty()) { help = fmt::format("; there are {}", fmt::join(words, ", ")); }
      fields.mistake(*item, fmt::format("{}: unknown algorithm '{}'{}", fields.name_of("algorithms"),
                                        shown(item->text, 40), help));
    } else if (std::find(keys.algorithms.begin(), keys.algorithms.end(), *algorithm) != keys.algorithms.end()) {
      fields.mistake(*item, fmt::format("{}: '{}' stands there twice", fields.name_of("algorithms"), item->text));
    } else {
      keys.algorithms.push_back(*algorithm);
    }
  }
}

void Reader::read_keys(const Fields& fields, Keys& keys) {
  keys.set = std::make_shared<Source<KeySet>>(std::string());
  const YamlNode* node = fields.find("keys");
  if (node == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'keys'; who signs the tokens? 'keys: portal.jwks.json', a PEM "
                                              "file, an https:// URL, or a secret as {{file: path}}",
                                              fields.where()));
    return;
  }
  const bool fetched = node->kind == YamlNode::Kind::text && node->text.find("://") != std::string::npos;
  if (fetched) { return read_key_url(fields, keys); }
  for (const std::string_view key : {"refresh", "authorities"}) {
    if (fields.find(key) == nullptr) { continue; }
    fields.mistake(*fields.find(key),
                   fmt::format("{} does nothing, for the keys are not fetched from a URL", fields.name_of(key)));
  }
  if (node->kind == YamlNode::Kind::text && !node->text.empty()) { return read_key_file(fields, keys); }
  if (node->kind == YamlNode::Kind::map) { return read_key_secret(fields, keys); }
  fields.mistake(*node,
                 fmt::format("{}: keys are a JWKS or PEM file, an https:// URL, or a secret as {{file: path}} or "
                             "{{env: NAME}}",
                             fields.name_of("keys")));
}

// What is written may be a secret in the wrong place, so no message repeats it.
void Reader::read_key_file(const Fields& fields, Keys& keys) {
  const YamlNode& node = *fields.find("keys");
  const std::string name = fields.name_of("keys");
  const std::string path = path_of(node.text);
  const auto text = public_file(path, KeySet::json_bytes_max);
  if (!text) {
    fields.mistake(node, fmt::format("{}: {}; a secret stands elsewhere: {{file: path}} or {{env: NAME}}", name,
                                     text.error().text));
    return;
  }
  watch(path);
  const bool pem = text->find("-----BEGIN ") != std::string::npos;
  auto set = pem ? KeySet::from_pem(*text, keys.algorithms) : KeySet::from_jwks(*text, keys.algorithms);
  if (!set) {
    fields.mistake(node, fmt::format("{}: {}", name, set.error().why));
    return;
  }
  keys.set->put(std::make_shared<const KeySet>(std::move(*set)));
  keys.written = yaml_text(whole_path(path));
  keys.digest = proof::sha256(*text);
}

void Reader::read_key_secret(const Fields& fields, Keys& keys) {
  const YamlNode& node = *fields.find("keys");
  const std::string name = fields.name_of("keys");
  const auto secret = read_secret(node, name, {.bytes_min = hmac_bytes_min, .example = "jwt.key"});
  if (!secret) { return; }
  auto set = KeySet::from_secret(secret->bytes(), keys.algorithms);
  if (!set) {
    fields.mistake(node, fmt::format("{}: {}", name, set.error().why));
    return;
  }
  keys.set->put(std::make_shared<const KeySet>(std::move(*set)));
  keys.written = secret->source();
  keys.digest = proof::sha256(secret->bytes());
}

void Reader::read_key_url(const Fields& fields, Keys& keys) {
  const YamlNode& node = *fields.find("keys");
  if (same_ignoring_case(node.text.substr(0, 7), "http://")) {
    fields.mistake(node, fmt::format("{}: whoever sits in between could put keys of his own there; write https://, or "
                                     "keep the keys in a file",
                                     fields.name_of("keys")));
    return;
  }
  if (auto url = fields.accept(node, "keys", parse_url(node.text, Scheme::https))) {
    keys.written = yaml_text(url->text());
    keys.url = std::move(*url);
  }
  if (const auto refresh = fields.value("refresh", parse_duration)) {
    if (*refresh && **refresh >= refresh_min) {
      keys.refresh = **refresh;
    } else {
      fields.mistake(*fields.find("refresh"), fmt::format("{}: keys that are fetched are read again, at most once a "
                                                          "second: 'refresh: 1h'",
                                                          fields.name_of("refresh")));
    }
  }
  read_authorities(fields, keys.url_authorities);
}

// --- ask -------------------------------------------------------------------------------------------------------------

void Reader::read_ask(const Fields& fields, proof::Proof& proof) {
  proof::Ask ask;
  if (fields.find("url") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'url'; whom to ask? 'url: \"http://127.0.0.1:9091/verify\"'",
                                              fields.where()));
  } else if (const std::string* text = fields.text("url")) {
    auto url = fields.accept(*fields.find("url"), "url", parse_url(*text, Scheme::http_or_https));
    if (url) { ask.url = std::move(*url); }
  }
  fields.refuse_empty("pass", "; leave it out to pass nothing on");
  for (const YamlNode* item : fields.texts("pass")) {
    auto field = fields.accept(*item, "pass", parse_passed_field(item->text));
    if (!field) { continue; }
    if (std::find(ask.pass.begin(), ask.pass.end(), *field) != ask.pass.end()) {
      fields.mistake(*item, fmt::format("{}: '{}' stands there twice", fields.name_of("pass"), *field));
    }
    ask.pass.push_back(std::move(*field));
  }
  for (const auto& [key, field] : {std::pair(std::string_view("user_from"), &ask.user_from),
                                   {"groups_from", &ask.groups_from},
                                   {"target_from", &ask.target_from}}) {
    if (const auto name = fields.value(key, parse_answer_field)) { *field = *name; }
  }
  if (const auto timeout = fields.value("timeout", parse_duration)) {
    if (*timeout) {
      ask.timeout = **timeout;
    } else {
      fields.mistake(*fields.find("timeout"),
                     fmt::format("{}: a visitor does not wait for ever; write a time", fields.name_of("timeout")));
    }
  }
  if (const auto cache = fields.value("cache", parse_duration)) { ask.cache = cache->value_or(0ms); }
  if (const auto recheck = fields.value("recheck", parse_duration)) { ask.recheck = *recheck; }
  if (fields.find("authorities") != nullptr && !ask.url.secure && !ask.url.host.empty()) {
    fields.mistake(*fields.find("authorities"),
                   fmt::format("{} does nothing, for the URL is not https", fields.name_of("authorities")));
  } else {
    read_authorities(fields, ask.authorities);
  }
  proof.how = std::move(ask);
}

// --- authorities -----------------------------------------------------------------------------------------------------

std::optional<Authorities> Reader::read_authorities(const Fields& fields, std::string& path) {
  const std::string* written = fields.text("authorities");
  if (written == nullptr) { return std::nullopt; }
  const YamlNode& node = *fields.find("authorities");
  const std::string name = fields.name_of("authorities");
  const std::string file = path_of(*written);
  const auto pem = public_file(file, pem_bytes_max);
  if (!pem) {
    fields.mistake(node, fmt::format("{}: '{}': {}", name, shown(file), pem.error().text));
    return std::nullopt;
  }
  watch(file);
  auto authorities = Authorities::from_pem(*pem);
  if (!authorities) {
    fields.mistake(node, fmt::format("{}: {}", name, authorities.error().why));
    return std::nullopt;
  }
  path = file;
  return std::move(*authorities);
}

}  // namespace bascule::config
