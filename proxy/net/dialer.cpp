#include "proxy/net/dialer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "proxy/net/socket_address.hpp"

namespace bascule::net {

namespace {

using Why = DialError::Why;

// --- names -----------------------------------------------------------------------------------------------------------

// What the resolver's thread leaves for the coroutine; the coroutine may have gone when it comes.
struct Answer {
  Waiter* waiter = nullptr;  // touched on the loop's thread only
  std::optional<Resolved> resolved;
};

void ask(Resolver& resolver, const std::string& name, const Lane& lane, Loop& loop,
         const std::shared_ptr<Answer>& answer) {
  resolver.resolve(name, lane, [mailbox = loop.mailbox(), answer](const Resolved& resolved) {
    mailbox->post([answer, resolved] {
      answer->resolved = resolved;
      if (answer->waiter != nullptr) { answer->waiter->wake(); }
    });
  });
}

Async<Result<std::vector<Address>, DialError>> look_up(Waiter& waiter, Resolver& resolver, const DialTarget& target,
                                                       const DialOptions& options) {
  const auto answer = std::make_shared<Answer>();
  answer->waiter = &waiter;
  ask(resolver, target.name, options.lane, waiter.loop(), answer);
  while (!answer->resolved) {
    const Wake wake = co_await waiter.wait(options.deadline);
    if (wake == Wake::ready) { continue; }
    answer->waiter = nullptr;
    DialError error;
    error.why = wake == Wake::timeout ? Why::timed_out : Why::stopped;
    error.detail = fmt::format("{}: looking the name up takes too long", target.name);
    co_return error;
  }
  answer->waiter = nullptr;
  const Resolved& resolved = *answer->resolved;
  if (resolved.how != Resolved::How::found) {
    DialError error;
    error.why = resolved.how == Resolved::How::busy ? Why::short_of : Why::unresolved;
    error.detail = fmt::format("{}: {}", target.name, resolved.reason);
    co_return error;
  }
  std::vector<Address> addresses;
  for (const Address& found : resolved.addresses) {
    if (auto with_port = Address::parse_ip(found.host_text(), target.port)) {
      addresses.push_back(found.family() == Address::Family::ipv6
                              ? Address::ipv6(found.octets(), target.port, found.scope())
                              : *with_port);
    }
  }
  co_return addresses;
}

// --- where a service may be ------------------------------------------------------------------------------------------

bool is_within(const Address& address, const std::vector<Network>& networks) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& it) { return it.contains(address); });
}

DialError nothing_within(const std::vector<Network>& networks, const DialTarget& target,
                         const std::vector<Address>& addresses) {
  constexpr std::size_t told_max = 4;  // a name may have hundreds, and the text goes into the log
  const std::size_t told = std::min(addresses.size(), told_max);
  std::string found;
  for (const Address& address : std::span(addresses).first(told)) {
    found += (found.empty() ? "" : ", ") + (address.is_ip() ? address.host_text() : address.text());
  }
  if (told < addresses.size()) { found += fmt::format(" and {} more", addresses.size() - told); }
  std::string allowed;
  for (const Network& network : networks) { allowed += (allowed.empty() ? "" : ", ") + network.text(); }
  const std::string name = target.name.empty() ? "" : target.name + " is ";
  return {Why::outside, fmt::format("{}{}: not within {}", name, found, allowed)};
}

// --- attempts --------------------------------------------------------------------------------------------------------

struct Attempt {
  std::unique_ptr<SocketStream> stream;
  Address address;
};

Why why_of(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL: return Why::short_of;  // no descriptor, no memory, no ephemeral port
    case ETIMEDOUT: return Why::timed_out;
    default: return Why::refused;
  }
}

DialError error_at(const Address& address, int error) {
  return {why_of(error), fmt::format("{}: {}", address.text(), std::strerror(error))};
}

