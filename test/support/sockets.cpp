#include "test/support/sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <random>
#include <stdexcept>
#include <system_error>

namespace bascule::test {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

OwnedFd checked(int fd, const char* what) {
  if (fd < 0) { throw std::system_error(errno, std::generic_category(), what); }
  return OwnedFd(fd);
}

// Waits for what is asked for; false when patience is over.
bool await(int fd, short events) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  const int timeout = static_cast<int>(std::chrono::milliseconds(patience).count());
  return ::poll(&waiting, 1, timeout) > 0;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) { fail("the path is too long for a Unix socket: " + path); }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Before the connection is made, for its window follows them.
void set_buffers(int fd, int bytes) {
  if (bytes == 0) { return; }
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

std::uint16_t bound_port(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

OwnedFd bound_socket() {
  OwnedFd fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const sockaddr_in address = loopback(0);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) { fail("bind"); }
  return fd;
}

}  // namespace

// --- Socket ----------------------------------------------------------------------------------------------------------

Socket Socket::connect(std::uint16_t port, int buffer_bytes) {
  OwnedFd fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  set_buffers(fd.get(), buffer_bytes);
  const sockaddr_in address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Socket(std::move(fd));
}

Socket Socket::connect_from(const std::string& source, std::uint16_t port) {
  OwnedFd fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in from = loopback(0);
  if (::inet_pton(AF_INET, source.c_str(), &from.sin_addr) != 1) { fail("not an IPv4 address"); }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) {
    throw std::system_error(errno, std::generic_category(), "bind");
  }
  const sockaddr_in address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
  return Socket(std::move(fd));
}

Socket Socket::connect_unix(const std::string& path) {
  OwnedFd fd = checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const sockaddr_un address = unix_address(path);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), "connect");
  }
  return Socket(std::move(fd));
}

bool Socket::try_send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!await(fd_.get(), POLLOUT)) { fail("nobody takes what is sent"); }
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) { continue; }
    if (sent < 0) { return false; }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Socket::send(std::string_view bytes) {
  if (!try_send(bytes)) { throw std::system_error(errno, std::generic_category(), "send"); }
}

std::size_t Socket::stuff(std::string_view bytes, std::size_t most) {
  std::size_t total = 0;
  while (total < most) {
    const ssize_t sent =
        ::send(fd_.get(), bytes.data(), std::min(bytes.size(), most - total), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) { break; }
    total += static_cast<std::size_t>(sent);
  }
  return total;
}

bool Socket::takes_more_within(std::chrono::milliseconds time) const {
  pollfd waiting{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(time.count())) > 0;
}

std::string Socket::receive(std::size_t most) {
  std::string bytes(most, '\0');
  for (;;) {
    if (!await(fd_.get(), POLLIN)) { fail("nothing comes"); }
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) { continue; }
    if (got < 0) { was_reset_ = true; }
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
}

std::string Socket::receive_exactly(std::size_t count) {
  std::string all;
  while (all.size() < count) {
    const std::string some = receive(count - all.size());
    if (some.empty()) { fail(fmt::format("the end came after {} of {} bytes", all.size(), count)); }
    all += some;
  }
  return all;
}

std::string Socket::receive_all() {
  std::string all;
  for (;;) {
    const std::string some = receive();
    if (some.empty()) { return all; }
    all += some;
  }
}

void Socket::end() const {
  ::shutdown(fd_.get(), SHUT_WR);
}

void Socket::reset() {
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  fd_.reset();
}

// --- Listener --------------------------------------------------------------------------------------------------------

Listener::Listener(int backlog, int buffer_bytes) : fd_(bound_socket()), port_(bound_port(fd_.get())) {
  set_buffers(fd_.get(), buffer_bytes);  // who is accepted has them too
  if (::listen(fd_.get(), backlog) != 0) { fail("listen"); }
}

