// What must come of the bytes that a client sends, by the slow decoders: which payload, in which messages, and how it
// ends. And what a client makes of the bytes that it is sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/policy/rules.hpp"
#include "test/fuzz/fuzz.hpp"
#include "test/fuzz/slow_frames.hpp"

namespace bascule::fuzz {

inline constexpr unsigned op_text = 1;
inline constexpr unsigned op_close = 8;
inline constexpr unsigned op_ping = 9;
inline constexpr unsigned op_pong = 10;

struct Message {
  unsigned kind = 0;
  std::string payload{};
  bool complete = false;
  std::size_t checked = 0;  // bytes of whole characters

  friend bool operator==(const Message& a, const Message& b) {
    return a.kind == b.kind && a.payload == b.payload && a.complete == b.complete;
  }

  // So far; each byte is looked at about once.
  bool is_text() {
    const SlowUtf8 more = slow_utf8(std::string_view(payload).substr(checked));
    if (!more.begins()) { return false; }
    checked = payload.size() - more.unfinished;
    return !complete || more.whole();
  }
};

// Of what a client has said, up to its Close or its first breach of the protocol.
struct Heard {
  std::vector<Message> messages{};
  std::vector<std::string> pings{};
  std::string data{};          // of all messages: no more than this may arrive
  std::size_t data_least = 0;  // bytes of it that must: what came with bad text in one piece may be dropped with it
  unsigned close = 0;          // 1005: a Close without a code; 0: none
  unsigned breach = 0;         // the close code that it deserves; 0: none
  bool at_frame_border = true;

  bool goes_on() const { return close == 0 && breach == 0; }
};

// One frame of data. False: it breaks the route's rule or is no text.
inline bool hear_data(const SlowFrame& frame, const policy::FrameRule& rule, Heard& heard) {
  if (frame.opcode != 0) {
    const bool welcome = frame.opcode == op_text ? rule.text_from_client : rule.binary_from_client;
    if (!welcome) {
      heard.breach = 1003;
      return false;
    }
    heard.messages.push_back({.kind = frame.opcode});
  }
  Message& message = heard.messages.back();
  message.payload += frame.payload;
  message.complete = frame.fin && frame.whole();
  heard.data += frame.payload;
  if (message.kind == op_text && !message.is_text()) {
    heard.breach = 1007;
    message.complete = false;
    return false;
  }
  heard.data_least = heard.data.size();
  return true;
}

inline Heard hear(std::string_view from_client, const policy::FrameRule& rule) {
  Heard heard;
  const SlowFrames slow = slow_frames(from_client, SentBy::client);
  heard.at_frame_border = slow.ends_at_frame;
  for (const SlowFrame& frame : slow.frames) {
    if (!frame.is_control()) {
      if (!frame.whole() && frame.payload.empty()) { return heard; }  // nothing of it has come
      if (!hear_data(frame, rule, heard)) { return heard; }
      continue;
    }
    if (!frame.whole()) { return heard; }
    if (frame.opcode == op_ping) { heard.pings.push_back(frame.payload); }
    if (frame.opcode != op_close) { continue; }
    const SlowClose close = slow_close(frame.payload);
    (close.wrong != 0 ? heard.breach : heard.close) = close.wrong != 0 ? close.wrong : close.code;
    return heard;
  }
  if (slow.broken) { heard.breach = 1002; }
  return heard;
}

// Of what a client is told.
struct Told {
  std::vector<Message> messages{};
  std::vector<std::string> pongs{};
  std::string data{};
  unsigned close = 0;      // as in Heard
  bool half_done = false;  // it ends within a frame
};

inline Told tell(std::string_view to_client, std::size_t frame_bytes_max) {
  const SlowFrames slow = slow_frames(to_client, SentBy::server);
  require(!slow.broken, "what a client is sent are frames");
  Told told;
  told.half_done = !slow.ends_at_frame;
  for (const SlowFrame& frame : slow.frames) {
    require(told.close == 0, "nothing follows a Close");
    require(frame.length <= frame_bytes_max, "no frame is longer than its route allows");
    if (!frame.is_control()) {
      if (frame.opcode != 0) { told.messages.push_back({.kind = frame.opcode}); }
      Message& message = told.messages.back();
      message.payload += frame.payload;
      message.complete = frame.fin && frame.whole();
      told.data += frame.payload;
      require(message.kind != op_text || message.is_text(), "text that a client is sent is UTF-8");
    } else if (frame.whole() && frame.opcode == op_pong) {
      told.pongs.push_back(frame.payload);
    } else if (frame.whole() && frame.opcode == op_close) {
      const SlowClose close = slow_close(frame.payload);
      require(close.wrong == 0, "the Close that a client is sent is right");
      told.close = close.code;
    }
  }
  require(told.close == 0 || !told.half_done, "not even a byte follows a Close");
  return told;
}

}  // namespace bascule::fuzz
