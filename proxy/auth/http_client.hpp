// The few requests that bascule itself makes: a GET, its answer up to a bound, by a deadline. Plain or over TLS, with
// connections that are kept for the next one.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/budget.hpp"
#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/net/loop.hpp"
#include "proxy/net/resolver.hpp"
#include "proxy/net/tls_stream.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/proof/proof.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::auth {

struct HttpAnswer {
  int status = 0;
  std::vector<wire::http::Field> fields;  // names in lower case
  std::string body;

  const std::string* find(std::string_view name) const;  // the first of that (lower case) name
};

struct HttpFailure {
  std::string why;       // safe to print: "127.0.0.1:9091: Connection refused"
  bool stopped = false;  // by the waiter
};

// On one loop. At most 32 requests to one server at a time, and 256 that wait for their turn; who comes then is told so
// at once: a slow server must not cost us every descriptor. Keeps up to eight idle connections a server, for half a
// minute at most; a request on a kept connection that turns out to be dead before a byte of an answer is made again on
// a fresh one, once.
class HttpClient {
 public:
  HttpClient(net::Loop& loop, net::Resolver& resolver);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  struct Request {
    proof::Url url;
    // Besides Host and Connection. A value that would be more than one line is a failure, and never sent.
    std::vector<wire::http::Field> fields{};
    std::size_t body_bytes_max = std::size_t{64} * 1024;  // a larger body is a failure
    TimePoint deadline = never;
    std::string authorities{};  // for https: path of a PEM file; empty: the system's. The host name is verified always.
  };
  // GET. Redirects are not followed. `request` outlives the call.
  net::Async<Result<HttpAnswer, HttpFailure>> get(net::Waiter& waiter, const Request& request);

  void close_idle();
  std::size_t idle_count() const;

 private:
  struct Connection;
  struct Idle;
  struct Turns;
  class Turn;
  struct Trusted {
    std::shared_ptr<const tls::Client> client;
    TimePoint until;
  };
  using MayConnection = Result<std::unique_ptr<Connection>, HttpFailure>;

  net::Async<MayConnection> open(net::Waiter& waiter, const Request& request);
  Result<std::shared_ptr<const tls::Client>, HttpFailure> trusting(const std::string& authorities);

  net::Loop& loop_;
  net::Resolver& resolver_;
  Budget budget_;  // of requests: they hold next to nothing
  net::TlsBench bench_{budget_};
  std::unique_ptr<Idle> idle_;
  std::unique_ptr<Turns> turns_;
  std::map<std::string, Trusted, std::less<>> trusted_;  // by the path of its file
};

}  // namespace bascule::auth
