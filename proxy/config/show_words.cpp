#include "proxy/config/show_words.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

namespace bascule::config {

using namespace std::chrono_literals;

YamlValue word(std::string_view text) {
  return YamlValue::word(std::string(text));
}

YamlValue number(std::size_t count) {
  return YamlValue::word(fmt::format("{}", count));
}

YamlValue duration(std::chrono::milliseconds time) {
  for (const auto& [unit, length] :
       {std::pair<std::string_view, std::chrono::milliseconds>{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}}) {
    if (time % length == 0ms) { return YamlValue::word(fmt::format("{}{}", time / length, unit)); }
  }
  return YamlValue::word(fmt::format("{}ms", time.count()));
}

YamlValue limit(Limit time) {
  return time ? duration(*time) : word("none");
}

YamlValue duration_or_none(std::chrono::milliseconds time) {
  return time == 0ms ? word("none") : duration(time);
}

std::string whole_path(const std::string& file) {
  return std::filesystem::absolute(file).lexically_normal().string();
}

YamlValue path(const std::string& file) {
  return YamlValue::text(whole_path(file));
}

std::string source_of(const policy::KeptAt& kept) {
  return kept.env.empty() ? fmt::format("{{file: {}}}", yaml_text(whole_path(kept.file)))
                          : fmt::format("{{env: {}}}", yaml_text(kept.env));
}

}  // namespace bascule::config
