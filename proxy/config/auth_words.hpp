// The words of `auth`: names of proofs, places of credentials, URLs that we ask, fingerprints.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "proxy/config/parsed.hpp"
#include "proxy/proof/credential.hpp"
#include "proxy/proof/proof.hpp"

namespace bascule::config {

// They stand in logs, and in the names of cookies.
Parsed<std::string> parse_proof_name(std::string_view text);

// A user as others name him: in a header, in a list. No control characters.
Parsed<std::string> parse_user(std::string_view text);

// "Staff": stands in quotes in a header.
Parsed<std::string> parse_realm(std::string_view text);

// One of {cookie: portal_session}, {query: token}, {subprotocol: bearer}, {header: x-token}.
Parsed<proof::CredentialPlace> parse_credential_place(std::string_view in, std::string_view name);

// The name of a field that an authorizer is shown, or answers with; in lower case.
Parsed<std::string> parse_passed_field(std::string_view text);
Parsed<std::string> parse_answer_field(std::string_view text);

// "https://portal.example.org/jwks.json", "http://127.0.0.1:9091/verify". `secure`: whether only https will do.
enum class Scheme : bool { https, http_or_https };
Parsed<proof::Url> parse_url(std::string_view text, Scheme scheme);

// The SHA-256 of a certificate, with colons or without, in upper or lower case.
Parsed<std::string> parse_fingerprint(std::string_view text);

// A time of whole seconds, at least one, at most `most`; `none` is not taken.
Parsed<std::chrono::seconds> parse_seconds(std::string_view text, std::chrono::seconds most);

}  // namespace bascule::config
