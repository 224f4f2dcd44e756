#include "proxy/session/dialing.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "proxy/session/ledger.hpp"
#include "proxy/session/transfer.hpp"

namespace bascule::session {

using namespace std::chrono_literals;
using net::Async;
using net::DialError;
using policy::Endpoint;
using policy::Refusal;
using policy::Refused;
using policy::Service;

namespace {

Refused refused_by(const net::TlsFailure& failure, const Address& address) {
  using How = net::TlsFailure::How;
  std::string detail = fmt::format("{}: {}", address.text(), failure.why);
  switch (failure.how) {
    case How::failed:
    case How::distrusted: return {.refusal = Refusal::service_distrusted, .detail = std::move(detail)};
    case How::timed_out: return {.refusal = Refusal::service_timeout, .detail = std::move(detail)};
    case How::left: return {.refusal = Refusal::service_refused, .detail = std::move(detail)};
    case How::stopped: break;
  }
  return {.refusal = Refusal::draining};
}

Refused refused_by(const DialError& error) {
  using Why = DialError::Why;
  switch (error.why) {
    case Why::unresolved: return {Refusal::service_unresolved, error.detail, {}, {}};
    case Why::refused: return {Refusal::service_refused, error.detail, {}, {}};
    case Why::timed_out: return {Refusal::service_timeout, error.detail, {}, {}};
    case Why::short_of: return {Refusal::service_unavailable, error.detail, {}, {}};
    case Why::outside: return {Refusal::target_outside, error.detail + "; widen 'within' of the route?", {}, {}};
    case Why::stopped: return {Refusal::draining, {}, {}, {}};
  }
  return {Refusal::internal_error, error.detail, {}, {}};
}

net::DialOptions dial_options(const policy::Route& route, const Service& service) {
  net::DialOptions options;
  options.within = &service.within;
  if (!std::holds_alternative<std::vector<Endpoint>>(service.where)) {
    options.lane = {.kind = net::Lane::Kind::visitor, .key = route.name};
  }
  // The kernel's word comes after our own: `stall` and `close` end such a session with a reason first.
  const policy::Timeouts& timeouts = route.session.timeouts;
  if (timeouts.stall) { options.liveness.unacknowledged = *timeouts.stall + timeouts.close.value_or(0ms) + 1s; }
  return options;
}

// One of several addresses must not eat the time of all: each has its share of what is left.
TimePoint share_of(TimePoint now, TimePoint deadline, std::size_t attempts_left) {
  if (deadline == never) { return attempts_left == 1 ? never : now + 5s; }
  return now + (deadline - now) / static_cast<Duration::rep>(attempts_left);
}

using Reaching = Result<std::unique_ptr<net::PolledStream>, Refused>;

// From a connection to one that may carry a visitor's bytes: the PROXY header, then TLS, where the service has them.
Async<Reaching> greet(Floor& floor, net::Waiter& waiter, const Service& service, const Endpoint& endpoint,
                      net::Dialed dialed, const OnBehalfOf& visitor, TimePoint deadline) {
  if (service.proxy_protocol) {
    dialed.stream->watched_by(&waiter);
    const std::string header = wire::proxy_header(*service.proxy_protocol, visitor.client, visitor.came_to);
    const bool told = co_await write_all(*dialed.stream, waiter, header, 5s);
    dialed.stream->watched_by(nullptr);
    if (!told) {
      if (floor.draining()) { co_return Refused{.refusal = Refusal::draining}; }
      co_return Refused{.refusal = Refusal::service_refused,
                        .detail = dialed.address.text() + ": did not take the PROXY header"};
    }
  }
  if (!service.tls) { co_return std::unique_ptr<net::PolledStream>(std::move(dialed.stream)); }

  const std::string& name = service.tls->server_name.empty() ? endpoint.host : service.tls->server_name;
  auto engine = tls::Engine::connect(service.tls->client->current(), name);
  if (!engine) {
    co_return Refused{.refusal = Refusal::service_distrusted,
                      .detail = fmt::format("{}: {}", dialed.address.text(), engine.error().why)};
  }
  auto secured = std::make_unique<net::TlsStream>(std::move(dialed.stream), std::move(*engine), floor.tls_bench);
  const auto failure = co_await secured->shake_hands(waiter, nullptr, name, deadline);
  if (failure) { co_return refused_by(*failure, dialed.address); }
  co_return std::unique_ptr<net::PolledStream>(std::move(secured));
}

}  // namespace

net::DialTarget dial_target(const Endpoint& endpoint) {
  net::DialTarget target;
  target.port = endpoint.port;
  if (endpoint.kind == Endpoint::Kind::unix_socket) {
    target.address = Address::unix_path(endpoint.path);
  } else if (const auto literal = Address::parse_ip(endpoint.host, endpoint.port)) {
    target.address = *literal;
  } else {
    target.name = endpoint.host;
  }
  return target;
}

Async<Result<Reached, Refused>> reach(Floor& floor, net::Waiter& waiter, const policy::Admitted& admitted,
                                      const OnBehalfOf& visitor) {
  const policy::Route& route = *admitted.route;
  const Service& service = *route.service();
  Reached reached;
  if (service.is_echo()) { co_return reached; }

  std::vector<Endpoint> endpoints;
  if (admitted.target) {
    endpoints.push_back(*admitted.target);
  } else {
    const std::string key = visitor.user.empty() ? counted_as(visitor.client) : visitor.user;
    endpoints = floor.roster.order(service, key, floor.loop.now());
  }
  const bool has_choice = !admitted.target && std::get<std::vector<Endpoint>>(service.where).size() > 1;
  const TimePoint deadline = after(floor.loop.now(), route.session.timeouts.connect);
  net::DialOptions options = dial_options(route, service);
  Refused last{Refusal::service_refused, {}, {}, {}};
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const Endpoint& endpoint = endpoints[i];
    options.deadline = share_of(floor.loop.now(), deadline, endpoints.size() - i);
    const net::DialTarget target = dial_target(endpoint);
    if (has_choice) { reached.use = floor.roster.use(service, endpoint); }
    auto dialed = co_await net::dial(waiter, floor.resolver, target, options);
    if (!dialed) {
      last = refused_by(dialed.error());
      const bool ours = dialed.error().why == DialError::Why::stopped || dialed.error().why == DialError::Why::short_of;
      if (ours) { co_return last; }  // no other address would fare better
      if (has_choice) { floor.roster.failed(service, endpoint, floor.loop.now()); }
      continue;
    }
    reached.address = dialed->address;
    auto greeted = co_await greet(floor, waiter, service, endpoint, std::move(*dialed), visitor, options.deadline);
    if (!greeted) {
      last = greeted.error();
      if (last.refusal == Refusal::draining) { co_return last; }
      if (has_choice) { floor.roster.failed(service, endpoint, floor.loop.now()); }
      continue;
    }
    if (has_choice) { floor.roster.reached(service, endpoint); }
    reached.stream = std::move(*greeted);
    co_return reached;
  }
  co_return last;
}

}  // namespace bascule::session
