// For LD_PRELOAD: `operator new` that fails when it is told to. FAILING_NEW names a file that is shared with whoever
// tells: its first eight bytes count allocations down, and the one that brings them to zero throws. Zero is peace;
// below zero every large one throws. The main thread, which looks at files now and then and not at visitors, is left
// alone.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

constexpr std::size_t large_bytes = std::size_t{64} * 1024;

using Countdown = std::atomic<std::int64_t>;
static_assert(sizeof(Countdown) == 8 && Countdown::is_always_lock_free);

Countdown* shared_countdown() {
  static Countdown peace = 0;
  const char* path = std::getenv("FAILING_NEW");
  if (path == nullptr) { return &peace; }
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  void* const page = ::mmap(nullptr, sizeof(Countdown), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return page == MAP_FAILED ? &peace : static_cast<Countdown*>(page);
}

bool fails_now(std::size_t size) {
  static Countdown* const countdown = shared_countdown();
  const std::int64_t count = countdown->load(std::memory_order_relaxed);
  if (count == 0 || ::gettid() == ::getpid()) { return false; }
  if (count < 0) { return size >= large_bytes; }
  return countdown->fetch_sub(1, std::memory_order_relaxed) == 1;
}

// The next one in line: the library's, or a sanitizer's.
template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

void* operator new(std::size_t size) {
  static const auto real = next<void* (*)(std::size_t)>("_Znwm");
  if (fails_now(size)) { throw std::bad_alloc(); }
  return real(size);
}

void* operator new[](std::size_t size) {
  static const auto real = next<void* (*)(std::size_t)>("_Znam");
  if (fails_now(size)) { throw std::bad_alloc(); }
  return real(size);
}

void* operator new(std::size_t size, const std::nothrow_t& nothrow) noexcept {
  static const auto real = next<void* (*)(std::size_t, const std::nothrow_t&)>("_ZnwmRKSt9nothrow_t");
  if (fails_now(size)) { return nullptr; }
  return real(size, nothrow);
}

void* operator new(std::size_t size, std::align_val_t alignment) {
  static const auto real = next<void* (*)(std::size_t, std::align_val_t)>("_ZnwmSt11align_val_t");
  if (fails_now(size)) { throw std::bad_alloc(); }
  return real(size, alignment);
}
