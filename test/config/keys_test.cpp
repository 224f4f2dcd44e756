#include "proxy/config/keys.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace bascule::config {
namespace {

TEST(Keys, StandInTheTableOnce) {
  std::set<std::string> paths;
  for (const Key& key : keys()) { EXPECT_TRUE(paths.insert(path_of(key)).second) << path_of(key); }
}

TEST(Keys, AreCalledByTheirPath) {
  EXPECT_EQ(path_of(*find_key(Section::top, "listen")), "listen");
  EXPECT_EQ(path_of(*find_key(Section::listen, "mode")), "listen[].mode");
  EXPECT_EQ(path_of(*find_key(Section::frames, "max")), "routes[].frames.max");
  EXPECT_EQ(path_of(*find_key(Section::proxy_protocol, "addresses")), "listen[].proxy_protocol.addresses");
  EXPECT_EQ(path_of(*find_key(Section::service, "balance")), "services.*.balance");
  EXPECT_EQ(path_of(*find_key(Section::service_health, "every")), "services.*.health.every");
  EXPECT_EQ(path_of(*find_key(Section::lookup, "key")), "routes[].to.lookup.key");
  EXPECT_EQ(path_of(*find_key(Section::match, "query")), "routes[].match.query");
  EXPECT_EQ(path_of(*find_key(Section::allow, "users")), "routes[].allow[].users");
  EXPECT_EQ(path_of(*find_key(Section::process, "watch")), "process.watch");
  EXPECT_EQ(find_key(Section::frames, "listen"), nullptr);
}

TEST(Suggestion, FindsWhatWasProbablyMeant) {
  EXPECT_EQ(suggestion(Section::route, "orgins"), "; did you mean 'origins'?");
  EXPECT_EQ(suggestion(Section::route, "Path"), "; did you mean 'path'?");
  EXPECT_EQ(suggestion(Section::route, "subprotocol"), "; did you mean 'subprotocols'?");
  EXPECT_EQ(suggestion(Section::route, "half_closed"), "");
  EXPECT_EQ(suggestion(Section::timeouts, "half-close"), "; did you mean 'half_close'?");
  EXPECT_EQ(suggestion(Section::top, "route"), "; did you mean 'routes'?");
}

TEST(Suggestion, KnowsTheWordsOfOthers) {
  EXPECT_EQ(suggestion(Section::route, "upstream"), "; did you mean 'to'?");
  EXPECT_EQ(suggestion(Section::top, "bind"), "; did you mean 'listen'?");
}

TEST(Suggestion, SaysWhereAKeyBelongs) {
  EXPECT_EQ(suggestion(Section::route, "connect"), "; it is a key of 'timeouts'");
  EXPECT_EQ(suggestion(Section::top, "tls"), "; it is a key of a listener");
}

TEST(Suggestion, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(suggestion(Section::route, "zebra"), "");
  EXPECT_EQ(suggestion(Section::route, ""), "");
  EXPECT_EQ(suggestion(Section::route, std::string(5000, 'x')), "");
}

}  // namespace
}  // namespace bascule::config
