#include "proxy/config/yaml_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "proxy/base/text.hpp"

namespace bascule::config {

namespace {

constexpr std::size_t columns_max = 100;
constexpr std::size_t parts_of_a_small_item = 6;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

// YAML 1.1 has more words for yes and no than 1.2, and many readers still know them.
bool is_word_of_yaml(std::string_view text) {
  constexpr std::array<std::string_view, 9> words{"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  return std::find(words.begin(), words.end(), lowered(text)) != words.end();
}

// Numbers of any base, dates, and the sexagesimal numbers of YAML 1.1 ("12:30"). An IPv4 address has too many dots.
bool looks_like_a_number(std::string_view text) {
  return !text.empty() && is_digit(text.front()) && std::count(text.begin(), text.end(), '.') < 2 &&
         text.find_first_not_of("0123456789abcdefABCDEFxXoO._:+-") == std::string_view::npos;
}

bool can_stand_plain(std::string_view text) {
  if (text.empty() || text.back() == ':' || is_word_of_yaml(text) || looks_like_a_number(text)) { return false; }
  // IPv6: some readers take no colon in a flow.
  if (text.find("::") != std::string_view::npos) { return false; }
  const char first = text.front();
  if (!is_alphanumeric(first) && first != '/' && first != '_') { return false; }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("/_.:@+~*-").find(c) != std::string_view::npos;
  });
}

// Code points that YAML 1.1 takes for line ends, or that no editor shows. (yaml-cpp 0.7 reads their short forms, such
// as \N, as bytes that are no UTF-8.)
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> invisible{
    {{"\xc2\x85", "\\u0085"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}, {"\xef\xbb\xbf", "\\uFEFF"}}};

}  // namespace

std::string yaml_text(std::string_view text) {
  if (can_stand_plain(text)) { return std::string(text); }
  std::string out = "\"";
  while (!text.empty()) {
    const auto* const hidden =
        std::find_if(invisible.begin(), invisible.end(), [&](const auto& row) { return text.starts_with(row.first); });
    if (hidden != invisible.end()) {
      out += hidden->second;
      text.remove_prefix(hidden->first.size());
      continue;
    }
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
    text.remove_prefix(1);
  }
  return out + '"';
}

YamlValue YamlValue::word(std::string word) {
  YamlValue value(Kind::word);
  value.word_ = std::move(word);
  return value;
}

YamlValue YamlValue::texts(const std::vector<std::string>& texts) {
  YamlValue value = list();
  for (const std::string& each : texts) { value.add(text(each)); }
  return value;
}

YamlValue& YamlValue::add(YamlValue item) {
  parts_.emplace_back(std::string(), std::move(item));
  return *this;
}

YamlValue& YamlValue::add(std::string_view key, YamlValue value) {
  parts_.emplace_back(yaml_text(key), std::move(value));
  return *this;
}

YamlValue& YamlValue::note(std::string comment) {
  YamlValue value(Kind::note);
  value.word_ = std::move(comment);
  parts_.emplace_back(std::string(), std::move(value));
  return spread();
}

YamlValue& YamlValue::spread() {
  spread_ = true;
  return *this;
}

bool YamlValue::fits_in(std::size_t columns) const {
  const bool parts_fit =
      std::none_of(parts_.begin(), parts_.end(), [](const auto& part) { return part.second.spread_; });
  // An empty list has no other form.
  return kind_ == Kind::word || parts_.empty() || (!spread_ && parts_fit && flow().size() <= columns);
}

std::string YamlValue::flow() const {
  if (kind_ == Kind::word) { return word_; }
  std::string out;
  for (const auto& [key, value] : parts_) {
    out += out.empty() ? "" : ", ";
    out += kind_ == Kind::map ? fmt::format("{}: {}", key, value.flow()) : value.flow();
  }
  return kind_ == Kind::map ? fmt::format("{{{}}}", out) : fmt::format("[{}]", out);
}

// The parts of a list or map, a line or more for each, every line with its indent but for the first: a list has
// written its "- " there already.
void YamlValue::write_below(std::string& out, std::size_t indent) const {
  bool first = true;
  for (const auto& [key, value] : parts_) {
    // Items of many lines need air between them.
    if (!first && kind_ == Kind::list && value.spread_ && value.parts_.size() > parts_of_a_small_item) { out += '\n'; }
    if (!first) { out.append(indent, ' '); }
    first = false;
    if (value.kind_ == Kind::note) {
      out += fmt::format("# {}\n", value.word_);
      continue;
    }
    out += kind_ == Kind::map ? key + ":" : "-";
    const std::size_t used = indent + key.size() + 2;
    if (value.fits_in(columns_max - std::min(used, columns_max))) {
      out += fmt::format(" {}\n", value.flow());
    } else if (kind_ == Kind::list) {
      out += ' ';
      value.write_below(out, indent + 2);
    } else {
      out += '\n';
      out.append(indent + 2, ' ');
      value.write_below(out, indent + 2);
    }
  }
}

std::string YamlValue::document() const {
  std::string out;
  for (const auto& [key, value] : parts_) {
    YamlValue one = map();
    one.parts_.emplace_back(key, value);
    out += out.empty() ? "" : "\n";
    one.write_below(out, 0);
  }
  return out;
}

}  // namespace bascule::config
