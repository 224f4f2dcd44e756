// Refusals of late, found by what the visitor was told to quote.
#include "proxy/observe/refusals.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bascule::observe {
namespace {

SessionRecord refused(const std::string& reference) {
  SessionRecord record;
  record.reference = reference;
  record.detail = "detail of " + reference;
  return record;
}

TEST(Refusals, AreFoundByTheirReference) {
  Refusals refusals;
  refusals.add(refused("a"));
  refusals.add(refused("b"));
  const auto found = refusals.find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->detail, "detail of a");
  EXPECT_FALSE(refusals.find("c"));
  EXPECT_FALSE(refusals.find(""));
}

TEST(Refusals, AreKeptUpToABoundTheOldestGoFirst) {
  Refusals refusals;
  for (std::size_t i = 0; i <= Refusals::kept_max; ++i) { refusals.add(refused(std::to_string(i))); }
  EXPECT_FALSE(refusals.find("0"));
  EXPECT_TRUE(refusals.find("1"));
  EXPECT_TRUE(refusals.find(std::to_string(Refusals::kept_max)));
}

}  // namespace
}  // namespace bascule::observe
