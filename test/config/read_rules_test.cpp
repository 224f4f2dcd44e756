#include "proxy/config/read_rules.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using namespace std::chrono_literals;
using policy::HostRule;
using policy::Route;
using policy::Rules;
using policy::ToClient;

// The one route of a file that leads to `to`.
Route session_of(std::string_view keys, std::string_view to = "127.0.0.1:5900") {
  return route_of("  to: " + std::string(to) + "\n" + std::string(keys));
}

// --- defaults --------------------------------------------------------------------------------------------------------

TEST(ReadRules, FillsInTheDefaultsOfTheSmallestFile) {
  const Rules rules =
      rules_of("listen: 127.0.0.1:6080\nroutes:\n  - {name: desk, path: /vnc, auth: none, to: \"127.0.0.1:5900\"}\n",
               "rules/web.yaml");
  ASSERT_EQ(rules.listeners.size(), 1U);
  EXPECT_EQ(rules.listeners[0].name, "127.0.0.1:6080");
  EXPECT_EQ(rules.listeners[0].address.text(), "127.0.0.1:6080");
  EXPECT_EQ(rules.listeners[0].place.text(), "rules/web.yaml:1:9");
  EXPECT_FALSE(rules.process.workers.has_value());
  EXPECT_EQ(rules.process.drain, Limit(30s));

  ASSERT_EQ(rules.routes.size(), 1U);
  const Route& route = *rules.routes[0];
  EXPECT_EQ(route.name, "desk");
  EXPECT_EQ(route.place.text(), "rules/web.yaml:3:5");
  EXPECT_TRUE(route.listeners.empty());
  EXPECT_EQ(route.host.kind, HostRule::Kind::addresses_and_localhost);
  EXPECT_TRUE(route.origins.same);
  EXPECT_TRUE(route.origins.missing);
  EXPECT_FALSE(route.origins.opaque);
  EXPECT_FALSE(route.origins.any);
  EXPECT_EQ(route.protocol, "");
  EXPECT_EQ(route.subprotocols, std::vector<std::string>{"binary"});
  EXPECT_TRUE(route.session.frames.binary_from_client);
  EXPECT_FALSE(route.session.frames.text_from_client);
  EXPECT_EQ(route.session.frames.to_client, ToClient::binary);
  EXPECT_EQ(route.session.frames.max_bytes, 256U * 1024U);
  EXPECT_FALSE(route.limits.sessions.has_value());
  ASSERT_NE(route.service(), nullptr);
}

TEST(ReadRules, HasTheTimeoutsOfThePageWhereNoneAreWritten) {
  const policy::Timeouts timeouts = session_of("").session.timeouts;
  EXPECT_EQ(timeouts.head, Limit(10s));
  EXPECT_EQ(timeouts.connect, Limit(5s));
  EXPECT_EQ(timeouts.ping, Limit(30s));
  EXPECT_EQ(timeouts.pong, Limit(30s));
  EXPECT_EQ(timeouts.stall, Limit(60s));
  EXPECT_EQ(timeouts.close, Limit(5s));
  EXPECT_EQ(timeouts.half_close, Limit(30s));
  EXPECT_EQ(timeouts.idle, Limit());
  EXPECT_EQ(timeouts.lifetime, Limit());
}

// --- listeners -------------------------------------------------------------------------------------------------------

