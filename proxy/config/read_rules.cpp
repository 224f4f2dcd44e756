#include "proxy/config/read_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/fields.hpp"
#include "proxy/config/hidden.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/presets.hpp"
#include "proxy/config/values.hpp"
#include "proxy/config/yaml.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::config {

namespace {

using policy::FrameRule;
using policy::HostRule;
using policy::Listener;
using policy::OriginRule;
using policy::Route;
using policy::ToClient;

constexpr std::size_t file_bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::size_t frame_bytes_min = 1024;
constexpr std::size_t frame_bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::size_t workers_max = 1024;

std::string did_you_mean(std::string_view written, std::span<const std::string_view> candidates) {
  const std::string_view near = closest(written, candidates);
  return near.empty() ? std::string() : fmt::format("; did you mean '{}'?", near);
}

class Reader {
 public:
  explicit Reader(const std::string& file) : folder_(std::filesystem::path(file).parent_path()), mistakes_(file) {}

  Result<policy::Rules, Mistakes> read(const YamlNode& root);

 private:
  void read_version(const Fields& top);
  void read_listeners(const Fields& top);
  void read_listener(const YamlNode& node);
  void read_listener_map(const YamlNode& node);
  void add_listener(const YamlNode& node, Listener listener);
  void read_routes(const Fields& top);
  void read_route(const YamlNode& node, std::size_t number);
  void read_process(const Fields& top);

  bool read_name(const Fields& fields, Route& route);
  void read_listener_names(const Fields& fields, Route& route);
  bool read_host(const Fields& fields, HostRule& host);
  bool read_path(const Fields& fields, policy::PathRule& path);
  void read_auth(const Fields& fields);
  void read_limits(const Fields& fields, Route& route);
  void read_timeouts(const Fields& fields, policy::Timeouts& timeouts);

  void read_session(const Fields& fields, Route& route);
  void read_origins(const Fields& fields, OriginRule& origins);
  void read_protocol(const Fields& fields, Route& route);
  void read_subprotocols(const Fields& fields, Route& route);
  void read_frames(const Fields& fields, FrameRule& frames);
  bool read_target(const Fields& fields, Route& route);

  void read_page(const Fields& fields, Route& route);
  void read_files(const Fields& fields, policy::Files& files);

  void check_hidden(const Route& route, const YamlNode& node);
  void check_loop(const policy::Target& target, const YamlNode& node, const Fields& fields);

