// The heart of a worker: one thread, one epoll set, one timer wheel, one queue for what others have to say.
//
// Descriptors are registered once, edge-triggered, for everything, and stay so: an exchange of messages then needs no
// call besides reading and writing. (Asio's own reactor arms a descriptor anew for every wait, 8 to 20 % of the CPU of
// small messages.) Coroutines are Asio's and run on executor(); they wait through net/waiter.hpp.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "proxy/base/owned_fd.hpp"
#include "proxy/base/time.hpp"
#include "proxy/net/timers.hpp"

namespace bascule::net {

using Executor = asio::io_context::executor_type;

// Something that epoll events are for.
class Pollable {
 public:
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~Pollable() = default;
};

// The way into a loop from other threads. It may outlive the loop: what is posted then is dropped.
class Mailbox {
 public:
  Mailbox();

  // Runs `work` on the loop's thread, soon. False when the loop is gone.
  template <typename Work>
  bool post(Work work) {
    return put(std::make_unique<Letter<Work>>(std::move(work)));
  }

 private:
  friend class Loop;
  struct AnyLetter {
    virtual ~AnyLetter() = default;
    virtual void open() = 0;
  };
  template <typename Work>
  struct Letter final : AnyLetter {
    explicit Letter(Work the_work) : work(std::move(the_work)) {}
    void open() override { work(); }
    Work work;
  };

  bool put(std::unique_ptr<AnyLetter> letter);
  std::vector<std::unique_ptr<AnyLetter>> take_all();
  void close();

  std::mutex mutex_;
  std::vector<std::unique_ptr<AnyLetter>> letters_;
  bool closed_ = false;
  OwnedFd bell_;  // an eventfd
};

enum class Listening : std::uint8_t { no, yes };

class Loop final : private Pollable {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Until stop(). One thread, the same for everything but post() and mailbox().
  void run();
  void stop() { stopping_ = true; }

  template <typename Work>
  bool post(Work work) {
    return mailbox_->post(std::move(work));
  }
  std::shared_ptr<Mailbox> mailbox() const { return mailbox_; }

  TimePoint now() const { return now_; }  // the time of this round

  // `tell` is called when a round came more than a second too late, before anything else in it: we were stopped, the
  // machine was suspended, or had no time for us. Whoever was silent meanwhile may have had no chance to be heard.
  void on_standstill(std::function<void()> tell) { on_standstill_ = std::move(tell); }

  Timers& timers() { return timers_; }
  Executor executor() { return context_.get_executor(); }

  // Registers a descriptor for all events, edge-triggered. False with errno set when the kernel refuses.
  bool add(int fd, Pollable& owner);

  // A listening socket is told of for as long as somebody waits there, so that one visitor can be taken a round without
  // asking for one more who is not there.
  bool add_listener(int fd, Pollable& owner);
  void listen(int fd, Pollable& owner, Listening listening);
  // To be called when the descriptor is about to be closed, which is what takes it out of the epoll set: it was never
  // duplicated. Events of this round that have not been delivered are forgotten.
  void forget(Pollable& owner);

 private:
  void on_events(std::uint32_t events) override;  // the mailbox's bell
  void go_round();
  int wait_ms() const;
  bool hear(int patience_ms);

  static constexpr int batch = 256;
  static constexpr int hearings_max = 256;
  static constexpr auto stands_still_from = std::chrono::seconds(1);

  asio::io_context context_{1};
  asio::executor_work_guard<Executor> work_{context_.get_executor()};
  OwnedFd epoll_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  TimePoint now_ = Clock::now();
  Timers timers_{now_};
  bool stopping_ = false;
  std::function<void()> on_standstill_;
  std::array<epoll_event, batch> events_{};
  int event_count_ = 0;
  int event_at_ = 0;
};

}  // namespace bascule::net
