// `limits` and `bandwidth`, and what `refuse` and `on_reload` say.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Rate;
using policy::Route;
using testing::ElementsAre;
using namespace std::chrono_literals;

Route limited(const std::string& keys) {
  return route_of("  to: a.b:1\n" + keys);
}

TEST(ReadLimits, HasTheDefaultsOfThePage) {
  const Route route = limited("");
  EXPECT_EQ(route.limits, policy::Limits());
  EXPECT_EQ(route.limits.head_bytes, 16U * 1024U);
  EXPECT_EQ(route.limits.head_fields, 64U);
  EXPECT_EQ(route.session.pace.frames, (Rate{.count = 10'000, .per = 1s}));
  EXPECT_EQ(route.session.pace.control_frames, (Rate{.count = 100, .per = 1s}));
  EXPECT_FALSE(route.session.pace.to_client_bytes.has_value());
  EXPECT_FALSE(route.session.pace.from_client_bytes.has_value());
  EXPECT_EQ(route.refuse, policy::RefuseBy::http);
  EXPECT_EQ(route.on_reload, policy::OnReload::keep);
}

TEST(ReadLimits, ReadsEveryKey) {
  const Route route = limited(
      "  limits: {sessions: 1, sessions_per_address: 2, sessions_per_user: 3, new_sessions: 4/min, head_size: 5KiB,\n"
      "    head_fields: 6, frames: 7/s, control_frames: 8/h}\n"
      "  bandwidth: {to_client: 20MiB/s, from_client: 2KiB/s}\n"
      "  refuse: close\n"
      "  on_reload: close\n");
  EXPECT_EQ(route.limits.sessions, 1U);
  EXPECT_EQ(route.limits.sessions_per_address, 2U);
  EXPECT_EQ(route.limits.sessions_per_user, 3U);
  EXPECT_EQ(route.limits.new_sessions, (Rate{.count = 4, .per = 1min}));
  EXPECT_EQ(route.limits.head_bytes, 5U * 1024U);
  EXPECT_EQ(route.limits.head_fields, 6U);
  EXPECT_EQ(route.session.pace.frames, (Rate{.count = 7, .per = 1s}));
  EXPECT_EQ(route.session.pace.control_frames, (Rate{.count = 8, .per = 1h}));
  EXPECT_EQ(route.session.pace.to_client_bytes, (Rate{.count = 20U * 1024U * 1024U, .per = 1s}));
  EXPECT_EQ(route.session.pace.from_client_bytes, (Rate{.count = 2048, .per = 1s}));
  EXPECT_EQ(route.refuse, policy::RefuseBy::close);
  EXPECT_EQ(route.on_reload, policy::OnReload::close);
}

TEST(ReadLimits, SwitchesEachOff) {
  const Route route = limited(
      "  limits: {sessions: none, sessions_per_address: none, sessions_per_user: none, new_sessions: none,\n"
      "    frames: none, control_frames: none}\n"
      "  bandwidth: {to_client: none, from_client: none}\n"
      "  refuse: http\n"
      "  on_reload: keep\n");
  EXPECT_EQ(route.limits, policy::Limits());
  EXPECT_EQ(route.session.pace, (policy::Pace{.frames = {}, .control_frames = {}}));
}

TEST(ReadLimits, TakesTheSizeOfHeadsOnPagesToo) {
  const policy::Rules rules = rules_of(
      "listen: :1\nroutes: {name: a, path: /a, auth: none, answer: health, limits: {head_size: 2KiB, head_fields: 9}, "
      "timeouts: {head: 1s}}\n");
  ASSERT_EQ(rules.routes.size(), 1U);
  EXPECT_EQ(rules.routes[0]->limits.head_bytes, 2048U);
  EXPECT_EQ(rules.routes[0]->limits.head_fields, 9U);
  EXPECT_EQ(rules.routes[0]->session.timeouts.head, Limit(1s));
  EXPECT_TRUE(std::holds_alternative<policy::Answer>(rules.routes[0]->to));
}

struct Row {
  std::string line;
  std::string mistake;
};

// Each row is one line of a route that has everything else, in line 7.
void expect_each(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_THAT(mistakes(one_route("  path: /vnc\n  auth: none\n  to: a.b:1\n  " + row.line + "\n")),
                ElementsAre(row.mistake))
        << row.line;
  }
}

TEST(ReadLimits, SaysWhatIsWrong) {
  const std::string limits = " of 'limits' of route 'desk'";
  const std::string bandwidth = " of 'bandwidth' of route 'desk'";
  expect_each({
      {"limits: {sessions_per_address: 0}",
       "7:34: 'sessions_per_address'" + limits + ": 0 would let nobody in; 'none' switches the limit off"},
      {"limits: {sessions_per_user: 3/s}",
       "7:31: 'sessions_per_user'" + limits + ": '3/s' is not a count; write a whole number such as '500', or 'none'"},
      {"limits: {new_sessions: 20}",
       "7:26: 'new_sessions'" + limits + ": '20' has no unit; write '20/s' for so many a second"},
      {"limits: {new_sessions: 0/s}",
       "7:26: 'new_sessions'" + limits + ": '0/s' would let nothing pass; 'none' switches the limit off"},
      {"limits: {head_size: 16}",
       "7:23: 'head_size'" + limits + ": '16' has no unit; write '16B' for bytes, or '64KiB'"},
      {"limits: {head_size: 2MiB}", "7:23: 'head_size'" + limits + ": '2MiB' is more than 1MiB"},
      {"limits: {head_size: 1000B}", "7:23: 'head_size'" + limits + ": '1000B' is less than 1KiB"},
      {"limits: {head_size: none}", "7:23: 'head_size'" + limits + ": 'none' is not a size; write '64KiB' or '1MiB'"},
      {"limits: {head_fields: 1001}", "7:25: 'head_fields'" + limits + ": '1001' is not a whole number from 1 to 1000"},
      {"limits: {frames: 10000/m}", "7:20: 'frames'" + limits + ": '10000/m' is written '10000/min'"},
      {"limits: {control_frames: lots}",
       "7:28: 'control_frames'" + limits + ": 'lots' is not a rate; write '20/s', '100/min', '1000/h' or 'none'"},
      {"bandwidth: 20MiB/s",
       "7:14: 'bandwidth' of route 'desk' is a map: bandwidth: {to_client: 20MiB/s, from_client: 2MiB/s}"},
      {"bandwidth: {to_client: 20MiB}",
       "7:26: 'to_client'" + bandwidth + ": '20MiB' has no unit of time; write '20MiB/s'"},
      {"bandwidth: {from_client: 1B/s}", "7:28: 'from_client'" + bandwidth + ": '1B' is less than 1KiB"},
      {"bandwidth: {client: 1MiB/s}", "7:15: unknown key 'client' in 'bandwidth' of route 'desk'"},
      {"refuse: drop", "7:11: 'refuse' of route 'desk': unknown word 'drop'; there are http, close"},
      {"on_reload: kep", "7:14: 'on_reload' of route 'desk': unknown word 'kep'; did you mean 'keep'?"},
  });
}

}  // namespace
}  // namespace bascule::config
