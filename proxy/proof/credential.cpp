#include "proxy/proof/credential.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/base64.hpp"
#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/wire/http/characters.hpp"
#include "proxy/wire/http/parameters.hpp"

namespace bascule::proof {
namespace {

using wire::http::Field;
using wire::http::RequestHead;

// A credential, or the reason why what stands there is none.
using Read = Result<std::optional<std::string>, Disagreement>;

// "Scheme rest" of an Authorization field (RFC 9110, section 11.4).
struct Authorization {
  std::string_view scheme;
  std::string_view rest;
};

Authorization parse_authorization(std::string_view value) {
  const std::size_t end = std::min(value.find(' '), value.size());
  return {value.substr(0, end), trimmed(value.substr(end))};
}

// The one Authorization field; nullptr without one. Two of them are two visitors in one request.
Result<const std::string*, Disagreement> only_authorization(const RequestHead& head) {
  if (head.count("authorization") > 1) { return Disagreement{"Authorization is there twice"}; }
  return head.find("authorization");
}

// RFC 9110, section 11.2: what a bearer token is made of.
bool is_token68(std::string_view text) {
  const std::string_view body = text.substr(0, text.find_last_not_of('=') + 1);
  static constexpr std::string_view others = "-._~+/";
  return !body.empty() && std::all_of(body.begin(), body.end(), [](char c) {
    const char small = lower(c);
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
  });
}

Read read_bearer(const RequestHead& head) {
  const auto value = only_authorization(head);
  if (!value) { return value.error(); }
  if (*value == nullptr) { return std::optional<std::string>(); }
  const Authorization authorization = parse_authorization(**value);
  if (!same_ignoring_case(authorization.scheme, "bearer")) { return std::optional<std::string>(); }
  if (!is_token68(authorization.rest)) {
    return Disagreement{"what stands behind 'Bearer' in Authorization is no token (RFC 6750, section 2.1)"};
  }
  return std::optional(std::string(authorization.rest));
}

// The part of an offered subprotocol behind "NAME."; empty where it is another subprotocol. Case does not count: a
// credential that is misspelt must not be taken for a subprotocol and shown to anybody.
std::optional<std::string_view> behind_prefix(std::string_view offered, std::string_view name) {
  if (offered.size() <= name.size() || offered[name.size()] != '.') { return std::nullopt; }
  if (!same_ignoring_case(offered.substr(0, name.size()), name)) { return std::nullopt; }
  return offered.substr(name.size() + 1);
}

using Values = std::vector<std::string>;

Values header_values(const RequestHead& head, std::string_view name) {
  Values values;
  for (const Field& field : head.fields) {
    if (field.name == name) { values.push_back(field.value); }
  }
  return values;
}

Result<Values, Disagreement> subprotocol_values(const RequestHead& head, std::string_view name) {
  Values values;
  for (const std::string& list : header_values(head, "sec-websocket-protocol")) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const auto encoded = behind_prefix(trimmed(rest.substr(0, comma)), name);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      if (!encoded) { continue; }
      auto decoded = base64url_decoded(*encoded);
      if (!decoded) { return Disagreement{fmt::format("what stands behind '{}.' is no base64url", name)}; }
      values.push_back(std::move(*decoded));
    }
  }
  return values;
}

// Everything that stands in this place; empty texts are no credentials, the caller leaves them out.
Result<Values, Disagreement> values_in(const CredentialPlace& place, const Presented& presented) {
  using In = CredentialPlace::In;
  switch (place.in) {
    case In::authorization: {
      const Read bearer = read_bearer(*presented.head);
      if (!bearer) { return bearer.error(); }
      return *bearer ? Values{**bearer} : Values{};
    }
    case In::header: return header_values(*presented.head, place.name);
    case In::cookie: return wire::http::cookies(*presented.head, place.name);
    case In::query: return wire::http::query_parameters(presented.query, place.name);
    case In::subprotocol: return subprotocol_values(*presented.head, place.name);
  }
  return Values{};
}

}  // namespace

std::string CredentialPlace::text() const {
  switch (in) {
    case In::authorization: return "Authorization";
    case In::header: return fmt::format("header '{}'", shown(name));
    case In::cookie: return fmt::format("cookie '{}'", shown(name));
    case In::query: return fmt::format("query parameter '{}'", shown(name));
    case In::subprotocol: return fmt::format("subprotocol '{}.'", shown(name));
  }
  return {};
}

Result<std::optional<std::string>, Disagreement> find_credential(const std::vector<CredentialPlace>& places,
                                                                 const Presented& presented) {
  std::optional<std::string> found;
  const CredentialPlace* found_in = nullptr;
  for (const CredentialPlace& place : places) {
    auto values = values_in(place, presented);
    if (!values) { return values.error(); }
    for (std::string& value : *values) {
      if (value.empty()) { continue; }
      if (found && *found != value) {
        return Disagreement{found_in == &place ? fmt::format("two credentials that differ in {}", place.text())
                                               : fmt::format("two credentials that differ, in {} and in {}",
                                                             found_in->text(), place.text())};
      }
      if (!found) {
        found = std::move(value);
        found_in = &place;
      }
    }
  }
  return found;
}

Result<std::optional<UserPassword>, MalformedBasic> find_basic(const RequestHead& head) {
  const auto value = only_authorization(head);
  if (!value) { return MalformedBasic{value.error().why}; }
  if (*value == nullptr) { return std::optional<UserPassword>(); }
  const Authorization authorization = parse_authorization(**value);
  if (!same_ignoring_case(authorization.scheme, "basic")) { return std::optional<UserPassword>(); }
  if (authorization.rest.size() > basic_bytes_max) { return MalformedBasic{"Basic credentials of more than 4 KiB"}; }
  const auto decoded = base64_decoded(authorization.rest);
  if (!decoded) { return MalformedBasic{"Basic credentials that are no base64"}; }
  // RFC 7617, section 2: the first colon parts them, and a user has none; section 2.1: UTF-8, as our challenge says.
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) { return MalformedBasic{"Basic credentials without a colon"}; }
  if (colon == 0) { return MalformedBasic{"Basic credentials without a user"}; }
  if (!is_clean_text(*decoded)) {
    return MalformedBasic{"Basic credentials with control characters in them, or not in UTF-8"};
  }
  return std::optional(UserPassword{decoded->substr(0, colon), decoded->substr(colon + 1)});
}

bool is_credential(std::string_view offered_subprotocol, const std::vector<CredentialPlace>& places) {
  return std::any_of(places.begin(), places.end(), [&](const CredentialPlace& place) {
    return place.in == CredentialPlace::In::subprotocol && behind_prefix(offered_subprotocol, place.name).has_value();
  });
}

}  // namespace bascule::proof
