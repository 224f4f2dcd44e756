// An HTTP server as a test scripts it: what it answers, head by head; plain or over TLS.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/loopback_server.hpp"
#include "test/support/tls_server.hpp"

namespace bascule::test {

struct Reply {
  std::string bytes{};
  enum class Then : std::uint8_t { keep, hang_up, stall } then = Then::keep;
};

// "HTTP/1.1 STATUS x", with the length of its body. `fields`: whole lines.
inline Reply reply(int status, std::string_view fields = {}, std::string_view body = {}) {
  return {.bytes = fmt::format("HTTP/1.1 {} x\r\n{}Content-Length: {}\r\n\r\n{}", status, fields, body.size(), body)};
}

class HttpServer {
 public:
  using Script = std::function<Reply(const std::string& head)>;

  explicit HttpServer(Script script, const Certified* certified = nullptr)
      : script_(std::move(script)), certified_(certified), server_([this](Socket& visitor) { serve(visitor); }) {}

  std::uint16_t port() const { return server_.port(); }
  int visits() const { return server_.visits(); }  // connections
  std::vector<std::string> heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }
  std::size_t requests() const { return heads().size(); }

 private:
  void serve(Socket& socket) {
    std::optional<TlsVisitor> secured;
    if (certified_ != nullptr) { secured.emplace(socket, *certified_); }
    const auto receive = [&] { return secured ? secured->read() : socket.receive(); };
    std::string buffer;
    for (;;) {
      std::size_t end = buffer.find("\r\n\r\n");
      for (; end == std::string::npos; end = buffer.find("\r\n\r\n")) {
        const std::string more = receive();
        if (more.empty()) { return; }
        buffer += more;
      }
      const std::string head = buffer.substr(0, end + 2);
      buffer.erase(0, end + 4);
      {
        const std::lock_guard lock(mutex_);
        heads_.push_back(head);
      }
      const Reply answer = script_(head);
      if (secured && !answer.bytes.empty()) {
        secured->write(answer.bytes);
      } else {
        socket.send(answer.bytes);
      }
      if (answer.then == Reply::Then::stall) {
        while (!receive().empty()) {}
      }
      if (answer.then != Reply::Then::keep) { return; }
    }
  }

  const Script script_;
  const Certified* const certified_;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;
  LoopbackServer server_;  // last: its threads use the others
};

}  // namespace bascule::test
