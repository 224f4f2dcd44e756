// TCP sockets on 127.0.0.1, for the load generator only: each call blocks at most a few seconds or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace bascule::bench {

// Throws std::system_error with `what` and the current errno.
[[noreturn]] void fail(const char* what);

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    Socket old(std::exchange(fd_, std::exchange(other.fd_, -1)));
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  void set_blocking();  // with a deadline of ten seconds for each call
  void set_non_blocking();
  void finish_writing();  // FIN to the other side

 private:
  int fd_ = -1;
};

Socket listen_on(std::uint16_t port);
Socket accept_from(const Socket& listener);                          // blocks with the listener's deadline
std::optional<Socket> accept_some(const Socket& listener);           // of a non-blocking listener
Socket connect_to(std::uint16_t port, std::uint8_t host = 1);        // on 127.0.0.host; blocks until connected
Socket start_connecting_to(std::uint16_t port);                      // does not block; writable once connected
Socket start_connecting_to(std::uint16_t port, std::uint32_t from);  // the same, from this address of 127.0.0.0/8

// What one call on a non-blocking socket gave: bytes, 0 for "not now".
std::size_t send_some(const Socket& socket, std::string_view data);
std::size_t send_some(int socket, std::string_view data);
std::size_t send_file_some(const Socket& socket, int file, std::size_t from, std::size_t bytes);

// Empty at the end of the stream, 0 for "not now". `discard_some` lets the kernel drop the bytes without a copy.
std::optional<std::size_t> receive_some(const Socket& socket, char* buffer, std::size_t bytes);
std::optional<std::size_t> discard_some(const Socket& socket);

}  // namespace bascule::bench