// Begins to connect. Never blocks; a connection that stands at once (a Unix socket) is simply ready at once.
Result<Attempt, DialError> begin(Waiter& waiter, const Address& address, const Liveness& liveness) {
  const SocketAddress there = socket_address(address);
  OwnedFd socket(::socket(there.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) { return error_at(address, errno); }
  if (address.is_ip()) {
    set_no_delay(socket.get());
    set_urgent_inline(socket.get());
    // On this machine nobody is gone in silence: the kernel itself ends what a process leaves behind.
    if (!address.is_loopback()) { set_liveness(socket.get(), liveness); }
  }
  const bool at_once = ::connect(socket.get(), there.get(), there.size) == 0;
  // A Unix socket whose queue is full says EAGAIN: that is no service to reach, now.
  if (!at_once && errno != EINPROGRESS) { return error_at(address, errno == EAGAIN ? ECONNREFUSED : errno); }
  using Began = SocketStream::Began;
  Attempt attempt{
      std::make_unique<SocketStream>(waiter.loop(), std::move(socket), at_once ? Began::connected : Began::connecting),
      address};
  attempt.stream->watched_by(&waiter);
  return attempt;
}

}  // namespace

std::vector<Address> interleaved(const std::vector<Address>& addresses) {
  std::vector<Address> first_family;
  std::vector<Address> other_family;
  for (const Address& address : addresses) {
    (address.family() == addresses.front().family() ? first_family : other_family).push_back(address);
  }
  std::vector<Address> result;
  for (std::size_t i = 0; i < std::max(first_family.size(), other_family.size()); ++i) {
    if (i < first_family.size()) { result.push_back(first_family[i]); }
    if (i < other_family.size()) { result.push_back(other_family[i]); }
  }
  return result;
}

Async<Result<Dialed, DialError>> dial(Waiter& waiter, Resolver& resolver, const DialTarget& target,
                                      const DialOptions& options) {
  std::vector<Address> addresses;
  if (target.name.empty()) {
    addresses.push_back(target.address);
  } else {
    auto found = co_await look_up(waiter, resolver, target, options);
    if (!found) { co_return found.error(); }
    addresses = std::move(*found);
  }
  if (options.within != nullptr && !options.within->empty()) {
    std::vector<Address> inside;
    for (const Address& address : addresses) {
      if (is_within(address, *options.within)) { inside.push_back(address); }
    }
    if (inside.empty() && !addresses.empty()) { co_return nothing_within(*options.within, target, addresses); }
    addresses = std::move(inside);
  }
  addresses = interleaved(addresses);
  if (addresses.size() > options.attempts_max) { addresses.resize(options.attempts_max); }

  // Until one stands: begin the next attempt when the last one failed or has had its head start, and look at all that
  // are under way whenever something happens.
  std::vector<Attempt> attempts;
  std::size_t next = 0;
  TimePoint next_at = waiter.loop().now();
  DialError last_error{Why::unresolved, target.name + ": no address"};
  for (;;) {
    if (next < addresses.size() && (attempts.empty() || waiter.loop().now() >= next_at)) {
      auto attempt = begin(waiter, addresses[next], options.liveness);
      ++next;
      next_at = waiter.loop().now() + options.attempt_head_start;
      if (!attempt) {
        last_error = attempt.error();
        next_at = waiter.loop().now();
        continue;
      }
      attempts.push_back(std::move(*attempt));
    }
    for (auto attempt = attempts.begin(); attempt != attempts.end();) {
      const int state = attempt->stream->connected();
      if (state == 0) {
        attempt->stream->watched_by(nullptr);
        Dialed dialed{std::move(attempt->stream), attempt->address};
        co_return dialed;
      }
      if (state < 0) {
        ++attempt;
        continue;
      }
      last_error = error_at(attempt->address, state);
      next_at = waiter.loop().now();
      attempt = attempts.erase(attempt);
    }
    if (attempts.empty() && next == addresses.size()) { co_return last_error; }
    if (next < addresses.size() && waiter.loop().now() >= next_at) { continue; }
    const TimePoint until = next < addresses.size() ? std::min(next_at, options.deadline) : options.deadline;
    const Wake wake = co_await waiter.wait(until);
    if (wake == Wake::stopped) {
      DialError error{Why::stopped, "stopped"};
      co_return error;
    }
    if (wake == Wake::timeout && waiter.loop().now() >= options.deadline) {
      DialError error;
      error.why = Why::timed_out;
      error.detail = fmt::format("{}: no answer in time", attempts.empty() ? target.name : attempts[0].address.text());
      co_return error;
    }
  }
}

}  // namespace bascule::net