  std::filesystem::path folder_;
  MistakeList mistakes_;
  policy::Rules rules_;
  std::vector<std::string> listener_names_;              // those of listeners with mistakes too
  std::map<std::string, int, std::less<>> route_lines_;  // of the names so far
};

// --- the top level ---------------------------------------------------------------------------------------------------

Result<policy::Rules, Mistakes> Reader::read(const YamlNode& root) {
  if (root.kind != YamlNode::Kind::map) {
    mistakes_.add(root, "a rules file is a map; it begins with 'listen:' and 'routes:'");
    return mistakes_.take();
  }
  const Fields top(mistakes_, root, Section::top, "the rules file");
  read_version(top);
  read_listeners(top);
  read_routes(top);
  read_process(top);
  if (!mistakes_.empty()) { return mistakes_.take(); }
  return std::move(rules_);
}

void Reader::read_version(const Fields& top) {
  const std::string* version = top.text("version");
  if (version != nullptr && *version != "1") {
    top.mistake(*top.find("version"),
                fmt::format("version {} of the rules language is not supported by this version of bascule; it is 1",
                            shown(*version, 20)));
  }
}

void Reader::read_process(const Fields& top) {
  const YamlNode* node = top.map("process", "process: {workers: auto, drain: 30s}");
  if (node == nullptr) { return; }
  const Fields fields(mistakes_, *node, Section::process, "'process'");
  if (const auto drain = fields.value("drain", parse_duration)) { rules_.process.drain = *drain; }
  const std::string* workers = fields.text("workers");
  if (workers == nullptr || *workers == "auto") { return; }
  const auto count = parse_decimal(*workers, workers_max);
  if (!count || *count == 0) {
    fields.mistake(*fields.find("workers"),
                   fmt::format("'workers' of 'process': '{}' is neither 'auto' nor a number from 1 to {}",
                               shown(*workers, 40), workers_max));
    return;
  }
  rules_.process.workers = static_cast<unsigned>(*count);
}

// --- listen ----------------------------------------------------------------------------------------------------------

void Reader::read_listeners(const Fields& top) {
  const YamlNode* node = top.find("listen");
  if (node == nullptr) {
    top.mistake(top.node(), "the rules file has no 'listen'; where should bascule wait? 'listen: 127.0.0.1:6080'");
    return;
  }
  const bool trap = !text_behind_trap(*node).empty();
  const bool list = node->kind == YamlNode::Kind::list && !trap;
  const bool map = node->kind == YamlNode::Kind::map && !trap;
  if (list && node->items.empty()) {
    top.mistake(*node, "'listen' is empty; where should bascule wait? 'listen: 127.0.0.1:6080'");
  }
  if (list) {
    for (const YamlNode* item : node->items) { read_listener(*item); }
  } else if (map || top.text("listen") != nullptr) {
    read_listener(*node);
  }
}

void Reader::read_listener(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) { return read_listener_map(node); }
  if (node.kind != YamlNode::Kind::text) {
    const std::string meant = text_behind_trap(node);
    mistakes_.add(node, meant.empty() ? "a listener is an address such as '127.0.0.1:6080', or a map with one"
                                      : fmt::format("'listen': YAML reads this as a list; put quotes around it: \"{}\"",
                                                    shown(meant, 80)));
    return;
  }
  listener_names_.push_back(node.text);
  auto address = parse_listen_address(node.text);
  if (!address) {
    mistakes_.add(node, "'listen': " + address.error().text);
    return;
  }
  add_listener(node, {.name = node.text,
                      .place = mistakes_.place_of(node),
                      .address = std::move(*address),
                      .mode = Listener().mode,
                      .written = node.text});
}

void Reader::read_listener_map(const YamlNode& node) {
  const Fields fields(mistakes_, node, Section::listen, "a listener");
  Listener listener;
  listener.place = mistakes_.place_of(node);
  const std::string* written = fields.text("address");
  if (fields.find("address") == nullptr) {
    fields.mistake(node, "a listener has no 'address'; where should bascule wait? 'address: 127.0.0.1:6080'");
  }
  const auto address = fields.value("address", parse_listen_address);
  const auto name = fields.value("name", parse_name);
  if (written != nullptr) { listener.written = *written; }
  listener.name = name ? *name : listener.written;
  listener_names_.push_back(listener.name);

  if (const YamlNode* mode = fields.find("mode"); mode != nullptr && fields.text("mode") != nullptr) {
    if (address && address->is_ip()) {
      fields.mistake(*mode, "'mode' of a listener: only a Unix socket has one");
    } else if (!mode->quoted) {
      fields.mistake(*mode,
                     fmt::format("'mode' of a listener: YAML may read it as a number; put quotes around it: \"{}\"",
                                 shown(mode->text, 20)));
    } else if (const auto bits = fields.value("mode", parse_mode)) {
      listener.mode = *bits;
    }
  }
  if (!address) { return; }
  listener.address = *address;
  add_listener(node, std::move(listener));
}

void Reader::add_listener(const YamlNode& node, Listener listener) {
  for (const Listener& other : rules_.listeners) {
    const bool same_address =
        other.address == listener.address && !(listener.address.is_ip() && listener.address.port() == 0);
    if (same_address) {
      mistakes_.add(node, fmt::format("'{}' is listened at twice; the first is in line {}", listener.address.text(),
                                      other.place.line));
    } else if (other.name == listener.name) {
      mistakes_.add(node, fmt::format("the name '{}' is used twice; the first listener of that name is in line {}",
                                      shown(listener.name, 80), other.place.line));
    }
  }
  rules_.listeners.push_back(std::move(listener));
}

// --- routes ----------------------------------------------------------------------------------------------------------

