// The addresses of the services: which of them are up, how many sessions each has, and whose turn it is. One for the
// process, shared by all routes that lead to a service, and it outlives every change of the rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/time.hpp"
#include "proxy/policy/rules.hpp"

namespace bascule::session {

// What is known of one address of a service.
struct Standing {
  class Roster* roster = nullptr;
  std::size_t sessions = 0;                  // of ours, with those that are being set up
  unsigned failures = 0;                     // in a row
  unsigned successes = 0;                    // in a row, while it is down
  bool down = false;                         // by the word of health checks
  TimePoint avoid_until = TimePoint::min();  // a visitor could not be led there just now
};

// A session's use of an address, for `least_sessions`. Given back when this is destroyed.
class Use {
 public:
  Use() = default;
  Use(Use&&) noexcept = default;
  Use& operator=(Use&& other) noexcept;
  ~Use() { give_back(); }

 private:
  friend class Roster;
  void give_back();

  std::shared_ptr<Standing> standing_;  // null: of none. Guarded by the roster's mutex
};

// Every member may be called from any thread. Outlives all uses.
class Roster {
 public:
  // An address that failed a visitor is tried last for this long, where no health checks tell better.
  static constexpr auto avoid_for = std::chrono::seconds(10);

  // The addresses in the order in which they are to be tried, at most 1 + `retry` of them: those that are up as
  // `balance` says, then, for somebody has to find out, the others. `visitor` is what `hash` goes by.
  std::vector<policy::Endpoint> order(const policy::Service& service, std::string_view visitor, TimePoint now);

  // A visitor is being led there.
  Use use(const policy::Service& service, const policy::Endpoint& endpoint);

  // What came of it.
  void reached(const policy::Service& service, const policy::Endpoint& endpoint);
  void failed(const policy::Service& service, const policy::Endpoint& endpoint, TimePoint now);

  // What a health check found. The new state, if it has changed by that.
  enum class Change : std::uint8_t { none, up, down };
  Change checked(const policy::Service& service, const policy::Endpoint& endpoint, bool well);

  // Forgets the addresses of services that are no more.
  void keep_only(const policy::Rules& rules);

 private:
  friend class Use;

  struct Entry {
    std::map<std::string, std::shared_ptr<Standing>> addresses;
    std::uint64_t turn = 0;  // of round_robin
  };

  // A route's own service and one of `services` may have the same name.
  static std::string key_of(const policy::Service& service);
  Standing& standing(const policy::Service& service, const policy::Endpoint& endpoint);

  std::mutex mutex_;
  std::map<std::string, Entry> services_;
};

}  // namespace bascule::session
