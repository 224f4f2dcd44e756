#include "proxy/proof/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bascule::proof {
namespace {

using testing::ElementsAre;

constexpr std::size_t plenty = 1'000'000;

TEST(Json, IsReadIntoAPlainTree) {
  const auto json = read_json(R"( {"b":"\u0041\n","a":[1,-2.50,1e3,true,false,null,{}]} )", plenty);
  ASSERT_TRUE(json);
  EXPECT_TRUE(json->is(Json::Kind::object));
  EXPECT_THAT(json->names, ElementsAre("b", "a"));
  EXPECT_EQ(json->find("b")->text, "A\n");
  EXPECT_EQ(json->find("c"), nullptr);
  EXPECT_EQ(json->find("a")->find("a"), nullptr);
  std::vector<std::string> texts;
  std::vector<Json::Kind> kinds;
  for (const Json& item : json->find("a")->items) {
    texts.push_back(item.text);
    kinds.push_back(item.kind);
  }
  EXPECT_THAT(texts, ElementsAre("1", "-2.50", "1e3", "true", "false", "", ""));
  using enum Json::Kind;
  EXPECT_THAT(kinds, ElementsAre(number, number, number, yes_or_no, yes_or_no, null, object));
}

TEST(Json, KeepsNumbersAsTheyWereWritten) {
  for (const std::string text : {"0", "-7", "18446744073709551615", "18446744073709551616", "-9223372036854775809",
                                 "1.0", "1E+2", "0.1e-3", "1e-400"}) {
    const auto json = read_json(text, plenty);
    ASSERT_TRUE(json) << text;
    EXPECT_TRUE(json->is(Json::Kind::number)) << text;
    EXPECT_EQ(json->text, text);
  }
}

TEST(Json, NestsAsDeepAsItsLimitAndNoDeeper) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(read_json(nested(json_depth_max), plenty));
  EXPECT_FALSE(read_json(nested(json_depth_max + 1), plenty));
  EXPECT_FALSE(read_json(nested(100'000), plenty));
  EXPECT_FALSE(read_json(std::string(100'000, '['), plenty));
}

TEST(Json, HasALimit) {
  EXPECT_TRUE(read_json("[]", 2));
  EXPECT_FALSE(read_json("[] ", 2));
}

TEST(Json, RefusesWhatIsNoJsonOrMayMeanTwoThings) {
  const std::vector<std::string> texts{
      "",
      " ",
      "[1,]",
      "{\"a\":1,}",
      "{a:1}",
      "['a']",
      "[1] 2",
      "// a\n1",
      "[NaN]",
      "[1e400]",
      "[-1e400]",
      "[01]",
      "[1.]",
      "[.5]",
      "[+1]",
      "[0x1]",
      "[\"\t\"]",
      "[\"\\x\"]",
      "[\"\\ud800\"]",
      "[\"\xff\"]",
      "[\"\xc0\x80\"]",
      "[\"\xed\xa0\x80\"]",
      "[\"\xf4\x90\x80\x80\"]",
      "{\"a\":1,\"a\":1}",
      "{\"a\":1,\"\\u0061\":1}",
      "[{\"a\":1,\"b\":{},\"a\":1}]",
      std::string("1\0", 2),
      std::string("{}\0{}", 5),
      std::string("[\"\0\"]", 5),
  };
  for (const std::string& text : texts) { EXPECT_FALSE(read_json(text, plenty)) << testing::PrintToString(text); }
  EXPECT_TRUE(read_json(R"([{"a":1},{"a":{"a":1}}])", plenty));
}

}  // namespace
}  // namespace bascule::proof
