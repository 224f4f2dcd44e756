#include "proxy/config/cases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/fields.hpp"
#include "proxy/config/mistake_list.hpp"
#include "proxy/config/text_file.hpp"
#include "proxy/config/yaml.hpp"

namespace bascule::config {

namespace {

using policy::Step;

constexpr std::array<std::string_view, 8> case_keys{"url",    "origin",   "as",       "client",
                                                    "header", "protocol", "listener", "expect"};

constexpr std::size_t file_bytes_max = std::size_t{16} * 1024 * 1024;

constexpr std::string_view shape =
    "a list of maps: - {url: wss://desk.example.org/vnc, origin: same, expect: admitted to desk}";

// The steps that a judgement of rules alone can refuse at.
std::vector<std::string_view> judged_steps() {
  std::vector<std::string_view> words;
  for (auto step = Step::listener; step <= Step::target; step = static_cast<Step>(static_cast<int>(step) + 1)) {
    words.push_back(policy::word_of(step));
  }
  return words;
}

class CaseReader {
 public:
  explicit CaseReader(const std::string& file) : mistakes_(file) {}

  Result<std::vector<Case>, Mistakes> read(std::string_view text) {
    const auto document = parse_yaml(text);
    if (!document) {
      const BrokenYaml& broken = document.error();
      return Mistakes{
          {.place = {.file = mistakes_.file(), .line = broken.line, .column = broken.column}, .text = broken.text}};
    }
    if (document->root == nullptr || document->root->kind != YamlNode::Kind::list) {
      YamlNode start;
      start.line = 1;
      start.column = 1;
      mistakes_.add(document->root == nullptr ? start : *document->root, fmt::format("a file of cases is {}", shape));
    } else {
      for (const YamlNode* item : document->root->items) { read_case(*item); }
    }
    if (mistakes_.empty()) { return std::move(cases_); }
    return mistakes_.take();
  }

 private:
  void mistake(const YamlNode& node, std::string text) {
    bad_case_ = true;
    mistakes_.add(node, std::move(text));
  }

  // The value's text; null with a mistake where it is none.
  const std::string* text_of(std::string_view key, const YamlNode& node) {
    if (node.kind == YamlNode::Kind::text) { return &node.text; }
    if (node.kind == YamlNode::Kind::nothing) {
      mistake(node, node.text.empty()
                        ? fmt::format("'{}' has no value", shown(key))
                        : fmt::format("'{}': YAML reads {} as no value at all; if the word is meant, put quotes around "
                                      "it: \"{}\"",
                                      shown(key), node.text, node.text));
    } else if (const std::string meant = text_behind_trap(node); !meant.empty()) {
      mistake(node, fmt::format("'{}': YAML reads this as a map or a list; put quotes around it: \"{}\"", shown(key),
                                shown(meant, 80)));
    } else {
      mistake(node, fmt::format("'{}' takes one word", shown(key)));
    }
    return nullptr;
  }

  void read_case(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::map) {
      return mistake(node, fmt::format("a case is a map; the file is {}", shape));
    }
    bad_case_ = false;
    Case one{.place = mistakes_.place_of(node), .visit = {}, .expect = {}};
    bool has_url = false;
    bool has_expect = false;
    for (const auto& [key, value] : named_entries(mistakes_, node, "a case")) {
      has_url = has_url || key->text == "url";
      has_expect = has_expect || key->text == "expect";
      if (!key->text.starts_with("x-")) { read_key(one, *key, *value); }
    }
    if (!has_url) { mistake(node, "a case needs 'url': the address that is visited"); }
    if (!has_expect) { mistake(node, "a case needs 'expect': admitted to ROUTE, or refused at STEP"); }
    if (!bad_case_) { cases_.push_back(std::move(one)); }
  }

  void read_key(Case& one, const YamlNode& key, const YamlNode& value) {
    DescribedVisit& visit = one.visit;
    if (key.text == "header") { return read_headers(visit, value); }
    if (key.text == "protocol") { return read_protocols(visit, value); }
    if (std::find(case_keys.begin(), case_keys.end(), key.text) == case_keys.end()) {
      return mistake(
          key, fmt::format("unknown key '{}' in a case{}", shown(key.text, 80), did_you_mean(key.text, case_keys)));
    }
    const std::string* text = text_of(key.text, value);
    if (text == nullptr) { return; }
    if (key.text == "url") { visit.url = *text; }
    if (key.text == "origin") { visit.origin = *text; }
    if (key.text == "as") { visit.as = *text; }
    if (key.text == "client") { visit.client = *text; }
    if (key.text == "listener") { visit.listener = *text; }
    if (key.text == "expect") { read_expectation(one.expect, value); }
  }

