// JSON Web Tokens: nothing that anybody writes verifies with keys that he does not have, and what the owner of the
// secret signs is good only where it says so clearly.
//
// Input: a token. Or a header, a line end and a payload, which are then signed.
#include "proxy/proof/jwt.hpp"

#include <string>
#include <vector>

#include "proxy/base/base64.hpp"
#include "proxy/proof/secret.hpp"
#include "test/fuzz/fuzz.hpp"

namespace bascule::fuzz {
namespace {

using namespace proof;

constexpr WallTime now{std::chrono::seconds(1'700'000'000)};  // the examples of the RFCs are over
const std::string secret(32, 's');
const std::string other_secret(32, 'o');

// Of RFC 7515, appendices A.2 and A.3, and RFC 8037, appendix A, so that their examples get as far as the payload.
constexpr std::string_view jwks =
    R"({"keys":[{"kty":"RSA","kid":"r","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfH)"
    R"(Qp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kp)"
    R"(aSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-)"
    R"(DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},)"
    R"({"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
    R"({"kty":"EC","crv":"P-384","x":"CF7zGwW-Sm8JUvUbCjJjCBKdOIojtB2Ite2YM6uNuBxhISVE5Ok3s0jechZE_FEF",)"
    R"("y":"yoqJcGQwFpq0IsV3y1kxP8ruolKt-vaQxVU_QfMOp3PxAmN37COXWhtOdSDQ2pC-"},)"
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

const KeySet& public_keys() {
  static const KeySet keys = *KeySet::from_jwks(
      jwks, {Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512,
             Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA});
  return keys;
}

const KeySet& secret_keys(const std::string& of) {
  static const KeySet ours = *KeySet::from_secret(secret, {});
  static const KeySet others = *KeySet::from_secret(other_secret, {});
  return of == secret ? ours : others;
}

using Verified = std::variant<JwtClaims, BadToken, UnknownKey>;

void check_reason(const Verified& result) {
  const auto* bad = std::get_if<BadToken>(&result);
  const auto* unknown = std::get_if<UnknownKey>(&result);
  const std::string reason = bad != nullptr ? bad->why : unknown != nullptr ? unknown->kid : "";
  require_printable(reason, "a reason is safe to print");
  require(reason.size() <= 400, "a reason is short", reason);
  require(bad == nullptr || !reason.empty(), "a no has a reason");
}

// Somebody else's secret is the RFC's or none at all: he cannot have signed this.
void check_strangers(std::string_view token) {
  for (const KeySet* keys : {&public_keys(), &secret_keys(secret)}) {
    const Verified result = verify_jwt(token, *keys, {}, now);
    require(!std::holds_alternative<JwtClaims>(result), "nothing verifies that its owner has not signed", token);
    check_reason(result);
    require(keys == &public_keys() || !std::holds_alternative<UnknownKey>(result), "a secret has no other keys");
  }
}

void check_signed(std::string_view header, std::string_view payload) {
  const std::string text = base64url(header) + "." + base64url(payload);
  const std::string token = text + "." + base64url(hmac_sha256(secret, text));
  const Verified result = verify_jwt(token, secret_keys(secret), {}, now);
  check_reason(result);
  require(!std::holds_alternative<JwtClaims>(verify_jwt(token, secret_keys(other_secret), {}, now)),
          "another secret is another key");
  check_strangers(text + ".");
  const auto* good = std::get_if<JwtClaims>(&result);
  if (good == nullptr) { return; }
  require(token.size() <= jwt_bytes_max, "a token has a limit");
  require(good->expires > now, "what is good is not over");
  require(good->claims.contains("exp"), "what is good ends some day");
  require(header.find("HS256") != std::string_view::npos || header.find("\\u") != std::string_view::npos,
          "what is good says how it was signed", header);
  require(read_claims(payload, jwt_bytes_max) == good->claims, "claims are read in one way", payload);
  const JwtRule elsewhere{.issuers = {"https://nobody.example"}, .audiences = {"nobody"}};
  const bool names_nobody = payload.find("nobody") != std::string_view::npos ||  // or in other words
                            payload.find("\\u") != std::string_view::npos;
  require(names_nobody || std::holds_alternative<BadToken>(verify_jwt(token, secret_keys(secret), elsewhere, now)),
          "a token is for those whom it names", payload);
  require(std::holds_alternative<BadToken>(verify_jwt(token, secret_keys(secret), {}, good->expires)),
          "what is over is no good", payload);
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  std::string_view text = text_of(Bytes(data, size));
  fuzz::check_strangers(text);
  const std::string_view header = fuzz::take_line(text);
  fuzz::check_signed(header, text);
  return 0;
}
