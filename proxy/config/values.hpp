// The words of the rules language, one function each: from what stands in the file to what it means, or to a sentence
// about what is wrong with it and how it is written right. No places and no YAML here.
//
// Names, hosts and origins are declared here; numbers with units, addresses and paths have files of their own.
#pragma once

#include <string>
#include <string_view>

#include "proxy/config/addresses.hpp"
#include "proxy/config/parsed.hpp"
#include "proxy/config/paths.hpp"
#include "proxy/config/units.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

// Names of routes and listeners: they stand in logs and file names.
Parsed<std::string> parse_name(std::string_view text);

// Names of services: they are told from hosts by having neither a dot nor a port.
Parsed<std::string> parse_service_name(std::string_view text);

// "0660"
Parsed<unsigned> parse_mode(std::string_view text);

// "desk.example.org", or with `below` "*.example.org", of which `name` is "example.org".
struct HostName {
  std::string name;  // as a HostRule holds it
  bool below = false;
  friend bool operator==(const HostName&, const HostName&) = default;
};
Parsed<HostName> parse_host(std::string_view text);

// One of `origins` that is none of its words: "https://app.example.org", or with `below` "https://*.example.org".
struct PageOrigin {
  policy::Origin origin;
  bool below = false;
  friend bool operator==(const PageOrigin&, const PageOrigin&) = default;
};
Parsed<PageOrigin> parse_page_origin(std::string_view text);

// "https://desk.example.org:8443": under what the visitor's browser sees us. A slash may stand at its end.
Parsed<policy::Origin> parse_public_url(std::string_view text);

}  // namespace bascule::config