Listener::Listener(const std::string& path) : fd_(checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
  const sockaddr_un address = unix_address(path);
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) { fail("bind " + path); }
  if (::listen(fd_.get(), 4096) != 0) { fail("listen"); }
}

Socket Listener::accept() {
  if (!await(fd_.get(), POLLIN)) { fail("nobody connects"); }
  return Socket(checked(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
}

bool Listener::someone_waits() const {
  pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) > 0;
}

DeadPort::DeadPort() : fd_(bound_socket()), port_(bound_port(fd_.get())) {}

// --- HTTP and WebSocket ----------------------------------------------------------------------------------------------

std::string upgrade_request(std::string_view path, std::uint16_t port, std::string_view extra_fields) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
      path, port, extra_fields);
}

namespace {

// Everything up to the empty line; what was read behind it goes to `rest`.
std::string receive_head(Socket& socket, std::string& rest) {
  std::string all;
  for (;;) {
    const std::size_t end = all.find("\r\n\r\n");
    if (end != std::string::npos) {
      rest = all.substr(end + 4);
      return all.substr(0, end + 4);
    }
    const std::string some = socket.receive();
    if (some.empty()) { return all; }
    all += some;
  }
}

int status_of(const std::string& head) {
  int status = 0;
  if (head.size() >= 12) { std::from_chars(head.data() + 9, head.data() + 12, status); }
  return status;
}

}  // namespace

WsClient::WsClient(std::uint16_t port, std::string_view path, std::string_view extra_fields, int buffer_bytes)
    : WsClient(Socket::connect(port, buffer_bytes), upgrade_request(path, port, extra_fields)) {}

WsClient::WsClient(Socket socket, std::string_view request) : socket_(std::move(socket)) {
  socket_.send(request);
  head_ = receive_head(socket_, buffer_);
  status_ = status_of(head_);
}

void WsClient::send(std::uint8_t opcode, std::string_view payload, bool fin) {
  socket_.send(client_frame(opcode, payload, fin));
}

ServerFrame WsClient::receive() {
  for (;;) {
    if (auto frame = take_server_frame(buffer_)) { return *frame; }
    const std::string some = socket_.receive(1 << 20);
    if (some.empty()) { fail(socket_.was_reset() ? "reset instead of a frame" : "the end instead of a frame"); }
    buffer_ += some;
  }
}

std::string WsClient::receive_data(std::size_t count) {
  std::string data;
  while (data.size() < count) {
    const ServerFrame frame = receive();
    if (frame.opcode == op_ping) { send(op_pong, frame.payload); }
    if (frame.opcode == op_close) { fail(fmt::format("Close {} after {} bytes", frame.close_code(), data.size())); }
    if (frame.opcode < 8) { data += frame.payload; }
  }
  return data;
}

ServerFrame WsClient::receive_close() {
  for (;;) {
    ServerFrame frame = receive();
    if (frame.opcode == op_close) { return frame; }
  }
}

HttpAnswer read_answer(Socket& socket) {
  HttpAnswer answer;
  answer.head = receive_head(socket, answer.body);
  answer.status = status_of(answer.head);
  for (char& c : answer.head) { c = static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
  const std::size_t at = answer.head.find("content-length: ");
  std::size_t length = 0;
  if (at == std::string::npos) { return answer; }
  std::from_chars(answer.head.data() + at + 16, answer.head.data() + answer.head.size(), length);
  if (answer.body.size() < length) { answer.body += socket.receive_exactly(length - answer.body.size()); }
  return answer;
}

HttpAnswer http(std::uint16_t port, std::string_view request) {
  Socket socket = Socket::connect(port);
  socket.send(request);
  return read_answer(socket);
}

// --- data ------------------------------------------------------------------------------------------------------------

std::string random_bytes(std::size_t count, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(count, '\0');
  for (std::size_t at = 0; at < count; at += 8) {
    const std::uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, count - at));
  }
  return bytes;
}

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (const unsigned char byte : digest) { text += fmt::format("{:02x}", byte); }
  return text;
}

}  // namespace bascule::test
