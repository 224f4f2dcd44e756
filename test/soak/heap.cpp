// Preloaded into bascule by soak.py: tells how many bytes of the heap are in use, twice a second, in the file that
// SOAK_HEAP names. What the process occupies says little of it: a leak of small blocks fills the gaps between others
// for a long time before the heap grows.
//
// Counted block by block. What mallinfo2(3) says would do but for the blocks that the C library keeps at hand for each
// thread, seven of a size: they count as used there, and it takes hours until there are seven of each size.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

// The C library's own, behind the names that it lets others take.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* block);
}

namespace {

std::atomic<long long> bytes_in_use = 0;

void* taken(void* block) {
  bytes_in_use.fetch_add(static_cast<long long>(::malloc_usable_size(block)), std::memory_order_relaxed);
  return block;
}

void given_back(void* block) {
  bytes_in_use.fetch_sub(static_cast<long long>(::malloc_usable_size(block)), std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  return taken(__libc_malloc(bytes));
}

void* calloc(std::size_t count, std::size_t bytes) {
  return taken(__libc_calloc(count, bytes));
}

void* realloc(void* block, std::size_t bytes) {
  given_back(block);
  void* const moved = __libc_realloc(block, bytes);
  if (moved == nullptr && bytes > 0) {
    taken(block);  // it is where it was
    return nullptr;
  }
  return taken(moved);
}

void* memalign(std::size_t alignment, std::size_t bytes) {
  return taken(__libc_memalign(alignment, bytes));
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return memalign(alignment, bytes);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) {
  *block = memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}

void free(void* block) {
  given_back(block);
  __libc_free(block);
}
}

namespace {

void tell(int fd) {
  for (;; std::this_thread::sleep_for(std::chrono::milliseconds(500))) {
    std::array<char, 32> line{};
    const int length = std::snprintf(line.data(), line.size(), "%20lld\n", bytes_in_use.load());
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