void Reader::read_routes(const Fields& top) {
  const YamlNode* node = top.find("routes");
  if (node == nullptr) {
    top.mistake(top.node(), "the rules file has no 'routes'; without one nobody gets in");
    return;
  }
  if (node->kind == YamlNode::Kind::map) { return read_route(*node, 1); }
  if (node->kind != YamlNode::Kind::list) {
    top.mistake(*node, "'routes' is a list of maps: '- name: desktop', and its other keys below");
    return;
  }
  if (node->items.empty()) { top.mistake(*node, "'routes' is empty; without a route nobody gets in"); }
  for (std::size_t i = 0; i < node->items.size(); ++i) { read_route(*node->items[i], i + 1); }
}

void Reader::read_route(const YamlNode& node, std::size_t number) {
  if (node.kind != YamlNode::Kind::map) {
    mistakes_.add(node, fmt::format("route {} is no map; a route has a name, a path, 'auth' and 'to'", number));
    return;
  }
  std::string where = fmt::format("route {}", number);
  for (const auto& [key, value] : node.entries) {
    const bool is_name = key->text == "name" && value->kind == YamlNode::Kind::text && !value->text.empty();
    if (is_name) { where = fmt::format("route '{}'", shown(value->text, 64)); }
  }
  const Fields fields(mistakes_, node, Section::route, std::move(where));
  Route route;
  route.place = mistakes_.place_of(node);
  const bool named = read_name(fields, route);
  read_listener_names(fields, route);
  const bool has_host = read_host(fields, route.host);
  const bool has_path = read_path(fields, route.path);
  read_auth(fields);

  const bool to = fields.find("to") != nullptr;
  const bool files = fields.find("files") != nullptr;
  if (to && files) {
    fields.mistake(node, fmt::format("{} has both 'to' and 'files'; a route leads to one place", fields.where()));
  } else if (!to && !files) {
    fields.mistake(node, fmt::format("{} leads nowhere; write 'to: host:port', or 'files: {{folder: ...}}' for pages",
                                     fields.where()));
  }
  if (files && !to) {
    read_page(fields, route);
  } else {
    read_session(fields, route);
  }
  if (named && has_host && has_path) { check_hidden(route, node); }
  rules_.routes.push_back(std::make_shared<const Route>(std::move(route)));
}

void Reader::check_hidden(const Route& route, const YamlNode& node) {
  const auto hiding = std::find_if(rules_.routes.begin(), rules_.routes.end(), [&](const auto& earlier) {
    // A path is never empty; that of a route with a mistake in it may be.
    return !earlier->path.written.empty() && hides(*earlier, route);
  });
  if (hiding == rules_.routes.end()) { return; }
  const std::string way_out =
      hides(route, **hiding) ? "one of them is too many" : fmt::format("put '{}' first", route.name);
  mistakes_.add(node, fmt::format("route '{}' can never match: route '{}' in line {} takes all it would; {}",
                                  route.name, (*hiding)->name, (*hiding)->place.line, way_out));
}

bool Reader::read_name(const Fields& fields, Route& route) {
  if (fields.find("name") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'name'; the log speaks of it by its name", fields.where()));
    return false;
  }
  const auto name = fields.value("name", parse_name);
  if (!name) { return false; }
  route.name = *name;
  const YamlNode& node = *fields.find("name");
  const auto [first, is_new] = route_lines_.emplace(route.name, node.line);
  if (!is_new) {
    fields.mistake(node, fmt::format("the name '{}' is used twice; the first route of that name is in line {}",
                                     route.name, first->second));
  }
  return true;
}

void Reader::read_listener_names(const Fields& fields, Route& route) {
  for (const YamlNode* node : fields.texts("listeners")) {
    const std::vector<std::string_view> names(listener_names_.begin(), listener_names_.end());
    if (std::find(names.begin(), names.end(), node->text) == names.end()) {
      fields.mistake(*node, fmt::format("{}: there is no listener '{}'{}", fields.name_of("listeners"),
                                        shown(node->text, 80), did_you_mean(node->text, names)));
    }
    route.listeners.push_back(node->text);
  }
  if (fields.find("listeners") != nullptr && fields.find("listeners")->kind == YamlNode::Kind::list &&
      fields.find("listeners")->items.empty()) {
    fields.mistake(*fields.find("listeners"),
                   fmt::format("{} is empty; leave it out to be at all of them", fields.name_of("listeners")));
  }
}

