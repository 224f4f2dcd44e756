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
    EXPECT_TRUE(one.auth == other.auth) << one.name;
    EXPECT_EQ(one.on_expiry, other.on_expiry) << one.name;
    EXPECT_TRUE(one.session == other.session) << one.name;
    EXPECT_TRUE(one.limits == other.limits) << one.name;
    if (one.service() != nullptr && other.service() != nullptr) {
      EXPECT_EQ(one.service()->written, other.service()->written) << one.name;
    }
  }
  EXPECT_TRUE(a.process == b.process);
  ASSERT_EQ(a.proofs.size(), b.proofs.size());
  for (const auto& [name, proof] : a.proofs) {
    const proof::Proof* again = b.proof(name);
    EXPECT_TRUE(again != nullptr && *again == *proof) << name;
  }
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
    const std::size_t count = std::min<std::size_t>(all.size(), 1 + below(3));
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
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

// --- proofs by chance

std::vector<proof::CredentialPlace> chance_places(Chance& chance) {
  using In = proof::CredentialPlace::In;
  return chance.some_of<proof::CredentialPlace>({{},
                                                 {.in = In::header, .name = "x-token"},
                                                 {.in = In::cookie, .name = "a!b"},
                                                 {.in = In::query, .name = "a: b"},
                                                 {.in = In::subprotocol, .name = "bearer"}});
}

std::chrono::seconds chance_seconds(Chance& chance) {
  return chance.one_of<std::chrono::seconds>({1s, 59s, 60s, 90s, 3600s, 86400s});
}

// Those that stand in the folder of `write_secrets`.
std::vector<proof::Secret> chance_secrets(Chance& chance, const std::string& folder, bool of_tokens) {
  const auto of_file = [&](std::size_t number, const char* name) {
    return proof::Secret(secret_texts()[number], fmt::format("{{file: {}/secrets/{}}}", folder, name));
  };
  if (of_tokens) {
    return chance.some_of<proof::Secret>(
        {of_file(4, "robot.token"), proof::Secret(secret_texts()[5], "{env: OLD_TOKEN}")});
  }
  return chance.some_of<proof::Secret>(
      {of_file(0, "ticket.key"), of_file(1, "old-ticket.key"), of_file(2, "cookie.key")});
}

proof::Basic chance_basic(Chance& chance, const std::string& folder) {
  proof::Basic basic{.realm = chance.one_of<std::string>({"Staff", "a: b", "7", "null", "it's #1"})};
  if (chance.one_in(2)) {
    basic.one = {.user = chance.one_of<std::string>({"boss", "7", "a b"}),
                 .password = proof::Secret(secret_texts()[6], "{env: BOSS_PASSWORD}")};
  } else {
    basic.users = std::make_shared<proof::UserSource>(folder + "/secrets/staff.htpasswd");
    basic.users_source = fmt::format("{{file: {}}}", basic.users->path());
  }
  for (const std::string& group : chance.some_of(awkward_texts())) {
    // No key may be called so.
    if (chance.one_in(2) && group != "<<") { basic.groups[group] = chance.some_of(awkward_texts()); }
  }
  return basic;
}

proof::Jwt chance_jwt(Chance& chance, const std::string& folder) {
  proof::Jwt jwt;
  jwt.keys.set = std::make_shared<Source<proof::KeySet>>(std::string());
  if (chance.one_in(2)) {
    jwt.keys.url = {
        .secure = true, .host = "a.example", .port = chance.one_of<std::uint16_t>({443, 8443}), .target = "/x?y={z}"};
    jwt.keys.written = fmt::format("\"{}\"", jwt.keys.url->text());
    jwt.keys.refresh = chance_seconds(chance);
    if (chance.one_in(2)) { jwt.keys.url_authorities = folder + "/certs/portal-ca.pem"; }
  } else {
    jwt.keys.written = folder + "/secrets/portal.jwks.json";
    jwt.keys.digest = proof::sha256(portal_jwks);
  }
  if (chance.one_in(2)) { jwt.keys.algorithms = {proof::Algorithm::ES256}; }
  if (chance.one_in(2)) { jwt.rule.issuers = chance.some_of(awkward_texts()); }
  if (chance.one_in(2)) { jwt.rule.audiences = chance.some_of(awkward_texts()); }
  jwt.rule.leeway = chance.one_of<std::chrono::seconds>({0s, 1s, 600s});
  jwt.credential = chance_places(chance);
  jwt.user_from = chance.one_of<std::string>({"sub", "a.b", "7", "x: y"});
  jwt.groups_from = chance.one_of<std::string>({"", "roles", "a b"});
  return jwt;
}

