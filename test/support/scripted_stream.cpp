#include "test/support/scripted_stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace bascule::test {

IoResult ScriptedStream::read(MutableBytes into) {
  if (into.empty()) { throw std::logic_error("a read of nothing"); }
  if (fails()) { return IoResult::broken(fail_error_); }
  if (hold_at_read_ > 0) { held_ = std::exchange(hold_at_read_, 0); }
  if (incoming_.empty()) { return IoResult::wait_readable(); }
  Step& step = incoming_.front();
  if (step.status != Io::bytes) { return {step.status, 0, step.error}; }  // an end stays the end
  const std::size_t count = std::min(into.size(), step.bytes.size());
  std::copy_n(step.bytes.begin(), count, into.begin());
  step.bytes.erase(0, count);
  if (step.bytes.empty()) { incoming_.pop_front(); }
  return IoResult::moved(count);
}

IoResult ScriptedStream::write(Bytes from) {
  if (from.empty()) { throw std::logic_error("a write of nothing"); }
  if (shut_) { throw std::logic_error("a write behind shutdown_write()"); }
  if (fails()) { return IoResult::broken(fail_error_); }
  if (write_error_) { return IoResult::broken(*write_error_); }
  const std::size_t count = std::min(room_, from.size());
  if (count == 0) { return IoResult::wait_writable(); }
  written_.append(text_of(from.first(count)));
  if (room_ != std::numeric_limits<std::size_t>::max()) { room_ -= count; }
  if (hold_next_ > 0) { held_ = std::exchange(hold_next_, 0); }
  return IoResult::moved(count);
}

IoResult ScriptedStream::write_last(Bytes from) {
  const IoResult written = Stream::write_last(from);
  ended_with_last_bytes_ = shut_;
  return written;
}

std::size_t ScriptedStream::read(Pipe& into, std::size_t bytes_max) {
  if (!plain_ || into.holds() > 0) { throw std::logic_error("a pipe that is not for this"); }
  if (incoming_.empty() || incoming_.front().status != Io::bytes) { return 0; }
  if (fails()) { return 0; }
  Step& step = incoming_.front();
  const ssize_t count = ::write(into.entry(), step.bytes.data(), std::min(bytes_max, step.bytes.size()));
  if (count <= 0) { throw std::logic_error("a pipe that takes nothing"); }
  const auto taken = static_cast<std::size_t>(count);
  into.entered(taken);
  piped_ += taken;
  step.bytes.erase(0, taken);
  if (step.bytes.empty()) { incoming_.pop_front(); }
  return taken;
}

IoResult ScriptedStream::write(Bytes head, Pipe& body) {
  if (!plain_) { throw std::logic_error("a pipe for a stream that takes none"); }
  if (no_memory_) { throw std::bad_alloc(); }
  const IoResult written = write(head);
  if (written.status == Io::bytes && written.bytes == head.size() && room_ > 0) {
    std::string taken(std::min(room_, body.holds()), '\0');
    body.read(MutableBytes(reinterpret_cast<std::uint8_t*>(taken.data()), taken.size()));
    written_ += taken;
    piped_ += taken.size();
    if (room_ != std::numeric_limits<std::size_t>::max()) { room_ -= taken.size(); }
  }
  return written;
}

void ScriptedStream::unread(Bytes early) {
  if (!early.empty()) { incoming_.push_front({Io::bytes, std::string(text_of(early)), 0}); }
}

}  // namespace bascule::test
