// The service's end of a session that gets back what it sends.
#pragma once

#include <string>

#include "test/bench/loop.hpp"

namespace bascule::bench {

class EchoEnd final : public Handler {
 public:
  explicit EchoEnd(Loop& loop) : loop_(loop) {}

  void serve(Socket socket);
  void on_ready() override;

  [[nodiscard]] bool ended() const { return !socket_.is_open(); }  // and may serve the next

 private:
  Loop& loop_;
  Socket socket_;
  std::string pending_;  // what the proxy has not taken yet; while it holds something, nothing is read
};

}  // namespace bascule::bench
