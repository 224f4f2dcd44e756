// What stands outside of the rules files, because it is secret: {file: path} or {env: NAME}. Whatever is wrong with it,
// no message repeats it, nor what may be it: a secret that was written into the rules by mistake.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/show_words.hpp"
#include "proxy/config/text_file.hpp"
#include "proxy/config/units.hpp"

namespace bascule::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t secret_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t word_bytes_max = 4096;  // what fits into a field beside all others

bool is_variable_name(std::string_view text) {
  const auto fits = [](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') && std::all_of(text.begin(), text.end(), fits);
}

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

std::optional<Reader::Outside> Reader::read_outside(const YamlNode& node, const std::string& name,
                                                    std::size_t bytes_max, Content content) {
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
  auto outside = kind == "file" ? read_outside_file(*from, name, bytes_max) : read_variable(*from, name);
  if (!outside) { return std::nullopt; }
  if (content == Content::list) { return outside; }
  outside->bytes = without_space_at_its_ends(outside->bytes);
  if (outside->bytes.empty()) {
    mistakes_.add(*from, fmt::format("{}: {} is empty", name, outside->called));
    return std::nullopt;
  }
  return outside;
}

std::optional<Reader::Outside> Reader::read_outside_file(const YamlNode& node, const std::string& name,
                                                         std::size_t bytes_max) {
  const std::string path = (folder_ / node.text).lexically_normal().string();
  const auto refuse = [&](std::string_view why) {
    mistakes_.add(node, fmt::format("{}: {}", name, why));
    return std::nullopt;
  };
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) { return refuse(fmt::format("there is no '{}'", shown(path))); }
  if (!fs::is_regular_file(status)) { return refuse(fmt::format("'{}' is no file", shown(path))); }
  auto text = read_text_file(path, bytes_max + 1);
  if (!text) { return refuse(fmt::format("'{}' cannot be read: {}", shown(path), text.error().why)); }
  if (text->size() > bytes_max) {
    return refuse(fmt::format("'{}' has more than {}", shown(path), size_text(bytes_max)));
  }
  warn_of_open_file(node, path);
  return Outside{.bytes = std::move(*text),
                 .source = fmt::format("{{file: {}}}", yaml_text(whole_path(path))),
                 .path = path,
                 .called = fmt::format("'{}'", shown(path))};
}

std::optional<Reader::Outside> Reader::read_variable(const YamlNode& node, const std::string& name) {
  if (!is_variable_name(node.text)) {
    mistakes_.add(
        node, fmt::format("{}: this is no name of an environment variable; letters, digits and '_' make one", name));
    return std::nullopt;
  }
  const char* value = std::getenv(node.text.c_str());
  const std::string called = fmt::format("the variable '{}'", shown(node.text, 80));
  if (value == nullptr) {
    mistakes_.add(node, fmt::format("{}: {} is not set in the environment", name, called));
    return std::nullopt;
  }
  return Outside{.bytes = value, .source = fmt::format("{{env: {}}}", yaml_text(node.text)), .called = called};
}

void Reader::warn_of_open_file(const YamlNode& node, const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & S_IRWXO) == 0 || !open_files_.insert(path).second) {
    return;
  }
  warnings_.add(node,
                fmt::format("'{0}' is open to every user of this machine; 'chmod o= {0}' closes it", shown(path)));
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
