// Keys of jwt proofs that are read from an https:// URL: at the start, every `refresh`, and when a token names a key
// that is not there. The last good set stays while the server cannot be reached.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/auth/http_client.hpp"
#include "proxy/base/time.hpp"
#include "proxy/net/loop.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/proof/proof.hpp"

namespace bascule::auth {

using namespace std::chrono_literals;

// Lives on one loop (the first worker's), where it fetches. ask_again() may be called from any thread, while this
// lives.
class RemoteKeys {
 public:
  struct Options {
    std::chrono::milliseconds fetch_timeout = 5s;
    std::chrono::milliseconds unknown_pause = 30s;  // between two readings that unknown keys ask for
    std::chrono::milliseconds retry_pause = 30s;    // after a failure; twice as long after each, up to `refresh`
  };

  // Tells what an operator should know: "keys of https://... read: 2 keys"; `failed` is a warning.
  enum class News : std::uint8_t { read, failed };
  using Tell = std::function<void(News, std::string)>;

  RemoteKeys(net::Loop& loop, net::Resolver& resolver, Tell tell);
  RemoteKeys(net::Loop& loop, net::Resolver& resolver, Tell tell, const Options& options);
  ~RemoteKeys();
  RemoteKeys(const RemoteKeys&) = delete;
  RemoteKeys& operator=(const RemoteKeys&) = delete;

  // On the loop: from now on these are kept fresh, and no others; those without a URL are passed over. Those that are
  // new are fetched at once. Proofs of one URL (and equal authorities and algorithms) share what was fetched, over
  // reloads too.
  void keep(const std::vector<proof::Keys>& keys);

  // On the loop, at the end: nothing is fetched any more.
  void stop();

  // Waits until the set has been read once more, if that is due: for one URL at most every half minute, and not at all
  // while it has just failed. True when it was read newly since the call. On the waiter's loop; never past `deadline`.
  net::Async<bool> ask_again(net::Waiter& waiter, const proof::Keys& keys, TimePoint deadline);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace bascule::auth