TEST(ReadRules, ReadsListenersInAllTheirForms) {
  const Rules rules = rules_of(
      "listen:\n"
      "  - :6080\n"
      "  - {name: six, address: \"[::1]:443\"}\n"
      "  - name: socket\n"
      "    address: unix:/run/x.sock\n"
      "    mode: \"0600\"\n"
      "  - unix:/run/y.sock\n"
      "  - 127.0.0.1:0\n"
      "routes: {name: a, listeners: [six, \":6080\"], path: /, auth: none, to: \"echo:\"}\n");
  ASSERT_EQ(rules.listeners.size(), 5U);
  EXPECT_EQ(rules.listeners[0].address.text(), "[::]:6080");
  EXPECT_EQ(rules.listeners[0].name, ":6080");
  EXPECT_EQ(rules.listeners[1].name, "six");
  EXPECT_EQ(rules.listeners[1].written, "[::1]:443");
  EXPECT_EQ(rules.listeners[2].address.path(), "/run/x.sock");
  EXPECT_EQ(rules.listeners[2].mode, 0600U);
  EXPECT_EQ(rules.listeners[3].mode, 0660U);
  EXPECT_EQ(rules.listeners[4].address.port(), 0);
  EXPECT_EQ(rules.routes[0]->listeners, (std::vector<std::string>{"six", ":6080"}));
}

TEST(ReadRules, TakesSeveralListenersOfWhichEachGetsAnyFreePort) {
  EXPECT_EQ(rules_of("listen: [{name: a, address: \"127.0.0.1:0\"}, {name: b, address: \"127.0.0.1:0\"}]\n"
                     "routes: {name: a, path: /, auth: none, to: \"echo:\"}\n")
                .listeners.size(),
            2U);
}

// --- routes ----------------------------------------------------------------------------------------------------------

TEST(ReadRules, ReadsHosts) {
  const HostRule exact = session_of("  host: [Desk.example.org, \"[::1]\"]\n").host;
  EXPECT_EQ(exact.kind, HostRule::Kind::named);
  EXPECT_EQ(exact.names, (std::vector<std::string>{"desk.example.org", "::1"}));
  EXPECT_EQ(session_of("  host: any\n").host.kind, HostRule::Kind::any);
  EXPECT_EQ(session_of("  host: desk\n").host.names, std::vector<std::string>{"desk"});
}

TEST(ReadRules, TakesAWrittenListOfOriginsExactly) {
  const policy::OriginRule one = session_of("  origins: https://app.example.org\n").origins;
  EXPECT_FALSE(one.same);
  EXPECT_FALSE(one.missing);
  ASSERT_EQ(one.exact.size(), 1U);
  EXPECT_EQ(one.exact[0], (policy::Origin{"https", "app.example.org", 443}));

  const policy::OriginRule words = session_of("  origins: [same, missing, opaque, any]\n").origins;
  EXPECT_TRUE(words.same);
  EXPECT_TRUE(words.missing);
  EXPECT_TRUE(words.opaque);
  EXPECT_TRUE(words.any);

  const policy::OriginRule below = session_of("  origins: [same, \"https://*.example.org:8443\"]\n").origins;
  EXPECT_TRUE(below.same);
  EXPECT_TRUE(below.exact.empty());
  ASSERT_EQ(below.below.size(), 1U);
  EXPECT_EQ(below.below[0], (policy::Origin{"https", "example.org", 8443}));
}

TEST(ReadRules, LetsWhatIsWrittenWinOverThePreset) {
  const Route preset = session_of("  protocol: stomp\n");
  EXPECT_EQ(preset.protocol, "stomp");
  EXPECT_EQ(preset.subprotocols, (std::vector<std::string>{"v12.stomp", "v11.stomp", "v10.stomp"}));
  EXPECT_TRUE(preset.session.frames.text_from_client);

  const Route written = session_of(
      "  protocol: stomp\n"
      "  subprotocols: v12.stomp\n"
      "  frames: {to_client: text, max: 1KiB}\n");
  EXPECT_EQ(written.subprotocols, std::vector<std::string>{"v12.stomp"});
  EXPECT_TRUE(written.session.frames.text_from_client);
  EXPECT_EQ(written.session.frames.to_client, ToClient::text);
  EXPECT_EQ(written.session.frames.max_bytes, 1024U);
}

