#include "proxy/wire/ws/close.hpp"

#include "proxy/base/utf8.hpp"
#include "proxy/wire/ws/frame.hpp"

namespace bascule::wire::ws {
namespace {

bool is_utf8(Bytes text) {
  Utf8Check check;
  return check.accept(text) && check.complete();
}

// The longest beginning that fits and does not end within a character.
std::string_view cut_to(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) { return text; }
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0U) == 0x80U) { --end; }
  return text.substr(0, end);
}

}  // namespace

bool may_be_sent(std::uint16_t code) {
  if (code >= 3000) { return code <= 4999; }
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

CloseReading read_close(Bytes payload) {
  CloseReading reading;
  if (payload.empty()) {
    reading.body.emplace();
    return reading;
  }
  if (payload.size() == 1) {
    reading.wrong_code = close_code::protocol_error;
    return reading;
  }
  const auto code = static_cast<std::uint16_t>(payload[0] << 8U | payload[1]);
  if (!may_be_sent(code)) {
    reading.wrong_code = close_code::protocol_error;
    return reading;
  }
  const Bytes reason = payload.subspan(2);
  if (!is_utf8(reason)) {
    reading.wrong_code = close_code::invalid_payload;
    return reading;
  }
  reading.body.emplace(CloseBody{code, std::string(text_of(reason))});
  return reading;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  if (code == close_code::no_code) { return {}; }
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8U));
  payload.push_back(static_cast<char>(code & 0xffU));
  payload += cut_to(reason, control_payload_max - payload.size());
  return payload;
}

}  // namespace bascule::wire::ws
