// Real sockets as a test uses them: blocking, on loopback, on ports that the system chooses, and every wait bounded.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/owned_fd.hpp"
#include "test/support/frames.hpp"

namespace bascule::test {

// So long that only what hangs ever reaches it, also under a sanitizer on a busy machine.
inline constexpr auto patience = std::chrono::seconds(60);

class Socket {
 public:
  Socket() = default;
  explicit Socket(OwnedFd fd) : fd_(std::move(fd)) {}

  // To 127.0.0.1. `buffer_bytes`: of the kernel, each way; 0: as large as it likes.
  static Socket connect(std::uint16_t port, int buffer_bytes = 0);
  static Socket connect_unix(const std::string& path);
  // To 127.0.0.1 from another address of this machine, such as 127.0.0.2.
  static Socket connect_from(const std::string& source, std::uint16_t port);

  // All of these throw when `patience` is over.
  void send(std::string_view bytes);
  // False when the connection broke on the way.
  bool try_send(std::string_view bytes);
  // What is there, at least one byte; empty at the end; "reset" in `was_reset`.
  std::string receive(std::size_t most = 65536);
  std::string receive_exactly(std::size_t count);  // throws when the end comes first
  std::string receive_all();                       // until the end or a reset
  bool was_reset() const { return was_reset_; }

  // Sends what the socket takes right now, until it takes no more; gives the bytes it took.
  std::size_t stuff(std::string_view bytes, std::size_t most);

  // Does it take more before this time is over? No is the answer that a test of backpressure is after.
  bool takes_more_within(std::chrono::milliseconds time) const;

  void end() const;  // FIN
  void reset();      // RST, and closed
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  OwnedFd fd_;
  bool was_reset_ = false;
};

class Listener {
 public:
  // 127.0.0.1, a free port; `buffer_bytes` as in Socket::connect.
  explicit Listener(int backlog = 4096, int buffer_bytes = 0);
  explicit Listener(const std::string& path);  // a Unix socket
  Socket accept();                             // throws when nobody comes
  bool someone_waits() const;                  // right now
  std::uint16_t port() const { return port_; }

 private:
  OwnedFd fd_;
  std::uint16_t port_ = 0;
};

// A port nobody listens on: bound and never listened to, for as long as this lives.
class DeadPort {
 public:
  DeadPort();
  std::uint16_t port() const { return port_; }

 private:
  OwnedFd fd_;
  std::uint16_t port_ = 0;
};

// A WebSocket client, the obvious way.
class WsClient {
 public:
  // Connects and asks for an upgrade; `head` is the whole answer head afterwards.
  WsClient(std::uint16_t port, std::string_view path, std::string_view extra_fields = {}, int buffer_bytes = 0);
  // The same on a socket that is connected; `request` is all of it.
  WsClient(Socket socket, std::string_view request);

  // Continues on a socket whose handshake is done; `rest` was read behind the head.
  int status() const { return status_; }
  const std::string& head() const { return head_; }
  Socket& socket() { return socket_; }

  void send(std::uint8_t opcode, std::string_view payload, bool fin = true);
  ServerFrame receive();                        // the next frame; throws at the end
  std::string receive_data(std::size_t count);  // that many bytes of data frames, pings answered
  ServerFrame receive_close();                  // drops everything before it
  std::string buffered() const { return buffer_; }

 private:
  Socket socket_;
  std::string head_;
  std::string buffer_;
  int status_ = 0;
};

// The text of a request for an upgrade.
std::string upgrade_request(std::string_view path, std::uint16_t port, std::string_view extra_fields = {});

// An HTTP answer, read until the end of the connection or of its Content-Length.
struct HttpAnswer {
  int status = 0;
  std::string head;
  std::string body;
};
HttpAnswer http(std::uint16_t port, std::string_view request);
HttpAnswer read_answer(Socket& socket);

std::string random_bytes(std::size_t count, std::uint32_t seed);
std::string sha256(std::string_view bytes);

}  // namespace bascule::test
