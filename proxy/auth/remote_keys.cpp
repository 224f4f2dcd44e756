#include "proxy/auth/remote_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <exception>
#include <list>
#include <optional>
#include <utility>

#include "proxy/proof/key_set.hpp"

namespace bascule::auth {

using net::Async;
using net::Wake;
using proof::KeySet;

namespace {

// What makes one reading as good as another.
std::string key_of(const proof::Keys& keys) {
  std::string key = fmt::format("{}\n{}", keys.url->text(), keys.url_authorities);
  for (const proof::Algorithm algorithm : keys.algorithms) { key += fmt::format("\n{}", word_of(algorithm)); }
  return key;
}

// Somebody on a loop of his own who waits to hear whether a set was read; he may have gone when the answer comes.
struct Asker {
  std::shared_ptr<net::Mailbox> mailbox;
  struct Answer {
    net::Waiter* waiter = nullptr;  // touched on his loop's thread only
    std::optional<bool> read_newly;
  };
  std::shared_ptr<Answer> answer;

  void tell(bool read_newly) const {
    mailbox->post([to = answer, read_newly] {
      to->read_newly = read_newly;
      if (to->waiter != nullptr) { to->waiter->wake(); }
    });
  }
};

}  // namespace

// Touched on the loop's thread only: whoever comes from elsewhere comes by mail.
struct RemoteKeys::Shared {
  // One URL, and all who want its keys.
  struct Entry {
    explicit Entry(net::Loop& loop) : waiter(loop) {}

    net::Waiter waiter;
    std::string key;
    std::string url;  // for people
    HttpClient::Request request;
    std::vector<proof::Algorithm> algorithms;
    std::chrono::milliseconds refresh{};
    std::vector<std::shared_ptr<Source<KeySet>>> sets;

    std::shared_ptr<const KeySet> good;  // null: nothing could be read yet
    std::string body;                    // what it was made from
    bool reading = false;
    TimePoint began{};      // the last reading
    unsigned failures = 0;  // since the last good one
    std::vector<Asker> askers;
  };

  Shared(net::Loop& the_loop, net::Resolver& resolver, Tell the_tell, const Options& the_options)
      : loop(the_loop), client(the_loop, resolver), tell(std::move(the_tell)), options(the_options) {}

  std::shared_ptr<Entry> find(const std::string& key) const {
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& it) { return it->key == key; });
    return entry == entries.end() ? nullptr : *entry;
  }

  // From the beginning of a reading to that of the next.
  std::chrono::milliseconds pause_of(const Entry& entry) const {
    if (entry.failures == 0) { return entry.refresh; }
    constexpr unsigned doublings_max = 16;
    return std::min(options.retry_pause * (1U << std::min(entry.failures - 1, doublings_max)), entry.refresh);
  }

  void asked(const std::string& key, Asker asker) {
    const std::shared_ptr<Entry> entry = find(key);
    if (!entry) { return asker.tell(false); }
    const auto pause = entry->failures == 0 ? options.unknown_pause : pause_of(*entry);
    if (!entry->reading && loop.now() < entry->began + pause) { return asker.tell(false); }
    entry->askers.push_back(std::move(asker));
    entry->waiter.wake();
  }

  // Empty: there are good keys.
  std::optional<std::string> take(Entry& entry, HttpAnswer answer) const {
    if (answer.status != 200) { return fmt::format("answered {}", answer.status); }
    if (entry.good && answer.body == entry.body) { return std::nullopt; }
    auto keys = KeySet::from_jwks(answer.body, entry.algorithms);
    if (!keys) { return keys.error().why; }
    entry.good = std::make_shared<const KeySet>(std::move(*keys));
    entry.body = std::move(answer.body);
    for (const auto& set : entry.sets) { set->put(entry.good); }
    return std::nullopt;
  }

  // Only news: the first set, another one, and that there is one again.
  void tell_read(const Entry& entry, const KeySet* before) const {
    if (entry.good.get() == before && entry.failures == 0) { return; }
    const std::size_t count = entry.good->size();
    tell(News::read, fmt::format("keys of {} read: {} key{}", entry.url, count, count == 1 ? "" : "s"));
  }

  void tell_failed(const Entry& entry, const std::string& why) const {
    const char* const then = entry.good ? "the last good ones stay" : "until then its tokens cannot be verified";
    tell(News::failed, fmt::format("keys of {} could not be read: {}; {}", entry.url, why, then));
  }

  // Begins to keep the keys of one more URL.
  static void begin(const std::shared_ptr<Shared>& shared, const proof::Keys& wanted, const std::string& key);

  static void give_up(Entry& entry) {
    entry.waiter.stop();
    for (const Asker& asker : std::exchange(entry.askers, {})) { asker.tell(false); }
  }

  // True: there are good keys, which have just been read.
  static Async<bool> read(std::shared_ptr<Shared> shared, std::shared_ptr<Entry> entry);
  static Async<void> run(std::shared_ptr<Shared> shared, std::shared_ptr<Entry> entry);

  net::Loop& loop;
  HttpClient client;
  const Tell tell;
  const Options options;
  std::list<std::shared_ptr<Entry>> entries;
};

