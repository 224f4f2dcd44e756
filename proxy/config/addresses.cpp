#include "proxy/config/addresses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/wire/http/authority.hpp"

namespace bascule::config {

namespace {

constexpr std::size_t unix_path_bytes_max = 107;  // sun_path of Linux, with its NUL
constexpr std::string_view unix_scheme = "unix:";
constexpr std::string_view tcp_scheme = "tcp://";
constexpr std::string_view tls_scheme = "tls://";
constexpr std::string_view target_word = "{target}";  // what an authorizer names

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool has_words(std::string_view text) {
  return text.find_first_of("{}") != std::string_view::npos;
}

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

// "10.0.0.1/8" as "10.0.0.0/8".
std::optional<std::string> without_bits_behind(const Address& address, unsigned prefix_bits) {
  auto octets = address.octets();
  for (std::size_t bit = prefix_bits; bit < octets.size() * 8; ++bit) {
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  const bool ipv4 = address.family() == Address::Family::ipv4;
  const Address base = ipv4 ? Address::ipv4({octets[0], octets[1], octets[2], octets[3]}, 0) : Address::ipv6(octets, 0);
  const auto network = Network::parse(fmt::format("{}/{}", base.host_text(), prefix_bits));
  return network ? std::optional(fmt::format("{}/{}", base.host_text(), prefix_bits)) : std::nullopt;
}

std::string_view without_transport(std::string_view text) {
  return transport_of(text) == Transport::unsaid ? text : text.substr(tcp_scheme.size());
}
static_assert(tcp_scheme.size() == tls_scheme.size());

std::size_t last_colon_outside_words(std::string_view text) {
  std::size_t colon = std::string_view::npos;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{') { in_word = true; }
    if (text[at] == '}') { in_word = false; }
    if (text[at] == ':' && !in_word) { colon = at; }
  }
  return colon;
}

// The text with something plain in place of each word: what else is wrong with it shows.
std::string with_words_as(std::string_view text, std::string_view plain) {
  std::string result;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    result += text.substr(0, open);
    if (open == text.size()) { break; }
    result += plain;
    text.remove_prefix(std::min(text.find('}', open), text.size() - 1) + 1);
  }
  return result;
}

Wrong with_a_path(std::string_view text) {
  return {fmt::format("'{}' has a path in it; a service has a host and a port only", shown(text, 80))};
}

}  // namespace

Parsed<Address> parse_listen_address(std::string_view text) {
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

Parsed<Network> parse_network(std::string_view text) {
  if (const auto network = Network::parse(text)) { return *network; }
  if (text == "any" || text == "*" || text == "all") {
    return Wrong{fmt::format("'{}' is no network; all addresses are 0.0.0.0/0 and \"::/0\"", text)};
  }
  if (text == "unix") { return Wrong{"'unix' is no network; here stand networks and IP addresses"}; }
  if (text == "localhost") { return Wrong{"'localhost' is a name; write 127.0.0.0/8 and \"::1\""}; }
  const std::size_t slash = text.find('/');
  const auto address = Address::parse_ip(text.substr(0, slash), 0);
  const std::string_view behind = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  if (!address) {
    return Wrong{
        fmt::format("'{}' is no network; write '10.0.0.0/8', '2001:db8::/32' or an address; names are not "
                    "looked up",
                    shown(text, 80))};
  }
  if (text.starts_with('[')) {
    return Wrong{fmt::format("'{}' is written without brackets: \"{}\"", shown(text, 80), address->host_text())};
  }
  const unsigned bits_max = address->family() == Address::Family::ipv4 ? 32 : 128;
  const auto bits = parse_decimal(behind, bits_max);
  const auto meant = bits ? without_bits_behind(*address, static_cast<unsigned>(*bits)) : std::nullopt;
  if (!meant) {
    return Wrong{fmt::format("'{}' needs the number of its bits behind the '/': 0 to {}", shown(text, 80), bits_max)};
  }
  return Wrong{fmt::format("'{}' has bits behind its first {}; is '{}' meant?", shown(text, 80), *bits, *meant)};
}

// --- services --------------------------------------------------------------------------------------------------------

Transport transport_of(std::string_view text) {
  return text.starts_with(tls_scheme)   ? Transport::tls
         : text.starts_with(tcp_scheme) ? Transport::tcp
                                        : Transport::unsaid;
}

Parsed<policy::Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with(unix_scheme)) {
    auto path = parse_unix_path(text.substr(unix_scheme.size()));
    if (!path) { return path.error(); }
    return policy::Endpoint{.kind = policy::Endpoint::Kind::unix_socket, .path = std::move(*path)};
  }
  const std::string_view address = without_transport(text);
  if (address.find("://") != std::string_view::npos) {
    return Wrong{
        fmt::format("'{}' is no way to a service; there are 'host:port', 'tcp://host:port', 'tls://host:port', "
                    "'unix:/path' and \"echo:\"",
                    shown(text, 80))};
  }
  if (address.find('/') != std::string_view::npos) { return with_a_path(text); }
  const auto halves = cut_host_and_port(address);
  if (!halves) { return halves.error(); }
  const auto port = parse_port(halves->port, 1);
  if (!port) { return port.error(); }
  auto endpoint = policy::parse_host_and_port(fmt::format("{}:{}", halves->host, *port));
  if (!endpoint) { return Wrong{fmt::format("'{}' is not a host name or an address", shown(halves->host, 80))}; }
  return std::move(*endpoint);
}