  void read_headers(DescribedVisit& visit, const YamlNode& value) {
    if (value.kind != YamlNode::Kind::map) { return mistake(value, "'header' is a map: {x-region: eu}"); }
    for (const auto& [name, written] : named_entries(mistakes_, value, "'header'")) {
      if (const std::string* text = text_of(name->text, *written)) { visit.headers.emplace_back(name->text, *text); }
    }
  }

  void read_protocols(DescribedVisit& visit, const YamlNode& value) {
    std::vector<const YamlNode*> items{&value};
    if (value.kind == YamlNode::Kind::list) { items = value.items; }
    for (const YamlNode* item : items) {
      if (const std::string* text = text_of("protocol", *item)) { visit.protocols.push_back(*text); }
    }
  }

  void read_expectation(Expectation& expect, const YamlNode& value) {
    auto parsed = parse_expectation(value.text);
    if (!parsed) { return mistake(value, fmt::format("'expect': {}", parsed.error().text)); }
    expect = std::move(*parsed);
  }

  MistakeList mistakes_;
  std::vector<Case> cases_;
  bool bad_case_ = false;  // something is wrong with the one that is being read
};

// Takes "WORD " from the front.
bool take(std::string_view& text, std::string_view words) {
  if (!text.starts_with(words)) { return false; }
  text.remove_prefix(words.size());
  return true;
}

}  // namespace

Result<Expectation, BadExpectation> parse_expectation(std::string_view text) {
  constexpr std::string_view how = "write 'admitted to ROUTE', 'refused at STEP' or 'redirected'";
  using End = Expectation::End;
  Expectation expect{.written = std::string(text)};
  std::string_view rest = text;
  if (rest == "redirected" || take(rest, "redirected to ")) {
    expect.end = End::redirected;
    if (rest == "redirected") { return expect; }
    if (rest.empty()) {
      return BadExpectation{
          fmt::format("'{}': behind 'redirected' may stand where to: 'redirected to "
                      "https://desk.example.org/'",
                      shown(text, 80))};
    }
    expect.location = rest;
    return expect;
  }
  const bool admitted = take(rest, "admitted to ");
  if (admitted) { expect.end = End::admitted; }
  if (!admitted && !take(rest, "refused at ")) {
    return BadExpectation{fmt::format("'{}' says neither yes nor no; {}", shown(text, 80), how)};
  }
  const std::string_view name = rest.substr(0, rest.find(' '));
  rest.remove_prefix(name.size());
  if (name.empty()) { return BadExpectation{fmt::format("'{}' names none; {}", shown(text, 80), how)}; }
  if (admitted) {
    expect.route = name;
    if (rest.empty()) { return expect; }
    if (take(rest, " at ") && !rest.empty()) {
      expect.address = rest;
      return expect;
    }
    return BadExpectation{fmt::format("'{}': behind the route may stand where it leads: 'admitted to {} at {}'",
                                      shown(text, 80), shown(name, 40), "10.20.0.7:5900")};
  }

  const std::vector<std::string_view> steps = judged_steps();
  const auto step = std::find(steps.begin(), steps.end(), name);
  if (step == steps.end()) {
    const bool live = name == policy::word_of(Step::limits) || name == policy::word_of(Step::service);
    return BadExpectation{
        live ? fmt::format("'{}' is judged only while bascule runs; the steps that rules decide are {}", name,
                           fmt::join(steps, ", "))
             : fmt::format("there is no step '{}'{}; they are {}", shown(name, 40), did_you_mean(name, steps),
                           fmt::join(steps, ", "))};
  }
  expect.step = static_cast<Step>(step - steps.begin());
  if (rest.empty()) { return expect; }
  const auto status = take(rest, " with ") ? parse_decimal(rest, 599) : std::nullopt;
  if (!status || *status < 400) {
    return BadExpectation{
        fmt::format("'{}': behind the step may stand a status: 'refused at {} with 403'", shown(text, 80), name)};
  }
  expect.status = static_cast<int>(*status);
  return expect;
}

Result<std::vector<Case>, Mistakes> read_cases(std::string_view text, const std::string& file) {
  return CaseReader(file).read(text);
}

Result<std::vector<Case>, Mistakes> read_cases_file(const std::string& path) {
  const auto bad = [&path](const std::string& why) {
    return Mistakes{{.place = {.file = path}, .text = fmt::format("the cases cannot be read: {}", why)}};
  };
  const auto text = read_text_file(path, file_bytes_max + 1);
  if (!text) { return bad(text.error().why); }
  if (text->size() > file_bytes_max) { return bad("the file has more than 16 MiB"); }
  return read_cases(*text, path);
}

}  // namespace bascule::config
