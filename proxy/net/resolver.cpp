#include "proxy/net/resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "proxy/net/socket_address.hpp"

namespace bascule::net {

struct Resolver::Shared {
  struct Known {
    Resolved resolved;
    TimePoint until;
  };
  struct Question {
    std::string name;
    std::string key;
  };
  struct Queue {
    std::condition_variable filled;
    std::deque<Question> waiting;
    std::map<std::string, std::vector<Done>> asked;  // everyone who waits for a name, also while it is looked up
    std::map<std::string, std::size_t> pending;      // names that wait or are looked up, by their key; never 0
    std::map<std::string, Known> known;              // apart, so that visitors push no fixed name out
    int threads = 0;
    std::size_t free = 0;  // of them: those that look nothing up
  };

  Shared(const Options& the_options, Lookup the_lookup) : options(the_options), lookup(std::move(the_lookup)) {}

  Queue& queue(Lane::Kind kind) { return kind == Lane::Kind::fixed ? fixed : visitor; }

  // What is known of a name by whichever lane, or null.
  const Resolved* recall(const std::string& name, TimePoint now) const {
    for (const Queue* lane : {&fixed, &visitor}) {
      const auto entry = lane->known.find(name);
      if (entry != lane->known.end() && now < entry->second.until) { return &entry->second.resolved; }
    }
    return nullptr;
  }

  // Before one more name is put into a queue: why that would be too many, or null.
  const char* objection(const Queue& lane, const Lane& whose) const {
    if (lane.waiting.size() >= options.waiting_max) { return "too many names are being looked up"; }
    if (whose.kind == Lane::Kind::fixed) { return nullptr; }
    const auto pending = lane.pending.find(whose.key);
    const std::size_t count = pending == lane.pending.end() ? 0 : pending->second;
    return count >= options.pending_max ? "too many names of this route's visitors are being looked up" : nullptr;
  }

  void remember(Queue& lane, const std::string& name, const Resolved& resolved, TimePoint now) const {
    if (lane.known.size() >= options.cached_max) {
      std::erase_if(lane.known, [now](const auto& entry) { return entry.second.until <= now; });
    }
    if (lane.known.size() >= options.cached_max) { return; }
    const bool found = resolved.how == Resolved::How::found;
    lane.known[name] = {resolved, now + (found ? options.keep_found : options.keep_failed)};
  }

  const Options options;
  const Lookup lookup;
  std::mutex mutex;
  Queue fixed;
  Queue visitor;
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
    : shared_(std::make_shared<Shared>(options, std::move(lookup))) {}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->fixed.filled.notify_all();
  shared_->visitor.filled.notify_all();
}

// With the lock: a thread for one more name, where none is free and there may be more. False: there is none at all.
bool Resolver::find_hands(Lane::Kind kind) {
  Shared::Queue& queue = shared_->queue(kind);
  if (queue.free > queue.waiting.size() || queue.threads == shared_->options.threads) { return true; }
  try {
    std::thread(work, shared_, kind).detach();
    ++queue.threads;
    ++queue.free;
  } catch (const std::system_error&) { return queue.threads > 0; }
  return true;
}

void Resolver::resolve(const std::string& name, const Lane& lane, Done done) {
  Resolved answer;
  {
    const std::lock_guard lock(shared_->mutex);
    Shared::Queue& queue = shared_->queue(lane.kind);
    if (const Resolved* known = shared_->recall(name, Clock::now())) {
      answer = *known;
    } else if (const auto asked = queue.asked.find(name); asked != queue.asked.end()) {
      asked->second.push_back(std::move(done));
      return;
    } else if (const char* objection = shared_->objection(queue, lane)) {
      answer = {.how = Resolved::How::busy, .addresses = {}, .reason = objection};
    } else if (!find_hands(lane.kind)) {
      answer = {.how = Resolved::How::busy, .addresses = {}, .reason = "the system has no thread for it"};
    } else {
      queue.asked[name].push_back(std::move(done));
      queue.waiting.push_back({name, lane.key});
      ++queue.pending[lane.key];
      queue.filled.notify_one();
      return;
    }
  }
  done(answer);
}

void Resolver::work(const std::shared_ptr<Shared>& shared, Lane::Kind kind) {
  Shared::Queue& queue = shared->queue(kind);
  std::unique_lock lock(shared->mutex);
  for (;;) {
    queue.filled.wait(lock, [&] { return shared->stopping || !queue.waiting.empty(); });
    if (shared->stopping) { return; }
    const Shared::Question question = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    --queue.free;

    lock.unlock();
    const Resolved resolved = shared->lookup(question.name);
    lock.lock();

    shared->remember(queue, question.name, resolved, Clock::now());
    const auto asked = queue.asked.extract(question.name);
    const auto pending = queue.pending.find(question.key);
    if (--pending->second == 0) { queue.pending.erase(pending); }

    lock.unlock();
    for (const Done& done : asked.mapped()) { done(resolved); }
    lock.lock();
    ++queue.free;
  }
}

}  // namespace bascule::net
