#include "proxy/auth/http_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/net/dialer.hpp"
#include "proxy/net/tls_stream.hpp"
#include "proxy/wire/http/answer_parser.hpp"
#include "proxy/wire/http/characters.hpp"

namespace bascule::auth {

using namespace std::chrono_literals;
using net::Async;
using net::Wake;
using wire::http::AnswerParser;
using wire::http::Field;

namespace {

constexpr std::size_t at_once_max = 32;   // requests to one server
constexpr std::size_t waiting_max = 256;  // for their turn
constexpr std::size_t idle_max = 8;       // connections of one server that are kept
constexpr auto idle_for = 30s;            // most servers keep theirs longer than this
constexpr std::size_t scratch_bytes = std::size_t{16} * 1024;

// An operator who changes the authorities' file need not tell us.
constexpr auto trust_for = 10min;

HttpFailure failure(std::string why) {
  return {.why = std::move(why)};
}

HttpFailure stopped() {
  return {.why = "stopped", .stopped = true};
}

// "auth.example.org", "[::1]:9091": the port where it is not the scheme's own (RFC 9110, section 7.2).
std::string authority_of(const proof::Url& url) {
  const bool literal_v6 = url.host.find(':') != std::string::npos;
  std::string text = literal_v6 ? fmt::format("[{}]", url.host) : url.host;
  const std::uint16_t usual = url.secure ? 443 : 80;
  if (url.port != usual) { fmt::format_to(std::back_inserter(text), ":{}", url.port); }
  return text;
}

// For people: always with the port.
std::string server_of(const proof::Url& url) {
  return fmt::format("{}:{}", shown(url.host), url.port);
}

bool has(const std::vector<Field>& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(), [&](const Field& it) { return same_ignoring_case(it.name, name); });
}

bool fits(const wire::http::CharacterTable& table, std::string_view text) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return wire::http::is_in(table, c); });
}

// Empty where something in it would not be what it seems: a second line, another request.
std::string text_of(const HttpClient::Request& request) {
  const std::string& target = request.url.target;
  if (!target.starts_with('/') || !fits(wire::http::target_characters, target)) { return {}; }
  const std::string authority = authority_of(request.url);
  if (request.url.host.empty() || !fits(wire::http::target_characters, authority)) { return {}; }
  std::string text = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive\r\n", target, authority);
  if (!has(request.fields, "accept")) { text += "Accept: */*\r\n"; }
  if (!has(request.fields, "user-agent")) { text += "User-Agent: bascule\r\n"; }
  for (const Field& field : request.fields) {
    if (!wire::http::is_token(field.name) || !fits(wire::http::value_characters, field.value)) { return {}; }
    fmt::format_to(std::back_inserter(text), "{}: {}\r\n", field.name, field.value);
  }
  text += "\r\n";
  return text;
}

// Connections of one key are as good as each other.
std::string key_of(const HttpClient::Request& request) {
  return fmt::format("{}\n{}\n{}\n{}", request.url.secure, request.url.host, request.url.port, request.authorities);
}

}  // namespace

const std::string* HttpAnswer::find(std::string_view name) const {
  for (const Field& field : fields) {
    if (field.name == name) { return &field.value; }
  }
  return nullptr;
}

// --- connections -----------------------------------------------------------------------------------------------------

struct HttpClient::Connection {
  std::unique_ptr<net::PolledStream> stream;
  TimePoint idle_since{};

  // Nobody has said anything that we did not ask for, and it has not ended, as far as one can tell.
  bool quiet() const {
    std::uint8_t byte = 0;
    return stream->broken() == 0 && !stream->end_announced() && stream->read({&byte, 1}).waits();
  }
};

// Those that wait for another request, by key; the longest idle stands first.
struct HttpClient::Idle final : net::Timer {
  explicit Idle(net::Loop& the_loop) : loop(the_loop) {}

  void on_time(TimePoint now) override {
    for (auto kept = connections.begin(); kept != connections.end();) {
      std::erase_if(kept->second, [now](const auto& it) { return it->idle_since + idle_for <= now; });
      kept = kept->second.empty() ? connections.erase(kept) : std::next(kept);
    }
    arm();
  }

  void arm() {
    TimePoint first = never;
    for (const auto& [key, kept] : connections) { first = std::min(first, kept.front()->idle_since + idle_for); }
    loop.timers().wake_by(*this, first);
  }

  // Null: there is none that is still good. The one that was used last is the likeliest to be.
  std::unique_ptr<Connection> take(const std::string& key) {
    const auto kept = connections.find(key);
    if (kept == connections.end()) { return nullptr; }
    std::unique_ptr<Connection> connection;
    while (!connection && !kept->second.empty()) {
      connection = std::move(kept->second.back());
      kept->second.pop_back();
      if (!connection->quiet()) { connection.reset(); }
    }
    if (kept->second.empty()) { connections.erase(kept); }
    return connection;
  }

