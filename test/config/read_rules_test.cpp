#include "proxy/config/read_rules.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bascule::config {
namespace {

using namespace std::chrono_literals;
using policy::HostRule;
using policy::Route;
using policy::Rules;
using policy::Target;
using policy::ToClient;

Rules rules_of(std::string_view text, const std::string& file = "test.yaml") {
  auto rules = read_rules(text, file);
  if (!rules) {
    for (const Mistake& mistake : rules.error()) { ADD_FAILURE() << mistake.place.text() << ": " << mistake.text; }
    return {};
  }
  return std::move(*rules);
}

// The one route of a file: what every route needs, and `keys` (indented by four, each with its line end).
Route route_of(std::string_view keys, std::string_view to = "127.0.0.1:5900") {
  const Rules rules = rules_of(
      "listen: 127.0.0.1:6080\n"
      "routes:\n"
      "  - name: desk\n"
      "    path: /vnc\n"
      "    auth: none\n"
      "    to: " +
      std::string(to) + "\n" + std::string(keys));
  if (rules.routes.size() != 1) {
    ADD_FAILURE() << "one route expected";
    return {};
  }
  return *rules.routes.front();
}

// A folder of its own for each test, gone with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "bascule-config-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) { throw std::runtime_error("no temporary folder"); }
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

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
  EXPECT_FALSE(route.sessions_max.has_value());
  EXPECT_FALSE(route.is_page());
}

TEST(ReadRules, HasTheTimeoutsOfThePageWhereNoneAreWritten) {
  const policy::Timeouts timeouts = route_of("").session.timeouts;
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
  const HostRule exact = route_of("    host: [Desk.example.org, \"[::1]\"]\n").host;
  EXPECT_EQ(exact.kind, HostRule::Kind::exact);
  EXPECT_EQ(exact.names, (std::vector<std::string>{"desk.example.org", "::1"}));
  EXPECT_EQ(route_of("    host: any\n").host.kind, HostRule::Kind::any);
  EXPECT_EQ(route_of("    host: desk\n").host.names, std::vector<std::string>{"desk"});
}

TEST(ReadRules, TakesAWrittenListOfOriginsExactly) {
  const policy::OriginRule one = route_of("    origins: https://app.example.org\n").origins;
  EXPECT_FALSE(one.same);
  EXPECT_FALSE(one.missing);
  ASSERT_EQ(one.exact.size(), 1U);
  EXPECT_EQ(one.exact[0], (policy::Origin{"https", "app.example.org", 443}));

  const policy::OriginRule words = route_of("    origins: [same, missing, opaque, any]\n").origins;
  EXPECT_TRUE(words.same);
  EXPECT_TRUE(words.missing);
  EXPECT_TRUE(words.opaque);
  EXPECT_TRUE(words.any);
}

TEST(ReadRules, LetsWhatIsWrittenWinOverThePreset) {
  const Route preset = route_of("    protocol: stomp\n");
  EXPECT_EQ(preset.protocol, "stomp");
  EXPECT_EQ(preset.subprotocols, (std::vector<std::string>{"v12.stomp", "v11.stomp", "v10.stomp"}));
  EXPECT_TRUE(preset.session.frames.text_from_client);

  const Route written = route_of(
      "    protocol: stomp\n"
      "    subprotocols: v12.stomp\n"
      "    frames: {to_client: text, max: 1KiB}\n");
  EXPECT_EQ(written.subprotocols, std::vector<std::string>{"v12.stomp"});
  EXPECT_TRUE(written.session.frames.text_from_client);
  EXPECT_EQ(written.session.frames.to_client, ToClient::text);
  EXPECT_EQ(written.session.frames.max_bytes, 1024U);
}

TEST(ReadRules, TakesTheKindsOfFramesThatAreListedAndNoOther) {
  const policy::FrameRule text = route_of("    frames: {from_client: text, to_client: match}\n").session.frames;
  EXPECT_FALSE(text.binary_from_client);
  EXPECT_TRUE(text.text_from_client);
  EXPECT_EQ(text.to_client, ToClient::match);
}

