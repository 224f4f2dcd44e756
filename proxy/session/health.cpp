#include "proxy/session/health.hpp"

#include <fmt/format.h>

#include <asio/co_spawn.hpp>
#include <exception>
#include <string>
#include <utility>

#include "proxy/net/dialer.hpp"
#include "proxy/session/dialing.hpp"
#include "proxy/session/transfer.hpp"

namespace bascule::session {

using policy::Endpoint;
using policy::Service;

struct HealthChecks::Check {
  Check(net::Loop& loop, const Service& the_service, Endpoint the_endpoint)
      : waiter(loop), service(the_service), endpoint(std::move(the_endpoint)) {}

  net::Waiter waiter;
  const Service service;  // a copy: it outlives the rules it came with
  const Endpoint endpoint;
};

void HealthChecks::apply(const policy::Rules& rules) {
  std::list<std::shared_ptr<Check>> going_on;
  const auto want = [&](const Service& service) {
    const auto* endpoints = std::get_if<std::vector<Endpoint>>(&service.where);
    if (!service.health || endpoints == nullptr) { return; }
    for (const Endpoint& endpoint : *endpoints) {
      const auto same = std::find_if(checks_.begin(), checks_.end(), [&](const auto& check) {
        return check->service == service && check->endpoint == endpoint;
      });
      if (same != checks_.end()) {
        going_on.splice(going_on.end(), checks_, same);
        continue;
      }
      going_on.push_back(std::make_shared<Check>(floor_.loop, service, endpoint));
      asio::co_spawn(floor_.loop.executor(), run(floor_, going_on.back()),
                     [&log = floor_.log](const std::exception_ptr& failure) { tell_internal_error(log, failure); });
    }
  };
  for (const auto& [name, service] : rules.services) { want(*service); }
  for (const auto& route : rules.routes) {
    const Service* service = route->service();
    if (service != nullptr && !service->shared) { want(*service); }
  }
  stop();
  checks_ = std::move(going_on);
}

void HealthChecks::stop() {
  for (const auto& check : checks_) { check->waiter.stop(); }
  checks_.clear();
}

net::Async<void> HealthChecks::run(Floor& floor, std::shared_ptr<Check> check) {
  const Presence presence(floor, check->waiter, Floor::Is::staff);
  const Service& service = check->service;
  const policy::Health& health = *service.health;
  for (;;) {
    const TimePoint began = floor.loop.now();
    net::DialOptions options;
    options.deadline = began + health.timeout;
    options.within = &service.within;
    const net::DialTarget target = dial_target(check->endpoint);
    auto dialed = co_await net::dial(check->waiter, floor.resolver, target, options);
    std::string why;
    bool tells = true;  // something about the service
    if (dialed) {
      if (service.proxy_protocol) {
        // Said, not hung up in silence: the service would log a broken header at every check.
        dialed->stream->watched_by(&check->waiter);
        const std::string header = wire::local_proxy_header(*service.proxy_protocol);
        co_await write_all(*dialed->stream, check->waiter, header, health.timeout);
      }
      dialed->stream.reset();
    } else {
      if (dialed.error().why == net::DialError::Why::stopped) { co_return; }
      why = dialed.error().detail;
      tells = dialed.error().why != net::DialError::Why::short_of;  // that is about us
    }
    const Roster::Change change =
        tells ? floor.roster.checked(service, check->endpoint, why.empty()) : Roster::Change::none;
    if (change != Roster::Change::none) {
      const bool up = change == Roster::Change::up;
      floor.log.note({.level = up ? observe::Level::info : observe::Level::warning,
                      .event = up ? "service_up" : "service_down",
                      .text = up ? fmt::format("{} is up again: {}", service.name, check->endpoint.text())
                                 : fmt::format("{} is down: {}", service.name, why),
                      .fields = {{"service", service.name}, {"address", check->endpoint.text()}},
                      .at = {}});
    }
    const TimePoint next = began + health.every;
    for (;;) {
      const net::Wake wake = co_await check->waiter.wait(next);
      if (wake == net::Wake::stopped) { co_return; }
      if (wake == net::Wake::timeout) { break; }
    }
  }
}

}  // namespace bascule::session
