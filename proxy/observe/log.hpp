// The log: lines leave through one thread of their own, so that a slow disk or a stuck terminal never holds up a
// session.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/observe/line.hpp"
#include "proxy/observe/record.hpp"

namespace bascule::observe {

// Every member but the constructor and the destructor may be called from any thread, and none of them waits. When the
// queue is full, or the descriptor takes no more, a line is dropped and counted; the count is logged as soon as there
// is room.
class Log {
 public:
  static constexpr std::size_t queue_lines_max = 4096;

  // `descriptor` is borrowed for as long as the process lives.
  Log(int descriptor, Format format);

  // Waits for what is queued to be written, but at most a second; a writer that is stuck by then is left behind.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void session(SessionRecord record);
  void note(Note note);
  void drop();  // a line that there was no memory for: it is counted with the others

  // Terminals get text, everything else JSON lines.
  static Format format_for(int descriptor);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace bascule::observe