bool Reader::read_host(const Fields& fields, HostRule& host) {
  const YamlNode* node = fields.find("host");
  if (node == nullptr) { return true; }
  const auto texts = fields.texts("host");
  host.kind = HostRule::Kind::exact;
  bool good = !texts.empty();
  for (const YamlNode* text : texts) {
    if (text->text == "any") {
      host.kind = HostRule::Kind::any;
      continue;
    }
    auto name = fields.accept(*text, "host", parse_host(text->text));
    good = good && name.has_value();
    if (name) { host.names.push_back(std::move(*name)); }
  }
  if (host.kind == HostRule::Kind::any && texts.size() > 1) {
    fields.mistake(*node, fmt::format("{}: 'any' stands alone, for it takes every host", fields.name_of("host")));
  }
  if (node->kind == YamlNode::Kind::list && node->items.empty()) {
    fields.mistake(
        *node, fmt::format("{} is empty; leave it out to answer to addresses and localhost", fields.name_of("host")));
  }
  return good;
}

bool Reader::read_path(const Fields& fields, policy::PathRule& path) {
  if (fields.find("path") == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'path'; '/*' takes them all", fields.where()));
    return false;
  }
  auto rule = fields.value("path", parse_path);
  if (!rule) { return false; }
  path = std::move(*rule);
  return true;
}

void Reader::read_auth(const Fields& fields) {
  const YamlNode* node = fields.find("auth");
  if (node == nullptr) {
    fields.mistake(fields.node(), fmt::format("{} has no 'auth'; a route that is open to everybody says 'auth: none'",
                                              fields.where()));
    return;
  }
  const bool none = node->kind == YamlNode::Kind::text && node->text == "none";
  if (node->kind == YamlNode::Kind::nothing) {
    fields.text("auth");
  } else if (!none) {
    fields.mistake(*node,
                   fmt::format("{}: only 'none' is supported by this version of bascule", fields.name_of("auth")));
  }
}

void Reader::read_limits(const Fields& fields, Route& route) {
  const YamlNode* node = fields.map("limits", "limits: {sessions: 500}");
  if (node == nullptr) { return; }
  const Fields limits(mistakes_, *node, Section::limits, fmt::format("'limits' of {}", fields.where()));
  if (const auto sessions = limits.value("sessions", parse_count)) { route.sessions_max = *sessions; }
}

struct TimeoutKey {
  std::string_view name;
  Limit policy::Timeouts::*limit;
  bool of_pages;  // also means something where files are served
};

constexpr std::array<TimeoutKey, 9> timeout_keys{{{"head", &policy::Timeouts::head, true},
                                                  {"connect", &policy::Timeouts::connect, false},
                                                  {"ping", &policy::Timeouts::ping, false},
                                                  {"pong", &policy::Timeouts::pong, false},
                                                  {"stall", &policy::Timeouts::stall, true},
                                                  {"close", &policy::Timeouts::close, true},
                                                  {"half_close", &policy::Timeouts::half_close, false},
                                                  {"idle", &policy::Timeouts::idle, false},
                                                  {"lifetime", &policy::Timeouts::lifetime, false}}};

void Reader::read_timeouts(const Fields& fields, policy::Timeouts& timeouts) {
  const YamlNode* node = fields.map("timeouts", "timeouts: {connect: 5s, idle: 30m}");
  if (node == nullptr) { return; }
  const Fields written(mistakes_, *node, Section::timeouts, fmt::format("'timeouts' of {}", fields.where()));
  for (const TimeoutKey& key : timeout_keys) {
    if (const auto limit = written.value(key.name, parse_duration)) { timeouts.*key.limit = *limit; }
  }
}

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

// --- a route to pages ------------------------------------------------------------------------------------------------

