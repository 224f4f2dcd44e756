#include "proxy/config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/presets.hpp"
#include "proxy/config/values.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::config {

using policy::FrameRule;
using policy::Listener;
using policy::OriginRule;
using policy::Route;
using policy::ToClient;

namespace {

constexpr std::size_t frame_bytes_min = 1024;
constexpr std::size_t frame_bytes_max = std::size_t{16} * 1024 * 1024;

}  // namespace

// --- a route to a service --------------------------------------------------------------------------------------------

void Reader::read_session(const Fields& fields, Route& route) {
  const bool has_target = read_target(fields, route);
  if (has_target && std::get<policy::Target>(route.to).kind == policy::Target::Kind::echo) {
    route.session.frames.text_from_client = true;
    route.session.frames.to_client = ToClient::match;
  }
  read_origins(fields, route.origins);
  read_protocol(fields, route);
  read_subprotocols(fields, route);
  read_frames(fields, route.session.frames);
  read_timeouts(fields, route.session.timeouts);
  read_limits(fields, route);
}

bool Reader::read_target(const Fields& fields, Route& route) {
  const YamlNode* node = fields.find("to");
  if (node == nullptr) { return false; }
  const bool has_values = node->kind == YamlNode::Kind::map &&
                          std::any_of(node->entries.begin(), node->entries.end(),
                                      [](const auto& entry) { return entry.second->kind != YamlNode::Kind::nothing; });
  if (has_values) {
    fields.mistake(*node, fmt::format("{}: a map is not supported by this version of bascule; write 'host:port', "
                                      "'unix:/path' or \"echo:\"",
                                      fields.name_of("to")));
    return false;
  }
  auto target = fields.value("to", parse_service);
  if (!target) { return false; }
  check_loop(*target, *node, fields);
  route.to = std::move(*target);
  return true;
}

// Certain loops only; a name that turns out to be ours is for whoever dials.
void Reader::check_loop(const policy::Target& target, const YamlNode& node, const Fields& fields) {
  for (const Listener& listener : rules_.listeners) {
    const Address& ours = listener.address;
    bool same = false;
    if (target.kind == policy::Target::Kind::unix_socket) {
      same = ours.family() == Address::Family::unix_path && ours.path() == target.path;
    } else if (target.kind == policy::Target::Kind::tcp && ours.is_ip() && ours.port() == target.port) {
      const auto theirs = Address::parse_ip(target.host, target.port);
      const bool at_all_addresses = ours.host_text() == "::" || ours.host_text() == "0.0.0.0";
      const bool here = target.host == "localhost" || (theirs && theirs->is_loopback());
      same = (theirs && *theirs == ours) || (here && (at_all_addresses || (!theirs && ours.is_loopback())));
    }
    if (same) {
      fields.mistake(node, fmt::format("{}: '{}' leads back to bascule's own listener in line {}", fields.name_of("to"),
                                       shown(target.written, 80), listener.place.line));
    }
  }
}

void Reader::read_origins(const Fields& fields, OriginRule& origins) {
  const YamlNode* node = fields.find("origins");
  if (node == nullptr) { return; }
  // Written, the list is exact.
  origins = OriginRule{.same = false, .missing = false, .opaque = false, .any = false, .exact = {}};
  constexpr std::array<std::string_view, 4> words{"same", "missing", "opaque", "any"};
  for (const YamlNode* item : fields.texts("origins")) {
    const std::string& text = item->text;
    if (text == "same") {
      origins.same = true;
    } else if (text == "missing") {
      origins.missing = true;
    } else if (text == "opaque") {
      origins.opaque = true;
    } else if (text == "any") {
      origins.any = true;
    } else if (const auto near = closest(text, words); !near.empty() && text.find_first_of(":.") == std::string::npos) {
      fields.mistake(*item, fmt::format("{}: unknown word '{}'; did you mean '{}'?", fields.name_of("origins"),
                                        shown(text, 40), near));
    } else if (auto origin = fields.accept(*item, "origins", parse_exact_origin(text))) {
      origins.exact.push_back(std::move(*origin));
    }
  }
  if (node->kind == YamlNode::Kind::list && node->items.empty()) {
    fields.mistake(*node, fmt::format("{} is empty, so nobody could come in; leave it out for [same, missing]",
                                      fields.name_of("origins")));
  }
}

