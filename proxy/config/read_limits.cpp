// `timeouts`, `limits` and `bandwidth`: how long, how many, how fast.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/config/reader.hpp"
#include "proxy/config/values.hpp"

namespace bascule::config {

using policy::Limits;
using policy::Pace;
using policy::Route;
using policy::Timeouts;

namespace {

constexpr std::size_t head_bytes_min = 1024;
constexpr std::size_t head_bytes_max = std::size_t{1024} * 1024;
constexpr unsigned head_fields_max = 1000;

constexpr std::array<std::pair<std::string_view, Limit Timeouts::*>, 10> timeouts_of_sessions{
    {{"tls", &Timeouts::tls},
     {"head", &Timeouts::head},
     {"connect", &Timeouts::connect},
     {"ping", &Timeouts::ping},
     {"pong", &Timeouts::pong},
     {"stall", &Timeouts::stall},
     {"close", &Timeouts::close},
     {"half_close", &Timeouts::half_close},
     {"idle", &Timeouts::idle},
     {"lifetime", &Timeouts::lifetime}}};

constexpr std::array<std::string_view, 4> timeouts_of_pages{"tls", "head", "stall", "close"};

constexpr std::array<std::pair<std::string_view, std::optional<std::size_t> Limits::*>, 3> counts{
    {{"sessions", &Limits::sessions},
     {"sessions_per_address", &Limits::sessions_per_address},
     {"sessions_per_user", &Limits::sessions_per_user}}};

bool is_of_pages(std::string_view timeout) {
  return std::find(timeouts_of_pages.begin(), timeouts_of_pages.end(), timeout) != timeouts_of_pages.end();
}

constexpr std::string_view timeouts_example = "timeouts: {connect: 5s, idle: 30m}";
constexpr std::string_view limits_example = "limits: {sessions: 500}";

void read_head_limits(const Fields& written, Limits& limits) {
  if (const std::string* size = written.text("head_size")) {
    const auto bytes =
        written.accept(*written.find("head_size"), "head_size", parse_size(*size, head_bytes_min, head_bytes_max));
    if (bytes) { limits.head_bytes = *bytes; }
  }
  if (const std::string* number = written.text("head_fields")) {
    const auto fields =
        written.accept(*written.find("head_fields"), "head_fields", parse_whole(*number, 1, head_fields_max));
    if (fields) { limits.head_fields = *fields; }
  }
}

}  // namespace

void Reader::read_timeouts(const Fields& fields, Timeouts& timeouts) {
  const auto written = fields.map("timeouts", Section::timeouts, timeouts_example);
  if (!written) { return; }
  for (const auto& [key, timeout] : timeouts_of_sessions) {
    if (const auto limit = written->value(key, parse_duration)) { timeouts.*timeout = *limit; }
  }
}

void Reader::read_limits(const Fields& fields, Route& route) {
  const auto written = fields.map("limits", Section::limits, limits_example);
  if (!written) { return; }
  for (const auto& [key, count] : counts) {
    if (const auto most = written->value(key, parse_count)) { route.limits.*count = *most; }
  }
  if (const auto rate = written->value("new_sessions", parse_rate)) { route.limits.new_sessions = *rate; }
  if (const auto rate = written->value("frames", parse_rate)) { route.session.pace.frames = *rate; }
  if (const auto rate = written->value("control_frames", parse_rate)) { route.session.pace.control_frames = *rate; }
  read_head_limits(*written, route.limits);
}

void Reader::read_bandwidth(const Fields& fields, Pace& pace) {
  const auto written =
      fields.map("bandwidth", Section::bandwidth, "bandwidth: {to_client: 20MiB/s, from_client: 2MiB/s}");
  if (!written) { return; }
  if (const auto rate = written->value("to_client", parse_bandwidth)) { pace.to_client_bytes = *rate; }
  if (const auto rate = written->value("from_client", parse_bandwidth)) { pace.from_client_bytes = *rate; }
}

// --- of a route that bascule answers itself --------------------------------------------------------------------------

// What is written there and does nothing would be a promise that nobody keeps; what `defaults` write is for others.
void Reader::read_page_limits(const Fields& fields, Route& route, std::string_view why) {
  if (const auto written = fields.map("timeouts", Section::timeouts, timeouts_example)) {
    for (const auto& [key, timeout] : timeouts_of_sessions) {
      if (is_of_pages(key)) {
        if (const auto limit = written->value(key, parse_duration)) { route.session.timeouts.*timeout = *limit; }
      } else {
        refuse_idle_key(written->own(), key, why);
      }
    }
  }
  if (const auto written = fields.map("limits", Section::limits, limits_example)) {
    for (const std::string_view key :
         {"sessions", "sessions_per_address", "sessions_per_user", "new_sessions", "frames", "control_frames"}) {
      refuse_idle_key(written->own(), key, why);
    }
    read_head_limits(*written, route.limits);
  }
}

}  // namespace bascule::config
