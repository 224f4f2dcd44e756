#include "proxy/proof/jwt.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "proxy/base/base64.hpp"
#include "test/proof/minting.hpp"

namespace bascule::proof {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;
using enum Algorithm;
using enum Pair;

WallTime at(long long unix_seconds) {
  return WallTime(std::chrono::seconds(unix_seconds));
}
const WallTime now = at(1'700'000'000);
constexpr const char* good_payload = R"({"sub":"ada","exp":1700000600})";

// Empty: it is good.
std::string fault(const std::variant<JwtClaims, BadToken, UnknownKey>& result) {
  if (const auto* bad = std::get_if<BadToken>(&result)) { return bad->why; }
  if (const auto* unknown = std::get_if<UnknownKey>(&result)) { return fmt::format("unknown key '{}'", unknown->kid); }
  return {};
}
std::string fault(const std::string& token, const KeySet& keys, const JwtRule& rule = {}, WallTime when = now) {
  return fault(verify_jwt(token, keys, rule, when));
}

KeySet hs256() {
  return key_set(HS256, first);
}
std::string fault_of_header(const std::string& header) {
  return fault(token(HS256, first, header, good_payload), hs256());
}
std::string fault_of_payload(const std::string& payload, const JwtRule& rule = {}, WallTime when = now) {
  return fault(token(HS256, first, payload), hs256(), rule, when);
}

// --- the examples of the RFCs ---

struct Example {
  std::string_view name;
  std::string_view header;
  std::string_view signature;
  KeySet keys;
};

// RFC 7515, appendices A.1 to A.3: one payload, signed in three ways.
std::vector<Example> examples() {
  const auto of_jwks = [](std::string_view key) {
    return *KeySet::from_jwks(fmt::format(R"({{"keys":[{}]}})", key), {});
  };
  const auto secret =
      base64url_decoded("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  return {
      {"A.1", "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
       *KeySet::from_secret(*secret, {})},
      {"A.2", "eyJhbGciOiJSUzI1NiJ9",
       "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG"
       "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
       "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6"
       "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
       of_jwks(R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmf)"
               R"(HQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wG)"
               R"(zjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZ)"
               R"(lxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54)"
               R"(h4FRWyuXpoQ"})")},
      {"A.3", "eyJhbGciOiJFUzI1NiJ9",
       "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
       of_jwks(R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
               R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})")},
  };
}

TEST(Jwt, VerifiesTheExamplesOfItsRfc) {
  const std::string payload =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  for (const Example& example : examples()) {
    const std::string token = fmt::format("{}.{}.{}", example.header, payload, example.signature);
    const auto result = verify_jwt(token, example.keys, {.issuers = {"joe"}}, at(1'300'819'000));
    ASSERT_EQ(fault(result), "") << example.name;
    const auto& good = std::get<JwtClaims>(result);
    EXPECT_THAT(good.claims.at("iss"), ElementsAre("joe"));
    EXPECT_THAT(good.claims.at("exp"), ElementsAre("1300819380"));
    EXPECT_THAT(good.claims.at("http://example.com/is_root"), ElementsAre("true"));
    EXPECT_EQ(good.expires, at(1'300'819'380 + 30));
    EXPECT_EQ(fault(token, example.keys), "expired 4620 days ago");
    for (const Example& other : examples()) {
      EXPECT_EQ(fault(token, other.keys, {}, at(1'300'819'000)).empty(), example.name == other.name);
    }
  }
}

// --- the signature ---

TEST(Jwt, VerifiesTokensOfEveryAlgorithmWithItsOwnKeyAndNoOther) {
  for (const Algorithm algorithm : every_algorithm) {
    const std::string good = token(algorithm, first, good_payload);
    for (const Algorithm other : every_algorithm) {
      const std::string expected =
          algorithm == other ? std::string()
                             : fmt::format("signed with {}; the keys take {}", word_of(algorithm), word_of(other));
      EXPECT_EQ(fault(good, key_set(other, first)), expected);
    }
    EXPECT_EQ(fault(good, key_set(algorithm, second)), "its signature is wrong") << word_of(algorithm);
  }
}

// RFC 8725, section 2.1: the public key, which everybody has, as the secret of an HMAC; in each form it may have been
// used in.
TEST(Jwt, TakesNoPublicKeyForASecret) {
  const std::string header = R"({"alg":"HS256","typ":"JWT"})";
  const std::string text = fmt::format("{}.{}", base64url(header), base64url(good_payload));
  const auto as_rules_say = KeySet::from_pem(pem(RS256, first), {RS256, HS256});
  ASSERT_TRUE(as_rules_say);
  const std::string with_newline = pem(RS256, first);
  for (const std::string& known :
       {with_newline, with_newline.substr(0, with_newline.size() - 1), jwk(RS256, first), jwks({jwk(RS256, first)})}) {
    const std::string forged = fmt::format("{}.{}", text, base64url(hmac(HS256, known, text)));
    EXPECT_EQ(fault(forged, key_set(RS256, first)), "signed with HS256; the keys take RS256");
    EXPECT_EQ(fault(forged, *as_rules_say), "signed with HS256; the keys take RS256");
  }
}

TEST(Jwt, RefusesTwoHundredMutatedTokens) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  };
  constexpr std::string_view characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
  constexpr int tokens = 200;
  for (int i = 0; i < tokens; ++i) {
    const Algorithm algorithm = every_algorithm[below(every_algorithm.size())];
    const std::string good = token(algorithm, first, good_payload);
    ASSERT_EQ(fault(good, key_set(algorithm, first)), "");
    std::string mutated = good;
    const std::size_t where = below(good.size());
    const char c = characters[below(characters.size())];
    switch (below(4)) {
      case 0: mutated[where] = c; break;
      case 1: mutated.insert(where, 1, c); break;
      case 2: mutated.erase(where, 1); break;
      default: std::swap(mutated[where], mutated[below(good.size())]); break;
    }
    if (mutated == good) { mutated.push_back(c); }
    EXPECT_NE(fault(mutated, key_set(algorithm, first)), "") << "seed " << seed << ": " << mutated;
  }
}

TEST(Jwt, HasOneFormOnly) {
  for (const Algorithm algorithm : {RS256, ES256, EdDSA, HS256}) {
    const KeySet keys = key_set(algorithm, first);
    const std::string good = token(algorithm, first, good_payload);
    for (const std::string& other : {good + "=", good + "==", good + "\n", " " + good, good + ".", "." + good,
                                     good + std::string(1, '\0'), "Bearer " + good}) {
      EXPECT_NE(fault(other, keys), "") << other;
    }
    // The last character of each of these signatures has bits to spare. Were they not looked at, more than one
    // character would do.
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    int taken = 0;
    for (const char c : alphabet) { taken += fault(good.substr(0, good.size() - 1) + c, keys).empty() ? 1 : 0; }
    EXPECT_EQ(taken, 1) << word_of(algorithm);
  }
}

TEST(Jwt, IsRefusedInPieces) {
  const std::string good = token(HS256, first, good_payload);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_NE(fault(good.substr(0, cut), hs256()), "") << cut;
    if (cut > 0) { EXPECT_NE(fault(good.substr(cut), hs256()), "") << cut; }
  }
}

TEST(Jwt, SaysWhatItsShapeLacks) {
  struct Wrong {
    std::string token;
    std::string why;
  };
  const std::string header = base64url(R"({"alg":"HS256"})");
  const std::string payload = base64url(good_payload);
  const std::vector<Wrong> all{
      {"", "it has not three parts"},
      {"ada", "it has not three parts"},
      {header + "." + payload, "it has not three parts"},
      {header + "." + payload + ".AA.AA", "it has not three parts"},
      {header + "." + payload + ".AA.AA.AA", "it has not three parts"},
      {"..", "its header is no JSON object"},
      {header + "." + payload + ".", "its signature is no base64url"},
      {header + "." + payload + ".A", "its signature is no base64url"},
      {"e30=." + payload + ".AA", "its header is no base64url"},
      {base64url("{") + "." + payload + ".AA", "its header is no JSON object"},
      {base64url("[]") + "." + payload + ".AA", "its header is no JSON object"},
      {std::string(jwt_bytes_max + 1, 'A'), "more than 8192 bytes"},
      {std::string(1024 * 1024, 'A'), "more than 8192 bytes"},
      {header + "." + std::string(1024 * 1024, 'A') + ".AA", "more than 8192 bytes"},
  };
  for (const Wrong& wrong : all) { EXPECT_EQ(fault(wrong.token, hs256()), wrong.why) << wrong.token.substr(0, 100); }
  // What is signed, but not as JWTs are.
  const std::string text = header + ".{}";
  EXPECT_EQ(fault(text + "." + base64url(signature(HS256, first, text)), hs256()), "its payload is no base64url");
}

TEST(Jwt, IsTakenUpToItsLimit) {
  std::string padded = good_payload;
  while (token(HS256, first, padded).size() < jwt_bytes_max) { padded.insert(1, " "); }
  EXPECT_EQ(fault_of_payload(padded), "");
  EXPECT_EQ(fault_of_payload("    " + padded), "more than 8192 bytes");
}

// --- the header ---

TEST(Jwt, RefusesHeadersThatWantSomethingElse) {
  const std::string deep = std::string(1500, '[') + std::string(1500, ']');
  struct Wrong {
    std::string header;
    std::string why;
  };
  const std::vector<Wrong> all{
      {R"({"alg":"none"})", "signed with 'none'"},
      {R"({"alg":"NoNe"})", "signed with 'NoNe'"},
      {R"({"alg":""})", "signed with ''"},
      {R"({"alg":"hs256"})", "signed with 'hs256'"},
      {R"({"alg":"HS256\u0000"})", "signed with 'HS256\\x00'"},
      {R"({"alg":"HS384"})", "signed with HS384; the keys take HS256"},
      {R"({"alg":["HS256"]})", "'alg' in its header is no text"},
      {R"({"alg":null})", "'alg' in its header is no text"},
      {R"({})", "its header has no 'alg'"},
      {R"({"ALG":"HS256"})", "its header has no 'alg'"},
      {R"({"alg":"HS256","alg":"HS256"})", "its header is no JSON object"},
      {R"({"alg":"none","\u0061lg":"HS256"})", "its header is no JSON object"},
      {R"({"alg":"HS256","crit":["exp"],"exp":1})", "its header has 'crit'"},
      {R"({"alg":"HS256","crit":[]})", "its header has 'crit'"},
      {R"({"alg":"HS256","b64":false,"crit":["b64"]})", "its header has 'crit'"},
      {R"({"alg":"HS256","b64":false})", "its header has 'b64'"},
      {R"({"alg":"HS256","b64":true})", "its header has 'b64'"},
      {R"({"alg":"HS256","kid":7})", "'kid' in its header is no text"},
      {R"({"alg":"HS256","typ":7})", "'typ' in its header is no text"},
      {R"({"alg":"HS256","typ":"JOSE"})", "its type is 'JOSE', not JWT"},
      {R"({"alg":"HS256","typ":""})", "its type is '', not JWT"},
      {R"({"alg":"HS256","typ":"jwt\u001b[2J"})", "its type is 'jwt\\x1b[2J', not JWT"},
      {R"({"alg":"HS256","x":1e400})", "its header is no JSON object"},
      {"{\"alg\":\"HS256\",\"x\":\"\xff\"}", "its header is no JSON object"},
      {R"({"alg":"HS256"}{})", "its header is no JSON object"},
      {fmt::format(R"({{"alg":"HS256","x":{}}})", deep), "its header is no JSON object"},
  };
  for (const Wrong& wrong : all) { EXPECT_EQ(fault_of_header(wrong.header), wrong.why) << wrong.header.substr(0, 100); }
}

TEST(Jwt, TakesTheTypesOfJwts) {
  for (const std::string_view type :
       {"JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/jwt", "application/at+jwt"}) {
    EXPECT_EQ(fault_of_header(fmt::format(R"({{"alg":"HS256","typ":"{}"}})", type)), "") << type;
  }
  EXPECT_EQ(fault_of_header(R"({"alg":"HS256"})"), "");
}

// Keys that a token brings along, or says where to find, are keys of whoever made it.
TEST(Jwt, LooksAtNoKeyThatTheTokenNames) {
  const std::string own = jwk(RS256, second);
  const KeySet keys = key_set(RS256, first);
  for (const std::string& member :
       {fmt::format(R"("jwk":{})", own), std::string(R"("jku":"https://evil.example/jwks.json")"),
        std::string(R"("x5u":"https://evil.example/cert.pem")"), std::string(R"("x5c":["AAAA"],"x5t":"AAAA")")}) {
    const std::string header = fmt::format(R"({{"alg":"RS256",{}}})", member);
    EXPECT_EQ(fault(token(RS256, second, header, good_payload), keys), "its signature is wrong") << member;
    EXPECT_EQ(fault(token(RS256, first, header, good_payload), keys), "") << member;
  }
}

// --- the key's name ---

TEST(Jwt, TakesTheNameOfAKeyForANameOnly) {
  for (const std::string_view kid : {"../../dev/null", "/etc/passwd", "' OR 1=1 --", "| id", ""}) {
    const std::string header = fmt::format(R"({{"alg":"HS256","kid":"{}"}})", kid);
    EXPECT_EQ(fault(token(HS256, first, header, good_payload), hs256()), "") << kid;  // a secret has no name
    EXPECT_EQ(fault(token(HS256, second, header, good_payload), hs256()), "its signature is wrong") << kid;
  }
}

std::string with_kid(Algorithm algorithm, Pair pair, std::string_view kid) {
  return token(algorithm, pair, fmt::format(R"({{"alg":"{}","kid":"{}"}})", word_of(algorithm), kid), good_payload);
}

TEST(Jwt, AsksForAKeyThatMayBeThereByNow) {
  const auto set = KeySet::from_jwks(jwks({jwk(RS256, first, R"(,"kid":"a")"), jwk(ES256, first, R"(,"kid":"b")")}),
                                     {RS256, ES256, EdDSA});
  ASSERT_TRUE(set);
  EXPECT_EQ(fault(with_kid(RS256, first, "a"), *set), "");
  EXPECT_EQ(fault(with_kid(ES256, first, "b"), *set), "");
  EXPECT_EQ(fault(with_kid(RS256, second, "c"), *set), "unknown key 'c'");
  EXPECT_EQ(fault(with_kid(EdDSA, first, "d"), *set), "unknown key 'd'");
  EXPECT_EQ(fault(with_kid(RS256, first, "../../\\u001b[2J"), *set), "unknown key '../../\\x1b[2J'");
  EXPECT_LT(fault(with_kid(RS256, first, std::string(4000, 'k')), *set).size(), 100U);
  // Those it cannot have, whoever asks.
  EXPECT_EQ(fault(with_kid(RS256, second, "a"), *set), "its signature is wrong");
  EXPECT_EQ(fault(with_kid(RS256, first, "b"), *set), "no key 'b' takes RS256");
  EXPECT_EQ(fault(with_kid(ES384, first, "c"), *set), "signed with ES384; the keys take RS256, ES256");
  EXPECT_EQ(fault(with_kid(HS256, first, "c"), *set), "signed with HS256; the keys take RS256, ES256");
  EXPECT_EQ(fault(token(RS256, first, good_payload), *set), "");  // without a name all are tried
  EXPECT_EQ(fault(token(RS256, second, good_payload), *set), "its signature is wrong");
}

TEST(Jwt, TriesKeysWithoutANameBeforeItAsks) {
  const auto set = KeySet::from_jwks(jwks({jwk(RS256, first)}), {});
  ASSERT_TRUE(set);
  EXPECT_EQ(fault(with_kid(RS256, first, "c"), *set), "");
  EXPECT_EQ(fault(with_kid(RS256, second, "c"), *set), "unknown key 'c'");
  const auto of_file = KeySet::from_pem(pem(RS256, first), {});
  ASSERT_TRUE(of_file);
  EXPECT_EQ(fault(with_kid(RS256, first, "c"), *of_file), "");
  EXPECT_EQ(fault(with_kid(RS256, second, "c"), *of_file), "its signature is wrong");
}

TEST(Jwt, HasNoGoodKeyInASetThatWasNotReadYet) {
  EXPECT_EQ(fault(with_kid(RS256, first, "a"), KeySet()), "unknown key 'a'");
  EXPECT_EQ(fault(with_kid(HS256, first, "a"), KeySet()), "there are no keys");
  EXPECT_EQ(fault(token(RS256, first, good_payload), KeySet()), "there are no keys");
}

// --- the times ---

TEST(Jwt, IsGoodFromItsBeginningToItsEnd) {
  const std::string payload = R"({"nbf":1000,"exp":2000})";
  const JwtRule exact{.leeway = 0s};
  const JwtRule lenient{.leeway = 30s};
  EXPECT_EQ(fault_of_payload(payload, exact, at(999)), "not valid for another 1 second");
  EXPECT_EQ(fault_of_payload(payload, exact, at(1000)), "");
  EXPECT_EQ(fault_of_payload(payload, exact, at(1999)), "");
  EXPECT_EQ(fault_of_payload(payload, exact, at(2000)), "expired 0 seconds ago");
  EXPECT_EQ(fault_of_payload(payload, lenient, at(969)), "not valid for another 31 seconds");
  EXPECT_EQ(fault_of_payload(payload, lenient, at(970)), "");
  EXPECT_EQ(fault_of_payload(payload, lenient, at(2029)), "");
  EXPECT_EQ(fault_of_payload(payload, lenient, at(2030)), "expired 30 seconds ago");
}

TEST(Jwt, SaysHowLongItHasBeenOver) {
  EXPECT_EQ(fault_of_payload(R"({"exp":1700000000})", {}, at(1'700'000'330)), "expired 5 minutes ago");
  EXPECT_EQ(fault_of_payload(R"({"exp":1700000000})", {}, at(1'700'000'060)), "expired 1 minute ago");
  EXPECT_EQ(fault_of_payload(R"({"exp":1700000000})", {}, at(1'700'007'300)), "expired 2 hours ago");
  EXPECT_EQ(fault_of_payload(R"({"exp":1700000000})", {}, at(1'700'086'400)), "expired 1 day ago");
}

TEST(Jwt, TellsWhenItEnds) {
  struct Row {
    std::string exp;
    WallTime expires;
  };
  const std::vector<Row> rows{
      {"1700000600", at(1'700'000'630)},           {"1700000600.0", at(1'700'000'630)},
      {"1700000600.5", at(1'700'000'630) + 500ms}, {"1.7000006e9", at(1'700'000'630)},
      {"17000006E+2", at(1'700'000'630)},          {"9000000000", at(9'000'000'000)},
      {"253402300799", at(9'000'000'000)},  // the year 9999: later than our clock goes
      {"999999999999", at(9'000'000'000)},
  };
  for (const Row& row : rows) {
    const auto result = verify_jwt(token(HS256, first, fmt::format(R"({{"exp":{}}})", row.exp)), hs256(), {}, now);
    ASSERT_EQ(fault(result), "") << row.exp;
    EXPECT_EQ(std::get<JwtClaims>(result).expires, row.expires) << row.exp;
  }
}

TEST(Jwt, RefusesTimesThatAreNone) {
  struct Wrong {
    std::string payload;
    std::string why;
  };
  std::vector<Wrong> all{
      {R"({"sub":"ada"})", "it has no 'exp'"},
      {R"({"exp":1700000600,"exp":1700000600})", "its payload is no JSON object"},
      {R"({"nbf":1700000600,"exp":1700001600})", "not valid for another 10 minutes"},
      {R"({"nbf":999999999999,"exp":1700001600})", "not valid for another 84490 days"},
      {R"({"exp":0})", "expired 19675 days ago"},
      {R"({"exp":-0})", "expired 19675 days ago"},
      {R"({"exp":1e-3})", "expired 19675 days ago"},
  };
  for (const std::string_view name : {"exp", "nbf", "iat"}) {
    const std::string rest = name == "exp" ? "" : R"(,"exp":1700000600)";
    const auto add = [&](std::string_view value, std::string why) {
      all.push_back({fmt::format(R"({{"{}":{}{}}})", name, value, rest), std::move(why)});
    };
    for (const std::string_view value : {R"("1700000600")", "null", "true", "[1700000600]", "{}", R"("")"}) {
      add(value, fmt::format("'{}' is no number", name));
    }
    for (const std::string_view value : {"-1", "-1.5", "-1e300", "-9223372036854775808"}) {
      add(value, fmt::format("'{}' is negative", name));
    }
    for (const std::string_view value :
         {"1000000000000", "1700000600000", "9223372036854775807", "18446744073709551616", "1e300"}) {
      add(value, fmt::format("'{}' is out of range: milliseconds?", name));
    }
    add("1e-400", fmt::format("'{}' is out of range", name));
    for (const std::string_view value : {"1e400", "-1e400", "NaN", "Infinity", "0x10", "01", "1.", "+1", "1_000"}) {
      add(value, "its payload is no JSON object");
    }
  }
  for (const Wrong& wrong : all) { EXPECT_EQ(fault_of_payload(wrong.payload), wrong.why) << wrong.payload; }
}

TEST(Jwt, OverflowsNoClockWhateverTheLeeway) {
  EXPECT_EQ(fault_of_payload(R"({"nbf":5,"exp":999999999999})", {.leeway = std::chrono::seconds::max()}), "");
  EXPECT_EQ(fault_of_payload(R"({"exp":1})", {}, WallTime::max()), "expired 106751 days ago");
  EXPECT_EQ(fault_of_payload(R"({"exp":999999999999})", {}, WallTime::max()), "expired 2585 days ago");
  EXPECT_EQ(fault_of_payload(R"({"nbf":1,"exp":2})", {}, WallTime::min()), "not valid for another 106751 days");
}

// --- by whom and for whom ---

TEST(Jwt, ComesFromAnIssuerThatTheRulesName) {
  const JwtRule rule{.issuers = {"https://portal.example", "https://old.example"}};
  const auto issued_by = [&rule](std::string_view iss) {
    return fault_of_payload(fmt::format(R"({{"exp":1700000600,"iss":{}}})", iss), rule);
  };
  EXPECT_EQ(issued_by(R"("https://portal.example")"), "");
  EXPECT_EQ(issued_by(R"("https://old.example")"), "");
  EXPECT_EQ(issued_by(R"("https://portal.example/")"), "issued by 'https://portal.example/'");
  EXPECT_EQ(issued_by(R"("https://PORTAL.example")"), "issued by 'https://PORTAL.example'");
  EXPECT_EQ(issued_by(R"("")"), "issued by ''");
  EXPECT_EQ(issued_by(R"("a\r\nb")"), "issued by 'a\\x0d\\x0ab'");
  EXPECT_EQ(issued_by(R"(["https://portal.example"])"), "issued by ''");
  EXPECT_EQ(issued_by("7"), "issued by '7'");
  EXPECT_EQ(fault_of_payload(good_payload, rule), "it has no 'iss'");
}

TEST(Jwt, IsForAnAudienceThatTheRulesName) {
  const JwtRule rule{.audiences = {"bascule", "desk"}};
  const auto meant_for = [&rule](std::string_view aud) {
    return fault_of_payload(fmt::format(R"({{"exp":1700000600,"aud":{}}})", aud), rule);
  };
  EXPECT_EQ(meant_for(R"("bascule")"), "");
  EXPECT_EQ(meant_for(R"(["mail","desk"])"), "");
  EXPECT_EQ(meant_for(R"([7,{},"desk"])"), "");
  EXPECT_EQ(meant_for(R"("mail")"), "it is for 'mail'");
  EXPECT_EQ(meant_for(R"(["mail","bascule "])"), "it is for 'mail'");
  EXPECT_EQ(meant_for(R"([["bascule"]])"), "it is for ''");
  EXPECT_EQ(meant_for(R"({"bascule":"bascule"})"), "it is for 'bascule'");
  EXPECT_EQ(meant_for("[]"), "it is for ''");
  EXPECT_EQ(meant_for("null"), "it is for ''");
  EXPECT_EQ(fault_of_payload(good_payload, rule), "it has no 'aud'");
}

// --- claims ---

TEST(Jwt, FlattensItsClaims) {
  const auto claims = read_claims(
      R"({"sub":"ada","n":7,"big":123456789012345678901234567890,"f":1.50,"yes":true,"no":false,"none":null,)"
      R"("":"empty",)"
      R"("realm_access":{"roles":["staff","ops"],"more":{"deep":"x"},"hollow":{}},)"
      R"("list":["a",1,true,null,{"b":1},["c"]],)"
      R"("nobody":[],"https://example.org/team":"red","u":"\u00e4\ud83d\ude00"})",
      1000);
  ASSERT_TRUE(claims);
  const Claims expected{{"sub", {"ada"}},
                        {"n", {"7"}},
                        {"big", {"123456789012345678901234567890"}},
                        {"f", {"1.50"}},
                        {"yes", {"true"}},
                        {"no", {"false"}},
                        {"", {"empty"}},
                        {"realm_access.roles", {"staff", "ops"}},
                        {"realm_access.more.deep", {"x"}},
                        {"list", {"a", "1", "true"}},
                        {"nobody", {}},
                        {"https://example.org/team", {"red"}},
                        {"u", {"\xc3\xa4\xf0\x9f\x98\x80"}}};
  EXPECT_EQ(*claims, expected);
  EXPECT_THAT(read_claims("{}", 2).value(), IsEmpty());
}

TEST(Jwt, RefusesClaimsThatMayMeanTwoThings) {
  const std::string nested_31 = R"({"a":)" + std::string(31, '[') + std::string(31, ']') + "}";
  const std::string nested_32 = R"({"a":)" + std::string(32, '[') + std::string(32, ']') + "}";
  EXPECT_TRUE(read_claims(nested_31, 1000));
  const std::vector<std::string> texts{
      "",
      "[]",
      "null",
      R"("a")",
      "{} {}",
      R"({"a":1,"a":1})",
      R"({"a":1,"\u0061":2})",
      R"({"b":{"a":1,"a":2}})",
      R"({"a.b":1,"a":{"b":2}})",
      R"({"a":{"b":2},"a.b":null,"a.b":1})",
      R"({"a":1e400})",
      R"({"a":"\ud800"})",
      "{\"a\":\"\xed\xa0\x80\"}",
      "{\"a\":\"\xc0\x80\"}",
      "{\"a\":\"\n\"}",
      "{'a':1}",
      "{\"a\":1,}",
      "{\"a\":1}//",
      nested_32,
      std::string(100'000, '['),
      R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
      R"({"a":)" + std::string(900, '{'),
  };
  for (const std::string& text : texts) { EXPECT_FALSE(read_claims(text, 1'000'000)) << text.substr(0, 100); }
  EXPECT_FALSE(read_claims(R"({"a":1})", 6));
  EXPECT_TRUE(read_claims(R"({"a":1})", 7));
  EXPECT_EQ(fault_of_payload(R"({"exp":1700000600,"a.b":1,"a":{"b":2}})"), "two of its claims have one name");
}

// Looking for a name that is there twice must not compare each with each.
TEST(Jwt, ReadsAHundredThousandMembers) {
  std::string json = "{";
  for (int i = 0; i < 100'000; ++i) { json += fmt::format(R"("{}":0,)", i); }
  const auto claims = read_claims(json + R"("last":1})", json.size() + 100);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->size(), 100'001U);
}

// RFC 8725, section 3.3 and what follows: nobody's word counts before his signature does.
TEST(Jwt, TellsNothingOfWhatSomebodyElseSigned) {
  for (const std::string& payload : {std::string("{"), std::string(R"({"exp":1})"), std::string(R"({"exp":"x"})")}) {
    EXPECT_EQ(fault(token(HS256, second, payload), hs256()), "its signature is wrong") << payload;
  }
}

}  // namespace
}  // namespace bascule::proof
