#include "proxy/policy/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "test/policy/house.hpp"

namespace bascule::policy {
namespace {

using test::words;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Words, KnowsWhatIsSpokenAndWhatIsPlain) {
  EXPECT_TRUE(words("desk-{path.id}.lan").spoken());
  EXPECT_TRUE(words("{user}").spoken());
  EXPECT_FALSE(words("desk.lan").spoken());
  EXPECT_FALSE(Words::plain("a{b}c").spoken());
  EXPECT_EQ(words("desk-{path.id}.lan").text(), "desk-{path.id}.lan");
  EXPECT_EQ(words("{user}"), words("{user}"));
  EXPECT_FALSE(words("{user}") == words("{host}"));
}

TEST(Words, NamesTheCapturesThatItNeeds) {
  EXPECT_THAT(words("{path.a}-{query.b}-{path.c}").captures(), ElementsAre("a", "c"));
  EXPECT_THAT(words("{user}").captures(), ElementsAre());
}

TEST(Words, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows{
      {"", "empty"},
      {"{", "'{' without '}'"},
      {"}", "'}' without '{'"},
      {"a{b", "'{' without '}'"},
      {"{a{b}}", "'{' without '}'"},
      {"{}", "is no word"},
      {"{id}", "'{id}' is no word; there are {path.x}"},
      {"{path}", "'{path}' lacks a name: '{path.x}'"},
      {"{path.}", "lacks a name"},
      {"{client}", "is no word"},
      {"{client.port}", "is no word"},
      {"{Host}", "is no word"},
      {"{header.a b}", "cannot be the name of a header"},
      {"{cookie.a;b}", "cannot be the name of a cookie"},
      {"{claim}", "lacks a name"},
  };
  for (const auto& [text, wanted] : rows) {
    const auto parsed = Words::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.error().text, HasSubstr(wanted)) << text;
  }
}

// One request: /desk/7?token=a%20b&empty= of ada at 192.0.2.7.
class Filling : public testing::Test {
 protected:
  std::optional<std::string> fill(std::string_view text, Words::Accepts accepts = nullptr) {
    const Spoken spoken{.head = &head_,
                        .target = &target_,
                        .captures = &captures_,
                        .host = "desk.example.org",
                        .user = "ada",
                        .client = &client_};
    missing_.clear();
    return words(text).fill(spoken, &missing_, accepts);
  }

  wire::http::RequestHead head_ = test::head("GET", "/desk/7?token=a%20b&empty=&token=second",
                                             {{"x-region", "eu"},
                                              {"x-empty", ""},
                                              {"x-twice", "visitor's"},
                                              {"x-twice", "proxy's"},
                                              {"cookie", "a=1; session=abc"}});
  wire::http::Target target_ = test::target(head_.target);
  std::vector<std::pair<std::string, std::string>> captures_{{"id", "7"}};
  Address client_ = test::ip("::ffff:192.0.2.7", 50000);
  std::string missing_;
};

TEST_F(Filling, PutsInWhatTheVisitorSaid) {
  EXPECT_EQ(fill("desk-{path.id}.lan"), "desk-7.lan");
  EXPECT_EQ(fill("{query.token}"), "a b");
  EXPECT_EQ(fill("{header.X-Region}/{cookie.session}"), "eu/abc");
  EXPECT_EQ(fill("{user}@{host} from {client.address}"), "ada@desk.example.org from 192.0.2.7");
  EXPECT_EQ(fill("plain"), "plain");
}

TEST_F(Filling, IsEmptyWhereAWordWasNotSent) {
  for (const auto& [text, missing] : std::vector<std::pair<std::string, std::string>>{
           {"{path.other}", "path.other"},
           {"{query.empty}", "query.empty"},
           {"{query.other}", "query.other"},
           {"{header.x-empty}", "header.x-empty"},
           {"{header.x-none}", "header.x-none"},
           {"{cookie.other}", "cookie.other"},
       }) {
    EXPECT_EQ(fill("x" + text), std::nullopt) << text;
    EXPECT_EQ(missing_, missing);
  }
}

// A visitor may send a field that a proxy then adds once more: nobody can tell whose is whose.
TEST_F(Filling, TakesNoFieldThatWasSentTwice) {
  EXPECT_EQ(fill("{header.x-twice}"), std::nullopt);
}

TEST_F(Filling, HasNoUserAndNoAddressWhereNobodyKnowsThem) {
  const Address unknown;
  const Spoken spoken{
      .head = &head_, .target = &target_, .captures = &captures_, .host = {}, .user = {}, .client = &unknown};
  for (const char* text : {"{user}", "{client.address}", "{host}"}) {
    EXPECT_EQ(words(text).fill(spoken), std::nullopt) << text;
  }
}

// What is put in is never read again.
TEST_F(Filling, DoesNotFillWhatAVisitorSaid) {
  captures_[0].second = "{user}";
  EXPECT_EQ(fill("{path.id}"), "{user}");
}

TEST_F(Filling, AsksWhetherAWordIsAccepted) {
  const auto only_seven = [](std::string_view word) { return word == "7"; };
  EXPECT_EQ(fill("literal-{path.id}", only_seven), "literal-7");
  EXPECT_EQ(fill("{user}", only_seven), std::nullopt);
  EXPECT_EQ(missing_, "user");
}

}  // namespace
}  // namespace bascule::policy
