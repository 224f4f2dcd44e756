#include "proxy/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/policy/origin.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::config {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t unix_path_bytes_max = 107;  // sun_path of Linux, with its NUL

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

// What this version does not speak yet is told apart from what nobody does.
Wrong not_in_this_version(std::string_view what) {
  return {fmt::format("{} not supported by this version of bascule", what)};
}

// "30s" cut into its number and its unit. The number is empty where the text does not begin with a digit.
struct Quantity {
  std::string_view number;
  std::string_view unit;
};

Quantity cut_quantity(std::string_view text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = static_cast<std::size_t>(end - text.begin());
  return {.number = text.substr(0, digits), .unit = text.substr(digits)};
}

template <typename Meaning, std::size_t size>
const Meaning* find_unit(const std::array<std::pair<std::string_view, Meaning>, size>& table, std::string_view unit) {
  const auto* const found =
      std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.first == unit; });
  return found == table.end() ? nullptr : &found->second;
}

using Milliseconds = std::chrono::milliseconds;

constexpr std::array<std::pair<std::string_view, Milliseconds>, 4> time_units{
    {{"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}}};

// Spellings people try, and the one that is ours.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> time_spellings{{{"sec", "s"},
                                                                                        {"secs", "s"},
                                                                                        {"second", "s"},
                                                                                        {"seconds", "s"},
                                                                                        {"min", "m"},
                                                                                        {"mins", "m"},
                                                                                        {"minute", "m"},
                                                                                        {"minutes", "m"},
                                                                                        {"hour", "h"},
                                                                                        {"hours", "h"},
                                                                                        {"hr", "h"},
                                                                                        {"msec", "ms"}}};

constexpr Milliseconds duration_max = 8760h;  // a year

constexpr std::array<std::pair<std::string_view, std::size_t>, 4> size_units{
    {{"B", 1}, {"KiB", std::size_t{1} << 10U}, {"MiB", std::size_t{1} << 20U}, {"GiB", std::size_t{1} << 30U}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> size_spellings{{{"b", "B"},
                                                                                       {"k", "KiB"},
                                                                                       {"kb", "KiB"},
                                                                                       {"kib", "KiB"},
                                                                                       {"m", "MiB"},
                                                                                       {"mb", "MiB"},
                                                                                       {"mib", "MiB"},
                                                                                       {"g", "GiB"},
                                                                                       {"gb", "GiB"}}};

// A port behind a host, "443" of ":443".
Parsed<std::uint16_t> parse_port(std::string_view text, std::uint16_t least) {
  const auto port = parse_decimal(text, std::numeric_limits<std::uint64_t>::max() / 2);
  if (!port) { return Wrong{fmt::format("'{}' is not a port number", shown(text, 40))}; }
  if (*port < least || *port > std::numeric_limits<std::uint16_t>::max()) {
    return Wrong{fmt::format("port {} is out of range ({} to 65535)", *port, least)};
  }
  return static_cast<std::uint16_t>(*port);
}

Parsed<std::string> parse_unix_path(std::string_view text) {
  if (!text.starts_with('/')) {
    return Wrong{fmt::format("'unix:{}' needs a whole path, one that begins with '/'", shown(text, 80))};
  }
  if (text.size() > unix_path_bytes_max) {
    return Wrong{fmt::format("the path of a Unix socket holds at most {} bytes; this one has {}", unix_path_bytes_max,
                             text.size())};
  }
  if (text.ends_with('/')) { return Wrong{fmt::format("'{}' names a folder, not a socket", shown(text))}; }
  return std::string(text);
}

// "host:port" cut at the last colon, with the brackets of IPv6 where they belong.
struct HostAndPort {
  std::string_view host;
  std::string_view port;
};

Parsed<HostAndPort> cut_host_and_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool no_port = colon == std::string_view::npos || text.ends_with(']');
  if (no_port) { return Wrong{fmt::format("'{}' has no port; write 'host:port'", shown(text, 80))}; }
  const HostAndPort halves{.host = text.substr(0, colon), .port = text.substr(colon + 1)};
  const bool bare_ipv6 = halves.host.find(':') != std::string_view::npos && !halves.host.starts_with('[');
  if (bare_ipv6) {
    return Wrong{
        fmt::format("an IPv6 address stands in brackets: \"[{}]:{}\"", shown(halves.host, 60), shown(halves.port, 10))};
  }
  return halves;
}

bool is_capture_name(std::string_view name) {
  const bool good =
      std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  return good && !name.empty() && !is_digit(name.front());
}

using Segment = policy::PathRule::Segment;

Parsed<Segment> parse_capture(std::string_view written) {
  const std::string_view inside = written.substr(1, written.size() - 2);
  if (inside.find(':') != std::string_view::npos) {
    return not_in_this_version(fmt::format("a pattern in a path ('{}') is", shown(written, 80)));
  }
  if (!is_capture_name(inside)) {
    return Wrong{fmt::format("'{}' is no name of a part of a path; letters, digits and '_' make one: '{{id}}'",
                             shown(written, 80))};
  }
  return Segment{.literal = {}, .capture = std::string(inside)};
}

Parsed<Segment> parse_segment(std::string_view written) {
  if (written.size() >= 2 && written.starts_with('{') && written.ends_with('}')) { return parse_capture(written); }
  if (written.find_first_of("{}") != std::string_view::npos) {
    return Wrong{fmt::format("in '{}' the braces take a part of a segment; they take a whole one: '/desk/{{id}}'",
                             shown(written, 80))};
  }
  if (written.find('*') != std::string_view::npos) {
    return Wrong{fmt::format("'*' stands alone and last, as in '/novnc/*'; here it is in '{}'", shown(written, 80))};
  }
  // An escape means here what it means in a request, so the same code reads it; what needs none may stand as it is.
  if (written.find('%') == std::string_view::npos) {
    const bool control = std::any_of(written.begin(), written.end(),
                                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (!control && written.find('\\') == std::string_view::npos && written != "." && written != "..") {
      return Segment{.literal = std::string(written), .capture = {}};
    }
  } else if (const auto target = wire::http::parse_target(fmt::format("/{}", written))) {
    return Segment{.literal = target->segments.front(), .capture = {}};
  }
  return Wrong{fmt::format("no request ever has the segment '{}'", shown(written, 80))};
}

}  // namespace

Parsed<Limit> parse_duration(std::string_view text) {
  if (text == "none") { return Limit(); }
  const Quantity quantity = cut_quantity(text);
  const std::string_view unit = trimmed(quantity.unit);
  if (quantity.number.empty()) {
    return Wrong{fmt::format("'{}' is not a time; write '30s', '500ms', '10m', '24h' or 'none'", shown(text, 40))};
  }
  if (unit.empty()) {
    return Wrong{fmt::format("'{}' has no unit; write '{}s' for seconds", shown(text, 40), quantity.number)};
  }
  if (unit.front() == '.') {
    return Wrong{
        fmt::format("'{}' is not a whole number of a unit; write '1500ms' instead of '1.5s'", shown(text, 40))};
  }
  const Milliseconds* length = find_unit(time_units, quantity.unit);
  if (length == nullptr) {
    const std::string small = lowered(unit);
    const std::string_view* meant = find_unit(time_spellings, small);
    const bool spelling = meant != nullptr || find_unit(time_units, small) != nullptr;
    if (!spelling) {
      return Wrong{
          fmt::format("unknown unit '{}' in '{}'; there are ms, s, m and h", shown(unit, 20), shown(text, 40))};
    }
    return Wrong{fmt::format("'{}' is written '{}{}'", shown(text, 40), quantity.number,
                             meant != nullptr ? *meant : std::string_view(small))};
  }
  const auto most = static_cast<std::uint64_t>(duration_max / *length);
  const auto number = parse_decimal(quantity.number, most);
  if (!number) { return Wrong{fmt::format("'{}' is more than 8760h; is 'none' meant?", shown(text, 40))}; }
  if (*number == 0) { return Wrong{fmt::format("'{}' is over before it begins; 'none' switches it off", text)}; }
  return Limit(*length * static_cast<Milliseconds::rep>(*number));
}

std::string size_text(std::size_t bytes) {
  for (auto row = size_units.rbegin(); row != size_units.rend(); ++row) {
    if (bytes >= row->second && bytes % row->second == 0) {
      return fmt::format("{}{}", bytes / row->second, row->first);
    }
  }
  return "0B";
}

Parsed<std::size_t> parse_size(std::string_view text, std::size_t least, std::size_t most) {
  const Quantity quantity = cut_quantity(text);
  const std::string_view unit = trimmed(quantity.unit);
  if (quantity.number.empty()) {
    return Wrong{fmt::format("'{}' is not a size; write '64KiB' or '1MiB'", shown(text, 40))};
  }
  if (unit.empty()) {
    return Wrong{fmt::format("'{}' has no unit; write '{}B' for bytes, or '64KiB'", shown(text, 40), quantity.number)};
  }
  if (unit.front() == '.') {
    return Wrong{
        fmt::format("'{}' is not a whole number of a unit; write '1536KiB' instead of '1.5MiB'", shown(text, 40))};
  }
  const std::size_t* factor = find_unit(size_units, quantity.unit);
  if (factor == nullptr) {
    const std::string small = lowered(unit);
    const std::string_view* meant = find_unit(size_spellings, small);
    if (meant == nullptr) {
      return Wrong{
          fmt::format("unknown unit '{}' in '{}'; there are B, KiB, MiB and GiB", shown(unit, 20), shown(text, 40))};
    }
    return Wrong{fmt::format("'{}' is written '{}{}'", shown(text, 40), quantity.number, *meant)};
  }
  const auto number = parse_decimal(quantity.number, most / *factor);
  if (!number) { return Wrong{fmt::format("'{}' is more than {}", shown(text, 40), size_text(most))}; }
  const std::size_t bytes = static_cast<std::size_t>(*number) * *factor;
  if (bytes < least) { return Wrong{fmt::format("'{}' is less than {}", shown(text, 40), size_text(least))}; }
  return bytes;
}

Parsed<std::optional<std::size_t>> parse_count(std::string_view text) {
  if (text == "none") { return std::optional<std::size_t>(); }
  constexpr std::size_t most = 1'000'000'000;
  const auto number = parse_decimal(text, most);
  if (!number || (text.size() > 1 && text.front() == '0')) {
    return Wrong{fmt::format("'{}' is not a count; write a whole number such as '500', or 'none'", shown(text, 40))};
  }
  if (*number == 0) { return Wrong{"0 would let nobody in; 'none' switches the limit off"}; }
  return std::optional<std::size_t>(static_cast<std::size_t>(*number));
}

Parsed<std::string> parse_name(std::string_view text) {
  constexpr std::size_t most = 64;
  const bool good = std::all_of(text.begin(), text.end(),
                                [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; });
  if (!good || text.empty() || text.size() > most) {
    return Wrong{fmt::format("'{}' is no name; letters, digits, '-', '_' and '.' make one, at most {} of them",
                             shown(text, 80), most)};
  }
  return std::string(text);
}

Parsed<Address> parse_listen_address(std::string_view text) {
  constexpr std::string_view unix_scheme = "unix:";
  if (text.starts_with(unix_scheme)) {
    auto path = parse_unix_path(text.substr(unix_scheme.size()));
    if (!path) { return path.error(); }
    return Address::unix_path(std::move(*path));
  }
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
    return Wrong{
        fmt::format("'{0}' is a port without an address; write '127.0.0.1:{0}' for this machine only, or "
                    "':{0}' for all addresses",
                    shown(text, 20))};
  }
  const auto halves = cut_host_and_port(text);
  if (!halves) { return halves.error(); }
  const auto port = parse_port(halves->port, 0);
  if (!port) { return port.error(); }
  if (halves->host.empty()) { return Address::ipv6({}, *port); }
  if (const auto address = Address::parse_ip(halves->host, *port)) { return *address; }
  if (same_ignoring_case(halves->host, "localhost")) {
    return Wrong{fmt::format("an address to listen at is no name; write '127.0.0.1:{0}' or \"[::1]:{0}\"", *port)};
  }
  if (halves->host == "*") { return Wrong{fmt::format("'*' is no address; write ':{}' for all of them", *port)}; }
  return Wrong{fmt::format("'{}' is no address of this machine; write an IP address, or ':{}' for all of them",
                           shown(halves->host, 80), *port)};
}

Parsed<unsigned> parse_mode(std::string_view text) {
  const bool octal = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  const bool three_digits = text.size() == 3 || (text.size() == 4 && text.front() == '0');
  if (!octal || !three_digits) {
    return Wrong{fmt::format("'{}' is no mode; three octal digits make one: \"0660\"", shown(text, 20))};
  }
  unsigned mode = 0;
  for (const char c : text) { mode = mode * 8 + static_cast<unsigned>(c - '0'); }
  return mode;
}

Parsed<std::string> parse_host(std::string_view text) {
  if (text == "*") { return Wrong{"'*' is written 'any'"}; }
  if (text.find('*') != std::string_view::npos) {
    return not_in_this_version(fmt::format("a wildcard host ('{}') is", shown(text, 80)));
  }
  if (text.find('/') != std::string_view::npos) {
    return Wrong{fmt::format("'{}' is an address of a page; a host is a name alone: 'desk.example.org'", shown(text))};
  }
  const auto not_ascii = [](char c) { return static_cast<unsigned char>(c) > 0x7f; };
  if (std::any_of(text.begin(), text.end(), not_ascii)) {
    return Wrong{fmt::format("'{}' is not ASCII; browsers send the form that begins with 'xn--'", shown(text))};
  }
  if (const auto address = Address::parse_ip(text, 0)) { return address->host_text(); }
  const auto authority = wire::http::parse_authority(text);
  if (!authority) { return Wrong{fmt::format("'{}' is not a host name", shown(text, 80))}; }
  if (authority->port) {
    return Wrong{fmt::format("a host is written without its port: '{}'", shown(authority->host, 80))};
  }
  return authority->host;
}

Parsed<policy::PathRule> parse_path(std::string_view text) {
  if (!text.starts_with('/')) { return Wrong{fmt::format("a path begins with '/': '/{}'", shown(text, 80))}; }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return Wrong{fmt::format("'{}' has more than a path in it: a path has no '?' and no '#'", shown(text, 80))};
  }
  policy::PathRule rule;
  rule.written = text;
  rule.prefix = text.ends_with("/*");
  // "/*" alone has no segments before its star; "/" has one, and it is empty.
  std::string_view rest = rule.prefix ? text.substr(0, text.size() - 2) : text;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    auto segment = parse_segment(rest.substr(0, end));
    if (!segment) { return segment.error(); }
    rest.remove_prefix(end);
    const bool last = rest.empty() && !rule.prefix;
    if (segment->literal.empty() && segment->capture.empty() && !last) {
      return Wrong{fmt::format("'{}' has an empty segment in it ('//')", shown(text, 80))};
    }
    const bool twice = std::any_of(rule.segments.begin(), rule.segments.end(), [&](const Segment& other) {
      return !other.capture.empty() && other.capture == segment->capture;
    });
    if (twice) { return Wrong{fmt::format("'{{{}}}' stands twice in '{}'", segment->capture, shown(text, 80))}; }
    rule.segments.push_back(std::move(*segment));
  }
  return rule;
}

