#include "proxy/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace bascule {
namespace {

enum class Reason { too_small };

Result<std::unique_ptr<int>, Reason> boxed(int value) {
  if (value < 0) { return Reason::too_small; }
  return std::make_unique<int>(value);
}

TEST(Result, HoldsAValueThatOnlyMoves) {
  auto result = boxed(7);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(static_cast<bool>(result));
  const std::unique_ptr<int> value = std::move(*result);
  EXPECT_EQ(*value, 7);
}

TEST(Result, HoldsAReason) {
  const auto result = boxed(-1);
  ASSERT_FALSE(result.ok());
  EXPECT_FALSE(static_cast<bool>(result));
  EXPECT_EQ(result.error(), Reason::too_small);
}

TEST(Result, GivesItsValueToBeReadAndChanged) {
  Result<std::string, Reason> result = std::string("head");
  EXPECT_EQ(result->size(), 4U);
  *result += "er";
  EXPECT_EQ(*result, "header");
}

}  // namespace
}  // namespace bascule
