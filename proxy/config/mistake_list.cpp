#include "proxy/config/mistake_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace bascule::config {

namespace {

constexpr std::size_t mistakes_max = 200;

}  // namespace

MistakeList::MistakeList(const std::string& file, std::string_view noun) : noun_(noun) {
  enter(file);
}

void MistakeList::enter(const std::string& file) {
  file_ = file;
  if (std::find(files_.begin(), files_.end(), file) == files_.end()) { files_.push_back(file); }
}

void MistakeList::add(const YamlNode& node, std::string text) {
  if (const auto known = said_.find(&node); known != said_.end()) {
    if (known->second) { return; }
    known->second = true;
  }
  add_at(place_of(node), std::move(text));
}

void MistakeList::add_at(policy::Place place, std::string text) {
  if (mistakes_.size() >= mistakes_max) {
    ++left_off_;
    return;
  }
  mistakes_.push_back({.place = std::move(place), .text = std::move(text)});
}

void MistakeList::say_once(const YamlNode& tree) {
  std::vector<const YamlNode*> waiting{&tree};
  while (!waiting.empty()) {
    const YamlNode* node = waiting.back();
    waiting.pop_back();
    if (!said_.emplace(node, false).second) { continue; }  // an alias leads here a second time
    waiting.insert(waiting.end(), node->items.begin(), node->items.end());
    for (const auto& [key, value] : node->entries) { waiting.insert(waiting.end(), {key, value}); }
  }
}

Mistakes MistakeList::take() {
  const auto order = [this](const Mistake& mistake) {
    const auto file = std::find(files_.begin(), files_.end(), mistake.place.file) - files_.begin();
    return std::tuple(file, mistake.place.line, mistake.place.column);
  };
  std::stable_sort(mistakes_.begin(), mistakes_.end(),
                   [&](const Mistake& a, const Mistake& b) { return order(a) < order(b); });
  if (left_off_ > 0) {
    const std::string file = mistakes_.back().place.file;
    mistakes_.push_back({.place = {.file = file}, .text = fmt::format("and {} more {}", left_off_, noun_)});
  }
  return std::move(mistakes_);
}

std::string whereabouts(const policy::Place& place, const std::string& from_file) {
  if (place.file == from_file) { return fmt::format("in line {}", place.line); }
  return fmt::format("in {}:{}", place.file, place.line);
}

}  // namespace bascule::config