Parsed<policy::Origin> parse_exact_origin(std::string_view text) {
  if (text == "*") { return Wrong{"'*' is written 'any'"}; }
  if (text == "null") { return Wrong{"the origin null is written 'opaque'"}; }
  if (text.find('*') != std::string_view::npos) {
    return not_in_this_version(fmt::format("a wildcard origin ('{}') is", shown(text, 80)));
  }
  const auto not_ascii = [](char c) { return static_cast<unsigned char>(c) > 0x7f; };
  if (std::any_of(text.begin(), text.end(), not_ascii)) {
    return Wrong{fmt::format("'{}' is not ASCII; browsers send the form that begins with 'xn--'", shown(text))};
  }
  if (const auto origin = policy::parse_written_origin(text)) { return *origin; }
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) {
    if (policy::make_origin("https", text)) {
      return Wrong{fmt::format("an origin begins with its scheme: 'https://{}'", shown(text, 80))};
    }
  } else {
    const std::size_t path = text.find('/', mark + 3);
    const std::string_view without_path = text.substr(0, path);
    if (path != std::string_view::npos && policy::parse_origin(without_path)) {
      return Wrong{fmt::format("an origin has no path: '{}'", shown(without_path, 80))};
    }
  }
  return Wrong{fmt::format(
      "'{}' is not an origin; write 'https://app.example.org', or one of same, missing, opaque, any", shown(text, 80))};
}