Parsed<ServiceText> parse_service(std::string_view text) {
  if (text == "echo:") { return ServiceText(policy::EchoBack()); }
  if (text == "echo") { return Wrong{"the built-in echo is written \"echo:\""}; }
  if (has_words(text)) {
    return Wrong{
        fmt::format("'{0}' is made from the visitor's words, so it needs the networks it may lead to; write "
                    "{{address: \"{0}\", within: [10.20.0.0/16]}}",
                    shown(text, 80))};
  }
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
    return Wrong{fmt::format("'{0}' is a port without a host; write '127.0.0.1:{0}'", shown(text, 20))};
  }
  if (!text.empty() && text.find_first_of(":./[") == std::string_view::npos) {
    return ServiceText(ServiceName{std::string(text)});
  }
  auto endpoint = parse_endpoint(text);
  if (!endpoint) { return endpoint.error(); }
  return ServiceText(std::move(*endpoint));
}

Parsed<policy::MadeAddress> parse_made_address(std::string_view text) {
  if (text == target_word) {
    return policy::MadeAddress{.host = {}, .port = {}, .by_authorizer = true, .written = std::string(text)};
  }
  if (text.find(target_word) != std::string_view::npos) {
    return Wrong{fmt::format("'{0}' is a whole address, 'host:port', and stands alone: \"{0}\"", target_word)};
  }
  if (text.starts_with(unix_scheme)) {
    return Wrong{"the path of a Unix socket is not made from a visitor's words; use 'lookup', with a table of sockets"};
  }
  text = without_transport(text);
  if (text.find('/') != std::string_view::npos) { return with_a_path(text); }
  const std::size_t colon = last_colon_outside_words(text);
  if (colon == std::string_view::npos) {
    return Wrong{fmt::format("'{}' has no port; write 'host:port'", shown(text, 80))};
  }
  const std::string_view host_text = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  // Words may stand for a name or a part of it, or for a number in an address.
  const auto fits = [&](std::string_view plain) {
    return wire::http::parse_authority(with_words_as(host_text, plain)).has_value();
  };
  if (host_text.empty() || !(fits("x") || fits("1"))) {
    return Wrong{fmt::format("'{}' is not a host name or an address", shown(host_text, 80))};
  }
  if (has_words(port_text)) {
    const std::string digits = with_words_as(port_text, "1");
    if (!std::all_of(digits.begin(), digits.end(), is_digit)) {
      return Wrong{fmt::format("'{}' is not a port number", shown(port_text, 40))};
    }
  } else if (const auto port = parse_port(port_text, 1); !port) {
    return port.error();
  }
  auto host = policy::Words::parse(host_text);
  if (!host) { return Wrong{host.error().text}; }
  auto port = policy::Words::parse(port_text);
  if (!port) { return Wrong{port.error().text}; }
  return policy::MadeAddress{.host = std::move(*host), .port = std::move(*port), .written = std::string(text)};
}

}  // namespace bascule::config
