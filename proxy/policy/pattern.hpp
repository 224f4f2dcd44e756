// Patterns of path captures: "{id:[0-9]+}". A small, plain part of regular expressions, matched in linear time whatever
// is written and whatever is sent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/result.hpp"

namespace bascule::policy {

struct BadPattern {
  std::string text;  // what is wrong, and how it is written right
};

// Characters, `.`, classes ([a-z0-9_], [^.]), \d \w and escaped punctuation, groups, `|`, and `*` `+` `?` `{n}` `{n,}`
// `{n,m}` (at most 1000). Bytes, not characters: what is not ASCII stands for its bytes and does not stand in a class.
// A pattern is matched against the whole text. It has at most 4096 states and 4096 bytes.
class Pattern {
 public:
  static Result<Pattern, BadPattern> parse(std::string_view text);

  bool matches(std::string_view text) const;

  const std::string& text() const { return text_; }
  friend bool operator==(const Pattern& a, const Pattern& b) { return a.text_ == b.text_; }

 private:
  struct Program;
  std::string text_;
  std::shared_ptr<const Program> program_;
};

}  // namespace bascule::policy