Parsed<policy::Target> parse_service(std::string_view text) {
  policy::Target target;
  target.written = text;
  if (text == "echo:" || text == "echo") {
    if (text == "echo") { return Wrong{"the built-in echo is written \"echo:\""}; }
    target.kind = policy::Target::Kind::echo;
    return target;
  }
  if (text.find_first_of("{}") != std::string_view::npos) {
    return not_in_this_version(fmt::format("a target made from the visitor's words ('{}') is", shown(text, 80)));
  }
  constexpr std::string_view unix_scheme = "unix:";
  if (text.starts_with(unix_scheme)) {
    auto path = parse_unix_path(text.substr(unix_scheme.size()));
    if (!path) { return path.error(); }
    target.kind = policy::Target::Kind::unix_socket;
    target.path = std::move(*path);
    return target;
  }
  if (text.starts_with("tls://")) { return not_in_this_version("TLS towards a service ('tls://') is"); }
  std::string_view address = text;
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (text.substr(0, scheme) != "tcp") {
      return Wrong{
          fmt::format("'{}' is no way to a service; there are 'host:port', 'tcp://host:port', 'unix:/path' and "
                      "\"echo:\"",
                      shown(text, 80))};
    }
    address = text.substr(scheme + 3);
  }
  if (address.find('/') != std::string_view::npos) {
    return Wrong{fmt::format("'{}' has a path in it; a service has a host and a port only", shown(text, 80))};
  }
  if (!address.empty() && address.find_first_of(":.[") == std::string_view::npos) {
    return Wrong{
        fmt::format("'{0}' has no port; write '{0}:5900' (named services are not supported by this version of "
                    "bascule)",
                    shown(address, 80))};
  }
  const auto halves = cut_host_and_port(address);
  if (!halves) { return halves.error(); }
  const auto port = parse_port(halves->port, 1);
  if (!port) { return port.error(); }
  const auto authority = wire::http::parse_authority(halves->host);
  if (!authority) { return Wrong{fmt::format("'{}' is not a host name or an address", shown(halves->host, 80))}; }
  target.host = authority->host;
  // A dot at the end keeps the resolver from trying the machine's search domains.
  if (halves->host.ends_with('.')) { target.host += '.'; }
  target.port = *port;
  return target;
}

}  // namespace bascule::config
