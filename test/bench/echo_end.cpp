#include "test/bench/echo_end.hpp"

#include <array>
#include <utility>

namespace bascule::bench {

void EchoEnd::serve(Socket socket) {
  socket_ = std::move(socket);
  pending_.clear();
  loop_.add(socket_, *this, EPOLLIN);
}

void EchoEnd::on_ready() {
  if (ended()) { return; }
  if (!pending_.empty()) {
    pending_.erase(0, send_some(socket_, pending_));
    if (pending_.empty()) { loop_.change(socket_, *this, EPOLLIN); }
    return;
  }
  static std::array<char, std::size_t{64} * 1024> buffer;
  const auto received = receive_some(socket_, buffer.data(), buffer.size());
  if (!received) {
    socket_ = Socket();
    return;
  }
  const std::string_view data(buffer.data(), *received);
  if (data.empty()) { return; }
  const std::size_t sent = send_some(socket_, data);
  if (sent < data.size()) {
    pending_ = data.substr(sent);
    loop_.change(socket_, *this, EPOLLOUT);
  }
}

}  // namespace bascule::bench
