#include "proxy/policy/table.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/bytes.hpp"
#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/proof/secret.hpp"

namespace bascule::policy {

namespace {

constexpr std::size_t complaints_max = 100;
constexpr std::size_t socket_path_bytes_max = 107;  // of sockaddr_un, with its NUL
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// Takes one line off the front, without its end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) { line.remove_suffix(1); }
  return line;
}

bool is_clean_text(std::string_view line) {
  const bool control = std::any_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
  Utf8Check utf8;
  return !control && utf8.accept(bytes_of(line)) && utf8.complete();
}

std::optional<Endpoint> parse_target(std::string_view text) {
  // However it is spelled: a host would be named in lower case everywhere else, and be taken for a socket there.
  for (const std::string_view prefix : {"unix_socket:", "unix:"}) {
    if (!same_ignoring_case(text.substr(0, prefix.size()), prefix)) { continue; }
    const std::string_view path = text.substr(prefix.size());
    if (!path.starts_with('/') || path.size() > socket_path_bytes_max) { return std::nullopt; }
    return Endpoint{.kind = Endpoint::Kind::unix_socket, .path = std::string(path)};
  }
  // "::1:5900", as websockify has it: what is behind the last colon is the port, and the rest an IPv6 address.
  const std::size_t colon = text.rfind(':');
  const bool bare_ipv6 = colon != std::string_view::npos && !text.starts_with('[') && text.find(':') != colon;
  if (!bare_ipv6) { return parse_host_and_port(text); }
  std::string bracketed(1, '[');
  bracketed.append(text.substr(0, colon)).append("]").append(text.substr(colon));
  return parse_host_and_port(bracketed);
}

// The first colon that is followed by white space.
std::size_t find_separator(std::string_view line) {
  std::size_t colon = line.find(':');
  while (colon != std::string_view::npos) {
    const std::string_view behind = line.substr(colon + 1);
    if (behind.starts_with(' ') || behind.starts_with('\t')) { break; }
    colon = line.find(':', colon + 1);
  }
  return colon;
}

// What is wrong with the line, or nullptr. A complaint never repeats the line, for keys are secrets.
const char* read_line(std::string_view line, std::pair<std::string_view, Endpoint>& entry) {
  if (!is_clean_text(line)) { return "control bytes, or not UTF-8"; }
  const std::size_t separator = find_separator(line);
  if (separator == std::string_view::npos) { return "no colon with a space behind it; a line is 'key: host:port'"; }
  const std::string_view key = trimmed(line.substr(0, separator));
  if (key.empty()) { return "no key in front of the colon; a line is 'key: host:port'"; }
  auto target = parse_target(trimmed(line.substr(separator + 1)));
  if (!target) { return "the target is neither 'host:port' nor 'unix:/path'; IPv6 is written '[::1]:5900'"; }
  entry = {key, std::move(*target)};
  return nullptr;
}

}  // namespace

void Table::add(std::string_view text, const std::string& file) {
  const auto complain = [&](int line, std::string what) {
    if (complaints_.size() < complaints_max) {
      complaints_.push_back({.file = file, .line = line, .text = std::move(what)});
    }
  };
  if (text.size() > bytes_max) { return complain(0, "larger than 64 MiB; nothing of it was read"); }
  if (text.starts_with(byte_order_mark)) { text.remove_prefix(byte_order_mark.size()); }
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = trimmed(take_line(text));
    if (line.empty() || line.starts_with('#')) { continue; }
    std::pair<std::string_view, Endpoint> entry;
    if (const char* wrong = read_line(line, entry)) {
      complain(number, wrong);
    } else {
      entries_.insert_or_assign(proof::sha256(entry.first), std::move(entry.second));
    }
  }
}

const Endpoint* Table::find(const std::string& key) const {
  const auto entry = entries_.find(proof::sha256(key));
  return entry == entries_.end() ? nullptr : &entry->second;
}

}  // namespace bascule::policy