TEST(ReadRules, TakesTheKindsOfFramesThatAreListedAndNoOther) {
  const policy::FrameRule text = session_of("  frames: {from_client: text, to_client: match}\n").session.frames;
  EXPECT_FALSE(text.binary_from_client);
  EXPECT_TRUE(text.text_from_client);
  EXPECT_EQ(text.to_client, ToClient::match);
}

TEST(ReadRules, LetsTheEchoTakeAndGiveBothKinds) {
  const policy::FrameRule unwritten = session_of("", "\"echo:\"").session.frames;
  EXPECT_TRUE(unwritten.binary_from_client);
  EXPECT_TRUE(unwritten.text_from_client);
  EXPECT_EQ(unwritten.to_client, ToClient::match);
  EXPECT_FALSE(session_of("  frames: {from_client: binary}\n", "\"echo:\"").session.frames.text_from_client);
}

TEST(ReadRules, ReadsEveryTimeout) {
  const policy::Timeouts timeouts =
      session_of(
          "  timeouts:\n"
          "    {head: 1s, connect: 2s, ping: 3s, pong: 4s, stall: 5s, close: 6s, half_close: 7s, idle: 8s,\n"
          "     lifetime: 9s}\n")
          .session.timeouts;
  EXPECT_EQ(timeouts.head, Limit(1s));
  EXPECT_EQ(timeouts.connect, Limit(2s));
  EXPECT_EQ(timeouts.ping, Limit(3s));
  EXPECT_EQ(timeouts.pong, Limit(4s));
  EXPECT_EQ(timeouts.stall, Limit(5s));
  EXPECT_EQ(timeouts.close, Limit(6s));
  EXPECT_EQ(timeouts.half_close, Limit(7s));
  EXPECT_EQ(timeouts.idle, Limit(8s));
  EXPECT_EQ(timeouts.lifetime, Limit(9s));
  EXPECT_EQ(session_of("  timeouts: {stall: none}\n").session.timeouts.stall, Limit());
}

TEST(ReadRules, ReadsTheLimitOfSessions) {
  EXPECT_EQ(session_of("  limits: {sessions: 500}\n").limits.sessions, std::optional<std::size_t>(500));
  EXPECT_EQ(session_of("  limits: {sessions: none}\n").limits.sessions, std::nullopt);
}

TEST(ReadRules, ReadsWhatConcernsTheProcess) {
  const std::string rest = "listen: :1\nroutes: {name: a, path: /, auth: none, to: \"echo:\"}\n";
  EXPECT_EQ(rules_of("process: {workers: 3, drain: none}\n" + rest).process.workers, std::optional<unsigned>(3));
  EXPECT_EQ(rules_of("process: {workers: 3, drain: none}\n" + rest).process.drain, Limit());
  EXPECT_EQ(rules_of("process: {workers: auto}\n" + rest).process.workers, std::nullopt);
  EXPECT_FALSE(rules_of(rest).process.watch);
  EXPECT_TRUE(rules_of("process: {watch: true}\n" + rest).process.watch);
  EXPECT_FALSE(rules_of("process: {watch: false}\n" + rest).process.watch);
}

TEST(ReadRules, IgnoresKeysThatAreTheOperatorsOwn) {
  EXPECT_EQ(session_of("  x-note: {any: [thing, 5, null]}\n").name, "desk");
  EXPECT_EQ(session_of("  timeouts: {x-why: slow, idle: 1m}\n").session.timeouts.idle, Limit(1min));
  EXPECT_EQ(rules_of("x-common: &patient {idle: 1h}\n"
                     "listen: :1\n"
                     "routes: {name: a, path: /, auth: none, to: \"echo:\", timeouts: *patient}\n")
                .routes[0]
                ->session.timeouts.idle,
            Limit(1h));
}

TEST(ReadRules, AcceptsTheFirstVersionOfTheLanguage) {
  EXPECT_EQ(rules_of("version: 1\nlisten: :1\nroutes: {name: a, path: /, auth: none, to: \"echo:\"}\n").routes.size(),
            1U);
}

