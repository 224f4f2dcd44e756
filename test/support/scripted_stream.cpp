#include "test/support/scripted_stream.hpp"

#include <algorithm>
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

void ScriptedStream::unread(Bytes early) {
  if (!early.empty()) { incoming_.push_front({Io::bytes, std::string(text_of(early)), 0}); }
}

}  // namespace bascule::test
