#include "proxy/relay/ending.hpp"

#include <gtest/gtest.h>

#include <set>

#include "proxy/wire/ws/close.hpp"

namespace bascule::relay {
namespace {

TEST(Ending, HasAWordOfItsOwnForEveryCause) {
  std::set<std::string_view> words;
  constexpr auto last = static_cast<int>(Cause::internal_error);
  for (int i = 0; i <= last; ++i) { words.insert(word_of(static_cast<Cause>(i))); }
  EXPECT_EQ(words.size(), static_cast<std::size_t>(last) + 1);
}

TEST(Ending, OfNewRulesIsOursAndSaysWhetherToComeBack) {
  EXPECT_EQ(word_of(Cause::revoked), "revoked");
  EXPECT_EQ(own_close_code(Cause::revoked), wire::ws::close_code::policy_violation);
  EXPECT_EQ(word_of(Cause::moved), "moved");
  EXPECT_EQ(own_close_code(Cause::moved), wire::ws::close_code::service_restart);
  EXPECT_EQ(who_of(Cause::moved), Who::bascule);
}

TEST(Ending, GivesEveryReasonThatFitsIntoAClose) {
  for (const Cause why :
       {Cause::draining, Cause::revoked, Cause::moved, Cause::stopped, Cause::credential_expired, Cause::withdrawn}) {
    const std::string_view reason = reason_of_end(why);
    EXPECT_FALSE(reason.empty());
    EXPECT_EQ(wire::ws::close_payload(own_close_code(why), reason).size(), 2 + reason.size());
  }
}

}  // namespace
}  // namespace bascule::relay
