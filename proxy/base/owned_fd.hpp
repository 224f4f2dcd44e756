// A file descriptor with one owner: whoever holds this closes it, and nobody else does.
#pragma once

#include <unistd.h>

#include <utility>

namespace bascule {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() { reset(); }

  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

  // Hands the duty to close it to the caller.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

  void reset() {
    // Also after EINTR the number is free again on Linux (close(2)), so there is no second try.
    if (fd_ >= 0) { ::close(fd_); }
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace bascule
