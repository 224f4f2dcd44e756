// A record or a note as one line of text: for people at a terminal, or one JSON object for machines.
#pragma once

#include <string>

#include "proxy/observe/record.hpp"

namespace bascule::observe {

enum class Format : std::uint8_t { text, json };

// Without the line end. What came from outside is escaped in either format, so a line stays one line.
std::string line_of(const SessionRecord& record, Format format);
std::string line_of(const Note& note, Format format);

std::string iso_time(WallTime at);           // "2026-11-22T17:20:11.042Z"
std::string size_text(std::uint64_t bytes);  // "12.5 MiB"

}  // namespace bascule::observe
