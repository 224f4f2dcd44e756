// What `bascule show` prints is a rules file that says the same: for rules made by chance, and for every file of ours.
#include "proxy/config/show.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proxy/config/presets.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"
#include "test/config/rules_texts.hpp"

namespace bascule::config {
namespace {

using namespace std::chrono_literals;
using policy::Condition;
using policy::Endpoint;
using policy::HostRule;
using policy::Rate;
using policy::Service;
using testing::HasSubstr;
using testing::Not;

Reading read_well(const std::string& text, const std::string& file = "/shown.yaml") {
  auto reading = read_rules(text, file);
  if (reading) { return std::move(*reading); }
  for (const Mistake& mistake : reading.error()) { ADD_FAILURE() << mistake.place.text() << ": " << mistake.text; }
  ADD_FAILURE() << text;
  return {};
}

// Part by part, so that a failure names what differs.
void expect_same(const policy::Rules& a, const policy::Rules& b) {
  ASSERT_EQ(a.listeners.size(), b.listeners.size());
  for (std::size_t i = 0; i < a.listeners.size(); ++i) {
    EXPECT_TRUE(a.listeners[i] == b.listeners[i]) << a.listeners[i].name;
  }
  ASSERT_EQ(a.services.size(), b.services.size());
  for (const auto& [name, service] : a.services) {
    ASSERT_TRUE(b.services.contains(name)) << name;
    EXPECT_TRUE(*service == *b.services.at(name)) << name;
  }
  ASSERT_EQ(a.routes.size(), b.routes.size());
  for (std::size_t i = 0; i < a.routes.size(); ++i) {
    const policy::Route& one = *a.routes[i];
    const policy::Route& other = *b.routes[i];
    EXPECT_TRUE(one == other) << one.name;
    EXPECT_EQ(one.name, other.name);
    EXPECT_TRUE(one.host == other.host) << one.name;
    EXPECT_TRUE(one.path == other.path) << one.name;
    EXPECT_TRUE(one.conditions == other.conditions) << one.name;
    EXPECT_TRUE(one.origins == other.origins) << one.name;
    EXPECT_TRUE(one.allow == other.allow) << one.name;
    EXPECT_TRUE(one.session == other.session) << one.name;
    EXPECT_TRUE(one.limits == other.limits) << one.name;
    if (one.service() != nullptr && other.service() != nullptr) {
      EXPECT_EQ(one.service()->written, other.service()->written) << one.name;
    }
  }
  EXPECT_TRUE(a.process == b.process);
}

// --- rules by chance -------------------------------------------------------------------------------------------------

// Texts that YAML could take for something else.
const std::vector<std::string>& awkward_texts() {
  static const std::vector<std::string> texts{"2",
                                              "007",
                                              "1e3",
                                              "12:30",
                                              "0x1f",
                                              "2024-01-01",
                                              "null",
                                              "~",
                                              "yes",
                                              "No",
                                              "true",
                                              "none",
                                              "any",
                                              "a b",
                                              " a",
                                              "a ",
                                              "a: b",
                                              "a:",
                                              ":a",
                                              "- a",
                                              "-",
                                              "#a",
                                              "a #b",
                                              "[a]",
                                              "{a}",
                                              "{a: b}",
                                              "*a",
                                              "&a",
                                              "!a",
                                              "%a",
                                              "@a",
                                              "`a",
                                              "'a'",
                                              "\"a\"",
                                              "a\\b",
                                              "a,b",
                                              "<<",
                                              "=",
                                              "?",
                                              "? a",
                                              "|",
                                              ">",
                                              "...",
                                              "---",
                                              "\xc3\xa4",
                                              "a'b\"",
                                              "x-mine",
                                              "a=b&c=d;",
                                              "a\xc2\x85z",
                                              "a\xe2\x80\xa8z",
                                              "\xef\xbb\xbfz",
                                              "\xf0\x9f\x8c\x89"};
  return texts;
}

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  bool one_in(std::size_t n) { return below(n) == 0; }

  template <typename T>
  const T& one_of(const std::vector<T>& all) {
    return all[below(all.size())];
  }

