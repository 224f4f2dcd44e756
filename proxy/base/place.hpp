// Where something that an operator wrote stands.
#pragma once

#include <string>

namespace bascule {

// "rules/web.yaml:12:5". Line and column count from 1; 0 means no place in a file. Two things that say the same are
// equal wherever they stand, so places are too.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
  std::string text() const;
  friend bool operator==(const Place&, const Place&) { return true; }
};

}  // namespace bascule
