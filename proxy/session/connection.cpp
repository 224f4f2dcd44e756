#include "proxy/session/connection.hpp"

#include <asio/co_spawn.hpp>
#include <memory>
#include <utility>

#include "proxy/policy/judge.hpp"
#include "proxy/policy/match.hpp"
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

Async<void> connection(Floor& floor, OwnedFd socket, Visitor visitor) {
  net::Waiter waiter(floor.loop);
  const Presence presence(floor, waiter, Floor::Is::visitor);
  auto client = std::make_unique<net::SocketStream>(floor.loop, std::move(socket), net::SocketStream::Began::connected);
  client->watched_by(&waiter);
  const bool welcome = co_await find_out_who(floor, waiter, *client, visitor);
  if (!welcome) { co_return; }
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
