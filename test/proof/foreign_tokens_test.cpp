// Tokens that others made: Node's crypto and Debian's python3-jwt. They sign with the clock and with keys of their own,
// so nothing here is the same twice.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "proxy/proof/jwt.hpp"
#include "proxy/proof/key_set.hpp"

namespace bascule::proof {
namespace {

using testing::ElementsAre;

struct Minted {
  std::string name;
  Algorithm algorithm;
  KeySet keys;
  std::string token;
};

// What a command prints. Empty: it could not be run, or did not get to its end.
std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) { return {}; }
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) { output.push_back(static_cast<char>(c)); }
  return pclose(pipe) == 0 ? output : std::string();
}

Minted minted(const nlohmann::json& line) {
  const Algorithm algorithm = algorithm_called(line.at("algorithm").get<std::string>()).value();
  const auto keys = line.contains("jwks") ? KeySet::from_jwks(line.at("jwks").dump(), {})
                                          : KeySet::from_secret(line.at("secret").get<std::string>(), {algorithm});
  EXPECT_TRUE(keys) << line.at("name") << ": " << (keys ? "" : keys.error().why);
  return {line.at("name"), algorithm, keys ? *keys : KeySet(), line.at("token")};
}

std::vector<Minted> minted_by(const std::string& command, const std::string& packages) {
  const std::string output = output_of(command);
  EXPECT_NE(output, "") << command << " did not work; does it have what it needs? apt-get install " << packages;
  std::vector<Minted> all;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) { all.push_back(minted(nlohmann::json::parse(line))); }
  return all;
}

void expect_each_with_its_own_key_only(const std::vector<Minted>& all) {
  const WallTime now = std::chrono::system_clock::now();
  const JwtRule rule{.issuers = {"https://portal.example"}, .audiences = {"bascule"}};
  ASSERT_EQ(all.size(), 6U);
  for (const Minted& each : all) {
    const auto result = verify_jwt(each.token, each.keys, rule, now);
    const auto* bad = std::get_if<BadToken>(&result);
    const auto* good = std::get_if<JwtClaims>(&result);
    ASSERT_NE(good, nullptr) << each.name << ": " << (bad == nullptr ? "unknown key" : bad->why);
    EXPECT_THAT(good->claims.at("sub"), ElementsAre("ada")) << each.name;
    EXPECT_THAT(good->claims.at("realm_access.roles"), ElementsAre("staff", "ops")) << each.name;
    for (const Minted& other : all) {
      const bool verified = std::holds_alternative<JwtClaims>(verify_jwt(each.token, other.keys, rule, now));
      EXPECT_EQ(verified, &each == &other) << each.name << " with the key of " << other.name;
    }
  }
}

TEST(ForeignTokens, OfPythonVerify) {
  expect_each_with_its_own_key_only(
      minted_by("/usr/bin/python3 -B " BASCULE_MINTS "/mint_tokens.py", "python3-jwt python3-cryptography"));
}

TEST(ForeignTokens, OfNodeVerify) {
  expect_each_with_its_own_key_only(minted_by("node " BASCULE_MINTS "/mint_tokens.mjs", "nodejs"));
}

}  // namespace
}  // namespace bascule::proof