// --- files -----------------------------------------------------------------------------------------------------------

TEST(ReadRules, LooksForAFolderOfPagesBesideItsFile) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "pages");
  folder.write("pages/start.html", "hello");
  const std::string file = folder.write("rules.yaml",
                                        "listen: :1\n"
                                        "routes:\n"
                                        "  - name: pages\n"
                                        "    path: /*\n"
                                        "    auth: none\n"
                                        "    timeouts: {head: 3s, stall: 4s, close: 5s}\n"
                                        "    files: {folder: pages, index: start.html}\n");
  const Reading reading = reading_of(read_rules_at({file}));
  ASSERT_EQ(reading.rules.routes.size(), 1U);
  const Route& route = *reading.rules.routes[0];
  ASSERT_EQ(route.service(), nullptr);
  EXPECT_EQ(std::get<policy::Files>(route.to).folder, (folder.path() / "pages").string());
  EXPECT_EQ(std::get<policy::Files>(route.to).index, "start.html");
  EXPECT_EQ(std::get<policy::Files>(route.to).scripts, policy::Scripts::own);
  EXPECT_EQ(route.session.timeouts.stall, Limit(4s));
}

TEST(ReadRules, LetsPagesRunTheScriptsInsideThemWhereThatIsWritten) {
  const auto scripts = [](const std::string& written) {
    const Reading reading = reading_of(read_rules(
        "listen: :1\nroutes: {name: pages, path: /*, auth: none, files: {folder: /, scripts: " + written + "}}\n",
        "rules.yaml"));
    return std::get<policy::Files>(reading.rules.routes.at(0)->to).scripts;
  };
  EXPECT_EQ(scripts("inline"), policy::Scripts::inside);
  EXPECT_EQ(scripts("own"), policy::Scripts::own);
}

// --- many routes -----------------------------------------------------------------------------------------------------

// 5,000 routes of many tenants are an ordinary file.
TEST(ReadRules, ReadsManyRoutes) {
  std::string text = "listen: 127.0.0.1:1\nroutes:\n";
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("  - {{name: desk-{0}, host: t{0}.example.org, path: /, auth: none, to: \"h{0}:5900\"}}\n", i);
  }
  const Rules rules = rules_of(text);
  ASSERT_EQ(rules.routes.size(), 5000U);
  EXPECT_EQ(rules.routes[4999]->service()->written, "h4999:5900");
  ASSERT_NE(rules.index, nullptr);
  EXPECT_EQ(rules.route("desk-4321"), rules.routes[4321].get());
}

TEST(ReadRules, FindsTheOneHiddenRouteAmongMany) {
  std::string text = "listen: 127.0.0.1:1\nroutes:\n";
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("- {{name: desk-{0}, path: \"/t{0}/{{id}}\", auth: none, to: \"h{0}:5900\"}}\n", i);
  }
  text += "- {name: last, path: /t2500/red, auth: none, to: \"h:1\"}\n";
  EXPECT_EQ(mistakes(text), std::vector<std::string>{
                                "5003:3: route 'last' can never match: route 'desk-2500' in line 2503 takes all it "
                                "would; put 'last' first"});
}

// All of them have the same listener, host and path: no index tells them apart.
TEST(ReadRules, ReadsManyRoutesThatDifferInTheirConditionsOnly) {
  std::string text = "listen: 127.0.0.1:1\nroutes:\n";
  for (int i = 0; i < 1000; ++i) {
    text += fmt::format("- {{name: r{0}, path: /, match: {{query: {{v: \"{0}\"}}}}, auth: none, to: \"h:1\"}}\n", i);
  }
  const Reading reading = reading_of(read_rules(text, "test.yaml"));
  EXPECT_EQ(reading.rules.routes.size(), 1000U);
  EXPECT_TRUE(reading.warnings.empty());
}

}  // namespace
}  // namespace bascule::config
