#include "proxy/config/paths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::config {

namespace {

constexpr std::size_t path_bytes_max = 4096;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

bool is_capture_name(std::string_view name) {
  const bool good =
      std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  return good && !name.empty() && !is_digit(name.front());
}

using Segment = policy::PathRule::Segment;

// "{id}" or "{id:[0-9]+}".
Parsed<Segment> parse_capture(std::string_view written) {
  const std::string_view inside = written.substr(1, written.size() - 2);
  const std::size_t colon = std::min(inside.find(':'), inside.size());
  const std::string_view name = inside.substr(0, colon);
  if (!is_capture_name(name)) {
    return Wrong{fmt::format("'{}' is no name of a part of a path; letters, digits and '_' make one: '{{id}}'",
                             shown(colon == inside.size() ? written : name, 80))};
  }
  Segment segment{.literal = {}, .capture = std::string(name), .pattern = std::nullopt};
  if (colon < inside.size()) {
    auto pattern = policy::Pattern::parse(inside.substr(colon + 1));
    if (!pattern) { return Wrong{fmt::format("the pattern of '{}': {}", shown(written, 80), pattern.error().text)}; }
    segment.pattern = std::move(*pattern);
  }
  return segment;
}

Parsed<Segment> parse_segment(std::string_view written) {
  if (written.size() >= 2 && written.starts_with('{') && written.ends_with('}')) { return parse_capture(written); }
  if (written.find_first_of("{}") != std::string_view::npos) {
    return Wrong{fmt::format("in '{}' the braces take a part of a segment; they take a whole one: '/desk/{{id}}'",
                             shown(written, 80))};
  }
  if (written.find('*') != std::string_view::npos) {
    return Wrong{fmt::format("'*' stands alone and last, as in '/novnc/*'; here it is in '{}'", shown(written, 80))};
  }
  // An escape means here what it means in a request, so the same code reads it; what needs none may stand as it is.
  if (written.find('%') == std::string_view::npos) {
    const bool control = std::any_of(written.begin(), written.end(),
                                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (!control && written.find('\\') == std::string_view::npos && written != "." && written != "..") {
      return Segment{.literal = std::string(written), .capture = {}, .pattern = std::nullopt};
    }
  } else if (const auto target = wire::http::parse_target(fmt::format("/{}", written))) {
    return Segment{.literal = target->segments.front(), .capture = {}, .pattern = std::nullopt};
  }
  return Wrong{fmt::format("no request ever has the segment '{}'", shown(written, 80))};
}

// What can be seen before the path is cut. A '?' in braces belongs to a pattern.
std::optional<Wrong> wrong_outline(std::string_view text) {
  if (!text.starts_with('/')) { return Wrong{fmt::format("a path begins with '/': '/{}'", shown(text, 80))}; }
  if (text.size() > path_bytes_max) { return Wrong{fmt::format("a path has at most {} bytes", path_bytes_max)}; }
  int depth = 0;
  std::size_t opened = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{' && ++depth == 1) { opened = at; }
    if (c == '}') { --depth; }
    if (depth <= 0 && (c == '?' || c == '#')) {
      return Wrong{fmt::format("'{}' has more than a path in it: a path has no '?' and no '#'", shown(text, 80))};
    }
    const bool in_pattern = c == '/' && depth > 0 && text[opened - 1] == '/' &&
                            text.substr(opened, at - opened).find(':') != std::string_view::npos;
    if (in_pattern) {
      return Wrong{fmt::format("a pattern has no '/' in it, for a capture takes one segment; here it is in '{}'",
                               shown(text.substr(opened), 80))};
    }
  }
  return std::nullopt;
}

}  // namespace

Parsed<policy::PathRule> parse_path(std::string_view text) {
  if (auto wrong = wrong_outline(text)) { return std::move(*wrong); }
  policy::PathRule rule;
  rule.written = text;
  rule.prefix = text.ends_with("/*");
  // "/*" alone has no segments before its star; "/" has one, and it is empty.
  std::string_view rest = rule.prefix ? text.substr(0, text.size() - 2) : text;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    auto segment = parse_segment(rest.substr(0, end));
    if (!segment) { return segment.error(); }
    rest.remove_prefix(end);
    const bool last = rest.empty() && !rule.prefix;
    if (segment->literal.empty() && segment->capture.empty() && !last) {
      return Wrong{fmt::format("'{}' has an empty segment in it ('//')", shown(text, 80))};
    }
    const bool twice = std::any_of(rule.segments.begin(), rule.segments.end(), [&](const Segment& other) {
      return !other.capture.empty() && other.capture == segment->capture;
    });
    if (twice) { return Wrong{fmt::format("'{{{}}}' stands twice in '{}'", segment->capture, shown(text, 80))}; }
    rule.segments.push_back(std::move(*segment));
  }
  return rule;
}

}  // namespace bascule::config
