#include "proxy/observe/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
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
    try {
      if (queue.size() < queue_lines_max) {
        queue.push_back(std::move(item));
        if (queue.size() == 1) { changed.notify_all(); }
        return;
      }
    } catch (const std::bad_alloc&) {}  // NOLINT(bugprone-empty-catch): no memory is as good as no room
    ++dropped;
  }

  void drop() {
    const std::lock_guard lock(mutex);
    ++dropped;
  }

  static void write_out(const std::shared_ptr<Shared>& shared);
  void write_batch(const std::deque<Item>& batch);
  void append_line(std::string& to, const Item& item) const;
  void write_lines(std::string_view lines);
  void tell_of_lost();
  std::size_t write_all(std::string_view text) const;

  const int descriptor;
  const Format format;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Item> queue;
  std::uint64_t dropped = 0;
  bool stopping = false;
  bool written_out = false;

  // The writer's own.
  std::uint64_t lost = 0;    // lines that nobody has been told of yet: dropped, or refused by the descriptor
  bool within_line = false;  // what was written last is not a whole line
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

void Log::drop() {
  shared_->drop();
}

Format Log::format_for(int descriptor) {
  return ::isatty(descriptor) == 1 ? Format::text : Format::json;
}

void Log::Shared::write_out(const std::shared_ptr<Shared>& shared) {
  std::deque<Item> batch;
  std::unique_lock lock(shared->mutex);
  for (;;) {
    shared->changed.wait(lock, [&shared] { return shared->stopping || !shared->queue.empty(); });
    if (shared->queue.empty()) { break; }
    // Lines come in swarms. To be woken for each of them would cost as much as the whole set-up of a session.
    shared->changed.wait_for(lock, gather_for, [&shared] { return shared->stopping; });
    batch.swap(shared->queue);
    shared->lost += std::exchange(shared->dropped, 0);

    lock.unlock();
    shared->write_batch(batch);
    shared->tell_of_lost();
    batch.clear();
    lock.lock();
  }
  shared->written_out = true;
  shared->changed.notify_all();
}

void Log::Shared::write_batch(const std::deque<Item>& batch) {
  std::string lines;
  for (const Item& item : batch) {
    try {
      append_line(lines, item);
    } catch (const std::bad_alloc&) { ++lost; }
    if (lines.size() < write_bytes_min && &item != &batch.back()) { continue; }
    write_lines(lines);
    lines.clear();
  }
}

// The whole line or, by an exception, nothing of it.
void Log::Shared::append_line(std::string& to, const Item& item) const {
  std::string line = std::visit([this](const auto& it) { return line_of(it, format); }, item);
  line.push_back('\n');
  to += line;
}

// A reader that is gone (SIGPIPE is ignored) or a full disk costs the lines, nothing else. A disk that runs full takes
// a part of a line; what comes after it is not to stand in the same one.
void Log::Shared::write_lines(std::string_view lines) {
  if (within_line && write_all("\n") == 1) { within_line = false; }
  const std::size_t written = within_line ? 0 : write_all(lines);
  if (written > 0) { within_line = lines[written - 1] != '\n'; }
  lost +=
      static_cast<std::uint64_t>(std::count(lines.begin() + static_cast<std::ptrdiff_t>(written), lines.end(), '\n'));
}

void Log::Shared::tell_of_lost() {
  if (lost == 0) { return; }
  const std::uint64_t told = lost;
  std::string line;
  try {
    append_line(line,
                Note{.level = Level::warning,
                     .event = "lines_dropped",
                     .text = fmt::format("{} log lines were dropped: they could not be written, or not as fast as "
                                         "they came",
                                         told),
                     .fields = {{"lines", std::to_string(told)}},
                     .at = std::chrono::system_clock::now()});
  } catch (const std::bad_alloc&) { return; }  // next time
  write_lines(line);
  lost -= lost == told ? told : 1;  // it counts as lost itself where it was refused, too
}

// How much of it was written before the descriptor refused.
std::size_t Log::Shared::write_all(std::string_view text) const {
  const std::size_t size = text.size();
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // somebody shares the descriptor and made it non-blocking
      pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      break;
    }
  }
  return size - text.size();
}

}  // namespace bascule::observe
