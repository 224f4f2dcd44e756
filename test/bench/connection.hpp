// A client's end of a session: a socket, bare or with TLS on it. Calls are as those on sockets: they never wait on a
// non-blocking one.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "test/bench/payload.hpp"
#include "test/bench/socket.hpp"
#include "test/bench/tls_client.hpp"

namespace bascule::bench {

class Connection {
 public:
  Connection();
  explicit Connection(Socket socket);
  Connection(Socket socket, TlsClient* tls);  // null: bare. Else `*tls` outlives this, and hands are to be shaken first
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  [[nodiscard]] const Socket& socket() const { return socket_; }
  Socket& socket() { return socket_; }

  // True once it is done; at once on a bare socket. Throws where it fails.
  bool shake_hands();
  [[nodiscard]] bool resumes() const;  // it was tried
  [[nodiscard]] bool resumed() const;  // and has worked

  // How many bytes were taken. With TLS they may still wait in here: see flush().
  std::size_t send_some(std::string_view data);
  std::size_t send_file_some(const MemoryFile& file, std::size_t from);  // from there to its end

  // Takes all of it. Returns flush().
  bool say(std::string_view message);

  // True when nothing that was taken waits any more; else try again when the socket is writable.
  bool flush();

  // Empty at the end of the stream, 0 for "not now". With TLS, the end is close_notify; a bare FIN throws.
  std::optional<std::size_t> receive_some(char* buffer, std::size_t bytes);

  // Calls `take(std::string_view)` with all that is there. False at the end of the stream.
  template <std::size_t size, typename Take>
  bool receive(std::array<char, size>& buffer, Take&& take) {
    do {
      const auto received = receive_some(buffer.data(), buffer.size());
      if (!received) { return false; }
      if (*received == 0) { return true; }
      take(std::string_view(buffer.data(), *received));
    } while (has_buffered());
    return true;
  }

  // Something has left the socket and not been read, so that the socket will not say so.
  [[nodiscard]] bool has_buffered() const;

  void finish_writing();  // close_notify, if there is TLS, and FIN to the other side
  void say_end();         // close_notify alone, if the other side still listens

 private:
  struct Secured;

  Socket socket_;
  std::unique_ptr<Secured> secured_;  // null: bare
  std::string unsent_;                // of a bare one
};

}  // namespace bascule::bench
