// Names to addresses, by getaddrinfo on a few threads of our own, so that /etc/hosts and nsswitch.conf count.
//
// (Asio's resolver has one thread for each io_context, so one dead name delays all others, and cannot be cancelled.)
//
// Names come in two lanes, each with threads and a queue of its own: those that stand in the rules, and those that are
// made of visitors' words. Whoever makes up a thousand dead names delays others who do, and nobody else.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/base/time.hpp"

namespace bascule::net {

struct Resolved {
  enum class How : std::uint8_t { found, unknown, failed, busy };
  How how = How::failed;
  std::vector<Address> addresses;  // with port 0, in the order of RFC 6724
  std::string reason;              // for people, unless found
};

// Whose name it is.
struct Lane {
  enum class Kind : std::uint8_t { fixed, visitor };
  Kind kind = Kind::fixed;
  std::string key{};  // of a visitor's name: its route. The names that are looked up for one key at a time are bounded
};

// Shared by all workers; every member may be called from any thread.
class Resolver {
 public:
  struct Options {
    int threads = 4;                 // of each lane, as everything here; none is started before there is work for it
    std::size_t waiting_max = 1024;  // names in the queue; more are answered `busy`
    std::size_t pending_max = 64;    // names of one key that are waiting or being looked up; likewise
    std::size_t cached_max = 4096;
    std::chrono::milliseconds keep_found{5000};  // getaddrinfo does not tell the TTL
    std::chrono::milliseconds keep_failed{1000};
  };
  using Lookup = std::function<Resolved(const std::string& name)>;  // blocks; called on the resolver's threads
  using Done = std::function<void(const Resolved&)>;

  explicit Resolver(const Options& options);
  Resolver(const Options& options, Lookup lookup);  // for tests

  // Threads that are stuck in a look-up are left behind: they touch nothing but what they own together.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `done` is called once: at once for what either lane's cache knows or for `busy`, otherwise later, on another
  // thread. Those who ask for the same name in the same lane at the same time share one look-up.
  void resolve(const std::string& name, const Lane& lane, Done done);

 private:
  struct Shared;
  bool find_hands(Lane::Kind kind);
  static void work(const std::shared_ptr<Shared>& shared, Lane::Kind kind);

  std::shared_ptr<Shared> shared_;
};

}  // namespace bascule::net
