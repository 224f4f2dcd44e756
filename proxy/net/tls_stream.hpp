// TLS as one more stream: a socket below, and above what it carries.
//
// The thread's buffers serve all of its connections: one recv() feeds many records, one send() carries many, and a
// connection holds no buffer while nothing moves (test/bench/README.md has what that is worth).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/budget.hpp"
#include "proxy/base/time.hpp"
#include "proxy/net/polled_stream.hpp"
#include "proxy/net/socket_stream.hpp"
#include "proxy/net/turns.hpp"
#include "proxy/tls/engine.hpp"

namespace bascule::net {

// Where the connections of one thread open and seal.
class TlsBench {
 public:
  // What a connection holds counts in `budget`, which outlives this.
  explicit TlsBench(Budget& budget) : budget_(budget) {}
  TlsBench(const TlsBench&) = delete;
  TlsBench& operator=(const TlsBench&) = delete;

  // Fetched at once: about what a relay reads at once.
  static constexpr std::size_t fetch_bytes = std::size_t{256} * 1024;
  // Sealed at once, and sent by one call; what the socket then does not take is held, so this is what a connection
  // holds at most.
  static constexpr std::size_t seal_bytes = std::size_t{128} * 1024;  // and up to a quarter more, for a rest
  // Above it nothing more is fetched. Nobody who reads gets there.
  static constexpr std::size_t held_bytes_max = 2 * seal_bytes;
  static constexpr std::size_t seal_bytes_when_tight = std::size_t{16} * 1024;

 private:
  friend class TlsStream;
  // A thread that never meets TLS has no buffers for it.
  MutableBytes in();
  std::vector<std::uint8_t>& out();

  Budget& budget_;
  std::vector<std::uint8_t> in_;
  Bytes fetched_;  // in there, and not opened yet: within one call only
  std::vector<std::uint8_t> out_;
};

struct TlsFailure {
  enum class How : std::uint8_t {
    failed,      // the handshake itself
    distrusted,  // the certificate of the other side is not what it must be
    timed_out,
    left,  // the other side ended the connection before it was done
    stopped,
  };
  How how = How::failed;
  std::string why;  // safe to print
};

class TlsStream final : public PolledStream, private Watcher {
 public:
  // Takes over a connected socket. `bench` outlives this.
  TlsStream(std::unique_ptr<SocketStream> socket, std::unique_ptr<tls::Engine> engine, TlsBench& bench);
  ~TlsStream() override;

  // Before anything else, once. Empty: it went well; a server's tickets then are held until something else is said.
  // With `turns` each piece of work is done in turn, in the name of `who`. The waiter is used for waiting, and watches
  // nothing afterwards. What is passed in outlives the call.
  Async<std::optional<TlsFailure>> shake_hands(Waiter& waiter, Turns* turns, const std::string& who,
                                               TimePoint deadline);

  tls::Engine& engine() { return *engine_; }
  // Below the TLS: to end a connection whose handshake has failed.
  SocketStream& socket() { return *socket_; }

  void watched_by(Watcher* watcher) override { watcher_ = watcher; }
  int descriptor() const override { return socket_->descriptor(); }

  IoResult read(MutableBytes into) override;
  // What is taken is sealed, and sent by and by: see held().
  IoResult write(Bytes from) override;
  IoResult write_last(Bytes from) override;
  void shutdown_write() override;  // close_notify, then FIN
  void abort() override;
  std::size_t unsent() const override { return held() + socket_->unsent(); }
  std::size_t held() const override { return sealed_ ? sealed_->bytes.size() - sealed_->done : 0; }
  int broken() const override { return error_ != 0 ? error_ : socket_->broken(); }
  bool end_announced() const override { return socket_->end_announced(); }
  const char* trouble() const override { return engine_->why().empty() ? nullptr : engine_->why().c_str(); }

 private:
  // Exists only while there is something in it, for a connection at rest has two of these for hours.
  struct Waiting {
    std::vector<std::uint8_t> bytes;
    std::size_t done = 0;  // of them, from the front
    Bytes rest() const { return Bytes(bytes).subspan(done); }
  };

  void on_ready() override;

  Async<std::optional<TlsFailure>> shake_hands_watched(Waiter& waiter, Turns* turns, const std::string& who,
                                                       TimePoint deadline);
  template <typename Step>
  tls::Did with_records(Step step);
  void put_off_tickets(tls::Records& records);
  Async<void> await_first_word(Waiter& waiter, TimePoint deadline);
  IoResult fetch(std::size_t bytes_max);
  void keep_fetched();
  void send(Bytes records);
  void hold(Bytes records);
  bool blocked() const { return held() > 0 && !put_off_; }
  void send_held();
  void fail(int error);

  std::unique_ptr<SocketStream> socket_;
  std::unique_ptr<tls::Engine> engine_;
  TlsBench& bench_;
  Watcher* watcher_ = nullptr;
  std::unique_ptr<Waiting> unopened_;  // fetched before, and more than could be opened
  std::unique_ptr<Waiting> sealed_;    // waits for the socket
  int error_ = 0;
  bool put_off_ = false;  // what waits has not been offered to the socket: it goes with what is said next
  bool ended_ = false;
  bool shut_ = false;
};

}  // namespace bascule::net
