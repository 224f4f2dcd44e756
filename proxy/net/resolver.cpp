#include "proxy/net/resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "proxy/net/socket_address.hpp"

namespace bascule::net {

struct Resolver::Shared {
  struct Known {
    Resolved resolved;
    TimePoint until;
  };

  Shared(const Options& the_options, Lookup the_lookup) : options(the_options), lookup(std::move(the_lookup)) {}

  const Options options;
  const Lookup lookup;
  std::mutex mutex;
  std::condition_variable filled;
  std::deque<std::string> waiting;
  std::map<std::string, std::vector<Done>> asked;  // everyone who waits for a name, also while it is being looked up
  std::map<std::string, Known> known;
  bool stopping = false;
};

namespace {

Resolved ask_the_system(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (failure != 0) {
    const bool unknown = failure == EAI_NONAME || failure == EAI_NODATA;
    return {.how = unknown ? Resolved::How::unknown : Resolved::How::failed,
            .addresses = {},
            .reason = failure == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failure)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  Resolved resolved{.how = Resolved::How::found, .addresses = {}, .reason = {}};
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    address.size = entry->ai_addrlen;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    resolved.addresses.push_back(address_of(address));
  }
  return resolved;
}

}  // namespace

Resolver::Resolver(const Options& options) : Resolver(options, ask_the_system) {}

Resolver::Resolver(const Options& options, Lookup lookup)
    : shared_(std::make_shared<Shared>(options, std::move(lookup))) {
  for (int i = 0; i < options.threads; ++i) { std::thread(work, shared_).detach(); }
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->filled.notify_all();
}

void Resolver::resolve(const std::string& name, Done done) {
  Resolved answer;
  {
    const std::lock_guard lock(shared_->mutex);
    const auto known = shared_->known.find(name);
    const auto asked = shared_->asked.find(name);
    if (known != shared_->known.end() && Clock::now() < known->second.until) {
      answer = known->second.resolved;
    } else if (asked != shared_->asked.end()) {
      asked->second.push_back(std::move(done));
      return;
    } else if (shared_->waiting.size() >= shared_->options.waiting_max) {
      answer = {.how = Resolved::How::busy, .addresses = {}, .reason = "too many names are being looked up"};
    } else {
      shared_->asked[name].push_back(std::move(done));
      shared_->waiting.push_back(name);
      shared_->filled.notify_one();
      return;
    }
  }
  done(answer);
}

void Resolver::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->filled.wait(lock, [&shared] { return shared->stopping || !shared->waiting.empty(); });
    if (shared->stopping) { return; }
    const std::string name = std::move(shared->waiting.front());
    shared->waiting.pop_front();

    lock.unlock();
    const Resolved resolved = shared->lookup(name);
    lock.lock();

    const TimePoint now = Clock::now();
    const bool found = resolved.how == Resolved::How::found;
    if (shared->known.size() >= shared->options.cached_max) {
      std::erase_if(shared->known, [now](const auto& entry) { return entry.second.until <= now; });
    }
    if (shared->known.size() < shared->options.cached_max) {
      shared->known[name] = {resolved, now + (found ? shared->options.keep_found : shared->options.keep_failed)};
    }
    const auto asked = shared->asked.extract(name);

    lock.unlock();
    for (const Done& done : asked.mapped()) { done(resolved); }
    lock.lock();
  }
}

}  // namespace bascule::net
