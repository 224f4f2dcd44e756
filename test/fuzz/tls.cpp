// TLS without a connection. What a stranger says never does harm, is judged the same however it is cut, and is answered
// within bounds. And between two sides that shake hands, whatever happens on the way: what is read is what was written,
// in order, to the last byte or to a failure; what was changed on the way is never read.
//
// Input: 's' and what a visitor says to a server, 'c' and what a service says to a client of ours, or anything else and
// a script of what the two do.
#include <algorithm>
#include <string>
#include <vector>

#include "test/fuzz/fuzz.hpp"
#include "test/tls/talking.hpp"

namespace bascule::fuzz {
namespace {

using namespace tls;
using namespace tls::talking;

// The largest answer to what is no handshake yet: hello, certificates, alerts.
constexpr std::size_t answer_bytes_max = std::size_t{16} * 1024;

const std::shared_ptr<const Server>& server() {
  static const auto made = must_be(Server::make({.papers = {{.key = certified(issue("DNS:desk.example.org"))}}}));
  return made;
}

const std::shared_ptr<const Client>& client() {
  static const auto made = must_be(Client::make({.authorities = authorities(root())}));
  return made;
}

Talker server_side() {
  static const TicketKeys keys;
  return Talker(Engine::accept(server(), keys));
}

Talker client_side() {
  return Talker(must_be(Engine::connect(client(), "desk.example.org")));
}

// --- strangers -------------------------------------------------------------------------------------------------------

struct Outcome {
  bool failed = false;
  std::string why{};

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome listen(Talker talker, const std::vector<Bytes>& pieces) {
  if (talker.engine->speaks_first()) { talker.shake_hands(); }
  talker.sent();
  Did did = Did::wants_more;
  for (const Bytes piece : pieces) {
    talker.arrived += text_of(piece);
    did = talker.shake_hands();
    require(did != Did::well, "nobody shakes hands by chance");
    require(did != Did::wants_more || talker.arrived.empty(), "who wants more has taken everything");
    require(talker.to_send.size() <= answer_bytes_max, "an answer is bounded");
    if (did == Did::failed) { break; }
  }
  const std::string& why = talker.engine->why();
  require_printable(why, "a reason is safe to print");
  require((did == Did::failed) == !why.empty(), "a failure has a reason");
  if (did == Did::failed) { require(talker.shake_hands() == Did::failed, "a failure stays"); }
  return {.failed = did == Did::failed, .why = why};
}

template <typename Make>
void check_stranger(Make make, Bytes said) {
  const Outcome whole = listen(make(), {said});
  if (said.size() <= 64) { require(listen(make(), single_bytes(said)) == whole, "byte by byte it is judged the same"); }
  require(listen(make(), pieces_of(said)) == whole, "in pieces it is judged the same");
}

// --- two sides -------------------------------------------------------------------------------------------------------

struct Side {
  Talker talker;
  std::string on_the_way{};  // what it has sent, and has not arrived
  std::string written{};
  std::string read{};
  bool shaken = false;
  bool failed = false;
  bool closed = false;
  bool ended = false;  // the other side has said that nothing follows

  void note(Did did) {
    if (did == Did::failed) { failed = true; }
    on_the_way += talker.sent();
  }
  void work() {
    if (failed || ended) { return; }
    if (!shaken) {
      const Did did = talker.shake_hands();
      shaken = did == Did::well;
      note(did);
    }
    if (!shaken) { return; }
    Did did = Did::well;
    while (did == Did::well) { did = talker.read(read, 2048); }
    ended = did == Did::ended;
    note(did);
  }
  void write(std::string_view text) {
    if (!shaken || failed || closed) { return; }
    const Did did = talker.write(text);
    if (did == Did::well) { written += text; }
    note(did);
  }
  void close() {
    if (!shaken || failed) { return; }
    closed = true;
    talker.close();
    note(Did::well);
  }
  void receive(Side& from, std::size_t size) {
    size = std::min(size, from.on_the_way.size());
    talker.arrived += from.on_the_way.substr(0, size);
    from.on_the_way.erase(0, size);
    work();
  }
};

void check_two(Bytes script) {
  Side visitor{.talker = client_side()};
  Side host{.talker = server_side()};
  visitor.work();
  bool changed = false;
  while (script.size() >= 2) {
    const std::size_t number = script[1];
    Side& one = (script[0] & 0x80U) != 0 ? host : visitor;
    Side& other = &one == &host ? visitor : host;
    switch (script[0] & 0x7fU) {
      case 'w': one.write(std::string(number * 80, static_cast<char>(number))); break;
      case 'x': one.close(); break;
      case 'f':  // a bit of what is on its way to the other
        if (one.on_the_way.empty()) { break; }
        one.on_the_way[number * 31 % one.on_the_way.size()] ^= static_cast<char>(1U << number % 8);
        changed = true;
        break;
      case 'a': one.receive(other, other.on_the_way.size()); break;
      default: one.receive(other, number);
    }
    script = script.subspan(2);
  }
  for (int flights = 0; flights < 8; ++flights) {
    visitor.receive(host, host.on_the_way.size());
    host.receive(visitor, visitor.on_the_way.size());
  }
  for (const auto& [from, to] : {std::pair(&visitor, &host), std::pair(&host, &visitor)}) {
    require(from->written.starts_with(to->read), "what is read is what was written");
    require_printable(to->talker.engine->why(), "a reason is safe to print");
    if (changed) { continue; }
    require(from->shaken && !from->failed, "undisturbed, hands are shaken");
    require(to->read == from->written, "undisturbed, everything arrives");
    require(to->ended == from->closed, "and so does the end");
  }
}

}  // namespace
}  // namespace bascule::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bascule;
  if (size == 0) { return 0; }
  const Bytes rest = Bytes(data, size).subspan(1);
  switch (data[0]) {
    case 's': fuzz::check_stranger(fuzz::server_side, rest); break;
    case 'c': fuzz::check_stranger(fuzz::client_side, rest); break;
    default: fuzz::check_two(rest);
  }
  return 0;
}
