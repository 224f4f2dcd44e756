#include "proxy/net/loop.hpp"

#include <sys/eventfd.h>

#include <asio/post.hpp>
#include <cerrno>
#include <system_error>

namespace bascule::net {

namespace {

OwnedFd checked(int fd, const char* what) {
  if (fd < 0) { throw std::system_error(errno, std::generic_category(), what); }
  return OwnedFd(fd);
}

}  // namespace

// --- Mailbox ---------------------------------------------------------------------------------------------------------

Mailbox::Mailbox() : bell_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

bool Mailbox::put(std::unique_ptr<AnyLetter> letter) {
  bool rings = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) { return false; }
    letters_.push_back(std::move(letter));
    rings = letters_.size() == 1;
  }
  if (rings) {
    // Without the lock: whoever is woken wants it at once, and the one who rings may have the lowest priority. It
    // cannot fail in a way that matters: a full counter has rung already.
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
  }
  return true;
}

std::vector<std::unique_ptr<Mailbox::AnyLetter>> Mailbox::take_all() {
  const std::lock_guard lock(mutex_);
  std::uint64_t rings = 0;
  [[maybe_unused]] const auto got = ::read(bell_.get(), &rings, sizeof rings);
  return std::exchange(letters_, {});
}

void Mailbox::close() {
  std::vector<std::unique_ptr<AnyLetter>> unread;  // destroyed outside the lock: letters may own things
  const std::lock_guard lock(mutex_);
  closed_ = true;
  unread.swap(letters_);
}

// --- Loop ------------------------------------------------------------------------------------------------------------

Loop::Loop() : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
  if (!add(mailbox_->bell_.get(), *this)) { throw std::system_error(errno, std::generic_category(), "epoll_ctl"); }
}

Loop::~Loop() {
  mailbox_->close();
}

bool Loop::add(int fd, Pollable& owner) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &owner;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Loop::add_listener(int fd, Pollable& owner) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &owner;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::listen(int fd, Pollable& owner, Listening listening) {
  epoll_event event{};
  event.events = listening == Listening::yes ? EPOLLIN : 0U;
  event.data.ptr = &owner;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::forget(Pollable& owner) {
  for (int at = event_at_; at < event_count_; ++at) {
    epoll_event& event = events_[static_cast<std::size_t>(at)];
    if (event.data.ptr == &owner) { event.data.ptr = nullptr; }
  }
}

int Loop::wait_ms() const {
  const TimePoint next = timers_.next();
  if (next == never) { return -1; }
  if (next <= now_) { return 0; }
  // Rounded up: waking too early would only mean to wait once more.
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now_).count());
}

void Loop::run() {
  stopping_ = false;
  bool over = false;
  asio::post(context_, [this, &over] {
    while (!stopping_) {
      guarded([this] { go_round(); });
    }
    over = true;
  });
  while (!over) {
    guarded([this] { context_.poll_one(); });
  }
}

// Runs inside of Asio's own loop: a coroutine is spawned, and its end told, by a plain call then, where from outside
// Asio would have to put an operation off. It cannot say that there is no memory for one (await_suspend is noexcept).
void Loop::go_round() {
  bool heard_all = hear(wait_ms());
  // After a SIGSTOP the wait was only interrupted. Before anybody is told that his time is over: all that others have
  // done in time, however late we hear of it.
  for (int round = 0; !heard_all && round < hearings_max; ++round) { heard_all = hear(0); }
  timers_.advance(now_);
  context_.poll();  // what Asio has put off nevertheless
}

// Waits for events and passes them on. False when there may be more that came before the wait was over.
bool Loop::hear(int patience_ms) {
  const TimePoint due = patience_ms < 0 ? never - stands_still_from : now_ + std::chrono::milliseconds(patience_ms);
  event_count_ = ::epoll_wait(epoll_.get(), events_.data(), batch, patience_ms);
  now_ = Clock::now();
  const bool late = now_ > due + stands_still_from;
  if (late && on_standstill_) { on_standstill_(); }
  const bool heard_all = event_count_ >= 0 && !(late && event_count_ == batch);
  for (event_at_ = 0; event_at_ < event_count_;) {
    const epoll_event event = events_[static_cast<std::size_t>(event_at_++)];
    auto* const owner = static_cast<Pollable*>(event.data.ptr);
    if (owner != nullptr) {
      guarded([&] { owner->on_events(event.events); });
    }
  }
  event_count_ = event_at_ = 0;
  return heard_all;
}

void Loop::on_events(std::uint32_t) {
  for (const auto& letter : mailbox_->take_all()) {
    guarded([&letter] { letter->open(); });
  }
}

}  // namespace bascule::net
