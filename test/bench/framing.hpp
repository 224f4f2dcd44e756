// The client's half of RFC 6455, written again on purpose: the proxy's own code must not check itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "test/bench/socket.hpp"

namespace bascule::bench {

using MaskKey = std::array<char, 4>;

// With the key of section 1.3. `more`: further fields, each with its end of line.
std::string upgrade_request(std::string_view path = "/", std::string_view more = {});

// Throws unless this head accepts that request, by the answer that belongs to its key.
void check_upgrade_answer(std::string_view head);

// A whole frame with the payload masked, FIN set.
std::string client_frame(std::string_view payload, const MaskKey& key);
std::string client_close_frame(const MaskKey& key);  // with code 1000
std::string client_pong_frame(std::string_view payload, const MaskKey& key);

// Takes the frames from a server out of a byte stream, however it is cut. Throws on what a server must not send.
class ServerFrames {
 public:
  // Calls `on_payload(std::string_view)` for each piece of a data frame's payload.
  template <typename OnPayload>
  void take(std::string_view bytes, OnPayload&& on_payload) {
    while (!bytes.empty()) {
      if (left_ == 0) {
        bytes.remove_prefix(take_header(bytes));
        continue;
      }
      const std::string_view piece = bytes.substr(0, left_);
      bytes.remove_prefix(piece.size());
      left_ -= piece.size();
      if (is_data_) {
        on_payload(piece);
      } else {
        control_payload_ += piece;
      }
    }
  }

  [[nodiscard]] bool closed() const { return is_close_ && left_ == 0; }
  [[nodiscard]] int close_code() const;  // 1005 when the frame had none (section 7.1.5)

  // What a pong must repeat, once for a ping that came whole.
  std::optional<std::string> take_ping();

 private:
  std::size_t take_header(std::string_view bytes);  // how many bytes of the header it took
  void begin_frame();

  std::string header_;           // what is there of a header that is not complete
  std::string control_payload_;  // of the latest control frame
  std::size_t left_ = 0;         // payload still to come
  bool is_data_ = false;
  bool is_close_ = false;
  bool is_ping_ = false;
};

}  // namespace bascule::bench
