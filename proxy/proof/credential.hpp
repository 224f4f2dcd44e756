// Where in a request a credential may stand, and finding it there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/base/result.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::proof {

struct Certificate;

// What a visitor brings: everything that a proof may look at. Borrowed.
struct Presented {
  const wire::http::RequestHead* head = nullptr;
  std::string_view host{};   // by which the route was chosen, with its port where that was written
  std::string_view path{};   // of the target, as written
  std::string_view query{};  // likewise
  std::string_view route{};  // the name of the one he has come to
  const std::vector<std::pair<std::string, std::string>>* captures = nullptr;  // of its path: "id" is "7"
  Address client{};                          // the visitor, as far as those in front of us are believed
  std::string_view own_origin{};             // "https://desk.example.org": ours, as his browser sees it
  const Certificate* certificate = nullptr;  // of his; verified by whoever ended his TLS
};

struct CredentialPlace {
  enum class In : std::uint8_t {
    authorization,  // "Authorization: Bearer ..." (RFC 6750, section 2.1); `name` is empty
    header,         // the whole of a field of that (lower case) name
    cookie,
    query,
    subprotocol,  // "NAME.<base64url of the credential>" among those offered; `name` is usually "bearer"
  };
  In in = In::authorization;
  std::string name{};
  std::string text() const;  // "query parameter 'token'": for people
  friend bool operator==(const CredentialPlace&, const CredentialPlace&) = default;
};

// Somebody brings two credentials for one proof, and they are not the same; or one that cannot be read.
struct Disagreement {
  std::string why;  // names the places, never what stands there
};

// The credential that stands in any of these places; empty where there is none in any. Every place is looked at, and
// every field, cookie, parameter and subprotocol of that name: what stands there twice must say the same, except that
// two Authorization fields are always one too many. An empty text is no credential. A Bearer without a token68, or a
// subprotocol that is no base64url, cannot be read. However long it is, it is given as it is: who judges it has a
// limit.
Result<std::optional<std::string>, Disagreement> find_credential(const std::vector<CredentialPlace>& places,
                                                                 const Presented& presented);

inline constexpr std::size_t credential_bytes_max = std::size_t{8} * 1024;  // more than this is nobody's

// User and password of "Authorization: Basic ..." (RFC 7617): base64, UTF-8, a colon, no control characters, a user,
// and at most basic_bytes_max of base64. Two Authorization fields are malformed whatever they say.
inline constexpr std::size_t basic_bytes_max = std::size_t{4} * 1024;
struct UserPassword {
  std::string user;
  std::string password;
};
struct MalformedBasic {
  std::string why;
};
// Empty where no such field was sent; one of another scheme (Bearer) is none.
Result<std::optional<UserPassword>, MalformedBasic> find_basic(const wire::http::RequestHead& head);

// "bearer.<...>" is a credential and no subprotocol: it is not chosen, not answered, not printed.
bool is_credential(std::string_view offered_subprotocol, const std::vector<CredentialPlace>& places);

}  // namespace bascule::proof
