// Why something of ours cannot be used: a file that does not hold what it should.
#pragma once

#include <cstdint>
#include <string>

namespace bascule::tls {

struct Bad {
  enum class What : std::uint8_t { certificate, key, authorities, staple, ticket_key, options };
  What what = What::certificate;
  std::string why;  // for people; never repeats any of a key
};

}  // namespace bascule::tls
