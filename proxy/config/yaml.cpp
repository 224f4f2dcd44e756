#include "proxy/config/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "proxy/base/bytes.hpp"
#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"

namespace bascule::config {

namespace {

constexpr std::string_view utf8_mark = "\xef\xbb\xbf";

BrokenYaml broken_at(std::string_view text, std::size_t offset, std::string why) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          .column = static_cast<int>(offset - line_start) + 1,
          .text = std::move(why)};
}

// --- the bytes, before YAML sees them --------------------------------------------------------------------------------

std::optional<BrokenYaml> check_bytes(std::string_view text) {
  Utf8Check check;
  if (!check.accept(bytes_of(text)) || !check.complete()) {
    check.reset();
    std::size_t at = 0;
    while (at < text.size() && check.accept(bytes_of(text.substr(at, 1)))) { ++at; }
    return broken_at(text, std::min(at, text.size() - 1), "not UTF-8; save the file as UTF-8 text");
  }
  bool in_indentation = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\t' && in_indentation) { return broken_at(text, at, "a tab in the indentation; YAML wants spaces"); }
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
      return broken_at(text, at, fmt::format("control byte 0x{:02x}; is this a text file?", byte));
    }
    if (c == '\n') {
      in_indentation = true;
    } else if (c != ' ' && c != '\t') {
      in_indentation = false;
    }
  }
  return std::nullopt;
}

// --- what YAML's own traps look like ---------------------------------------------------------------------------------

// The word that begins at `offset`, for a hint: up to white space or what ends an item.
std::string_view word_at(std::string_view text, std::size_t offset) {
  const std::string_view rest = text.substr(std::min(offset, text.size()));
  return rest.substr(0, rest.find_first_of(" \t\r\n,]}"));
}

std::string_view line_around(std::string_view text, std::size_t offset) {
  const std::size_t start = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;  // npos + 1 is 0
  return text.substr(start, text.find('\n', start) - start);
}

// From the start of the value that holds `offset` to its end, both on one line: "echo:" in "to: echo:  # demo".
std::string_view value_around(std::string_view text, std::size_t offset) {
  const std::string_view line = line_around(text, offset);
  const auto in_line = static_cast<std::size_t>(text.data() + offset - line.data());
  std::size_t start = 0;
  for (const std::string_view before : {": ", "- ", ", "}) {
    const std::size_t found = in_line == 0 ? std::string_view::npos : line.rfind(before, in_line - 1);
    if (found != std::string_view::npos) { start = std::max(start, found + before.size()); }
  }
  std::string_view value = line.substr(start);
  value = value.substr(0, value.find(" #"));
  value = value.substr(0, value.find(", "));
  value = value.substr(0, value.find_last_not_of(" \t\r") + 1);
  // The braces of a map around it are not the value's: "{to: echo:}".
  const auto opened = std::count(value.begin(), value.end(), '{');
  while (value.ends_with('}') && std::count(value.begin(), value.end(), '}') > opened) { value.remove_suffix(1); }
  return value;
}

std::string quoted_hint(std::string_view value) {
  return fmt::format("put quotes around it: \"{}\"", shown(value, 80));
}

// A mistake about a whole value is placed where the value begins.
BrokenYaml broken_value(std::string_view text, std::string_view value, std::string_view why) {
  return broken_at(text, static_cast<std::size_t>(value.data() - text.data()),
                   fmt::format("{}; {}", why, quoted_hint(value)));
}

BrokenYaml broken_alias(std::string_view text, std::size_t star) {
  const std::string_view word = word_at(text, star);
  if (word == "*") { return broken_at(text, star, "YAML reads '*' as an alias; the word for all of them is 'any'"); }
  return broken_value(text, word, fmt::format("YAML reads '{}' as an alias, for it begins with '*'", shown(word, 80)));
}

// yaml-cpp's words for a syntax error are about its tokens. These are about what was written.
BrokenYaml explain(std::string_view text, std::size_t offset, std::string_view message) {
  const char here = offset < text.size() ? text[offset] : '\0';
  const char before = offset > 0 && offset <= text.size() ? text[offset - 1] : '\0';
  if (message == YAML::ErrorMsg::UNKNOWN_ANCHOR || message == YAML::ErrorMsg::ALIAS_NOT_FOUND ||
      message == YAML::ErrorMsg::CHAR_IN_ALIAS) {
    return broken_alias(text, here == '*' ? offset : text.rfind('*', offset));
  }
  if (here == ':' && before == ']') {
    return broken_value(text, value_around(text, offset), "YAML reads '[...]' as a list");
  }
  if (here == '{' || (here == ':' && before == '}')) {
    return broken_value(text, value_around(text, offset), "YAML reads '{...}' as a map");
  }
  if (message == YAML::ErrorMsg::UNKNOWN_TOKEN && (here == '@' || here == '`' || here == '%')) {
    return broken_value(text, word_at(text, offset), fmt::format("no value begins with '{}' in YAML", here));
  }
  const std::string_view line = line_around(text, offset);
  const std::string_view line_before = line.substr(0, static_cast<std::size_t>(text.data() + offset - line.data()));
  if (here == ':' && line_before.find(": ") != std::string_view::npos) {
    return broken_value(text, value_around(text, offset),
                        "YAML reads a ':' at the end of a value, or before a space, as the end of a key");
  }
  if (message == YAML::ErrorMsg::END_OF_MAP_FLOW) { return broken_at(text, offset, "'}' or ',' expected here"); }
  if (message == YAML::ErrorMsg::END_OF_SEQ_FLOW) { return broken_at(text, offset, "']' or ',' expected here"); }
  if (here == ':') { return broken_at(text, offset, "a key where YAML expects none; is the indentation right?"); }
  const std::string_view written = line_before.substr(0, line_before.find_last_not_of(' ') + 1);
  if (written.ends_with('"') || written.ends_with('\'')) {
    return broken_at(text, offset, "something follows the closing quote; the quotes go around the whole value");
  }
  if (message == YAML::ErrorMsg::END_OF_MAP || message == YAML::ErrorMsg::END_OF_SEQ ||
      message == YAML::ErrorMsg::BLOCK_ENTRY) {
    return broken_at(text, offset, "this fits in neither with what stands before nor above; is the indentation right?");
  }
  if (message == YAML::ErrorMsg::FLOW_END) {
    return broken_at(text, offset, fmt::format("'{}' closes what nothing opened", shown({&here, 1})));
  }
  return broken_at(text, std::min(offset, text.size()), fmt::format("not YAML: {}", shown(message)));
}