Async<bool> RemoteKeys::Shared::read(std::shared_ptr<Shared> shared, std::shared_ptr<Entry> entry) {
  const std::shared_ptr<const KeySet> before = entry->good;
  entry->request.deadline = shared->loop.now() + shared->options.fetch_timeout;
  auto answer = co_await shared->client.get(entry->waiter, entry->request);
  if (!answer && answer.error().stopped) { co_return false; }
  std::optional<std::string> failure;
  if (answer) {
    failure = shared->take(*entry, std::move(*answer));
  } else {
    failure = answer.error().why;
  }
  if (failure) {
    ++entry->failures;
    shared->tell_failed(*entry, *failure);
    co_return false;
  }
  shared->tell_read(*entry, before.get());
  entry->failures = 0;
  co_return true;
}

Async<void> RemoteKeys::Shared::run(std::shared_ptr<Shared> shared, std::shared_ptr<Entry> entry) {
  for (;;) {
    entry->began = shared->loop.now();
    entry->reading = true;
    const bool good = co_await read(shared, entry);
    entry->reading = false;
    for (const Asker& asker : std::exchange(entry->askers, {})) { asker.tell(good); }
    while (entry->askers.empty()) {
      const Wake wake = co_await entry->waiter.wait(entry->began + shared->pause_of(*entry));
      if (wake == Wake::stopped) { co_return; }
      if (wake == Wake::timeout) { break; }
    }
  }
}

void RemoteKeys::Shared::begin(const std::shared_ptr<Shared>& shared, const proof::Keys& wanted,
                               const std::string& key) {
  auto entry = std::make_shared<Entry>(shared->loop);
  entry->key = key;
  entry->url = wanted.url->text();
  entry->request.url = *wanted.url;
  entry->request.body_bytes_max = KeySet::json_bytes_max;
  entry->request.authorities = wanted.url_authorities;
  entry->algorithms = wanted.algorithms;
  entry->refresh = wanted.refresh;
  shared->entries.push_back(entry);
  auto on_end = [tell = shared->tell, url = entry->url](const std::exception_ptr& failure) {
    if (!failure) { return; }
    std::string what = "unknown";
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& exception) { what = exception.what(); } catch (...) {
    }
    tell(News::failed, fmt::format("keys of {} are not read any more: internal error: {}", url, what));
  };
  asio::co_spawn(shared->loop.executor(), run(shared, std::move(entry)), on_end);
}

RemoteKeys::RemoteKeys(net::Loop& loop, net::Resolver& resolver, Tell tell)
    : RemoteKeys(loop, resolver, std::move(tell), Options()) {}

RemoteKeys::RemoteKeys(net::Loop& loop, net::Resolver& resolver, Tell tell, const Options& options)
    : shared_(std::make_shared<Shared>(loop, resolver, std::move(tell), options)) {}

RemoteKeys::~RemoteKeys() {
  stop();
}

void RemoteKeys::keep(const std::vector<proof::Keys>& keys) {
  std::list<std::shared_ptr<Shared::Entry>> before;
  before.swap(shared_->entries);
  for (const proof::Keys& wanted : keys) {
    if (!wanted.url) { continue; }
    const std::string key = key_of(wanted);
    const auto known = std::find_if(before.begin(), before.end(), [&](const auto& it) { return it->key == key; });
    if (known != before.end()) {
      (*known)->sets.clear();
      (*known)->refresh = wanted.refresh;
      shared_->entries.splice(shared_->entries.end(), before, known);
    } else if (!shared_->find(key)) {
      Shared::begin(shared_, wanted, key);
    }
    Shared::Entry& entry = *shared_->find(key);
    entry.refresh = std::min(entry.refresh, wanted.refresh);
    entry.sets.push_back(wanted.set);
    if (entry.good) { wanted.set->put(entry.good); }
    entry.waiter.wake();  // `refresh` may be another
  }
  for (const auto& entry : before) { Shared::give_up(*entry); }
}

void RemoteKeys::stop() {
  for (const auto& entry : std::exchange(shared_->entries, {})) { Shared::give_up(*entry); }
  shared_->client.close_idle();
}

Async<bool> RemoteKeys::ask_again(net::Waiter& waiter, const proof::Keys& keys, TimePoint deadline) {
  if (!keys.url) { co_return false; }
  // However the coroutine ends, nobody wakes it afterwards.
  struct Asking {
    explicit Asking(net::Waiter& the_waiter) { answer->waiter = &the_waiter; }
    ~Asking() { answer->waiter = nullptr; }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    std::shared_ptr<Asker::Answer> answer = std::make_shared<Asker::Answer>();
  };
  const Asking asking(waiter);
  Asker asker{.mailbox = waiter.loop().mailbox(), .answer = asking.answer};
  auto letter = [shared = std::weak_ptr(shared_), key = key_of(keys), asker = std::move(asker)] {
    const auto alive = shared.lock();
    if (!alive) { return asker.tell(false); }
    alive->asked(key, asker);
  };
  if (!shared_->loop.post(std::move(letter))) { co_return false; }
  while (!asking.answer->read_newly) {
    const Wake wake = co_await waiter.wait(deadline);
    if (wake != Wake::ready) { co_return false; }
  }
  co_return *asking.answer->read_newly;
}

}  // namespace bascule::auth