TEST(ReadRules, LetsTheEchoTakeAndGiveBothKinds) {
  const policy::FrameRule unwritten = route_of("", "\"echo:\"").session.frames;
  EXPECT_TRUE(unwritten.binary_from_client);
  EXPECT_TRUE(unwritten.text_from_client);
  EXPECT_EQ(unwritten.to_client, ToClient::match);
  EXPECT_FALSE(route_of("    frames: {from_client: binary}\n", "\"echo:\"").session.frames.text_from_client);
}

TEST(ReadRules, ReadsEveryTimeout) {
  const policy::Timeouts timeouts =
      route_of(
          "    timeouts:\n"
          "      {head: 1s, connect: 2s, ping: 3s, pong: 4s, stall: 5s, close: 6s, half_close: 7s, idle: 8s,\n"
          "       lifetime: 9s}\n")
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
  EXPECT_EQ(route_of("    timeouts: {stall: none}\n").session.timeouts.stall, Limit());
}

TEST(ReadRules, ReadsTheLimitOfSessions) {
  EXPECT_EQ(route_of("    limits: {sessions: 500}\n").sessions_max, std::optional<std::size_t>(500));
  EXPECT_EQ(route_of("    limits: {sessions: none}\n").sessions_max, std::nullopt);
}

TEST(ReadRules, ReadsWhatConcernsTheProcess) {
  const std::string rest = "listen: :1\nroutes: {name: a, path: /, auth: none, to: \"echo:\"}\n";
  EXPECT_EQ(rules_of("process: {workers: 3, drain: none}\n" + rest).process.workers, std::optional<unsigned>(3));
  EXPECT_EQ(rules_of("process: {workers: 3, drain: none}\n" + rest).process.drain, Limit());
  EXPECT_EQ(rules_of("process: {workers: auto}\n" + rest).process.workers, std::nullopt);
}

TEST(ReadRules, IgnoresKeysThatAreTheOperatorsOwn) {
  EXPECT_EQ(route_of("    x-note: {any: [thing, 5, null]}\n").name, "desk");
  EXPECT_EQ(route_of("    timeouts: {x-why: slow, idle: 1m}\n").session.timeouts.idle, Limit(1min));
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
  auto rules = read_rules_file(file);
  ASSERT_TRUE(rules.ok()) << rules.error().front().text;
  const Route& route = *rules->routes[0];
  ASSERT_TRUE(route.is_page());
  EXPECT_EQ(std::get<policy::Files>(route.to).folder, (folder.path() / "pages").string());
  EXPECT_EQ(std::get<policy::Files>(route.to).index, "start.html");
  EXPECT_EQ(route.session.timeouts.stall, Limit(4s));
}

TEST(ReadRulesFile, SaysWhyItCannotReadAFile) {
  const TemporaryFolder folder;
  const std::string missing = (folder.path() / "missing.yaml").string();
  const auto none = read_rules_file(missing);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().at(0).place.text(), missing);
  EXPECT_EQ(none.error().at(0).text, "cannot be read: No such file or directory");

  const auto a_folder = read_rules_file(folder.path().string());
  ASSERT_FALSE(a_folder.ok());
  EXPECT_EQ(a_folder.error().at(0).text, "a folder of rules is not supported by this version of bascule; name a file");
}

TEST(ReadRulesFile, RefusesAFileOfMoreThan16MiB) {
  const TemporaryFolder folder;
  const std::string file = folder.write("large.yaml", "listen: :1\n");
  std::filesystem::resize_file(file, std::uintmax_t{100} * 1024 * 1024);
  const auto rules = read_rules_file(file);
  ASSERT_FALSE(rules.ok());
  ASSERT_EQ(rules.error().size(), 1U);
  EXPECT_EQ(rules.error()[0].text, "more than 16MiB; a rules file is not that large");
}

// 5,000 routes of many tenants are an ordinary file.
TEST(ReadRules, ReadsManyRoutes) {
  std::string text = "listen: :1\nroutes:\n";
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("  - {{name: desk-{0}, host: t{0}.example.org, path: /, auth: none, to: \"h{0}:5900\"}}\n", i);
  }
  const Rules rules = rules_of(text);
  ASSERT_EQ(rules.routes.size(), 5000U);
  EXPECT_EQ(std::get<Target>(rules.routes[4999]->to).host, "h4999");
}

}  // namespace
}  // namespace bascule::config