void Reader::read_page(const Fields& fields, Route& route) {
  // What is written and does nothing would be a promise that nobody keeps.
  for (const std::string_view key : {"origins", "protocol", "subprotocols", "frames", "limits"}) {
    if (fields.find(key) != nullptr) {
      fields.mistake(*fields.find(key),
                     fmt::format("{} does nothing, for this route serves files", fields.name_of(key)));
    }
  }
  read_timeouts(fields, route.session.timeouts);
  if (const YamlNode* node = fields.find("timeouts"); node != nullptr && node->kind == YamlNode::Kind::map) {
    for (const auto& [key, value] : node->entries) {
      const std::string& name = key->text;
      const auto* const known = std::find_if(timeout_keys.begin(), timeout_keys.end(),
                                             [&](const TimeoutKey& timeout) { return timeout.name == name; });
      if (known != timeout_keys.end() && !known->of_pages) {
        fields.mistake(*key, fmt::format("'{}' in 'timeouts' of {} does nothing, for this route serves files", name,
                                         fields.where()));
      }
    }
  }
  policy::Files files;
  read_files(fields, files);
  route.to = std::move(files);
}

void Reader::read_files(const Fields& fields, policy::Files& files) {
  const YamlNode* node = fields.map("files", "files: {folder: /usr/share/novnc, index: vnc.html}");
  if (node == nullptr) { return; }
  const Fields written(mistakes_, *node, Section::files, fmt::format("'files' of {}", fields.where()));
  bool folder_is_there = false;
  if (written.find("folder") == nullptr) {
    written.mistake(*node, fmt::format("{} has no 'folder'", written.where()));
  } else if (const std::string* folder = written.text("folder")) {
    const std::filesystem::path path = (folder_ / *folder).lexically_normal();
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    folder_is_there = std::filesystem::is_directory(status);
    if (folder->empty() || !std::filesystem::exists(status)) {
      written.mistake(*written.find("folder"),
                      fmt::format("{}: there is no '{}'", written.name_of("folder"), shown(path.string())));
    } else if (!folder_is_there) {
      written.mistake(*written.find("folder"),
                      fmt::format("{}: '{}' is no folder", written.name_of("folder"), shown(path.string())));
    }
    files.folder = path.string();
  }
  if (const std::string* index = written.text("index")) {
    files.index = *index;
    std::error_code error;
    if (index->empty() || index->find('/') != std::string::npos || *index == "." || *index == "..") {
      written.mistake(*written.find("index"),
                      fmt::format("{}: '{}' is no name of a file", written.name_of("index"), shown(*index, 80)));
    } else if (folder_is_there && !std::filesystem::exists(std::filesystem::path(files.folder) / *index, error)) {
      written.mistake(*written.find("index"), fmt::format("{}: there is no '{}' in '{}'", written.name_of("index"),
                                                          shown(*index, 80), shown(files.folder)));
    }
  }
}

Mistakes one_mistake(const std::string& file, std::string text) {
  return {{.place = {.file = file}, .text = std::move(text)}};
}

std::string reason(int error) {
  return std::generic_category().message(error);
}

}  // namespace

Result<policy::Rules, Mistakes> read_rules(std::string_view text, const std::string& file) {
  if (text.size() > file_bytes_max) {
    return one_mistake(file, fmt::format("more than {}; a rules file is not that large", size_text(file_bytes_max)));
  }
  const auto document = parse_yaml(text);
  if (!document) {
    const BrokenYaml& broken = document.error();
    return Mistakes{{.place = {.file = file, .line = broken.line, .column = broken.column}, .text = broken.text}};
  }
  if (document->root == nullptr) { return one_mistake(file, "the file is empty; it needs 'listen' and 'routes'"); }
  return Reader(file).read(*document->root);
}

Result<policy::Rules, Mistakes> read_rules_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return one_mistake(path, "a folder of rules is not supported by this version of bascule; name a file");
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) { return one_mistake(path, fmt::format("cannot be read: {}", reason(errno))); }
  // One byte more than there may be, so that a file that is too large is known without reading it all.
  std::string text(file_bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) { return one_mistake(path, fmt::format("cannot be read: {}", reason(errno))); }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return read_rules(text, path);
}

}  // namespace bascule::config