  void put(const std::string& key, std::unique_ptr<Connection> connection) {
    connection->idle_since = loop.now();
    auto& kept = connections[key];
    if (kept.size() == idle_max) { kept.erase(kept.begin()); }
    kept.push_back(std::move(connection));
    arm();
  }

  net::Loop& loop;
  std::map<std::string, std::vector<std::unique_ptr<Connection>>, std::less<>> connections;  // no list is empty
};

// How many requests are under way to each server, and who waits until there are fewer.
struct HttpClient::Turns {
  struct Server {
    std::size_t under_way = 0;
    std::deque<net::Waiter*> waiting;
  };
  std::map<std::string, Server, std::less<>> servers;  // those that somebody has to do with
};

// One's turn at a server, once it has come; given back when this goes.
class HttpClient::Turn {
 public:
  Turn(Turns& turns, const std::string& server) : turns_(turns), place_(turns.servers.try_emplace(server).first) {}
  ~Turn() {
    Turns::Server& server = place_->second;
    if (taken_) { --server.under_way; }
    if (!server.waiting.empty()) {
      server.waiting.front()->wake();
    } else if (server.under_way == 0) {
      turns_.servers.erase(place_);
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  enum class Came : std::uint8_t { yes, too_many, late, stopped };
  Async<Came> come(net::Waiter& waiter, TimePoint deadline) {
    Turns::Server& server = place_->second;
    if (server.under_way >= at_once_max) {
      if (server.waiting.size() >= waiting_max) { co_return Came::too_many; }
      server.waiting.push_back(&waiter);
      Wake wake = Wake::ready;
      while (wake == Wake::ready && server.under_way >= at_once_max) { wake = co_await waiter.wait(deadline); }
      std::erase(server.waiting, &waiter);
      if (wake == Wake::timeout) { co_return Came::late; }
      if (wake == Wake::stopped) { co_return Came::stopped; }
    }
    ++server.under_way;
    taken_ = true;
    co_return Came::yes;
  }

 private:
  Turns& turns_;
  const std::map<std::string, Turns::Server, std::less<>>::iterator place_;
  bool taken_ = false;
};

HttpClient::HttpClient(net::Loop& loop, net::Resolver& resolver)
    : loop_(loop), resolver_(resolver), idle_(std::make_unique<Idle>(loop)), turns_(std::make_unique<Turns>()) {}

HttpClient::~HttpClient() = default;

void HttpClient::close_idle() {
  idle_->connections.clear();
  loop_.timers().cancel(*idle_);
}

std::size_t HttpClient::idle_count() const {
  std::size_t count = 0;
  for (const auto& [key, kept] : idle_->connections) { count += kept.size(); }
  return count;
}

Result<std::shared_ptr<const tls::Client>, HttpFailure> HttpClient::trusting(const std::string& authorities) {
  const TimePoint now = loop_.now();
  std::erase_if(trusted_, [now](const auto& entry) { return entry.second.until <= now; });
  const auto known = trusted_.find(authorities);
  if (known != trusted_.end()) { return known->second.client; }
  const auto of = [&authorities](std::string_view why) {
    return failure(fmt::format("cannot read authorities from '{}': {}",
                               authorities.empty() ? "the system" : shown(authorities), why));
  };
  std::ifstream file(authorities, std::ios::binary);
  if (!authorities.empty() && !file) { return of("there is no such file, or it is not ours to read"); }
  const std::string pem(std::istreambuf_iterator<char>(file), {});
  auto trusted = authorities.empty() ? tls::Authorities::of_the_system() : tls::Authorities::read(pem);
  if (!trusted) { return of(trusted.error().why); }
  auto client = tls::Client::make({.authorities = *trusted});
  if (!client) { return of(client.error().why); }
  trusted_[authorities] = {.client = *client, .until = now + trust_for};
  return *client;
}

Async<HttpClient::MayConnection> HttpClient::open(net::Waiter& waiter, const Request& request) {
  const proof::Url& url = request.url;
  net::DialTarget target;
  target.port = url.port;
  if (const auto literal = Address::parse_ip(url.host, url.port)) {
    target.address = *literal;
  } else {
    target.name = url.host;
  }
  net::DialOptions options;
  options.deadline = request.deadline;
  auto dialed = co_await net::dial(waiter, resolver_, target, options);
  if (!dialed) {
    if (dialed.error().why == net::DialError::Why::stopped) { co_return stopped(); }
    co_return failure(dialed.error().detail);
  }
  auto connection = std::make_unique<Connection>();
  if (!url.secure) {
    connection->stream = std::move(dialed->stream);
    co_return connection;
  }
  const auto trusted = trusting(request.authorities);
  if (!trusted) { co_return trusted.error(); }
  auto engine = tls::Engine::connect(*trusted, url.host);
  if (!engine) { co_return failure(fmt::format("{}: {}", server_of(url), engine.error().why)); }
  auto secured = std::make_unique<net::TlsStream>(std::move(dialed->stream), std::move(*engine), bench_);
  const auto failed = co_await secured->shake_hands(waiter, nullptr, url.host, request.deadline);
  if (failed) {
    if (failed->how == net::TlsFailure::How::stopped) { co_return stopped(); }
    co_return failure(fmt::format("{}: {}", server_of(url), failed->why));
  }
  connection->stream = std::move(secured);
  co_return connection;
}

// --- a request -------------------------------------------------------------------------------------------------------

namespace {

enum class Exchanged : std::uint8_t {
  done,  // the parser says with what
  dead,  // the connection broke
  late,
  stopped,
};

// Writes what is left of `rest`, reads what is there. Empty: there is nothing to do but wait.
std::optional<Exchanged> step(Stream& stream, Bytes& rest, MutableBytes scratch, AnswerParser& parser) {
  bool writes = true;
  while (writes && !rest.empty()) {
    const IoResult written = stream.write(rest);
    writes = written.status == Io::bytes;
    if (writes) { rest = rest.subspan(written.bytes); }
    // A server that has ended may have answered before.
  }
  for (;;) {
    const IoResult got = stream.read(scratch);
    if (got.waits()) { return std::nullopt; }
    if (got.status == Io::end) {
      if (!parser.started()) { return Exchanged::dead; }
      parser.end();
      return Exchanged::done;
    }
    if (got.status != Io::bytes) { return Exchanged::dead; }
    const std::size_t taken = parser.feed(Bytes(scratch.data(), got.bytes));
    if (parser.state() == AnswerParser::State::incomplete) { continue; }
    // What was not asked for follows: whatever it is, the next request must not find it.
    if (taken < got.bytes) { stream.unread(Bytes(scratch.data() + taken, got.bytes - taken)); }
    return Exchanged::done;
  }
}

// `rest`: the request; what could not be sent of it is left there.
Async<Exchanged> exchange(net::Waiter& waiter, Stream& stream, Bytes& rest, TimePoint deadline, AnswerParser& parser) {
  std::vector<std::uint8_t> scratch(scratch_bytes);
  for (;;) {
    if (const auto ended = step(stream, rest, scratch, parser)) { co_return *ended; }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake == Wake::timeout) { co_return Exchanged::late; }
    if (wake == Wake::stopped) { co_return Exchanged::stopped; }
  }
}

}  // namespace

Async<Result<HttpAnswer, HttpFailure>> HttpClient::get(net::Waiter& waiter, const Request& request) {
  const std::string text = text_of(request);
  if (text.empty()) { co_return failure("a request that HTTP cannot carry"); }
  const std::string key = key_of(request);
  wire::http::AnswerLimits limits;
  limits.body_bytes_max = request.body_bytes_max;

  const std::string server = server_of(request.url);
  Turn turn(*turns_, key);
  const Turn::Came came = co_await turn.come(waiter, request.deadline);
  if (came == Turn::Came::stopped) { co_return stopped(); }
  if (came != Turn::Came::yes) { co_return failure(fmt::format("{}: too many requests to it at once", server)); }
  std::unique_ptr<Connection> connection = idle_->take(key);
  for (;;) {
    const bool kept = connection != nullptr;
    if (!kept) {
      auto opened = co_await open(waiter, request);
      if (!opened) { co_return opened.error(); }
      connection = std::move(*opened);
    }
    AnswerParser parser(limits);
    Bytes rest = bytes_of(text);
    connection->stream->watched_by(&waiter);
    const Exchanged exchanged = co_await exchange(waiter, *connection->stream, rest, request.deadline, parser);
    connection->stream->watched_by(nullptr);
    if (exchanged == Exchanged::stopped) { co_return stopped(); }
    if (exchanged == Exchanged::late) { co_return failure(fmt::format("{}: no answer in time", server)); }
    if (exchanged == Exchanged::dead) {
      connection.reset();
      if (kept && !parser.started()) { continue; }  // it ended while nobody looked: that says nothing of the server
      const char* const when = parser.started() ? "in the middle of its answer" : "without an answer";
      co_return failure(fmt::format("{}: the connection broke {}", server, when));
    }
    if (parser.state() == AnswerParser::State::failed) {
      co_return failure(fmt::format("{}: {}", server, parser.why()));
    }
    HttpAnswer answer{.status = parser.status(), .fields = parser.fields(), .body = parser.body()};
    if (parser.reusable() && rest.empty()) { idle_->put(key, std::move(connection)); }
    co_return answer;
  }
}

}  // namespace bascule::auth
