// Where to listen, where to go, and who somebody may be: addresses with ports, paths of Unix sockets, networks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/base/address.hpp"
#include "proxy/base/network.hpp"
#include "proxy/config/parsed.hpp"
#include "proxy/policy/endpoint.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

// Where to listen: "127.0.0.1:6080", "[::1]:6080", ":6080" for all addresses, "unix:/run/bascule.sock".
Parsed<Address> parse_listen_address(std::string_view text);

// "10.0.0.0/8", "2001:db8::/32", "192.0.2.7".
Parsed<Network> parse_network(std::string_view text);

// One address of a service: "broker:61613", "tcp://broker:61613", "tls://broker:61614", "[::1]:5900",
// "unix:/run/x.sock".
Parsed<policy::Endpoint> parse_endpoint(std::string_view text);

// How such an address says that its service is come to; an address made from the visitor's words may say it, too.
enum class Transport : std::uint8_t { unsaid, tcp, tls };
Transport transport_of(std::string_view text);

struct ServiceName {
  std::string name;
};
using ServiceText = std::variant<policy::Endpoint, policy::EchoBack, ServiceName>;

// A `to` that is a text: an address, "echo:", or what may be the name of a service.
Parsed<ServiceText> parse_service(std::string_view text);

// "desk-{path.id}.lan:5900": an address with words of the visitor in it; "{target}": the one that an authorizer names.
Parsed<policy::MadeAddress> parse_made_address(std::string_view text);

}  // namespace bascule::config
