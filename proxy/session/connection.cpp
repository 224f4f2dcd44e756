#include "proxy/session/connection.hpp"

#include <fmt/format.h>

#include <asio/co_spawn.hpp>
#include <memory>
#include <utility>

#include "proxy/net/tls_stream.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/policy/match.hpp"
#include "proxy/session/transfer.hpp"
#include "proxy/wire/proxy_header.hpp"

namespace bascule::session {

using net::Async;
using net::Wake;
using policy::Listener;
using policy::Refusal;
using wire::ProxyHeader;
using wire::ProxyHeaderReader;

namespace {

// Whom nobody answers leaves a record all the same.
void record_closed(Floor& floor, const Visitor& visitor, Refusal refusal, std::string detail,
                   const policy::Place& place) {
  observe::SessionRecord record;
  record.id = floor.ledger.next_id();
  record.reference = floor.next_reference();
  record.listener = visitor.listener;
  record.client = visitor.peer;
  record.began = std::chrono::system_clock::now();
  record.began_at = floor.loop.now();
  record.step = policy::word_of(policy::step_of(refusal));
  record.ending = policy::entry_of(refusal).word;
  record.ended_by = "bascule";
  record.place = place.text();
  record.detail = std::move(detail);
  floor.refusals.add(record);
  floor.log.session(std::move(record));
}

struct HeaderRead {
  std::optional<ProxyHeader> header;
  const char* why = nullptr;  // what is wrong; with neither nobody is to blame: he said nothing, or we are stopping
};

// The header is awaited and nothing is guessed: one byte that fits none, or no header in time, ends the connection.
Async<HeaderRead> read_proxy_header(Floor& floor, net::Waiter& waiter, net::SocketStream& client, TimePoint deadline) {
  HeaderRead result;
  ProxyHeaderReader reader;
  bool started = false;
  for (;;) {
    const MutableBytes into = floor.bench.scratch(ProxyHeaderReader::v2_bytes_max);
    const IoResult read = client.read(into);
    if (read.status == Io::bytes) {
      started = true;
      const std::size_t taken = reader.feed(into.first(read.bytes));
      client.unread(into.subspan(taken, read.bytes - taken));
      if (reader.state() == ProxyHeaderReader::State::failed) {
        result.why = reader.why();
        co_return result;
      }
      if (reader.state() == ProxyHeaderReader::State::complete) {
        result.header = reader.header();
        co_return result;
      }
      continue;
    }
    if (!read.waits()) {
      if (started) { result.why = "the connection ended within its PROXY header"; }
      co_return result;
    }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake == Wake::timeout) { result.why = "the PROXY header did not come in time"; }
    if (wake != Wake::ready) { co_return result; }
  }
}

// Who is at the door, by the word of those who may give one. False: not somebody who may come in.
Async<bool> find_out_who(Floor& floor, net::Waiter& waiter, net::SocketStream& client, Visitor& visitor) {
  const std::shared_ptr<const policy::Rules> rules = floor.rules();
  const Listener* listener = listener_of(*rules, visitor);
  if (listener == nullptr) { co_return true; }  // just taken away by new rules; the judgement says so
  if (!policy::may_connect(*listener, visitor.peer)) {
    record_closed(floor, visitor, Refusal::address_not_welcome, "not in 'allow' of the listener", listener->place);
    co_return false;
  }
  if (!listener->proxy_protocol) { co_return true; }
  if (!listener->proxy_protocol->contains(visitor.peer)) {
    record_closed(floor, visitor, Refusal::bad_proxy_header, "not in 'proxy_protocol.addresses' of the listener",
                  listener->place);
    co_return false;
  }
  const TimePoint deadline = after(floor.loop.now(), policy::head_limit(*rules, listener->name));
  const HeaderRead read = co_await read_proxy_header(floor, waiter, client, deadline);
  if (!read.header) {
    if (read.why != nullptr) { record_closed(floor, visitor, Refusal::bad_proxy_header, read.why, listener->place); }
    co_return false;
  }
  // LOCAL: the proxy speaks for itself, and the addresses of the connection hold.
  if (!read.header->local) {
    visitor.proxy = visitor.peer;
    visitor.peer = read.header->source.unmapped();
    visitor.came_to = read.header->destination.unmapped();
    visitor.secure = read.header->tls;
    if (!read.header->certificate_name.empty()) {
      visitor.certificate =
          std::make_shared<const proof::Certificate>(proof::Certificate{.common_name = read.header->certificate_name});
    }
  }
  co_return true;
}

// --- TLS -------------------------------------------------------------------------------------------------------------

// RFC 8446, section 5.1: what a handshake begins with. No request of HTTP does.
constexpr std::uint8_t handshake_record = 0x16;
// All of what most visitors say first: to take it at once spares a second look.
constexpr std::size_t hello_bytes = 4096;

// The first byte of what he says, which stays to be read; empty when he says nothing in time, or is gone.
Async<std::optional<std::uint8_t>> first_byte(net::Waiter& waiter, relay::Workbench& bench, net::SocketStream& client,
                                              TimePoint deadline) {
  for (;;) {
    const MutableBytes into = bench.scratch(hello_bytes);
    const IoResult read = client.read(into);
    if (read.status == Io::bytes) {
      client.unread(into.first(read.bytes));
      co_return into.front();
    }
    if (!read.waits()) { co_return std::nullopt; }
    const Wake wake = co_await waiter.wait(deadline);
    if (wake != Wake::ready) { co_return std::nullopt; }
  }
}

void note_tls(Visitor& visitor, tls::Engine& engine, const tls::Server& server) {
  visitor.tls_here = true;
  if (engine.asked_for_certificate()) { visitor.authorities = server.authorities_digest(); }
  visitor.sni = engine.name();
  visitor.tls_version = engine.version();
  tls::Engine::Shown shown = engine.take_certificate();
  auto certificate = proof::read_certificate(shown.der, std::move(shown.chain));
  if (certificate) { visitor.certificate = std::make_shared<const proof::Certificate>(std::move(*certificate)); }
}

// Who comes without TLS goes on without it; what that is worth the judgement says, by an answer. Null: nobody does.
Async<std::unique_ptr<net::PolledStream>> come_in_by_tls(Floor& floor, net::Waiter& waiter,
                                                         std::unique_ptr<net::SocketStream> socket, Visitor& visitor) {
  const std::shared_ptr<const policy::Rules> rules = floor.rules();
  const Listener* listener = listener_of(*rules, visitor);
  if (listener == nullptr || !listener->tls) { co_return std::unique_ptr<net::PolledStream>(std::move(socket)); }
  const TimePoint deadline = after(floor.loop.now(), policy::tls_limit(*rules, listener->name));
  const auto first = co_await first_byte(waiter, floor.bench, *socket, deadline);
  if (!first) { co_return nullptr; }
  if (*first != handshake_record) { co_return std::unique_ptr<net::PolledStream>(std::move(socket)); }

  const std::shared_ptr<const tls::Server> server = listener->tls->server->current();
  auto engine = tls::Engine::accept(server, floor.ticket_keys);
  auto client = std::make_unique<net::TlsStream>(std::move(socket), std::move(engine), floor.tls_bench);
  const std::string who = counted_as(visitor.peer);
  const auto failure = co_await client->shake_hands(waiter, &floor.handshakes, who, deadline);
  if (failure) {
    const bool ours = failure->how == net::TlsFailure::How::stopped;
    if (!ours) { record_closed(floor, visitor, Refusal::tls_failed, failure->why, listener->place); }
    if (failure->how == net::TlsFailure::How::failed || failure->how == net::TlsFailure::How::distrusted) {
      client->socket().watched_by(&waiter);  // the alert is to arrive
      co_await part(client->socket(), waiter, floor.bench, parting_patience);
    }
    co_return nullptr;
  }
  note_tls(visitor, client->engine(), *server);
  client->watched_by(&waiter);
  co_return std::unique_ptr<net::PolledStream>(std::move(client));
}

// --- the crowd -------------------------------------------------------------------------------------------------------

// A place at the door for one who is not let in yet. A proxy that speaks for others is not counted: whom it speaks for
// is known by their requests only.
std::optional<Waiting> place_at_the_door(Floor& floor, const Visitor& visitor) {
  const std::shared_ptr<const policy::Rules> rules = floor.rules();
  const Listener* listener = listener_of(*rules, visitor);
  const bool speaks_for_others =
      listener != nullptr && listener->trusted_proxies && listener->trusted_proxies->addresses.contains(visitor.peer);
  if (speaks_for_others) { return Waiting(); }
  auto place = floor.ledger.wait_at_the_door(visitor.peer);
  if (!place && floor.ledger.tells_of_crowd(floor.loop.now())) {
    floor.log.note({.level = observe::Level::warning,
                    .event = "crowd",
                    .text = fmt::format("listener {}: {} has too many connections that are not let in yet; more of "
                                        "them are closed",
                                        visitor.listener, counted_as(visitor.peer)),
                    .fields = {{"listener", visitor.listener}, {"client", counted_as(visitor.peer)}},
                    .at = {}});
  }
  return place;
}

// --- the visit -------------------------------------------------------------------------------------------------------

Async<void> connection(Floor& floor, OwnedFd socket, Visitor visitor) {
  net::Waiter waiter(floor.loop);
  const Presence presence(floor, waiter, Floor::Is::visitor);
  auto accepted =
      std::make_unique<net::SocketStream>(floor.loop, std::move(socket), net::SocketStream::Began::connected);
  accepted->watched_by(&waiter);
  const bool welcome = co_await find_out_who(floor, waiter, *accepted, visitor);
  if (!welcome) { co_return; }
  const std::optional<Waiting> place = place_at_the_door(floor, visitor);
  if (!place) { co_return; }
  std::unique_ptr<net::PolledStream> client = co_await come_in_by_tls(floor, waiter, std::move(accepted), visitor);
  if (!client) { co_return; }
  for (;;) {
    const Next next = co_await exchange(floor, waiter, visitor, client);
    if (next == Next::over) { co_return; }
    co_await waiter.pass();  // one who asks as fast as he is answered must not keep the others of the worker waiting
  }
}

}  // namespace

void receive(Floor& floor, OwnedFd socket, Visitor visitor) {
  auto on_end = [&floor](const std::exception_ptr& failure) { tell_internal_error(floor.log, failure); };
  asio::co_spawn(floor.loop.executor(), connection(floor, std::move(socket), std::move(visitor)), on_end);
}

}  // namespace bascule::session