proof::ClientCertificate chance_certificate(Chance& chance, const std::string& folder) {
  proof::ClientCertificate certificate{.user_from = static_cast<proof::ClientCertificate::UserFrom>(chance.below(5))};
  if (chance.one_in(2)) { certificate.issuers = chance.some_of<std::string>({"CN=A,O=B", "CN=\"x\"", "7"}); }
  if (chance.one_in(2)) { certificate.fingerprints = {std::string(64, '0'), std::string(64, 'e')}; }
  if (chance.one_in(2)) {
    certificate.authorities = *proof::Authorities::from_pem(authority_pem);
    certificate.authorities_path = folder + "/certs/clients-ca.pem";
  }
  return certificate;
}

proof::Ask chance_ask(Chance& chance, const std::string& folder) {
  const bool secure = chance.one_in(2);
  proof::Ask ask{.url = {.secure = secure,
                         .host = chance.one_of<std::string>({"::1", "10.0.0.1", "sso.example"}),
                         .port = chance.one_of<std::uint16_t>({80, 443, 9091}),
                         .target = "/verify"}};
  if (secure && chance.one_in(2)) { ask.authorities = folder + "/certs/sso-ca.pem"; }
  if (chance.one_in(2)) { ask.pass = chance.some_of<std::string>({"cookie", "x-a", "on", "7"}); }
  ask.user_from = chance.one_of<std::string>({"", "x-user", "7"});
  ask.groups_from = chance.one_of<std::string>({"", "x-groups"});
  ask.target_from = chance.one_of<std::string>({"", "x-target"});
  ask.timeout = chance.one_of<std::chrono::milliseconds>({1ms, 1500ms, 5s});
  ask.cache = chance.one_of<std::chrono::milliseconds>({0ms, 1ms, 5s});
  ask.recheck = chance.limit();
  return ask;
}

std::shared_ptr<const proof::Proof> chance_proof(Chance& chance, const std::string& folder, std::string name) {
  proof::Proof proof;
  proof.name = std::move(name);
  const std::size_t kind = chance.below(6);
  switch (kind) {
    case 0: proof.how = chance_basic(chance, folder); break;
    case 1: proof.how = chance_jwt(chance, folder); break;
    case 2:
      proof.how = proof::Ticket{.secrets = chance_secrets(chance, folder, false),
                                .max_age = chance_seconds(chance),
                                .single_use = chance.one_in(2),
                                .credential = chance_places(chance)};
      break;
    case 3:
      proof.how =
          proof::Token{.secrets = chance_secrets(chance, folder, true),
                       .user = chance.one_of<std::string>({"robot", "7", "a: b"}),
                       .groups = chance.one_in(2) ? std::vector<std::string>() : chance.some_of(awkward_texts()),
                       .credential = chance_places(chance)};
      break;
    case 4: proof.how = chance_certificate(chance, folder); break;
    default: proof.how = chance_ask(chance, folder); break;
  }
  if (kind < 4 && chance.one_in(2)) {
    proof.cookie = {.max_age = chance_seconds(chance),
                    .secrets = chance.one_in(2) ? std::vector<proof::Secret>() : chance_secrets(chance, folder, false),
                    .login = kind == 0 && chance.one_in(2)};
  }
  return std::make_shared<const proof::Proof>(std::move(proof));
}

