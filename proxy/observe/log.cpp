#include "proxy/observe/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

namespace bascule::observe {

using namespace std::chrono_literals;

// Lines may come this much later than what they tell of.
constexpr auto gather_for = 20ms;
// Lines of a swarm leave together in writes of about this size.
constexpr std::size_t write_bytes_min = std::size_t{32} * 1024;

struct Log::Shared {
  using Item = std::variant<SessionRecord, Note>;

  Shared(int the_descriptor, Format the_format) : descriptor(the_descriptor), format(the_format) {}

  void put(Item item) {
    const std::lock_guard lock(mutex);
    if (queue.size() >= queue_lines_max) {
      ++dropped;
      return;
    }
    queue.push_back(std::move(item));
    if (queue.size() == 1) { changed.notify_all(); }
  }

  static void write_out(const std::shared_ptr<Shared>& shared);
  void append_line(std::string& to, const Item& item) const;
  void write_all(std::string_view lines) const;

  const int descriptor;
  const Format format;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Item> queue;
  std::uint64_t dropped = 0;
  bool stopping = false;
  bool written_out = false;
};

Log::Log(int descriptor, Format format) : shared_(std::make_shared<Shared>(descriptor, format)) {
  std::thread(Shared::write_out, shared_).detach();
}

Log::~Log() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, 1s, [this] { return shared_->written_out; });
}

void Log::session(SessionRecord record) {
  shared_->put(std::move(record));
}

void Log::note(Note note) {
  note.at = std::chrono::system_clock::now();
  shared_->put(std::move(note));
}

Format Log::format_for(int descriptor) {
  return ::isatty(descriptor) == 1 ? Format::text : Format::json;
}

void Log::Shared::write_out(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&shared] { return shared->stopping || !shared->queue.empty(); });
    if (shared->queue.empty()) { break; }
    // Lines come in swarms. To be woken for each of them would cost as much as the whole set-up of a session.
    shared->changed.wait_for(lock, gather_for, [&shared] { return shared->stopping; });
    std::deque<Item> batch = std::exchange(shared->queue, {});
    const std::uint64_t dropped = std::exchange(shared->dropped, 0);

    lock.unlock();
    if (dropped > 0) {
      batch.push_back(
          Note{.level = Level::warning,
               .event = "lines_dropped",
               .text = fmt::format("{} log lines were dropped: they came faster than they could be written", dropped),
               .fields = {{"lines", std::to_string(dropped)}},
               .at = std::chrono::system_clock::now()});
    }
    std::string lines;
    for (const Item& item : batch) {
      shared->append_line(lines, item);
      if (lines.size() < write_bytes_min && &item != &batch.back()) { continue; }
      shared->write_all(lines);
      lines.clear();
    }
    lock.lock();
  }
  shared->written_out = true;
  shared->changed.notify_all();
}

void Log::Shared::append_line(std::string& to, const Item& item) const {
  to += std::visit([this](const auto& it) { return line_of(it, format); }, item);
  to.push_back('\n');
}

// A reader that is gone (SIGPIPE is ignored) or a full disk costs the lines, nothing else.
void Log::Shared::write_all(std::string_view lines) const {
  while (!lines.empty()) {
    const ssize_t written = ::write(descriptor, lines.data(), lines.size());
    if (written >= 0) {
      lines.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // somebody shares the descriptor and made it non-blocking
      pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace bascule::observe
