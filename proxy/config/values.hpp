// The words of the rules language, one function each: from what stands in the file to what it means, or to a sentence
// about what is wrong with it and how it is written right. No places and no YAML here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/address.hpp"
#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::config {

struct Wrong {
  std::string text;
};

template <typename T>
using Parsed = Result<T, Wrong>;

// "30s", "500ms", "10m", "24h"; "none" for no limit. At least 1ms, at most 8760h.
Parsed<Limit> parse_duration(std::string_view text);

// "64KiB", "1MiB", "1024B". `least` and `most` are bytes, both allowed.
Parsed<std::size_t> parse_size(std::string_view text, std::size_t least, std::size_t most);
std::string size_text(std::size_t bytes);  // "256KiB"

// "500"; "none" for no limit.
Parsed<std::optional<std::size_t>> parse_count(std::string_view text);

// Names of routes and listeners: they stand in logs and file names.
Parsed<std::string> parse_name(std::string_view text);

// Where to listen: "127.0.0.1:6080", "[::1]:6080", ":6080" for all addresses, "unix:/run/bascule.sock".
Parsed<Address> parse_listen_address(std::string_view text);

// "0660"
Parsed<unsigned> parse_mode(std::string_view text);

// A name or an address of `host`, as a HostRule holds it.
Parsed<std::string> parse_host(std::string_view text);

Parsed<policy::PathRule> parse_path(std::string_view text);

// One of `origins` that is none of its words.
Parsed<policy::Origin> parse_exact_origin(std::string_view text);

// Where to: "broker:61613", "tcp://broker:61613", "[::1]:5900", "unix:/run/x.sock", "echo:".
Parsed<policy::Target> parse_service(std::string_view text);

}  // namespace bascule::config