// True when the quoted text that begins at `offset` has an end: yaml-cpp 0.7 takes the end of the file for one.
bool quote_is_closed(std::string_view text, std::size_t offset) {
  const char quote = text[offset];
  for (std::size_t at = offset + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      const bool doubled = quote == '\'' && at + 1 < text.size() && text[at + 1] == quote;
      if (!doubled) { return true; }
      ++at;
    }
  }
  return false;
}

// --- from events to the tree -----------------------------------------------------------------------------------------

// Thrown through yaml-cpp's parser, which has no other way to be stopped.
struct Stop {
  BrokenYaml broken;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, Document& document) : text_(text), document_(document) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      stop(mark, "a second document begins here; a rules file is one (is the indentation right?)");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode& node = make(YamlNode::Kind::nothing, mark, anchor);
    for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
      if (text_.substr(std::min(offset_of(mark), text_.size())).starts_with(word)) { node.text = word; }
    }
    // Where nothing is written there is no place either: yaml-cpp names the next token's.
    if (node.text.empty() && !open_.empty() && open_.back().key != nullptr) {
      node.line = open_.back().key->line;
      node.column = open_.back().key->column;
    }
    add(node);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const YamlNode* target = anchored_[anchor];
    const bool inside = std::any_of(open_.begin(), open_.end(), [&](const Open& o) { return o.node == target; });
    if (target == nullptr || inside) { stop(mark, "this alias stands inside of what it stands for"); }
    alias_nodes_ += target->weight;
    if (alias_nodes_ > yaml_alias_nodes_max) {
      stop(mark, fmt::format("aliases multiply to more than {} values", yaml_alias_nodes_max));
    }
    add(*target);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    const std::size_t offset = offset_of(mark);
    const bool in_quotes = offset < text_.size() && (text_[offset] == '"' || text_[offset] == '\'');
    if (tag == "!" && in_quotes && !quote_is_closed(text_, offset)) { stop(mark, "this quote is never closed"); }
    YamlNode& node = make(YamlNode::Kind::text, mark, anchor);
    node.text = value;
    node.quoted = tag == "!";
    add(node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(YamlNode::Kind::list, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(YamlNode::Kind::map, mark, tag, anchor, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode* node = nullptr;
    const YamlNode* key = nullptr;  // of a map: the key that waits for its value
  };

  static std::size_t offset_of(const YAML::Mark& mark) { return mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos); }

  [[noreturn]] static void stop(const YAML::Mark& mark, std::string why) {
    throw Stop{{.line = mark.line + 1, .column = mark.column + 1, .text = std::move(why)}};
  }

  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") { return; }
    stop(mark, "YAML reads a word that begins with '!' as a tag, and rules have none; put quotes around it");
  }

  YamlNode& make(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    YamlNode& node = document_.nodes.emplace_back();
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    if (anchor != 0) { anchored_[anchor] = &node; }
    return node;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    check_tag(mark, tag);
    if (open_.size() >= yaml_depth_max) {
      stop(mark, fmt::format("nested too deeply: more than {} levels", yaml_depth_max));
    }
    YamlNode& node = make(kind, mark, anchor);
    node.flow = style == YAML::EmitterStyle::Flow;
    open_.push_back({.node = &node, .key = nullptr});
  }

  // A list or map joins its parent when it is complete, for only then is its weight known.
  void close() {
    const YamlNode& node = *open_.back().node;
    open_.pop_back();
    add(node);
  }

  void add(const YamlNode& node) {
    if (open_.empty()) {
      document_.root = &node;
      return;
    }
    Open& parent = open_.back();
    parent.node->weight += node.weight;
    if (parent.node->kind == YamlNode::Kind::list) {
      parent.node->items.push_back(&node);
    } else if (parent.key == nullptr) {
      parent.key = &node;
    } else {
      parent.node->entries.emplace_back(parent.key, &node);
      parent.key = nullptr;
    }
  }

  std::string_view text_;
  Document& document_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, const YamlNode*> anchored_;
  std::size_t alias_nodes_ = 0;
  int documents_ = 0;
};

}  // namespace

Result<Document, BrokenYaml> parse_yaml(std::string_view text) {
  if (text.starts_with(utf8_mark)) { text.remove_prefix(utf8_mark.size()); }
  if (auto broken = check_bytes(text)) { return std::move(*broken); }
  Document document;
  TreeBuilder builder(text, document);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {}
  } catch (Stop& stop) { return std::move(stop.broken); } catch (const YAML::Exception& error) {
    const std::size_t offset = error.mark.is_null() ? 0 : static_cast<std::size_t>(error.mark.pos);
    return explain(text, offset, error.msg);
  }
  return document;
}

}  // namespace bascule::config
