#include "test/bench/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace bascule::bench {
namespace {

constexpr int backlog = 4096;
constexpr timeval call_deadline{.tv_sec = 10, .tv_usec = 0};

sockaddr_in loopback(std::uint16_t port, std::uint32_t host = INADDR_LOOPBACK) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  return address;
}

// The one place where the socket API's idea of an address meets the type system.
const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void set_option(const Socket& socket, int level, int name, int value) {
  if (setsockopt(socket.fd(), level, name, &value, sizeof value) != 0) { fail("setsockopt"); }
}

void set_flag(const Socket& socket, int flag, bool on) {
  const int flags = fcntl(socket.fd(), F_GETFL);
  if (flags < 0 || fcntl(socket.fd(), F_SETFL, on ? flags | flag : flags & ~flag) != 0) { fail("fcntl"); }
}

Socket new_socket(int more_flags) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | more_flags, 0));
  if (!socket.is_open()) { fail("socket"); }
  return socket;
}

bool not_now() {
  return errno == EAGAIN || errno == EINTR;
}

std::size_t sent(ssize_t result, const char* what) {
  if (result >= 0) { return static_cast<std::size_t>(result); }
  if (not_now()) { return 0; }
  fail(what);
}

std::optional<std::size_t> received(ssize_t result) {
  if (result == 0) { return std::nullopt; }
  if (result > 0) { return static_cast<std::size_t>(result); }
  if (not_now()) { return 0; }
  fail("recv");
}

}  // namespace

void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Socket::~Socket() {
  if (fd_ >= 0) { ::close(fd_); }
}

void Socket::set_blocking() {
  set_flag(*this, O_NONBLOCK, false);
  for (const int deadline : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    if (setsockopt(fd_, SOL_SOCKET, deadline, &call_deadline, sizeof call_deadline) != 0) { fail("setsockopt"); }
  }
}

void Socket::set_non_blocking() {
  set_flag(*this, O_NONBLOCK, true);
}

void Socket::finish_writing() {
  if (::shutdown(fd_, SHUT_WR) != 0) { fail("shutdown"); }
}

Socket listen_on(std::uint16_t port) {
  Socket listener = new_socket(0);
  set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  const sockaddr_in address = loopback(port);
  if (::bind(listener.fd(), generic(address), sizeof address) != 0) { fail("bind"); }
  if (::listen(listener.fd(), backlog) != 0) { fail("listen"); }
  listener.set_blocking();
  return listener;
}

Socket accept_from(const Socket& listener) {
  Socket socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket.is_open()) { fail("accept (did the proxy dial?)"); }
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

std::optional<Socket> accept_some(const Socket& listener) {
  Socket socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.is_open()) {
    if (not_now()) { return std::nullopt; }
    fail("accept");
  }
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

Socket connect_to(std::uint16_t port, std::uint8_t host) {
  Socket socket = new_socket(0);
  socket.set_blocking();
  const sockaddr_in address = loopback(port, INADDR_LOOPBACK - 1 + host);
  if (::connect(socket.fd(), generic(address), sizeof address) != 0) { fail("connect"); }
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

Socket start_connecting_to(std::uint16_t port) {
  return start_connecting_to(port, INADDR_LOOPBACK);
}

Socket start_connecting_to(std::uint16_t port, std::uint32_t from) {
  Socket socket = new_socket(SOCK_NONBLOCK);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  if (from != INADDR_LOOPBACK) {
    set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);  // connect(2) chooses the port, knowing where to
    const sockaddr_in own = loopback(0, from);
    if (::bind(socket.fd(), generic(own), sizeof own) != 0) { fail("bind"); }
  }
  const sockaddr_in address = loopback(port);
  if (::connect(socket.fd(), generic(address), sizeof address) != 0 && errno != EINPROGRESS) { fail("connect"); }
  return socket;
}

std::size_t send_some(const Socket& socket, std::string_view data) {
  return send_some(socket.fd(), data);
}

std::size_t send_some(int socket, std::string_view data) {
  return sent(::send(socket, data.data(), data.size(), MSG_NOSIGNAL), "send");
}

std::size_t send_file_some(const Socket& socket, int file, std::size_t from, std::size_t bytes) {
  auto offset = static_cast<off_t>(from);
  return sent(::sendfile(socket.fd(), file, &offset, bytes), "sendfile");
}

std::optional<std::size_t> receive_some(const Socket& socket, char* buffer, std::size_t bytes) {
  return received(::recv(socket.fd(), buffer, bytes, 0));
}

std::optional<std::size_t> discard_some(const Socket& socket) {
  // tcp(7): with MSG_TRUNC the bytes are dropped and the buffer is not touched.
  constexpr std::size_t all_there_is = std::size_t{1} << 30U;
  return received(::recv(socket.fd(), nullptr, all_there_is, MSG_TRUNC));
}

}  // namespace bascule::bench
