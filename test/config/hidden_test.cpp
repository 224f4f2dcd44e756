#include "proxy/config/hidden.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/config/values.hpp"

namespace bascule::config {
namespace {

using Kind = policy::HostRule::Kind;

policy::Route at(std::string_view path, policy::HostRule host = {}, std::vector<std::string> listeners = {}) {
  policy::Route route;
  route.path = *parse_path(path);
  route.host = std::move(host);
  route.listeners = std::move(listeners);
  return route;
}

policy::HostRule exact(std::vector<std::string> names) {
  return {.kind = Kind::exact, .names = std::move(names)};
}
policy::HostRule any() {
  return {.kind = Kind::any};
}

struct Row {
  std::string_view earlier;
  std::string_view route;
  bool hidden;
};

TEST(Hides, ComparesPathsSegmentBySegment) {
  const std::vector<Row> rows{
      {"/vnc", "/vnc", true},
      {"/vnc", "/vnc/", false},
      {"/vnc", "/VNC", false},
      {"/a%20b", "/a b", true},
      {"/*", "/", true},
      {"/*", "/vnc", true},
      {"/*", "/a/b/c", true},
      {"/*", "/a/*", true},
      {"/*", "/*", true},
      {"/vnc", "/*", false},
      {"/vnc/*", "/vnc", false},
      {"/vnc/*", "/vnc/", true},
      {"/vnc/*", "/vnc/x", true},
      {"/vnc/*", "/*", false},
      {"/vnc/*", "/vnc/x/*", true},
      {"/vnc/x/*", "/vnc/*", false},
      {"/vnc/*", "/desk/x", false},
      {"/{a}", "/vnc", true},
      {"/{a}", "/{b}", true},
      {"/{a}", "/", false},
      {"/vnc", "/{a}", false},
      {"/{a}/x", "/b/x", true},
      {"/{a}/x", "/b/y", false},
      {"/{a}/*", "/b/y", true},
      {"/{a}/*", "/b", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(hides(at(row.earlier), at(row.route)), row.hidden) << row.earlier << " before " << row.route;
  }
}

TEST(Hides, ComparesHosts) {
  const auto hidden = [](const policy::HostRule& earlier, const policy::HostRule& later) {
    return hides(at("/*", earlier), at("/x", later));
  };
  EXPECT_TRUE(hidden(any(), any()));
  EXPECT_TRUE(hidden(any(), exact({"a.b"})));
  EXPECT_TRUE(hidden(any(), {}));
  EXPECT_TRUE(hidden({}, {}));
  EXPECT_TRUE(hidden({}, exact({"localhost", "192.0.2.7", "2001:db8::1"})));
  EXPECT_TRUE(hidden(exact({"a.b", "c.d"}), exact({"c.d"})));
  EXPECT_FALSE(hidden({}, any()));
  EXPECT_FALSE(hidden({}, exact({"localhost", "a.b"})));
  EXPECT_FALSE(hidden(exact({"a.b"}), {}));
  EXPECT_FALSE(hidden(exact({"a.b"}), any()));
  EXPECT_FALSE(hidden(exact({"c.d"}), exact({"a.b", "c.d"})));
}

TEST(Hides, ComparesListeners) {
  const auto hidden = [](std::vector<std::string> earlier, std::vector<std::string> later) {
    return hides(at("/*", {}, std::move(earlier)), at("/x", {}, std::move(later)));
  };
  EXPECT_TRUE(hidden({}, {}));
  EXPECT_TRUE(hidden({}, {"a"}));
  EXPECT_TRUE(hidden({"a", "b"}, {"a"}));
  EXPECT_FALSE(hidden({"a"}, {}));
  EXPECT_FALSE(hidden({"a"}, {"a", "b"}));
}

}  // namespace
}  // namespace bascule::config
