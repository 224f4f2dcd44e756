#include "proxy/config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/hidden.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::HostRule;
using policy::Route;

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

namespace {

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

}  // namespace

void Reader::read_timeouts(const Fields& fields, policy::Timeouts& timeouts) {
  const YamlNode* node = fields.map("timeouts", "timeouts: {connect: 5s, idle: 30m}");
  if (node == nullptr) { return; }
  const Fields written(mistakes_, *node, Section::timeouts, fmt::format("'timeouts' of {}", fields.where()));
  for (const TimeoutKey& key : timeout_keys) {
    if (const auto limit = written.value(key.name, parse_duration)) { timeouts.*key.limit = *limit; }
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

}  // namespace bascule::config
