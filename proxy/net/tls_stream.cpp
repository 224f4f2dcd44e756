#include "proxy/net/tls_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bascule::net {

using tls::Did;
using tls::Records;

namespace {

// A whole record of TLS (RFC 8446, section 5.2) and what stands in front of it: to fetch less would be to fetch twice.
constexpr std::size_t record_bytes_max = std::size_t{17} * 1024;

}  // namespace

MutableBytes TlsBench::in() {
  if (in_.empty()) { in_.resize(fetch_bytes); }
  return in_;
}

std::vector<std::uint8_t>& TlsBench::out() {
  if (out_.capacity() == 0) { out_.reserve(seal_bytes + record_bytes_max); }
  out_.clear();
  return out_;
}

TlsStream::TlsStream(std::unique_ptr<SocketStream> socket, std::unique_ptr<tls::Engine> engine, TlsBench& bench)
    : socket_(std::move(socket)), engine_(std::move(engine)), bench_(bench) {
  socket_->watched_by(this);
}

TlsStream::~TlsStream() {
  bench_.budget_.shrank(held());
}

void TlsStream::on_ready() {
  send_held();
  if (watcher_ != nullptr) { watcher_->on_ready(); }
}

// --- records in, records out -----------------------------------------------------------------------------------------

// One call of the engine: it is given what came before, or else what was just fetched; what it leaves is kept, and what
// it has to say is sent.
template <typename Step>
tls::Did TlsStream::with_records(Step step) {
  const bool from_before = unopened_ != nullptr;
  Records records{.in = from_before ? unopened_->rest() : std::exchange(bench_.fetched_, {}), .out = bench_.out()};
  const Did did = step(records);
  if (!records.out.empty()) { send(records.out); }
  if (records.in.empty()) {
    unopened_.reset();
  } else if (from_before) {
    unopened_->done = unopened_->bytes.size() - records.in.size();
  } else {
    unopened_ = std::make_unique<Waiting>(Waiting{.bytes{records.in.begin(), records.in.end()}});
  }
  return did;
}

// REQUIRES: nothing waits to be opened.
IoResult TlsStream::fetch(std::size_t bytes_max) {
  const MutableBytes into = bench_.in();
  const IoResult got = socket_->read(into.first(std::min(into.size(), bytes_max)));
  bench_.fetched_ = into.first(got.bytes);
  return got;
}

void TlsStream::keep_fetched() {
  const Bytes fetched = std::exchange(bench_.fetched_, {});
  if (!unopened_) { unopened_ = std::make_unique<Waiting>(); }
  unopened_->bytes.insert(unopened_->bytes.end(), fetched.begin(), fetched.end());
}

void TlsStream::send(Bytes records) {
  if (held() == 0) {
    const IoResult written = shut_ ? socket_->write_last(records) : socket_->write(records);
    if (written.status == Io::reset) { return fail(written.error); }
    records = records.subspan(written.bytes);
  }
  if (!records.empty()) { hold(records); }
  if (put_off_) {
    put_off_ = false;
    send_held();
  }
}

void TlsStream::hold(Bytes records) {
  if (!sealed_) { sealed_ = std::make_unique<Waiting>(); }
  sealed_->bytes.insert(sealed_->bytes.end(), records.begin(), records.end());
  bench_.budget_.grew(records.size());
}

void TlsStream::send_held() {
  if (!blocked()) { return; }
  while (held() > 0) {
    const IoResult written = socket_->write(sealed_->rest());
    if (written.status == Io::reset) { return fail(written.error); }
    if (written.waits()) { return; }
    sealed_->done += written.bytes;
    bench_.budget_.shrank(written.bytes);
  }
  sealed_.reset();
  if (shut_) { socket_->shutdown_write(); }
}

void TlsStream::fail(int error) {
  if (error_ == 0) { error_ = error != 0 ? error : EPIPE; }
  bench_.budget_.shrank(held());
  sealed_.reset();
  put_off_ = false;
}

// --- the handshake ---------------------------------------------------------------------------------------------------

Async<std::optional<TlsFailure>> TlsStream::shake_hands(Waiter& waiter, Turns* turns, const std::string& who,
                                                        TimePoint deadline) {
  using How = TlsFailure::How;
  watcher_ = &waiter;
  std::optional<TlsFailure> failure = co_await shake_hands_watched(waiter, turns, who, deadline);
  watcher_ = nullptr;
  if (failure && failure->how == How::timed_out) { failure->why = "the TLS handshake takes too long"; }
  co_return failure;
}

