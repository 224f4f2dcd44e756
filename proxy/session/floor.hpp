// What the sessions of one worker stand on: its loop and workbench, what all workers share, and the list of everyone
// who is in the house.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "proxy/net/loop.hpp"
#include "proxy/net/resolver.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/observe/log.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/relay/workbench.hpp"
#include "proxy/session/ledger.hpp"

namespace bascule::session {

class LiveSession;

class Floor {
 public:
  // What is passed in outlives the floor.
  Floor(net::Loop& loop, net::Resolver& resolver, Ledger& ledger, observe::Log& log,
        std::shared_ptr<const policy::Rules> rules);
  ~Floor();
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;

  net::Loop& loop;
  net::Resolver& resolver;
  Ledger& ledger;
  observe::Log& log;
  relay::Workbench bench;

  std::shared_ptr<const policy::Rules> rules() const { return rules_; }

  // Everyone in the house: connections at the door or in a conversation, and sessions. Read by other threads to find
  // the least loaded worker.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }

  // --- for connections ---
  using Guests = std::list<net::Waiter*>;
  Guests::iterator enter(net::Waiter& waiter);
  void leave(Guests::iterator guest);

  // --- for sessions ---
  using Sessions = std::list<std::unique_ptr<LiveSession>>;
  void begin(std::unique_ptr<LiveSession> session);
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
};

}  // namespace bascule::session
