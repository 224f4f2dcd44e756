// TLS towards a server that we have dialled: a Stream over a Stream. The certificate chain and the host name are
// verified always; TLS 1.2 at least.
//
// Simple rather than fast: bytes go through OpenSSL's memory BIOs. It carries a request now and then.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/result.hpp"
#include "proxy/base/stream.hpp"
#include "proxy/base/time.hpp"
#include "proxy/net/socket_stream.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::net {

struct TlsFailure {
  std::string why;       // "certificate: self-signed certificate", "certificate: hostname mismatch": safe to print
  bool stopped = false;  // by the waiter
};

// What is trusted; made once, used for many.
class TlsTrust {
 public:
  // PEM at a path, or with an empty path the system's.
  static Result<std::shared_ptr<const TlsTrust>, TlsFailure> load(const std::string& path);
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;

 private:
  friend class TlsClient;
  struct Context;
  explicit TlsTrust(std::unique_ptr<Context> context);
  std::unique_ptr<Context> context_;
};

class TlsClient final : public Stream {
 public:
  // Takes over a connected stream and shakes hands. `host`: a name, or an IP address without brackets. The waiter is
  // used for waiting, and watches nothing afterwards.
  static Async<Result<std::unique_ptr<TlsClient>, TlsFailure>> connect(std::unique_ptr<SocketStream> stream,
                                                                       Waiter& waiter, const TlsTrust& trust,
                                                                       const std::string& host, TimePoint deadline);
  ~TlsClient() override;

  SocketStream& socket() { return *stream_; }

  // What OpenSSL has made of `from` is taken as a whole and sent as far as the socket takes it; the rest goes out with
  // whatever is called next, so try something whenever the socket is ready.
  IoResult read(MutableBytes into) override;
  IoResult write(Bytes from) override;
  void unread(Bytes early) override;
  void shutdown_write() override;  // close_notify, then FIN
  void abort() override;
  std::size_t unsent() const override;
  int broken() const override;
  bool end_announced() const override { return stream_->end_announced(); }

 private:
  struct Engine;
  TlsClient(std::unique_ptr<SocketStream> stream, std::unique_ptr<Engine> engine);

  Async<Result<bool, TlsFailure>> shake_hands(Waiter& waiter, TimePoint deadline);
  IoResult fetch();  // from the socket into OpenSSL
  void flush();      // out of OpenSSL into the socket

  std::unique_ptr<SocketStream> stream_;
  std::unique_ptr<Engine> engine_;
  std::string early_;  // given back, to be read again
  int error_ = 0;
  bool shut_ = false;
};

}  // namespace bascule::net
