#include "proxy/config/read_rules.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/keys.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::Listener;

namespace {

constexpr std::size_t file_bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::size_t workers_max = 1024;

}  // namespace

std::string did_you_mean(std::string_view written, std::span<const std::string_view> candidates) {
  const std::string_view near = closest(written, candidates);
  return near.empty() ? std::string() : fmt::format("; did you mean '{}'?", near);
}

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

// --- the door into this room -----------------------------------------------------------------------------------------

namespace {

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
