#include "proxy/policy/refusal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace bascule::policy {
namespace {

struct Row {
  Refusal refusal;
  int status;
  std::string_view word;
};

// The statuses of the rules page ("How a request is judged"). The words are in logs that people search: none changes.
const std::vector<Row> rows{
    {Refusal::address_not_welcome, 0, "address_not_welcome"},
    {Refusal::bad_proxy_header, 0, "bad_proxy_header"},
    {Refusal::malformed_head, 400, "malformed_head"},
    {Refusal::target_too_long, 414, "target_too_long"},
    {Refusal::head_too_large, 431, "head_too_large"},
    {Refusal::head_too_slow, 408, "head_too_slow"},
    {Refusal::version_not_ours, 505, "version_not_ours"},
    {Refusal::malformed_forwarding, 400, "malformed_forwarding"},
    {Refusal::unknown_host, 421, "unknown_host"},
    {Refusal::no_route, 404, "no_route"},
    {Refusal::method_not_allowed, 405, "method_not_allowed"},
    {Refusal::not_an_upgrade, 426, "not_an_upgrade"},
    {Refusal::malformed_upgrade, 400, "malformed_upgrade"},
    {Refusal::other_version, 426, "other_version"},
    {Refusal::foreign_origin, 403, "foreign_origin"},
    {Refusal::not_allowed, 403, "not_allowed"},
    {Refusal::subprotocol_unknown, 400, "subprotocol_unknown"},
    {Refusal::no_target, 404, "no_target"},
    {Refusal::target_outside, 404, "target_outside"},
    {Refusal::address_full, 429, "address_full"},
    {Refusal::user_full, 429, "user_full"},
    {Refusal::route_full, 503, "route_full"},
    {Refusal::route_too_fast, 503, "route_too_fast"},
    {Refusal::process_full, 503, "process_full"},
    {Refusal::draining, 503, "draining"},
    {Refusal::no_such_file, 404, "no_such_file"},
    {Refusal::service_unresolved, 502, "service_unresolved"},
    {Refusal::service_refused, 502, "service_refused"},
    {Refusal::service_unavailable, 503, "service_unavailable"},
    {Refusal::service_timeout, 504, "service_timeout"},
    {Refusal::internal_error, 500, "internal_error"},
};

TEST(Refusal, HasTheStatusAndTheWordOfThePage) {
  for (const Row& row : rows) {
    EXPECT_EQ(entry_of(row.refusal).status, row.status) << row.word;
    EXPECT_EQ(entry_of(row.refusal).word, row.word);
  }
}

TEST(Refusal, SpeaksToTheVisitorInOneSentence) {
  for (const Row& row : rows) {
    const std::string_view text = entry_of(row.refusal).text;
    EXPECT_THAT(std::string(text), testing::MatchesRegex("[A-Z].*\\.")) << row.word;
    EXPECT_EQ(text.find('\n'), std::string_view::npos) << row.word;
  }
}

// Whoever tries keys, numbers or paths learns the same of each that leads nowhere.
TEST(Refusal, DoesNotTellAMissingFileOrTargetFromAMissingRoute) {
  for (const Refusal refusal : {Refusal::no_such_file, Refusal::no_target, Refusal::target_outside}) {
    EXPECT_EQ(entry_of(refusal).status, entry_of(Refusal::no_route).status);
    EXPECT_EQ(entry_of(refusal).text, entry_of(Refusal::no_route).text);
  }
}

TEST(Refusal, HasAWordOfItsOwn) {
  std::set<std::string_view> words;
  for (const Row& row : rows) { words.insert(entry_of(row.refusal).word); }
  EXPECT_EQ(words.size(), rows.size());
}

TEST(Refusal, FollowsFromWhatIsWrongWithAHead) {
  EXPECT_EQ(refusal_of(wire::http::HeadError::malformed), Refusal::malformed_head);
  EXPECT_EQ(refusal_of(wire::http::HeadError::target_too_long), Refusal::target_too_long);
  EXPECT_EQ(refusal_of(wire::http::HeadError::fields_too_large), Refusal::head_too_large);
  EXPECT_EQ(refusal_of(wire::http::HeadError::version_not_ours), Refusal::version_not_ours);
}

TEST(Refusal, FollowsFromWhatIsWrongWithAnUpgrade) {
  EXPECT_EQ(refusal_of(wire::ws::UpgradeError::method_not_get), Refusal::method_not_allowed);
  EXPECT_EQ(refusal_of(wire::ws::UpgradeError::not_an_upgrade), Refusal::not_an_upgrade);
  EXPECT_EQ(refusal_of(wire::ws::UpgradeError::malformed), Refusal::malformed_upgrade);
  EXPECT_EQ(refusal_of(wire::ws::UpgradeError::other_version), Refusal::other_version);
}

}  // namespace
}  // namespace bascule::policy
