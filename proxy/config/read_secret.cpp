// What stands outside of the rules files, because it is secret: {file: path} or {env: NAME}. Whatever is wrong with it,
// no message repeats it, nor what may be it: a secret that was written into the rules by mistake.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/outside.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/show_words.hpp"

namespace bascule::config {

namespace {

constexpr std::size_t secret_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t word_bytes_max = 4096;  // what fits into a field beside all others

// An editor ends a file with a line end; it is not part of what was meant.
std::string without_space_at_its_ends(const std::string& text) {
  constexpr std::string_view space = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string::npos) { return {}; }
  return text.substr(begin, text.find_last_not_of(space) + 1 - begin);
}

bool is_one_word(std::string_view text) {
  return text.size() <= word_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

// --- a file, a variable ----------------------------------------------------------------------------------------------

std::optional<Reader::Kept> Reader::read_kept(const YamlNode& node, const std::string& name) {
  if (node.kind == YamlNode::Kind::nothing && node.text.empty()) {
    mistakes_.add(node, fmt::format("{} has no value; it is {{file: path}} or {{env: NAME}}", name));
    return std::nullopt;
  }
  if (node.kind != YamlNode::Kind::map) {
    const std::string_view why =
        node.kind == YamlNode::Kind::list ? " is one secret, not a list" : ": a secret does not stand in a rules file";
    mistakes_.add(node, fmt::format("{}{}; write {{file: path}} or {{env: NAME}}", name, why));
    return std::nullopt;
  }
  const YamlNode* from = nullptr;
  std::string_view kind;
  bool well = true;
  for (const auto& [key, value] : named_entries(mistakes_, node, name)) {
    if (key->text.starts_with("x-")) { continue; }
    well = well && from == nullptr && (key->text == "file" || key->text == "env");
    kind = key->text;
    from = value;
  }
  if (!well || from == nullptr) {
    mistakes_.add(node, fmt::format("{} is one of {{file: path}} and {{env: NAME}}", name));
    return std::nullopt;
  }
  if (from->kind != YamlNode::Kind::text || from->text.empty()) {
    mistakes_.add(*from, fmt::format("'{}' of {} is {}", kind, name,
                                     kind == "file" ? "the path of a file" : "the name of an environment variable"));
    return std::nullopt;
  }
  if (kind == "file") { return Kept{.at = {.file = path_of(from->text)}, .node = from}; }
  if (is_variable_name(from->text)) { return Kept{.at = {.env = from->text}, .node = from}; }
  mistakes_.add(*from,
                fmt::format("{}: this is no name of an environment variable; letters, digits and '_' make one", name));
  return std::nullopt;
}

std::optional<Reader::Outside> Reader::read_outside(const YamlNode& node, const std::string& name,
                                                    std::size_t bytes_max, Content content) {
  const auto kept = read_kept(node, name);
  if (!kept) { return std::nullopt; }
  const std::string& path = kept->at.file;
  auto bytes = path.empty() ? read_variable(kept->at.env) : read_outside_file(path, bytes_max);
  if (!bytes) {
    mistakes_.add(*kept->node, fmt::format("{}: {}", name, bytes.error().text));
    return std::nullopt;
  }
  if (!path.empty()) { warn_of_open_file(*kept->node, path); }
  Outside outside{.bytes = std::move(*bytes),
                  .source = source_of(kept->at),
                  .path = path,
                  .called = path.empty() ? variable_called(kept->at.env) : file_called(path)};
  if (content == Content::list) { return outside; }
  outside.bytes = without_space_at_its_ends(outside.bytes);
  if (outside.bytes.empty()) {
    mistakes_.add(*kept->node, fmt::format("{}: {} is empty", name, outside.called));
    return std::nullopt;
  }
  return outside;
}

void Reader::warn_of_open_file(const YamlNode& node, const std::string& path) {
  const auto open = is_open_to_all(path);
  if (open && open_files_.insert(path).second) { warnings_.add(node, *open); }
}

// --- secrets ---------------------------------------------------------------------------------------------------------

std::optional<proof::Secret> Reader::read_secret(const YamlNode& node, const std::string& name,
                                                 const SecretRule& rule) {
  auto outside = read_outside(node, name, secret_bytes_max, Content::secret);
  if (!outside) { return std::nullopt; }
  if (!outside->path.empty()) { watch(outside->path); }
  if (outside->bytes.size() < rule.bytes_min) {
    mistakes_.add(node, fmt::format("{}: {} holds {} bytes, and {} are the least; `openssl rand -hex 32 > {}` makes a "
                                    "good one",
                                    name, outside->called, outside->bytes.size(), rule.bytes_min, rule.example));
    return std::nullopt;
  }
  if (rule.one_word && !is_one_word(outside->bytes)) {
    mistakes_.add(node, fmt::format("{}: {} has spaces, line ends or bytes that are not ASCII in it; it holds one "
                                    "secret, one word of at most 4096 bytes",
                                    name, outside->called));
    return std::nullopt;
  }
  return proof::Secret(std::move(outside->bytes), std::move(outside->source));
}

std::vector<proof::Secret> Reader::read_secrets(const Fields& fields, const SecretRule& rule) {
  const YamlNode* one = fields.find("secret");
  const YamlNode* many = fields.find("secrets");
  if (one != nullptr && many != nullptr) {
    fields.mistake(*many, fmt::format("{} has both 'secret' and 'secrets'; it needs one of them", fields.where()));
    return {};
  }
  std::vector<const YamlNode*> nodes;
  const std::string name = fields.name_of(one != nullptr ? "secret" : "secrets");
  if (one != nullptr && one->kind == YamlNode::Kind::list) {
    fields.mistake(*one, fmt::format("{} is one; several stand in 'secrets', the first is the new one", name));
  } else if (one != nullptr) {
    nodes = {one};
  } else if (many != nullptr && many->kind == YamlNode::Kind::list) {
    fields.refuse_empty("secrets", "; [{file: new.key}, {file: old.key}]");
    nodes = many->items;
  } else if (many != nullptr) {
    nodes = {many};
  }
  std::vector<proof::Secret> secrets;
  for (const YamlNode* node : nodes) {
    if (auto secret = read_secret(*node, name, rule)) { secrets.push_back(std::move(*secret)); }
  }
  return secrets;
}

}  // namespace bascule::config
