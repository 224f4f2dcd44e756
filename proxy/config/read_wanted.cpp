// `auth` of a route: which proofs it asks for, any of them, all of them, nested.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/reader.hpp"

namespace bascule::config {

using policy::Route;
using proof::Wanted;

namespace {

constexpr std::size_t depth_max = 8;
constexpr std::size_t names_max = 64;

bool is_none(const YamlNode& node) {
  return node.kind == YamlNode::Kind::text && node.text == "none";
}

}  // namespace

void Reader::read_auth(const Fields& fields, Route& route) {
  const YamlNode* node = fields.find("auth");
  if (node == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'auth'; a route that is open to everybody says 'auth: none'",
                                              fields.where()));
    return;
  }
  if (is_none(*node)) { return; }
  std::size_t count = 0;
  if (auto wanted = read_wanted(*node, fields.name_of("auth"), 1, count)) { route.auth = std::move(*wanted); }
}

bool Reader::asks_nobody(const Fields& fields) {
  const YamlNode* auth = fields.find("auth");
  return auth != nullptr && is_none(*auth);
}

std::optional<Wanted> Reader::read_wanted(const YamlNode& node, const std::string& name, std::size_t depth,
                                          std::size_t& count) {
  if (depth > depth_max) {
    mistakes_.add(node, fmt::format("{}: more than {} levels of 'any' and 'all'", name, depth_max));
    return std::nullopt;
  }
  if (node.kind == YamlNode::Kind::text) {
    if (++count <= names_max) { return read_wanted_name(node, name); }
    mistakes_.add(node, fmt::format("{} asks for more than {} proofs", name, names_max));
    return std::nullopt;
  }
  if (node.kind == YamlNode::Kind::list) { return read_wanted_list(node, Wanted::Kind::any, name, depth, count); }
  if (node.kind == YamlNode::Kind::map) {
    const YamlNode* of = nullptr;
    Wanted::Kind kind = Wanted::Kind::any;
    bool well = true;
    for (const auto& [key, value] : named_entries(mistakes_, node, name)) {
      if (key->text.starts_with("x-")) { continue; }
      well = well && of == nullptr && (key->text == "all" || key->text == "any");
      kind = key->text == "all" ? Wanted::Kind::all : Wanted::Kind::any;
      of = value;
    }
    if (well && of != nullptr) { return read_wanted_list(*of, kind, name, depth, count); }
    mistakes_.add(node,
                  fmt::format("{} as a map has one key: {{all: [kiosk, staff]}} or {{any: [portal, staff]}}", name));
    return std::nullopt;
  }
  expect_text(mistakes_, node, name, "a proof");
  return std::nullopt;
}

// One item may stand alone. Of one thing 'any' and 'all' say the same: that thing.
std::optional<Wanted> Reader::read_wanted_list(const YamlNode& node, Wanted::Kind kind, const std::string& name,
                                               std::size_t depth, std::size_t& count) {
  if (node.kind != YamlNode::Kind::list) { return read_wanted(node, name, depth + 1, count); }
  if (node.items.empty()) {
    mistakes_.add(node, fmt::format("{} is empty; a route that is open to everybody says 'auth: none'", name));
    return std::nullopt;
  }
  Wanted wanted{.kind = kind};
  bool well = true;
  for (const YamlNode* item : node.items) {
    auto one = read_wanted(*item, name, depth + 1, count);
    well = well && one.has_value();
    if (!one) { continue; }
    if (std::find(wanted.of.begin(), wanted.of.end(), *one) != wanted.of.end()) {
      mistakes_.add(*item, fmt::format("{}: the same stands there twice", name));
      well = false;
    }
    wanted.of.push_back(std::move(*one));
  }
  if (!well) { return std::nullopt; }
  if (wanted.of.size() == 1) {
    Wanted only = std::move(wanted.of.front());
    return only;
  }
  return wanted;
}

// What is written may be a secret in the wrong place, so no message repeats it.
std::optional<Wanted> Reader::read_wanted_name(const YamlNode& node, const std::string& name) {
  if (is_none(node)) {
    mistakes_.add(node, fmt::format("{}: 'none' stands alone: a route is open, or it asks for a proof", name));
    return std::nullopt;
  }
  if (const auto proof = rules_.proofs.find(node.text); proof != rules_.proofs.end()) {
    return Wanted{.kind = Wanted::Kind::one, .proof = proof->second};
  }
  // One that has a mistake of its own, or that may stand in a file that could not be read.
  if (incomplete_ || proof_places_.contains(node.text)) { return std::nullopt; }
  std::vector<std::string_view> names;
  for (const auto& [known, place] : proof_places_) { names.push_back(known); }
  std::string help = did_you_mean(node.text, names);
  if (help.empty()) {
    help = names.empty() ? "; proofs stand in 'auth' at the top level: auth: {staff: {basic: {users: {file: "
                           "staff.htpasswd}}}}"
                         : fmt::format("; there are {}", fmt::join(names, ", "));
  }
  mistakes_.add(node, fmt::format("{}: there is no proof of this name{}", name, help));
  return std::nullopt;
}

}  // namespace bascule::config
