// Preloaded into bascule by soak.py: tells how many bytes of the heap are in use, twice a second, in the file that
// SOAK_HEAP names. What the process occupies says little of it: a leak of small blocks fills the gaps between others
// for a long time before the heap grows.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

void tell(int fd) {
  for (;; std::this_thread::sleep_for(std::chrono::milliseconds(500))) {
    const struct mallinfo2 heap = ::mallinfo2();
    std::array<char, 32> line{};
    const int length = std::snprintf(line.data(), line.size(), "%20zu\n", heap.uordblks + heap.hblkhd);
    if (::pwrite(fd, line.data(), static_cast<std::size_t>(length), 0) != length) { return; }
  }
}

// Its thread is there before any other, and takes no signal from those that wait for one.
const bool begun = [] {
  const char* path = std::getenv("SOAK_HEAP");
  const int fd = path == nullptr ? -1 : ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) { return false; }
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread(tell, fd).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return true;
}();

}  // namespace
