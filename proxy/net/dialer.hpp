// Reaching a service: all of its addresses, the fastest family first come first served (RFC 8305, happy eyeballs), one
// deadline over everything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/base/network.hpp"
#include "proxy/base/result.hpp"
#include "proxy/base/time.hpp"
#include "proxy/net/resolver.hpp"
#include "proxy/net/socket_stream.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::net {

struct DialTarget {
  Address address;   // an IP address or the path of a Unix socket; otherwise
  std::string name;  // a name to look up, with
  std::uint16_t port = 0;
};

struct DialOptions {
  TimePoint deadline = never;
  // RFC 8305, section 5: the time one address has for itself before the next is tried beside it.
  std::chrono::milliseconds attempt_head_start{250};
  std::size_t attempts_max = 16;  // addresses that are tried at most
  Liveness liveness{};
  // Where the service must be: only addresses in one of these are dialled. A name is looked up once, and what was
  // checked is what is dialled. Null or empty: anywhere.
  const std::vector<Network>* within = nullptr;
  Lane lane{};  // for the resolver
};

struct DialError {
  enum class Why : std::uint8_t {
    unresolved,  // the name has no address
    outside,     // it has some, but none of them is where the service must be
    refused,     // refused, unreachable, reset
    timed_out,   // the deadline came first
    short_of,    // we lack descriptors, ports or memory, or the resolver is busy
    stopped,     // we were told to stop
  };
  Why why = Why::refused;
  std::string detail;  // "127.0.0.1:5900: Connection refused", for the log
};

struct Dialed {
  std::unique_ptr<SocketStream> stream;
  Address address;  // the one that answered
};

// Everything that is passed in outlives the call. The waiter is used for waiting, and watches nothing afterwards.
Async<Result<Dialed, DialError>> dial(Waiter& waiter, Resolver& resolver, const DialTarget& target,
                                      const DialOptions& options);

// The order in which addresses are tried: as given, but with the families taking turns (RFC 8305, section 4).
std::vector<Address> interleaved(const std::vector<Address>& addresses);

}  // namespace bascule::net
