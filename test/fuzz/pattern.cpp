// Patterns of captures: whatever is written and sent, an answer comes soon; and the laws of regular expressions hold,
// by which a pattern is compared with longer ones made of it.
//
// Input: the pattern, then a line end, then the text.
#include "proxy/policy/pattern.hpp"

#include <optional>
#include <string>

#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using policy::Pattern;

// Empty when the pattern is none, for a longer one may be too long.
std::optional<bool> matches(const std::string& pattern, std::string_view text) {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) { return std::nullopt; }
  return parsed->matches(text);
}

void require_same(const std::string& pattern, std::string_view text, bool expected) {
  const auto matched = matches(pattern, text);
  require(!matched || *matched == expected, "the laws of regular expressions hold", pattern);
}

void check(const std::string& written, const std::string& text) {
  const auto parsed = Pattern::parse(written);
  if (!parsed) {
    require(!parsed.error().text.empty(), "a bad pattern has a reason");
    require_printable(parsed.error().text, "a reason is safe to print");
    return;
  }
  require(parsed->text() == written, "a pattern keeps how it is written");
  const bool matched = parsed->matches(text);
  const std::string group = "(" + written + ")";
  require_same(group, text, matched);
  require_same(written + "|" + written, text, matched);
  require_same(group + "{1}", text, matched);
  require_same(group + "z", text + "z", matched);
  require_same("z" + group, "z" + text, matched);
  require_same(group + "?", text, matched || text.empty());
  require_same(group + "{0}", text, text.empty());
  if (matched) {
    require_same(group + "*", text + text, true);
    require_same(group + "+", text + text + text, true);
    require_same(group + "{2}", text + text, true);
    require_same(group + "|z", text, true);
  }
  require_same(group + "*", "", true);

  // Long enough to notice what is not linear.
  constexpr std::size_t much = 2'000;
  std::string long_text;
  while (!text.empty() && long_text.size() < much) { long_text += text; }
  if (matched && !long_text.empty()) { require_same(group + "*", long_text, true); }
  static_cast<void>(parsed->matches(long_text + "\n"));
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = bascule::text_of(bascule::Bytes(data, size));
  const std::string written(bascule::fuzz::take_line(text));
  bascule::fuzz::check(written, std::string(text));
  return 0;
}