proof::Wanted chance_wanted(Chance& chance, const policy::Rules& rules, int depth) {
  using Kind = proof::Wanted::Kind;
  if (depth == 0 || chance.one_in(2)) {
    const auto number = static_cast<std::ptrdiff_t>(chance.below(rules.proofs.size()));
    return {.kind = Kind::one, .proof = std::next(rules.proofs.begin(), number)->second};
  }
  proof::Wanted wanted{.kind = chance.one_in(2) ? Kind::any : Kind::all};
  const std::size_t items = 2 + chance.below(3);
  for (std::size_t i = 0; i < items; ++i) {
    proof::Wanted one = chance_wanted(chance, rules, depth - 1);
    const bool known = std::find(wanted.of.begin(), wanted.of.end(), one) != wanted.of.end();
    if (!known) { wanted.of.push_back(std::move(one)); }
  }
  if (wanted.of.size() > 1) { return wanted; }
  proof::Wanted only = wanted.of.front();
  return only;
}

// --- TLS by chance

policy::KeptAt in_folder(const std::string& folder, const char* name) {
  return {.file = fmt::format("{}/{}", folder, name)};
}

policy::ListenerTls chance_listener_tls(Chance& chance, const std::string& folder) {
  using Pair = policy::ListenerTls::Pair;
  policy::ListenerTls tls;
  Pair site{.certificate = folder + "/certs/site.pem", .key = in_folder(folder, "certs/site.key")};
  if (chance.one_in(2)) { site.names = chance.some_of<std::string>({"a.example.org", "*.example.org", "example.org"}); }
  if (chance.one_in(2)) { site.ocsp = folder + "/certs/site.ocsp"; }
  tls.certificates = chance.some_of<Pair>({site, {.certificate = folder + "/certs/app.pem"}});
  tls.versions = chance.one_in(2) ? tls::Versions::intermediate : tls::Versions::modern;
  tls.refuse_unknown_names = chance.one_in(2);
  if (chance.one_in(2)) { tls.client_ca = folder + "/certs/clients-ca.pem"; }
  if (chance.one_in(2)) {
    tls.ticket_keys = chance.some_of<policy::KeptAt>(
        {in_folder(folder, "secrets/session-tickets.key"), in_folder(folder, "secrets/old-session-tickets.key")});
  }
  tls.plain = static_cast<policy::PlainHttp>(chance.below(3));
  tls.hsts = chance.one_of<Limit>({std::nullopt, 1s, 3599s, 24h, 24h * 730});
  return tls;
}

policy::ServiceTls chance_service_tls(Chance& chance, const std::string& folder) {
  policy::ServiceTls tls{.server_name = chance.one_of<std::string>({"broker.lan", "10.0.0.1", "::1"})};
  if (chance.one_in(2)) {
    tls.certificate = folder + "/certs/bascule.pem";
    tls.key = in_folder(folder, "certs/bascule.key");
  } else if (chance.one_in(2)) {
    tls.certificate = folder + "/certs/app.pem";
  }
  tls.verify = chance.one_in(2);
  if (tls.verify && chance.one_in(2)) { tls.ca = folder + "/certs/brokers-ca.pem"; }
  return tls;
}

