#include "proxy/policy/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/characters.hpp"
#include "proxy/wire/http/parameters.hpp"

namespace bascule::policy {

namespace {

// A word that stands for one of many: what is in front of its dot.
struct Family {
  std::string_view prefix;
  Word::Of of;
};
constexpr std::array families{Family{"path", Word::Of::path}, Family{"query", Word::Of::query},
                              Family{"header", Word::Of::header}, Family{"cookie", Word::Of::cookie},
                              Family{"claim", Word::Of::claim}};

constexpr std::string_view all_words =
    "{path.x}, {query.x}, {header.x}, {cookie.x}, {claim.x}, {host}, {sni}, {user} and {client.address}";

BadWords bad(std::string text) {
  return {std::move(text)};
}

Result<Word, BadWords> read_word(std::string_view text) {
  if (text == "host") { return Word{.of = Word::Of::host}; }
  if (text == "user") { return Word{.of = Word::Of::user}; }
  if (text == "client.address") { return Word{.of = Word::Of::client_address}; }
  if (text == "sni") { return Word{.of = Word::Of::sni}; }
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string_view prefix = text.substr(0, dot);
  const auto* family =
      std::find_if(families.begin(), families.end(), [&](const Family& known) { return known.prefix == prefix; });
  if (family == families.end()) {
    return bad(fmt::format("'{{{}}}' is no word; there are {}", shown(text), all_words));
  }
  const std::string_view name = text.substr(std::min(dot + 1, text.size()));
  if (name.empty()) { return bad(fmt::format("'{{{0}}}' lacks a name: '{{{1}.x}}'", shown(text), prefix)); }
  const bool is_field = family->of == Word::Of::header || family->of == Word::Of::cookie;
  if (is_field && !wire::http::is_token(name)) {
    return bad(fmt::format("'{}' cannot be the name of a {}", shown(name), prefix));
  }
  return Word{.of = family->of, .name = family->of == Word::Of::header ? lowered(name) : std::string(name)};
}

// A claim of several values says nothing that could be put into an address.
std::optional<std::string> claimed(const proof::Claims* claims, const std::string& name) {
  if (claims == nullptr) { return std::nullopt; }
  const auto claim = claims->find(name);
  return claim == claims->end() || claim->second.size() != 1 ? std::nullopt : std::optional(claim->second.front());
}

std::optional<std::string> said(const Word& word, const Spoken& spoken) {
  switch (word.of) {
    case Word::Of::path:
      for (const auto& [name, value] : *spoken.captures) {
        if (name == word.name) { return value; }
      }
      return std::nullopt;
    case Word::Of::query: return wire::http::query_parameter(spoken.target->query, word.name);
    case Word::Of::header:
      // Of two fields one may be a visitor's and one a proxy's, and nobody can tell which.
      if (spoken.head->count(word.name) != 1) { return std::nullopt; }
      return *spoken.head->find(word.name);
    case Word::Of::cookie: return wire::http::cookie(*spoken.head, word.name);
    case Word::Of::claim: return claimed(spoken.claims, word.name);
    case Word::Of::host: return std::string(spoken.host);
    case Word::Of::sni: return std::string(spoken.sni);
    case Word::Of::user: return std::string(spoken.user);
    case Word::Of::client_address: break;
  }
  return spoken.client == nullptr ? std::string() : spoken.client->unmapped().host_text();
}

}  // namespace

std::string Word::text() const {
  switch (of) {
    case Of::path: return "path." + name;
    case Of::query: return "query." + name;
    case Of::header: return "header." + name;
    case Of::cookie: return "cookie." + name;
    case Of::claim: return "claim." + name;
    case Of::host: return "host";
    case Of::sni: return "sni";
    case Of::user: return "user";
    case Of::client_address: break;
  }
  return "client.address";
}

Result<Words, BadWords> Words::parse(std::string_view text) {
  if (text.empty()) { return bad("an empty text"); }
  Words words;
  words.text_ = text;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t brace = std::min(rest.find_first_of("{}"), rest.size());
    if (brace > 0) { words.pieces_.push_back({.literal = std::string(rest.substr(0, brace)), .word = std::nullopt}); }
    rest.remove_prefix(brace);
    if (rest.empty()) { break; }
    if (rest.front() == '}') { return bad("'}' without '{'"); }
    const std::size_t end = rest.find_first_of("{}", 1);
    if (end == std::string_view::npos || rest[end] != '}') { return bad("'{' without '}'"); }
    auto word = read_word(rest.substr(1, end - 1));
    if (!word) { return word.error(); }
    words.pieces_.push_back({.literal = {}, .word = std::move(*word)});
    rest.remove_prefix(end + 1);
  }
  return words;
}

Words Words::plain(std::string text) {
  Words words;
  words.text_ = text;
  words.pieces_.push_back({.literal = std::move(text), .word = std::nullopt});
  return words;
}

bool Words::spoken() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.word.has_value(); });
}

std::vector<std::string> Words::captures() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.word && piece.word->of == Word::Of::path) { names.push_back(piece.word->name); }
  }
  return names;
}

bool Words::claims() const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [](const Piece& piece) { return piece.word && piece.word->of == Word::Of::claim; });
}

std::optional<std::string> Words::fill(const Spoken& spoken, std::string* missing, Accepts accepts) const {
  std::string filled;
  for (const Piece& piece : pieces_) {
    if (!piece.word) {
      filled += piece.literal;
      continue;
    }
    const auto value = said(*piece.word, spoken);
    if (!value || value->empty() || (accepts != nullptr && !accepts(*value))) {
      if (missing != nullptr) { *missing = piece.word->text(); }
      return std::nullopt;
    }
    filled += *value;
  }
  return filled;
}

}  // namespace bascule::policy
