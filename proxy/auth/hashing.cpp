#include "proxy/auth/hashing.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "proxy/proof/password.hpp"
#include "proxy/proof/secret.hpp"

namespace bascule::auth {

using net::Async;
using net::Wake;

namespace {

// The workers go first, always: whoever floods us with passwords takes only the time that nobody needs. A worker that
// wakes takes the core from a thread of SCHED_IDLE at once; the lowest priority alone would keep it waiting for the
// rest of a time slice, some milliseconds. Where the system refuses, the queue's bound is all there is.
void give_way_to_others() {
  constexpr int nicest = 19;
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nicest));
  const sched_param none{};
  static_cast<void>(::sched_setscheduler(0, SCHED_IDLE, &none));
}

}  // namespace

// What a thread leaves for the coroutine; the coroutine may have gone when it comes.
struct Hashing::Answer {
  std::atomic<bool> gone = false;
  net::Waiter* waiter = nullptr;  // touched on the loop's thread only
  std::optional<Said> said;       // likewise
};

struct Hashing::Shared {
  struct Job {
    std::shared_ptr<Answer> answer;
    std::shared_ptr<net::Mailbox> mailbox;
    proof::Secret password;
    std::string hash;
    TimePoint deadline;

    bool pointless(TimePoint now) const { return deadline <= now || answer->gone; }
  };

  Shared(const Options& the_options, Matches the_matches) : options(the_options), matches(std::move(the_matches)) {}

  // False: there is no room. Those who wait for nothing any more make some.
  bool put(Job job) {
    const std::lock_guard lock(mutex);
    if (queue.size() >= options.queue_max) {
      std::erase_if(queue, [now = Clock::now()](const Job& it) { return it.pointless(now); });
    }
    if (stopping || queue.size() >= options.queue_max) { return false; }
    queue.push_back(std::move(job));
    filled.notify_one();
    return true;
  }

  static void tell(const Job& job, Said said) {
    job.mailbox->post([answer = job.answer, said] {
      answer->said = said;
      if (answer->waiter != nullptr) { answer->waiter->wake(); }
    });
  }

  const Options options;
  const Matches matches;
  std::mutex mutex;
  std::condition_variable filled;
  std::deque<Job> queue;
  bool stopping = false;
};

Hashing::Hashing(const Options& options) : Hashing(options, proof::password_matches) {}

Hashing::Hashing(const Options& options, Matches matches)
    : shared_(std::make_unique<Shared>(options, std::move(matches))) {
  for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) { threads_.emplace_back(work, std::ref(*shared_)); }
}

Hashing::~Hashing() {
  std::deque<Shared::Job> given_up;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    given_up.swap(shared_->queue);
    shared_->filled.notify_all();
  }
  for (const Shared::Job& job : given_up) { Shared::tell(job, Said::stopped); }
  for (std::thread& thread : threads_) { thread.join(); }
}

void Hashing::work(Shared& shared) {
  give_way_to_others();
  std::unique_lock lock(shared.mutex);
  for (;;) {
    shared.filled.wait(lock, [&] { return shared.stopping || !shared.queue.empty(); });
    if (shared.stopping) { return; }
    const Shared::Job job = std::move(shared.queue.front());
    shared.queue.pop_front();

    lock.unlock();
    if (job.pointless(Clock::now())) {
      Shared::tell(job, Said::late);
    } else {
      bool same = false;
      try {
        same = shared.matches(job.password.bytes(), job.hash);
      } catch (const std::exception&) {}  // no memory for it: that proves nothing, and ends nobody else's session
      Shared::tell(job, same ? Said::yes : Said::no);
    }
    lock.lock();
  }
}

Async<Hashing::Said> Hashing::matches(net::Waiter& waiter, std::string password, std::string hash, TimePoint deadline) {
  // However the coroutine ends, nobody wakes it, or works for it, afterwards.
  struct Asking {
    explicit Asking(net::Waiter& the_waiter) { answer->waiter = &the_waiter; }
    ~Asking() {
      answer->waiter = nullptr;
      answer->gone = true;
    }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    std::shared_ptr<Answer> answer = std::make_shared<Answer>();
  };
  const Asking asking(waiter);
  const bool queued = shared_->put({.answer = asking.answer,
                                    .mailbox = waiter.loop().mailbox(),
                                    .password = proof::Secret(std::move(password), {}),
                                    .hash = std::move(hash),
                                    .deadline = deadline});
  if (!queued) { co_return Said::busy; }
  while (!asking.answer->said) {
    const Wake wake = co_await waiter.wait(deadline);
    if (wake == Wake::timeout) { co_return Said::late; }
    if (wake == Wake::stopped) { co_return Said::stopped; }
  }
  co_return *asking.answer->said;
}

}  // namespace bascule::auth
