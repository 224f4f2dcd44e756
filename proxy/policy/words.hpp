// Texts with words of the visitor in them: "desk-{path.id}.lan", "{query.token}".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/base/result.hpp"
#include "proxy/proof/identity.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::policy {

struct Word {
  enum class Of : std::uint8_t { path, query, header, cookie, claim, host, sni, user, client_address };
  Of of = Of::path;
  std::string name{};        // of path, query, header (lower case), cookie and claim
  std::string text() const;  // "path.id", "client.address"
  friend bool operator==(const Word&, const Word&) = default;
};

struct BadWords {
  std::string text;
};

// What the words stand for in one request. Everything is borrowed.
struct Spoken {
  const wire::http::RequestHead* head = nullptr;
  const wire::http::Target* target = nullptr;
  const std::vector<std::pair<std::string, std::string>>* captures = nullptr;
  std::string_view host;
  std::string_view sni{};  // the name in the TLS handshake; empty: none, or no TLS of ours
  std::string_view user;   // empty: nobody
  const proof::Claims* claims = nullptr;
  const Address* client = nullptr;
};

class Words {
 public:
  // Splits at "{...}". Unknown words, lone braces and an empty text are errors.
  static Result<Words, BadWords> parse(std::string_view text);
  static Words plain(std::string text);

  // True when there is a word in it at all.
  bool spoken() const;
  // The names of `path.x` that stand in it: the route's path must have them.
  std::vector<std::string> captures() const;
  // True when there is a `claim.x` in it: only somebody who has proven something has any.
  bool claims() const;

  // The text with the visitor's words in it. Empty when one of them was not sent, was sent empty, is a field that was
  // sent twice, is a claim with several values, or is not what `accepts` takes; `missing`, if given, then names it.
  using Accepts = bool (*)(std::string_view);
  std::optional<std::string> fill(const Spoken& spoken, std::string* missing = nullptr,
                                  Accepts accepts = nullptr) const;

  const std::string& text() const { return text_; }  // as written
  friend bool operator==(const Words& a, const Words& b) { return a.text_ == b.text_; }

 private:
  struct Piece {
    std::string literal;
    std::optional<Word> word;
  };
  std::string text_;
  std::vector<Piece> pieces_;
};

}  // namespace bascule::policy