  // From one to three of them, none twice.
  template <typename T>
  std::vector<T> some_of(std::vector<T> all) {
    std::shuffle(all.begin(), all.end(), random_);
    all.resize(std::min<std::size_t>(all.size(), 1 + below(3)));
    return all;
  }

  Limit limit() {
    static const std::vector<Limit> limits{std::nullopt, 1ms,   999ms, 1s,    1001ms, 59s,  60s,
                                           90s,          3599s, 1h,    90min, 24h,    8760h};
    return one_of(limits);
  }
  std::optional<std::size_t> count() { return one_in(3) ? std::nullopt : std::optional(1 + below(100'000)); }
  std::optional<Rate> rate() {
    if (one_in(3)) { return std::nullopt; }
    static const std::vector<std::chrono::milliseconds> spans{1s, 1min, 1h};
    return Rate{.count = 1 + below(100'000), .per = one_of(spans)};
  }
  std::optional<Rate> byte_rate() {
    if (one_in(3)) { return std::nullopt; }
    static const std::vector<std::uint64_t> rates{1024, 1025, 65536, 20U << 20U, 1U << 30U};
    return Rate{.count = one_of(rates), .per = 1s};
  }

 private:
  std::mt19937 random_;
};

Network network(std::string_view text) {
  return Network::parse(text).value();
}

const std::vector<Network>& networks() {
  static const std::vector<Network> all{network("10.0.0.0/8"),    network("192.0.2.7"), network("0.0.0.0/1"),
                                        network("2001:db8::/32"), network("::1"),       network("fd00:20::/64")};
  return all;
}

policy::Listener chance_listener(Chance& chance, std::size_t number) {
  policy::Listener listener;
  const bool at_unix = chance.one_in(3);
  listener.written = at_unix            ? fmt::format("unix:/run/bascule/{} a.sock", number)
                     : chance.one_in(2) ? fmt::format("127.0.0.1:{}", 1000 + number)
                                        : fmt::format("[::1]:{}", 1000 + number);
  listener.address = *parse_listen_address(listener.written);
  listener.name = chance.one_in(2) ? listener.written : fmt::format("at-{}", number);
  if (at_unix) { listener.mode = chance.one_of<unsigned>({0600, 0660, 0666, 0007}); }
  const auto peers = [&] {
    return AddressSet{.networks = at_unix ? std::vector<Network>() : chance.some_of(networks()),
                      .unix_sockets = at_unix};
  };
  if (chance.one_in(2)) { listener.allow = peers(); }
  if (chance.one_in(3)) { listener.proxy_protocol = peers(); }
  if (chance.one_in(3)) {
    listener.trusted_proxies = {.addresses = peers(),
                                .field = chance.one_in(2) ? wire::http::ForwardingField::forwarded
                                                          : wire::http::ForwardingField::x_forwarded_for};
  }
  if (chance.one_in(3)) {
    listener.public_url = {
        .scheme = "https", .host = "desk.example.org", .port = chance.one_of<std::uint16_t>({443, 8443})};
  }
  return listener;
}

Endpoint chance_endpoint(Chance& chance, std::size_t number) {
  const auto port = static_cast<std::uint16_t>(5000 + number);
  switch (chance.below(4)) {
    case 0: return {.host = fmt::format("desk-{}.lan", number), .port = port};
    case 1: return {.host = "192.0.2.1", .port = port};
    case 2: return {.host = "2001:db8::1", .port = port};
    default: return {.kind = Endpoint::Kind::unix_socket, .path = fmt::format("/run/some services/{}.sock", number)};
  }
}

void choose_among(Chance& chance, Service& service) {
  std::vector<Endpoint> endpoints;
  const std::size_t count = 1 + chance.below(6);
  for (std::size_t i = 0; i < count; ++i) { endpoints.push_back(chance_endpoint(chance, i)); }
  service.where = std::move(endpoints);
  service.balance = static_cast<policy::Balance>(chance.below(4));
  service.retry = static_cast<unsigned>(chance.below(17));
  if (chance.one_in(2)) { service.health = {.every = 10s, .timeout = 1500ms, .down_after = 3, .up_after = 2}; }
}

void finish(Chance& chance, Service& service) {
  const auto* const endpoints = std::get_if<std::vector<Endpoint>>(&service.where);
  const bool at_unix = endpoints != nullptr && std::any_of(endpoints->begin(), endpoints->end(), [](const Endpoint& e) {
                         return e.kind == Endpoint::Kind::unix_socket;
                       });
  const bool must = std::holds_alternative<policy::MadeAddress>(service.where);
  if (must || (!at_unix && chance.one_in(2))) {
    service.within = chance.some_of(networks());
    // So that an address that is written can be reached.
    if (endpoints != nullptr) { service.within = {network("0.0.0.0/0"), network("::/0")}; }
  }
  if (chance.one_in(2)) { service.proxy_protocol = chance.one_in(2) ? wire::ProxyVersion::v1 : wire::ProxyVersion::v2; }
  service.written = written_of(service);
}

// Of a header or a cookie: only what can be sent.
std::vector<std::string> texts_of_fields() {
  std::vector<std::string> texts = awkward_texts();
  std::erase_if(texts, [](const std::string& text) { return text.starts_with(' ') || text.ends_with(' '); });
  return texts;
}

std::vector<Condition> chance_conditions(Chance& chance) {
  std::vector<Condition> conditions;
  std::vector<Condition::Of> kinds{Condition::Of::query, Condition::Of::header, Condition::Of::cookie};
  for (const Condition::Of of : kinds) {
    if (!chance.one_in(2)) { continue; }
    for (const std::string& name : chance.some_of<std::string>({"a", "b-c", "x-region", "on", "7"})) {
      conditions.push_back(
          {.of = of,
           .name = name,
           .values = chance.some_of(of == Condition::Of::query ? awkward_texts() : texts_of_fields())});
    }
  }
  if (chance.one_in(3)) {
    conditions.push_back(
        {.of = Condition::Of::subprotocol, .name = {}, .values = chance.some_of<std::string>({"binary", "a.b", "1"})});
  }
  return conditions;
}

HostRule chance_host(Chance& chance) {
  switch (chance.below(3)) {
    case 0: return {};
    case 1: return {.kind = HostRule::Kind::any};
    default:
      return {.kind = HostRule::Kind::named,
              .names =
                  chance.some_of<std::string>({"desk.example.org", "localhost", "::1", "192.0.2.7", "xn--4ca.example"}),
              .parents = chance.one_in(2) ? std::vector<std::string>() : std::vector<std::string>{"desks.example.org"}};
  }
}

policy::OriginRule chance_origins(Chance& chance) {
  const policy::Origin plain{.scheme = "https", .host = "app.example.org", .port = 443};
  const policy::Origin odd{.scheme = "http", .host = "::1", .port = 8080};
  const policy::Origin of_an_app{.scheme = "capacitor", .host = "localhost", .port = 0};
  return {.same = true,
          .missing = chance.one_in(2),
          .opaque = chance.one_in(2),
          .any = chance.one_in(4),
          .exact = chance.some_of<policy::Origin>({plain, odd, of_an_app}),
          .below = chance.one_in(2) ? std::vector<policy::Origin>() : std::vector<policy::Origin>{plain}};
}

void fill_session(Chance& chance, policy::Route& route) {
  if (chance.one_in(2)) { route.protocol = presets()[chance.below(presets().size())].name; }
  route.origins = chance_origins(chance);
  route.subprotocols = chance.some_of<std::string>({"binary", "v12.stomp", "1", "null", "a!#$%&'*+.^_`|~"});
  route.session.frames = {.binary_from_client = true,
                          .text_from_client = chance.one_in(2),
                          .to_client = static_cast<policy::ToClient>(chance.below(3)),
                          .max_bytes = chance.one_of<std::size_t>({1024, 1025, 65536, 16U << 20U})};
  policy::Timeouts& times = route.session.timeouts;
  for (Limit* limit : {&times.connect, &times.ping, &times.pong, &times.half_close, &times.idle, &times.lifetime}) {
    *limit = chance.limit();
  }
  route.session.pace = {.frames = chance.rate(),
                        .control_frames = chance.rate(),
                        .to_client_bytes = chance.byte_rate(),
                        .from_client_bytes = chance.byte_rate()};
  route.limits.sessions = chance.count();
  route.limits.sessions_per_address = chance.count();
  route.limits.sessions_per_user = chance.count();
  route.limits.new_sessions = chance.rate();
  route.refuse = chance.one_in(2) ? policy::RefuseBy::http : policy::RefuseBy::close;
  route.on_reload = chance.one_in(2) ? policy::OnReload::keep : policy::OnReload::close;
}

class ShowRules : public testing::Test {
 protected:
  const PagesStandIn pages_;

  // What a route leads to; `shared` are the services that have a name.
  void lead_somewhere(Chance& chance, policy::Route& route, const policy::Rules& rules) {
    const std::size_t kind = chance.below(7);
    if (kind == 0) {
      route.to = policy::Files{.folder = pages_.folder(),
                               .index = "vnc.html",
                               .scripts = chance.one_in(2) ? policy::Scripts::own : policy::Scripts::inside};
      return;
    }
    if (kind == 1) {
      route.to = policy::Answer{};
      return;
    }
    fill_session(chance, route);
    if (kind == 2 && !rules.services.empty()) {
      route.to =
          std::next(rules.services.begin(), static_cast<std::ptrdiff_t>(chance.below(rules.services.size())))->second;
      return;
    }
    auto service = std::make_shared<Service>();
    service->name = route.name;
    if (kind == 3) {
      service->where = policy::EchoBack();
      service->written = written_of(*service);
    } else if (kind == 4) {
      service->where = *parse_made_address("desk-{path.id}-{header.x-a}.lan:{query.port}");
      finish(chance, *service);
    } else if (kind == 5) {
      service->where = policy::Lookup{.key = *policy::Words::parse("{query.token}: \"{cookie.a}\""),
                                      .table = std::make_shared<policy::TableSource>(pages_.folder())};
      finish(chance, *service);
    } else {
      choose_among(chance, *service);
      finish(chance, *service);
    }
    route.to = std::shared_ptr<const Service>(std::move(service));
  }

  policy::Rules chance_rules(Chance& chance) {
    policy::Rules rules;
    const std::size_t listeners = 1 + chance.below(4);
    for (std::size_t i = 0; i < listeners; ++i) { rules.listeners.push_back(chance_listener(chance, i)); }
    const std::size_t services = chance.below(4);
    for (std::size_t i = 0; i < services; ++i) {
      auto service = std::make_shared<Service>();
      service->name = chance.one_of<std::string>({"broker", "no", "7a", "a_b-c"}) + std::to_string(i);
      service->shared = true;
      choose_among(chance, *service);
      finish(chance, *service);
      rules.services.emplace(service->name, std::move(service));
    }
    const std::size_t routes = 1 + chance.below(12);
    for (std::size_t i = 0; i < routes; ++i) {
      policy::Route route;
      route.name = fmt::format("{}{}", chance.one_of<std::string>({"desk", "7", "1.", "null"}), i);
      if (chance.one_in(3)) { route.listeners = {chance.one_of(rules.listeners).name}; }
      route.host = chance_host(chance);
      route.path = *parse_path(fmt::format("/{}/{{id:[0-9]{{1,3}}|x-[^'\"#]+}}/*", i));
      route.conditions = chance_conditions(chance);
      if (chance.one_in(3)) {
        for (const Network& each : chance.some_of(networks())) {
          route.allow.push_back({.addresses = AddressSet{.networks = {each}, .unix_sockets = chance.one_in(2)}});
        }
      }
      policy::Timeouts& times = route.session.timeouts;
      for (Limit* limit : {&times.head, &times.stall, &times.close}) { *limit = chance.limit(); }
      route.limits.head_bytes = chance.one_of<std::size_t>({1024, 16384, 1U << 20U, 5000});
      route.limits.head_fields = 1 + chance.below(1000);
      lead_somewhere(chance, route, rules);
      rules.routes.push_back(std::make_shared<const policy::Route>(std::move(route)));
    }
    if (chance.one_in(2)) { rules.process.workers = 1 + static_cast<unsigned>(chance.below(1024)); }
    rules.process.drain = chance.limit();
    rules.process.watch = chance.one_in(2);
    return rules;
  }
};

TEST_F(ShowRules, SaysWhatTheRulesSayWhateverTheyAre) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Chance chance(seed);
    const policy::Rules rules = chance_rules(chance);
    const std::string shown = show_rules(rules);
    const Reading again = read_well(shown);
    expect_same(rules, again.rules);
    EXPECT_EQ(show_rules(again.rules), shown);
    if (HasFailure()) { return; }
  }
}

TEST_F(ShowRules, SaysWhatOurFilesSay) {
  for (const std::filesystem::path& file : rules_files()) {
    SCOPED_TRACE(file);
    const Reading reading = read_well(pages_.put_into(text_of_file(file)), file.string());
    const std::string shown = show_rules(reading.rules);
    const Reading again = read_well(shown);
    expect_same(reading.rules, again.rules);
    EXPECT_EQ(show_rules(again.rules), shown);
  }
}

TEST_F(ShowRules, MakesOneFileOfAFolder) {
  const auto reading = read_rules_at({(rules_folder() / "examples" / "tenants").string()});
  ASSERT_TRUE(reading);
  expect_same(reading->rules, read_well(show_rules(reading->rules)).rules);
}

// --- how it reads ----------------------------------------------------------------------------------------------------

TEST_F(ShowRules, WritesOutEveryDefaultAndPreset) {
  const Reading reading = read_well(R"(listen: 127.0.0.1:6080
routes:
  - name: desktop
    path: /vnc
    protocol: stomp
    auth: none
    to: 127.0.0.1:5900
)");
  EXPECT_EQ(show_rules(reading.rules), R"(version: 1

listen:
  - address: 127.0.0.1:6080

routes:
  - name: desktop
    # listeners: all
    # host: IP addresses and localhost
    path: /vnc
    auth: none
    origins: [same, missing]
    protocol: stomp
    subprotocols: [v12.stomp, v11.stomp, v10.stomp]
    frames: {from_client: [binary, text], to_client: binary, max: 256KiB}
    to:
      address: 127.0.0.1:5900
      balance: first
      retry: 2
      proxy_protocol: none
    timeouts:
      head: 10s
      connect: 5s
      ping: 30s
      pong: 30s
      stall: 1m
      close: 5s
      half_close: 30s
      idle: none
      lifetime: none
    limits:
      sessions: none
      sessions_per_address: none
      sessions_per_user: none
      new_sessions: none
      head_size: 16KiB
      head_fields: 64
      frames: 10000/s
      control_frames: 100/s
    bandwidth: {to_client: none, from_client: none}
    refuse: http
    on_reload: keep

process: {workers: auto, drain: 30s, watch: false}
)");
}

TEST_F(ShowRules, LeavesOutWhatDoesNothingForAPage) {
  const Reading reading = read_well(R"(listen: 127.0.0.1:6080
routes: {name: alive, host: any, path: /alive, auth: none, answer: health}
)");
  const std::string shown = show_rules(reading.rules);
  EXPECT_THAT(shown, HasSubstr("    answer: health\n"));
  EXPECT_THAT(shown, HasSubstr("    timeouts: {head: 10s, stall: 1m, close: 5s}\n"));
  EXPECT_THAT(shown, HasSubstr("    limits: {head_size: 16KiB, head_fields: 64}\n"));
  EXPECT_THAT(shown, Not(HasSubstr("origins")));
  EXPECT_THAT(shown, Not(HasSubstr("refuse")));
}

TEST_F(ShowRules, WritesPathsThatHoldFromAnywhere) {
  const Reading reading =
      read_well(R"(listen: 127.0.0.1:6080
routes:
  - {name: rooms, path: /room, auth: none, to: {lookup: {table: examples/tokens.d, key: "{query.token}"}}}
)",
                (rules_folder() / "rooms.yaml").lexically_relative(std::filesystem::current_path()));
  const std::string table = std::filesystem::canonical(rules_folder() / "examples" / "tokens.d");
  EXPECT_THAT(show_rules(reading.rules), HasSubstr(fmt::format("table: {}", table)));
}

}  // namespace
}  // namespace bascule::config