Async<std::optional<TlsFailure>> TlsStream::shake_hands_watched(Waiter& waiter, Turns* turns, const std::string& who,
                                                                TimePoint deadline) {
  using How = TlsFailure::How;
  const auto how_by = [](Wake wake) { return wake == Wake::timeout ? How::timed_out : How::stopped; };
  bool we_speak = engine_->speaks_first();
  for (bool begun = we_speak;;) {
    if (!we_speak) {
      const IoResult got = fetch(record_bytes_max);
      if (got.waits()) {
        const Wake wake = co_await waiter.wait(deadline);
        if (wake == Wake::ready) { continue; }
        co_return TlsFailure{.how = how_by(wake), .why = {}};
      }
      if (got.status != Io::bytes) {
        // One who says nothing at all has nothing to be told.
        co_return TlsFailure{.how = How::left, .why = begun ? "the connection ended in the TLS handshake" : ""};
      }
      begun = true;
      keep_fetched();  // the thread's buffer is somebody else's while we wait for our turn
    }
    we_speak = false;
    if (turns != nullptr) {
      const Wake wake = co_await turns->come(waiter, who, deadline);
      if (wake != Wake::ready) { co_return TlsFailure{.how = how_by(wake), .why = {}}; }
    }
    const Did did = with_records([this](Records& records) {
      const Did done = engine_->shake_hands(records);
      if (done == Did::well && !engine_->speaks_first()) { put_off_tickets(records); }
      return done;
    });
    if (did == Did::well && put_off_ && unopened_ == nullptr) { co_await await_first_word(waiter, deadline); }
    if (did == Did::well) { co_return std::nullopt; }
    if (did == Did::failed) {
      const How how = engine_->distrusts() ? How::distrusted : How::failed;
      co_return TlsFailure{.how = how, .why = engine_->why()};
    }
  }
}

// RFC 8446, section 4.6.1: a server's last words of the handshake are tickets, which nobody waits for. (Those of
// TLS 1.2 end with its Finished.) With the first answer they cost no packet, and wake nobody, of their own. But a
// client with Nagle's algorithm (RFC 9293, section 3.7.4) says nothing more until its Finished has been acknowledged:
// see await_first_word().
void TlsStream::put_off_tickets(Records& records) {
  if (records.out.empty() || engine_->version() != "TLSv1.3") { return; }
  hold(records.out);
  records.out.clear();
  put_off_ = true;
}

// With nothing to say our kernel takes 40 ms to acknowledge a Finished. Most have said more by the next tick, and an
// acknowledgement of its own would only be one packet more.
Async<void> TlsStream::await_first_word(Waiter& waiter, TimePoint deadline) {
  const TimePoint soon = std::min(deadline, waiter.loop().now() + Timers::tick);
  const Wake wake = co_await waiter.wait(soon);
  if (wake == Wake::timeout) { acknowledge_now(socket_->descriptor()); }
}

// --- what it carries -------------------------------------------------------------------------------------------------

IoResult TlsStream::read(MutableBytes into) {
  if (has_early()) { return IoResult::moved(take_early(into)); }
  if (ended_) { return IoResult::ended(); }
  for (bool opens = engine_->buffered() > 0 || engine_->tells_more() || unopened_ != nullptr;; opens = true) {
    if (opens) {
      std::size_t count = 0;
      const Did did = with_records([&](Records& records) { return engine_->read(records, into, count); });
      if (did == Did::well) { return IoResult::moved(count); }
      if (did == Did::ended) {
        ended_ = true;
        return IoResult::ended();
      }
      if (did == Did::failed) {
        fail(EPROTO);
        return IoResult::broken(error_);
      }
    }
    // Whoever makes us answer and does not read waits until he does.
    if (held() > TlsBench::held_bytes_max) { return IoResult::wait_writable(); }
    const IoResult got = fetch(std::max(into.size(), record_bytes_max));
    // An end that TLS did not announce may be somebody's on the way (RFC 8446, section 6.1).
    if (got.status == Io::end) { return {.status = Io::truncated}; }
    if (got.status != Io::bytes) { return got; }
  }
}

IoResult TlsStream::write(Bytes from) {
  send_held();
  if (error_ != 0) { return IoResult::broken(error_); }
  if (blocked()) { return IoResult::wait_writable(); }
  const std::size_t most = bench_.budget_.tight() ? TlsBench::seal_bytes_when_tight : TlsBench::seal_bytes;
  const std::size_t all = from.size();
  while (!from.empty() && !blocked()) {
    const std::size_t count = from.size() <= most + most / 4 ? from.size() : most;
    const Did did = with_records([&](Records& records) { return engine_->write(records, from.first(count)); });
    if (did == Did::wants_more) {
      return from.size() < all ? IoResult::moved(all - from.size()) : IoResult::wait_readable();
    }
    if (did != Did::well) { fail(EPROTO); }
    if (error_ != 0) { return IoResult::broken(error_); }
    from = from.subspan(count);
  }
  return IoResult::moved(all - from.size());
}

// The bytes, close_notify and FIN at once.
IoResult TlsStream::write_last(Bytes from) {
  const bool fits = from.size() <= TlsBench::seal_bytes_when_tight && held() == 0 && error_ == 0;
  if (!fits) { return PolledStream::write_last(from); }
  const Did did = with_records([&](Records& records) {
    const Did wrote = engine_->write(records, from);
    if (wrote == Did::well) {
      engine_->close(records);
      shut_ = true;
    }
    return wrote;
  });
  if (did == Did::wants_more) { return IoResult::wait_readable(); }
  if (did != Did::well) { fail(EPROTO); }
  return error_ != 0 ? IoResult::broken(error_) : IoResult::moved(from.size());
}

void TlsStream::shutdown_write() {
  if (std::exchange(shut_, true)) { return; }
  if (error_ == 0) {
    with_records([this](Records& records) {
      engine_->close(records);
      return Did::well;
    });
  }
  if (held() == 0) { socket_->shutdown_write(); }
}

void TlsStream::abort() {
  fail(ECONNABORTED);
  socket_->abort();
}

}  // namespace bascule::net
