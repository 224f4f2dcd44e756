// The floor: who is in the house, and what a refused visitor is told to quote.
#include "proxy/session/floor.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "test/support/bare_floor.hpp"

namespace bascule::session {
namespace {

class FloorTest : public testing::Test {
 protected:
  test::BareFloor bare_{100};
  net::Loop& loop_ = bare_.loop;
  Floor& floor_ = bare_.floor;
};

// Visitors go to the least loaded worker; with many health checks on one, it must not look full.
TEST_F(FloorTest, StaffIsNoLoad) {
  net::Waiter waiter(loop_);
  const Presence visitor(floor_, waiter, Floor::Is::visitor);
  EXPECT_EQ(floor_.load(), 1U);
  {
    net::Waiter checking(loop_);
    const Presence check(floor_, checking, Floor::Is::staff);
    EXPECT_EQ(floor_.load(), 1U);
  }
  EXPECT_EQ(floor_.load(), 1U);
}

TEST_F(FloorTest, ReferencesAreWordsThatNobodyMisreads) {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) { all.insert(floor_.next_reference()); }
  EXPECT_EQ(all.size(), 1000U);
  for (const std::string& reference : all) {
    EXPECT_EQ(reference.size(), 12U);
    EXPECT_EQ(reference.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos) << reference;
  }
}

}  // namespace
}  // namespace bascule::session
