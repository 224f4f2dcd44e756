// Password hashes are slow on purpose, so they are computed beside the workers: on a few threads of lowest priority, by
// a queue with a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/base/time.hpp"
#include "proxy/net/loop.hpp"
#include "proxy/net/waiter.hpp"

namespace bascule::auth {

// Any thread. Destroying it does not wait for hashes that are being computed longer than one of them takes; who still
// waits is told `stopped`.
class Hashing {
 public:
  struct Options {
    unsigned threads = 1;
    std::size_t queue_max = 64;  // more than this are told `busy` at once
  };
  using Matches = std::function<bool(std::string_view password, std::string_view hash)>;  // slow; on the threads here

  explicit Hashing(const Options& options);
  Hashing(const Options& options, Matches matches);  // for tests
  ~Hashing();
  Hashing(const Hashing&) = delete;
  Hashing& operator=(const Hashing&) = delete;

  enum class Said : std::uint8_t { yes, no, busy, late, stopped };

  // Does the password have this hash? On the waiter's loop. What waits in the queue past its deadline, or whose asker
  // has gone, is never computed. What else wakes the waiter meanwhile is passed over: look again at what it watches.
  net::Async<Said> matches(net::Waiter& waiter, std::string password, std::string hash, TimePoint deadline);

 private:
  struct Answer;
  struct Shared;
  static void work(Shared& shared);

  std::unique_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
};

}  // namespace bascule::auth
