// What the sessions of one worker stand on: its loop and workbench, what all workers share, and the list of everyone
// who is in the house.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <random>
#include <string>

#include "proxy/auth/http_client.hpp"
#include "proxy/auth/prover.hpp"
#include "proxy/net/loop.hpp"
#include "proxy/net/resolver.hpp"
#include "proxy/net/tls_stream.hpp"
#include "proxy/net/turns.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/observe/log.hpp"
#include "proxy/observe/refusals.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/relay/workbench.hpp"
#include "proxy/session/ledger.hpp"
#include "proxy/session/roster.hpp"

namespace bascule::session {

class LiveSession;

// What the workers share; it outlives them all.
struct Shared {
  net::Resolver& resolver;
  Ledger& ledger;
  Roster& roster;
  observe::Log& log;
  observe::Refusals& refusals;
  auth::Shared& proving;
  const tls::TicketKeys& ticket_keys;  // of TLS
};

class Floor {
 public:
  // What is passed in outlives the floor.
  Floor(net::Loop& loop, const Shared& shared, std::shared_ptr<const policy::Rules> rules);
  ~Floor();
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;

  net::Loop& loop;
  net::Resolver& resolver;
  Ledger& ledger;
  Roster& roster;
  observe::Log& log;
  observe::Refusals& refusals;
  const tls::TicketKeys& ticket_keys;
  relay::Workbench bench;
  net::TlsBench tls_bench{bench.budget()};
  net::Turns handshakes;
  auth::HttpClient http;
  auth::Prover prover;

  // One immutable snapshot; whoever holds it may compare it with the current one to learn whether the rules changed.
  const std::shared_ptr<const policy::Rules>& rules() const { return rules_; }

  // From now on everybody is judged by these. Sessions that they would not let in go, where their route says so. On the
  // loop's thread.
  void rule_by(std::shared_ptr<const policy::Rules> rules);

  // What a refused visitor is told to quote: 60 bits by chance, so that two are not the same.
  std::string next_reference();

  // Everyone in the house: connections at the door or in a conversation, and sessions. Read by other threads to find
  // the least loaded worker.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }

  // --- for connections ---
  using Guests = std::list<net::Waiter*>;
  // Whoever is no visitor (a health check) is told to stop like everyone, but is no load.
  enum class Is : std::uint8_t { visitor, staff };
  Guests::iterator enter(net::Waiter& waiter, Is is);
  void leave(Guests::iterator guest, Is is);

  // --- for sessions ---
  using Sessions = std::list<LiveSession>;
  // `session`: the one that begins. `judged_by`: the rules that let it in.
  void begin(Sessions session, const std::shared_ptr<const policy::Rules>& judged_by);
  void finish(Sessions::iterator session);  // destroys it

  // --- for the end; on the loop's thread ---

  // Tells everyone to go, properly. `on_empty` is called once nobody is left.
  void drain(std::function<void()> on_empty);
  // No more patience.
  void clear();
  bool draining() const { return draining_; }

 private:
  void tell_when_empty();

  std::shared_ptr<const policy::Rules> rules_;
  Guests guests_;
  Sessions sessions_;
  std::atomic<std::size_t> load_ = 0;
  bool draining_ = false;
  std::function<void()> on_empty_;
  std::mt19937_64 random_{std::random_device()()};
};

// In the house's list of guests, for as long as it lives.
class Presence {
 public:
  Presence(Floor& floor, net::Waiter& waiter, Floor::Is is) : floor_(floor), is_(is), place_(floor.enter(waiter, is)) {}
  ~Presence() { floor_.leave(place_, is_); }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  Floor& floor_;
  const Floor::Is is_;
  Floor::Guests::iterator place_;
};

// The root of a story: an exception there is a bug, or memory that is not there; it ends this one story, and is told.
void tell_internal_error(observe::Log& log, const std::exception_ptr& failure);

}  // namespace bascule::session
