// A pipe of the kernel, through which bytes pass from one socket to another without coming into the program's memory
// (splice(2)).
//
// There is one a worker, for all of its sessions: whatever is put in has to be out again before anybody else's bytes
// come (EmptiedPipe).
#pragma once

#include <cstddef>

#include "proxy/base/bytes.hpp"
#include "proxy/base/owned_fd.hpp"

namespace bascule {

class Pipe {
 public:
  // Holds `capacity_bytes` where the kernel allows it: at most /proc/sys/fs/pipe-max-size, 1 MiB, and less for a user
  // who has many pipes.
  explicit Pipe(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) { open(); }

  // False where the kernel had none to give, or a small one only.
  bool usable() const { return static_cast<bool>(exit_); }

  std::size_t holds() const { return held_bytes_; }

  // For whoever moves bytes in or out (descriptors that do not block), and says then how many.
  int entry() const { return entry_.get(); }
  int exit() const { return exit_.get(); }
  void entered(std::size_t bytes) { held_bytes_ += bytes; }
  void left(std::size_t bytes) { held_bytes_ -= bytes; }

  // Takes the first of what is held, by copy; the number is `into.size()` or all there is. Throws std::system_error
  // where the kernel does not let us.
  std::size_t read(MutableBytes into);

  // Drops what is held.
  void clear();

 private:
  void open();

  std::size_t capacity_bytes_;
  std::size_t held_bytes_ = 0;
  OwnedFd entry_;
  OwnedFd exit_;
};

// Whatever happens to whoever uses a pipe, it is empty afterwards.
class EmptiedPipe {
 public:
  explicit EmptiedPipe(Pipe& pipe) : pipe_(pipe) {}
  ~EmptiedPipe() { pipe_.clear(); }
  EmptiedPipe(const EmptiedPipe&) = delete;
  EmptiedPipe& operator=(const EmptiedPipe&) = delete;

 private:
  Pipe& pipe_;
};

}  // namespace bascule
