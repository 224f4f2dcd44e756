// JSON of strangers (RFC 8259): tokens, key sets. Read into a plain tree that nothing is left to be careful with: no
// member twice, shallow enough for recursion, all of it UTF-8, every number finite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::proof {

struct Json {
  enum class Kind : std::uint8_t { null, yes_or_no, number, text, list, object };
  Kind kind = Kind::null;
  std::string text{};                // of a text; of a number or yes_or_no as it was written
  std::vector<std::string> names{};  // of an object's members, in the order of
  std::vector<Json> items{};         // their values, or those of a list

  bool is(Kind other) const { return kind == other; }
  // Null: this is no object, or has no such member.
  const Json* find(std::string_view name) const;
};

inline constexpr std::size_t json_depth_max = 32;  // lists and objects within each other

// Empty: it is no JSON, or more than we take.
std::optional<Json> read_json(std::string_view text, std::size_t bytes_max);

}  // namespace bascule::proof