policy::Listener chance_listener(Chance& chance, std::size_t number, const std::string& folder) {
  policy::Listener listener;
  const bool at_unix = chance.one_in(3);
  listener.written = at_unix            ? fmt::format("unix:/run/bascule/{} a.sock", number)
                     : chance.one_in(2) ? fmt::format("127.0.0.1:{}", 1000 + number)
                                        : fmt::format("[::1]:{}", 1000 + number);
  listener.address = *parse_listen_address(listener.written);
  listener.name = chance.one_in(2) ? listener.written : fmt::format("at-{}", number);
  listener.share_port = !at_unix && chance.one_in(3);
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
  if (chance.one_in(3)) { listener.tls = chance_listener_tls(chance, folder); }
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

void finish(Chance& chance, Service& service, const std::string& folder) {
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
  if (chance.one_in(3)) { service.tls = chance_service_tls(chance, folder); }
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
  if (!route.auth.open() && chance.one_in(2)) { route.on_expiry = policy::OnExpiry::keep; }
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
      finish(chance, *service, pages_.folder());
    } else if (kind == 5) {
      service->where = policy::Lookup{.key = *policy::Words::parse("{query.token}: \"{cookie.a}\""),
                                      .table = std::make_shared<policy::TableSource>(pages_.folder())};
      finish(chance, *service, pages_.folder());
    } else {
      choose_among(chance, *service);
      finish(chance, *service, pages_.folder());
    }
    route.to = std::shared_ptr<const Service>(std::move(service));
  }

  static void ask_for_a_proof(Chance& chance, policy::Route& route, const policy::Rules& rules) {
    route.auth = chance_wanted(chance, rules, 3);
    if (chance.one_in(2)) {
      route.allow.push_back({.users = chance.some_of(awkward_texts()),
                             .groups = chance.some_of(awkward_texts()),
                             .claims = {{"plan", chance.some_of(awkward_texts())}, {"7", {"7"}}}});
    }
  }

  policy::Rules chance_rules(Chance& chance) {
    policy::Rules rules;
    const std::size_t listeners = 1 + chance.below(4);
    for (std::size_t i = 0; i < listeners; ++i) {
      rules.listeners.push_back(chance_listener(chance, i, pages_.folder()));
    }
    const std::size_t services = chance.below(4);
    for (std::size_t i = 0; i < services; ++i) {
      auto service = std::make_shared<Service>();
      service->name = chance.one_of<std::string>({"broker", "no", "7a", "a_b-c"}) + std::to_string(i);
      service->shared = true;
      choose_among(chance, *service);
      finish(chance, *service, pages_.folder());
      rules.services.emplace(service->name, std::move(service));
    }
    const std::size_t proofs = chance.below(5);
    for (std::size_t i = 0; i < proofs; ++i) {
      auto proof = chance_proof(chance, pages_.folder(),
                                chance.one_of<std::string>({"staff", "7", "no", "null", "a_b-c"}) + std::to_string(i));
      rules.proofs.emplace(proof->name, std::move(proof));
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
      if (!rules.proofs.empty() && chance.one_in(2)) { ask_for_a_proof(chance, route, rules); }
      policy::Timeouts& times = route.session.timeouts;
      for (Limit* limit : {&times.tls, &times.head, &times.stall, &times.close}) { *limit = chance.limit(); }
      route.limits.head_bytes = chance.one_of<std::size_t>({1024, 16384, 1U << 20U, 5000});
      route.limits.head_fields = 1 + chance.below(1000);
      lead_somewhere(chance, route, rules);
      rules.routes.push_back(std::make_shared<const policy::Route>(std::move(route)));
    }
    for (policy::Listener& listener : rules.listeners) {
      if (listener.tls && !listener.tls->client_ca.empty()) { listener.tls->ask_at = rules.names_that_ask(listener); }
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

// --- how it reads
// ----------------------------------------------------------------------------------------------------

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
      tls: 10s
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
  EXPECT_THAT(shown, HasSubstr("    timeouts: {tls: 10s, head: 10s, stall: 1m, close: 5s}\n"));
  EXPECT_THAT(shown, HasSubstr("    limits: {head_size: 16KiB, head_fields: 64}\n"));
  EXPECT_THAT(shown, Not(HasSubstr("origins")));
  EXPECT_THAT(shown, Not(HasSubstr("refuse")));
}

TEST_F(ShowRules, WritesOutTlsWithItsFilesAndDefaults) {
  const Reading reading = read_well(pages_.put_into(R"(listen:
  address: 127.0.0.1:6080
  tls: {certificates: {certificate: certs/site.pem, key: {file: certs/site.key}}}
routes: {name: desktop, path: /vnc, auth: none, to: "tls://desk.lan:5900"}
)"));
  const std::string shown = show_rules(reading.rules);
  EXPECT_THAT(shown, HasSubstr(fmt::format("certificate: {}/certs/site.pem", pages_.folder())));
  EXPECT_THAT(shown, HasSubstr(fmt::format("{{file: {}/certs/site.key}}", pages_.folder())));
  EXPECT_THAT(shown, HasSubstr(R"(      versions: intermediate
      # ticket_keys: the process's own, new every twelve hours
      plain: refuse
      hsts: 180d
      unknown_names: first
)"));
  EXPECT_THAT(shown, HasSubstr(R"(      address: desk.lan:5900
      balance: first
      retry: 2
      tls:
        # ca: those that the system trusts
        verify: true
      proxy_protocol: none
)"));
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

TEST_F(ShowRules, WritesOutEveryDefaultOfAProof) {
  const Reading reading = read_well(pages_.put_into(R"(listen: 127.0.0.1:6080
auth:
  invite: {ticket: {secret: {file: secrets/ticket.key}}, session_cookie: {}}
  kiosk: {client_certificate: {}}
  portal: {jwt: {keys: secrets/portal.jwks.json}}
  robot: {token: {secrets: [{env: OLD_TOKEN}], user: robot}}
  sso: {ask: {url: "http://127.0.0.1:9091"}}
  staff: {basic: {users: {file: secrets/staff.htpasswd}}, session_cookie: {secret: {file: secrets/cookie.key}}}
routes:
  - {name: a, path: /a, to: "a.b:1", auth: [portal, {all: [kiosk, [staff, robot]]}, invite, sso]}
)"));
  const std::string shown = show_rules(reading.rules);
  const std::string expected = pages_.put_into(R"(
auth:
  invite:
    ticket: {secret: {file: secrets/ticket.key}, max_age: 1m, single_use: true, credential: [{query: ticket}]}
    session_cookie:
      max_age: 8h
      # secret: the process's own, new with each start
      login: false
  kiosk:
    client_certificate: {user_from: subject.CN}
  portal:
    jwt:
      keys: secrets/portal.jwks.json
      # algorithms: what each key is for
      leeway: 30s
      credential: [header]
      user_from: sub
  robot:
    token: {secret: {env: OLD_TOKEN}, user: robot, credential: [header]}
  sso:
    ask:
      url: http://127.0.0.1:9091/
      timeout: 5s
      cache: 5s
      recheck: none
  staff:
    basic: {users: {file: secrets/staff.htpasswd}, realm: staff}
    session_cookie: {max_age: 8h, secret: {file: secrets/cookie.key}, login: false}
)");
  // Where the folder has a long name, lines break elsewhere.
  const auto flat = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (std::string_view(" \n{},").find(c) == std::string_view::npos) { out += c; }
    }
    return out;
  };
  EXPECT_THAT(flat(shown), HasSubstr(flat(expected)));
  EXPECT_THAT(shown, HasSubstr("    auth: [portal, {all: [kiosk, [staff, robot]]}, invite, sso]\n"));
  EXPECT_THAT(shown, HasSubstr("    on_expiry: close\n"));
}

// A secret is shown as where it stands, in whatever kind of proof.
TEST_F(ShowRules, ShowsNoSecret) {
  for (const std::filesystem::path& file : rules_files()) {
    const Reading reading = read_well(pages_.put_into(text_of_file(file)), file.string());
    const std::string shown = show_rules(reading.rules);
    for (const std::string& secret : secret_texts()) { EXPECT_THAT(shown, Not(HasSubstr(secret))) << file; }
    EXPECT_THAT(shown, Not(HasSubstr("PRIVATE KEY"))) << file;
  }
}

}  // namespace
}  // namespace bascule::config
