#include "proxy/proof/session_cookie.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/base/base64.hpp"
#include "proxy/proof/ticket.hpp"

namespace bascule::proof {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<Secret> secrets{{"the secret of today", ""}, {"yesterday's", ""}};
const WallTime now{1'800'000'000s};
constexpr std::string_view taken = "(taken)";

Identity ada() {
  return {.user = "ada",
          .groups = {"support", "night shift"},
          .claims = {{"realm.roles", {"a", "b"}}, {"none", {}}, {"quote\"", {"\xc3\xa9"}}},
          .expires = now + 1h};
}

std::string fault_of(std::string_view value, std::string_view proof = "staff") {
  const auto content = read_session_cookie(value, proof, secrets, now);
  return content ? std::string(taken) : content.error().why;
}

TEST(SessionCookie, IsReadAsItWasMinted) {
  const auto content =
      read_session_cookie(mint_session_cookie("staff", ada(), "bond", secrets.front()), "staff", secrets, now);
  ASSERT_TRUE(content.ok()) << content.error().why;
  EXPECT_EQ(content->identity.user, "ada");
  EXPECT_THAT(content->identity.groups, ElementsAre("support", "night shift"));
  EXPECT_EQ(content->identity.claims, ada().claims);
  EXPECT_EQ(content->identity.expires, now + 1h);
  EXPECT_FALSE(content->identity.target);
  EXPECT_THAT(content->identity.by, IsEmpty());
}

TEST(SessionCookie, IsForOneProof) {
  const std::string value = mint_session_cookie("staff", ada(), "", secrets.front());
  EXPECT_EQ(fault_of(value, "staff"), taken);
  EXPECT_EQ(fault_of(value, "portal"), "the session cookie is of another proof");
  EXPECT_NE(fault_of(value, ""), taken);
}

TEST(SessionCookie, Ends) {
  Identity identity = ada();
  for (const auto& [end, expected] : std::vector<std::pair<std::chrono::seconds, std::string_view>>{
           {1s, taken}, {0s, "the session cookie is over"}, {-1s, "the session cookie is over"}}) {
    identity.expires = now + end;
    EXPECT_EQ(fault_of(mint_session_cookie("staff", identity, "", secrets.front())), expected);
  }
}

TEST(SessionCookie, IsTakenWithEachOfTheSecrets) {
  for (const Secret& secret : secrets) { EXPECT_EQ(fault_of(mint_session_cookie("staff", ada(), "", secret)), taken); }
  EXPECT_EQ(fault_of(mint_session_cookie("staff", ada(), "", Secret("another", ""))),
            "the session cookie is not signed with our secret");
}

TEST(SessionCookie, IsRefusedWithAnyOneByteChanged) {
  const std::string value = mint_session_cookie("staff", ada(), "bond", secrets.front());
  ASSERT_EQ(fault_of(value), taken);
  for (std::size_t at = 0; at < value.size(); ++at) {
    for (const char other : {'A', 'B', '.', '='}) {
      if (value[at] == other) { continue; }
      std::string changed = value;
      changed[at] = other;
      EXPECT_NE(fault_of(changed), taken) << "byte " << at << " as " << other;
    }
    EXPECT_NE(fault_of(value.substr(0, at)), taken) << "cut at " << at;
  }
  for (const std::string& odd : {std::string(), std::string("bc1"), std::string("bc1."), std::string("bc1.."),
                                 std::string(10'000, 'x'), std::string(10'000, '.'), value + "=", value + value}) {
    EXPECT_NE(fault_of(odd), taken);
  }
}

// The same secret may sign both, by an operator's mistake.
TEST(SessionCookie, IsNoTicketAndATicketIsNoCookie) {
  const std::string ticket = mint_ticket({.route = "staff", .expires = now + 30s}, secrets.front());
  EXPECT_NE(fault_of(ticket), taken);
  EXPECT_NE(fault_of("bc1" + ticket.substr(3)), taken);
  const std::string cookie = mint_session_cookie("staff", ada(), "", secrets.front());
  EXPECT_FALSE(read_ticket(cookie, secrets, 10h, now).ok());
  EXPECT_FALSE(read_ticket("bt1" + cookie.substr(3), secrets, 10h, now).ok());
}

TEST(SessionCookie, IsRefusedWhereWhatIsSignedIsOdd) {
  for (const std::string text :
       {"", "[]", "{}", R"({"proof":"staff"})", R"({"proof":"staff","exp":"1800000030"})", R"({"exp":1800000030})",
        R"({"proof":"staff","exp":-1})", R"({"proof":["staff"],"exp":1800000030})",
        R"({"proof":"staff","proof":"staff","exp":1800000030})", R"({"proof":"staff","exp":1e400})"}) {
    const std::string body = "bc1." + base64url(text);
    EXPECT_NE(fault_of(body + "." + base64url(hmac_sha256(secrets.front().bytes(), body))), taken) << text;
  }
}

TEST(SessionCookie, RestsOnItsBond) {
  const auto cookie_on = [](std::string_view bond, const Secret& secret) {
    const auto content = read_session_cookie(mint_session_cookie("staff", ada(), bond, secret), "staff", secrets, now);
    return content ? *content : CookieContent{};
  };
  for (const Secret& secret : secrets) {
    EXPECT_TRUE(bond_holds(cookie_on("$2y$04$abc", secret), "$2y$04$abc", secrets));
    EXPECT_FALSE(bond_holds(cookie_on("$2y$04$abc", secret), "$2y$04$abd", secrets));
    EXPECT_FALSE(bond_holds(cookie_on("$2y$04$abc", secret), "", secrets));
    EXPECT_FALSE(bond_holds(cookie_on("", secret), "$2y$04$abc", secrets));
    EXPECT_TRUE(bond_holds(cookie_on("", secret), "", secrets));
  }
}

TEST(SessionCookie, SaysNothingOfWhatItRestsOn) {
  const std::string value = mint_session_cookie("staff", ada(), "$2y$04$abcdef", secrets.front());
  const auto text = base64url_decoded(value.substr(4, value.rfind('.') - 4));
  ASSERT_TRUE(text);
  EXPECT_EQ(text->find("$2y$"), std::string::npos);
  EXPECT_EQ(text->find(base64url(sha256("$2y$04$abcdef"))), std::string::npos)
      << "nor a digest that anybody could guess";
}

TEST(SetCookie, IsBoundToTheHostAndKeptFromScripts) {
  EXPECT_EQ(session_cookie_name("staff"), "__Host-bascule-staff");
  EXPECT_EQ(set_cookie("staff", "bc1.a.b", 8h),
            "__Host-bascule-staff=bc1.a.b; Max-Age=28800; Path=/; Secure; HttpOnly; SameSite=Lax");
  EXPECT_EQ(clear_cookie("staff"), "__Host-bascule-staff=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
}

}  // namespace
}  // namespace bascule::proof
