#include "proxy/policy/rules.hpp"

#include <gtest/gtest.h>

namespace bascule::policy {
namespace {

TEST(Place, ReadsAsEditorsAndCompilersWriteIt) {
  EXPECT_EQ((Place{.file = "rules/web.yaml", .line = 12, .column = 5}).text(), "rules/web.yaml:12:5");
}

TEST(Place, IsTheFileAloneWhereThereIsNoLine) {
  EXPECT_EQ((Place{.file = "rules/web.yaml"}).text(), "rules/web.yaml");
}

TEST(Route, IsClosedUntilItIsOpened) {
  const Route route;
  EXPECT_EQ(route.host.kind, HostRule::Kind::addresses_and_localhost);
  EXPECT_TRUE(route.origins.same);
  EXPECT_TRUE(route.origins.missing);
  EXPECT_FALSE(route.origins.opaque);
  EXPECT_FALSE(route.origins.any);
  EXPECT_FALSE(route.session.frames.text_from_client);
}

}  // namespace
}  // namespace bascule::policy
