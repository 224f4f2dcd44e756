#include "proxy/wire/ws/handshake.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>
#include <memory>

#include "proxy/base/bytes.hpp"
#include "proxy/base/text.hpp"
#include "proxy/wire/http/answer.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::wire::ws {
namespace {

using http::is_token;

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // section 1.3
constexpr std::size_t key_size = 24;

bool is_base64_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// Base64 of 16 bytes: 22 digits, of which the last carries two bits only (so the others are 0), and two '='.
bool is_key(std::string_view key) {
  constexpr std::string_view last_digits = "AQgw";
  return key.size() == key_size && key.ends_with("==") && last_digits.find(key[21]) != std::string_view::npos &&
         std::all_of(key.begin(), key.begin() + 21, is_base64_digit);
}

// Appends the tokens of one field's comma-separated list. False when it is no such list: an empty element, no token.
bool append_tokens(std::string_view list, std::vector<std::string>& tokens) {
  while (true) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = trimmed(list.substr(0, comma));
    if (!is_token(item)) { return false; }
    tokens.emplace_back(item);
    if (comma == list.size()) { return true; }
    list.remove_prefix(comma + 1);
  }
}

bool has_duplicates(const std::vector<std::string>& words) {
  std::vector<std::string_view> sorted(words.begin(), words.end());
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

// One pass over a Sec-WebSocket-Extensions field; nothing of it is kept, for no extension is ever agreed to.
//   extension-list = 1#( token *( ";" token [ "=" ( token / quoted-string ) ] ) )        (section 9.1)
class ExtensionGrammar {
 public:
  explicit ExtensionGrammar(std::string_view text) : rest_(text) {}

  bool holds() {
    do {
      if (!extension()) { return false; }
    } while (take(','));
    return rest_.empty();
  }

 private:
  bool extension() {
    if (!token()) { return false; }
    while (take(';')) {
      if (!token()) { return false; }
      if (take('=') && !value()) { return false; }
    }
    return true;
  }

  bool value() { return take('"') ? quoted_token() : token(); }

  bool token() {
    skip_space();
    std::size_t size = 0;
    while (size < rest_.size() && http::is_in(http::token_characters, rest_[size])) { ++size; }
    rest_.remove_prefix(size);
    return size > 0;
  }

  // Behind the opening quote. Without its backslashes the value has to be a token too.
  bool quoted_token() {
    for (std::size_t size = 0; !rest_.empty(); ++size) {
      if (rest_.front() == '"') {
        rest_.remove_prefix(1);
        return size > 0;
      }
      if (rest_.front() == '\\') { rest_.remove_prefix(1); }
      if (rest_.empty() || !http::is_in(http::token_characters, rest_.front())) { return false; }
      rest_.remove_prefix(1);
    }
    return false;
  }

  bool take(char wanted) {
    skip_space();
    if (!rest_.starts_with(wanted)) { return false; }
    rest_.remove_prefix(1);
    return true;
  }

  void skip_space() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) { rest_.remove_prefix(1); }
  }

  std::string_view rest_;
};

// SHA1() looks its algorithm up by name each time, for more than the digest costs.
class Sha1 {
 public:
  void operator()(std::initializer_list<std::string_view> parts, std::uint8_t* digest) {
    [[maybe_unused]] bool done = EVP_DigestInit_ex(context_.get(), algorithm_.get(), nullptr) == 1;
    for (const std::string_view part : parts) {
      done = done && EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1;
    }
    done = done && EVP_DigestFinal_ex(context_.get(), digest, nullptr) == 1;
    assert(done);
  }

 private:
  struct Free {
    void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD, Free> algorithm_{EVP_MD_fetch(nullptr, "SHA1", nullptr)};
  std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

UpgradeRefused malformed(const char* why) {
  return {UpgradeError::malformed, why};
}

}  // namespace

bool asks_for_websocket(const http::RequestHead& head) {
  return head.version_minor > 0 && head.has_token("upgrade", "websocket");
}

std::variant<Upgrade, UpgradeRefused> judge_upgrade(const http::RequestHead& head) {
  if (head.method != "GET") { return UpgradeRefused{UpgradeError::method_not_get, "the method is not GET"}; }
  if (!asks_for_websocket(head)) {
    return UpgradeRefused{UpgradeError::not_an_upgrade, "the request does not ask for an upgrade to WebSocket"};
  }
  if (!head.has_token("connection", "upgrade")) { return malformed("Connection does not name Upgrade"); }
  if (head.announces_body()) { return malformed("an upgrade cannot have a body"); }

  // The version comes first, so that a client of another one learns which to speak.
  const std::string* version = head.find("sec-websocket-version");
  if (version == nullptr) { return malformed("Sec-WebSocket-Version is missing"); }
  if (head.count("sec-websocket-version") > 1) { return malformed("more than one Sec-WebSocket-Version"); }
  if (*version != "13") {
    return UpgradeRefused{UpgradeError::other_version, "only WebSocket version 13 is spoken here"};
  }

  const std::string* key = head.find("sec-websocket-key");
  if (key == nullptr) { return malformed("Sec-WebSocket-Key is missing"); }
  if (head.count("sec-websocket-key") > 1) { return malformed("more than one Sec-WebSocket-Key"); }
  if (!is_key(*key)) { return malformed("Sec-WebSocket-Key is not base64 of 16 bytes"); }

  Upgrade upgrade;
  upgrade.key = *key;
  for (const http::Field& field : head.fields) {
    if (field.name == "sec-websocket-protocol" && !append_tokens(field.value, upgrade.protocols)) {
      return malformed("Sec-WebSocket-Protocol is not a list of tokens");
    }
    if (field.name == "sec-websocket-extensions" && !ExtensionGrammar(field.value).holds()) {
      return malformed("Sec-WebSocket-Extensions is malformed");
    }
  }
  if (has_duplicates(upgrade.protocols)) { return malformed("Sec-WebSocket-Protocol names a protocol twice"); }
  return upgrade;
}

std::string accept_for(std::string_view key) {
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
  static thread_local Sha1 sha1;
  sha1({key, accept_guid}, digest.data());
  std::array<std::uint8_t, (SHA_DIGEST_LENGTH + 2) / 3 * 4 + 1> base64{};  // with the NUL that OpenSSL adds
  const int size = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
  return std::string(text_of(Bytes(base64).first(static_cast<std::size_t>(size))));
}

std::string switching_protocols(const Upgrade& upgrade, std::string_view protocol) {
  http::AnswerHead answer(101);
  answer.field("Upgrade", "websocket").field("Connection", "Upgrade");
  answer.field("Sec-WebSocket-Accept", accept_for(upgrade.key));
  if (!protocol.empty()) { answer.field("Sec-WebSocket-Protocol", protocol); }
  return answer.done();
}

}  // namespace bascule::wire::ws
