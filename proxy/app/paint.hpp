// Words in colour, at a terminal and nowhere else.
#pragma once

#include <string>
#include <string_view>

namespace bascule::app {

class Paint {
 public:
  enum class Colours { off, on };

  explicit Paint(Colours colours) : colours_(colours) {}

  // On for a terminal; off where the environment says NO_COLOR (https://no-color.org), or a terminal that has none.
  static Paint for_descriptor(int descriptor);

  std::string good(std::string_view text) const { return painted("32", text); }
  std::string bad(std::string_view text) const { return painted("31", text); }
  std::string risky(std::string_view text) const { return painted("33", text); }
  std::string strong(std::string_view text) const { return painted("1", text); }
  std::string faint(std::string_view text) const { return painted("2", text); }

 private:
  std::string painted(std::string_view code, std::string_view text) const;

  Colours colours_;
};

}  // namespace bascule::app
