// What stands outside of the rules files because it is secret, or because others make it: the content of a file or of
// an environment variable, or a sentence about why there is none. No sentence has a word of the content.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/config/parsed.hpp"

namespace bascule::config {

bool is_variable_name(std::string_view text);

// "'ticket.key'", "the variable 'TICKET_KEY'": how messages call it.
std::string file_called(std::string_view path);
std::string variable_called(std::string_view name);

// As it is, byte by byte. What is larger than `bytes_max` is refused.
Parsed<std::string> read_outside_file(const std::string& path, std::size_t bytes_max);
Parsed<std::string> read_variable(const std::string& name);

// "'ticket.key' is open to every user of this machine; ...", if it is.
std::optional<std::string> is_open_to_all(const std::string& path);

}  // namespace bascule::config
