// The walk over one rules file: each part of it has a function that reads what is written into plain rules, and notes
// every mistake on the way. What a value looks like is config/values, which keys there are config/keys.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/fields.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/config/yaml.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

// "; did you mean 'origins'?", or nothing when no candidate is near.
std::string did_you_mean(std::string_view written, std::span<const std::string_view> candidates);

class Reader {
 public:
  explicit Reader(const std::string& file) : folder_(std::filesystem::path(file).parent_path()), mistakes_(file) {}

  Result<policy::Rules, Mistakes> read(const YamlNode& root);

 private:
  // read_rules.cpp: the top level and `listen`
  void read_version(const Fields& top);
  void read_listeners(const Fields& top);
  void read_listener(const YamlNode& node);
  void read_listener_map(const YamlNode& node);
  void add_listener(const YamlNode& node, policy::Listener listener);
  void read_process(const Fields& top);

  // read_route.cpp: what every route has
  void read_routes(const Fields& top);
  void read_route(const YamlNode& node, std::size_t number);
  bool read_name(const Fields& fields, policy::Route& route);
  void read_listener_names(const Fields& fields, policy::Route& route);
  bool read_host(const Fields& fields, policy::HostRule& host);
  bool read_path(const Fields& fields, policy::PathRule& path);
  void read_auth(const Fields& fields);
  void read_limits(const Fields& fields, policy::Route& route);
  void read_timeouts(const Fields& fields, policy::Timeouts& timeouts);
  void check_hidden(const policy::Route& route, const YamlNode& node);

  // read_session.cpp: a route to a service
  void read_session(const Fields& fields, policy::Route& route);
  void read_origins(const Fields& fields, policy::OriginRule& origins);
  void read_protocol(const Fields& fields, policy::Route& route);
  void read_subprotocols(const Fields& fields, policy::Route& route);
  void read_frames(const Fields& fields, policy::FrameRule& frames);
  bool read_target(const Fields& fields, policy::Route& route);
  void check_loop(const policy::Target& target, const YamlNode& node, const Fields& fields);

  // read_page.cpp: a route to files
  void read_page(const Fields& fields, policy::Route& route);
  void read_files(const Fields& fields, policy::Files& files);

  std::filesystem::path folder_;
  MistakeList mistakes_;
  policy::Rules rules_;
  std::vector<std::string> listener_names_;              // those of listeners with mistakes too
  std::map<std::string, int, std::less<>> route_lines_;  // of the names so far
};

}  // namespace bascule::config