void Reader::read_protocol(const Fields& fields, Route& route) {
  const std::string* written = fields.text("protocol");
  if (written == nullptr) { return; }
  const Preset* preset = find_preset(*written);
  if (preset != nullptr) {
    route.protocol = preset->name;
    route.subprotocols = preset->subprotocols;
    route.session.frames = preset->frames;
    return;
  }
  const YamlNode& node = *fields.find("protocol");
  if (*written == "xmpp" || *written == "irc") {
    fields.mistake(node, fmt::format("{}: '{}' is not supported by this version of bascule", fields.name_of("protocol"),
                                     *written));
    return;
  }
  std::vector<std::string_view> names;
  for (const Preset& known : presets()) { names.push_back(known.name); }
  std::string help = did_you_mean(*written, names);
  if (help.empty()) { help = fmt::format("; there are {}", fmt::join(names, ", ")); }
  fields.mistake(node,
                 fmt::format("{}: unknown protocol '{}'{}", fields.name_of("protocol"), shown(*written, 40), help));
}

void Reader::read_subprotocols(const Fields& fields, Route& route) {
  if (fields.find("subprotocols") == nullptr) { return; }
  route.subprotocols.clear();
  for (const YamlNode* item : fields.texts("subprotocols")) {
    if (!wire::http::is_token(item->text)) {
      fields.mistake(*item, fmt::format("{}: '{}' is no subprotocol; it has no spaces, commas or the like in it",
                                        fields.name_of("subprotocols"), shown(item->text, 80)));
    } else if (std::find(route.subprotocols.begin(), route.subprotocols.end(), item->text) !=
               route.subprotocols.end()) {
      fields.mistake(*item, fmt::format("{}: '{}' stands there twice", fields.name_of("subprotocols"), item->text));
    }
    route.subprotocols.push_back(item->text);
  }
}

void Reader::read_frames(const Fields& fields, FrameRule& frames) {
  const YamlNode* node = fields.map("frames", "frames: {from_client: [binary, text], to_client: match}");
  if (node == nullptr) { return; }
  const Fields written(mistakes_, *node, Section::frames, fmt::format("'frames' of {}", fields.where()));

  if (written.find("from_client") != nullptr) {
    frames.binary_from_client = false;
    frames.text_from_client = false;
    bool good = true;
    for (const YamlNode* item : written.texts("from_client")) {
      if (item->text == "binary") {
        frames.binary_from_client = true;
      } else if (item->text == "text") {
        frames.text_from_client = true;
      } else {
        constexpr std::array<std::string_view, 2> kinds{"binary", "text"};
        const std::string help = did_you_mean(item->text, kinds);
        written.mistake(*item, fmt::format("{}: '{}' is no kind of frame{}", written.name_of("from_client"),
                                           shown(item->text, 40), help.empty() ? "; there are binary and text" : help));
        good = false;
      }
    }
    const YamlNode& value = *written.find("from_client");
    const bool empty = value.kind == YamlNode::Kind::list && value.items.empty();
    if (good && empty) {
      written.mistake(value, fmt::format("{} is empty; binary, text or both", written.name_of("from_client")));
    }
  }

  if (const std::string* kind = written.text("to_client")) {
    if (*kind == "binary") {
      frames.to_client = ToClient::binary;
    } else if (*kind == "text") {
      frames.to_client = ToClient::text;
    } else if (*kind == "match") {
      frames.to_client = ToClient::match;
    } else {
      constexpr std::array<std::string_view, 3> kinds{"binary", "text", "match"};
      const std::string help = did_you_mean(*kind, kinds);
      written.mistake(*written.find("to_client"),
                      fmt::format("{}: unknown word '{}'{}", written.name_of("to_client"), shown(*kind, 40),
                                  help.empty() ? "; there are binary, text and match" : help));
    }
  }

  if (const std::string* size = written.text("max")) {
    const auto bytes = written.accept(*written.find("max"), "max", parse_size(*size, frame_bytes_min, frame_bytes_max));
    if (bytes) { frames.max_bytes = *bytes; }
  }
}

}  // namespace bascule::config
