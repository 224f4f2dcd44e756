// How the words of the rules language are printed: times, paths, words.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/time.hpp"
#include "proxy/config/yaml_writer.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

YamlValue word(std::string_view text);
YamlValue number(std::size_t count);

// In the largest unit that leaves a whole number.
YamlValue duration(std::chrono::milliseconds time);
YamlValue limit(Limit time);
// Where `none` is written for no time at all.
YamlValue duration_or_none(std::chrono::milliseconds time);

// A path in a rules file is relative to that file; what is printed may be kept anywhere.
std::string whole_path(const std::string& file);
YamlValue path(const std::string& file);

// "{file: /etc/bascule/ticket.key}", "{env: TICKET_KEY}". REQUIRES: it is kept somewhere.
std::string source_of(const policy::KeptAt& kept);

}  // namespace bascule::config
