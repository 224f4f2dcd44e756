#include "proxy/observe/line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/base/text.hpp"

namespace bascule::observe {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; });
}

// One JSON object, a member at a time. There is a line for every session, and a tree of values that is printed and
// thrown away costs more than all the rest of telling (test/bench/README.md); what is not plain is the library's to
// write.
class ObjectLine {
 public:
  ObjectLine& add(std::string_view name, std::string_view text) {
    begin(name);
    if (is_plain(text)) {
      line_ += '"';
      line_ += text;
      line_ += '"';
    } else {
      // Bytes that are not UTF-8 become U+FFFD: a line must be valid JSON whatever a visitor sent.
      line_ += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    return *this;
  }
  ObjectLine& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
  ObjectLine& add(std::string_view name, std::uint64_t number) {
    begin(name);
    append_decimal(line_, number);
    return *this;
  }
  ObjectLine& add(std::string_view name, Duration duration) {  // in milliseconds, to the microsecond
    const auto microseconds =
        static_cast<std::uint64_t>(std::max(duration_cast<std::chrono::microseconds>(duration).count(), 0L));
    begin(name);
    append_decimal(line_, microseconds / 1000);
    line_ += '.';
    append_decimal(line_, microseconds % 1000, 3);
    return *this;
  }
  ObjectLine& add_if(std::string_view name, std::string_view text) { return text.empty() ? *this : add(name, text); }
  ObjectLine& add_if(std::string_view name, std::uint64_t number) { return number == 0 ? *this : add(name, number); }

  std::string take() { return std::move(line_) + '}'; }

 private:
  void begin(std::string_view name) {
    if (line_.empty()) { line_.reserve(usual_bytes); }
    line_ += line_.empty() ? "{\"" : ",\"";
    line_ += name;
    line_ += "\":";
  }

  static constexpr std::size_t usual_bytes = 640;

  std::string line_;
};

double milliseconds_of(Duration duration) {
  return static_cast<double>(duration_cast<std::chrono::microseconds>(duration).count()) / 1000.0;
}

std::string error_text(int error) {
  return error == 0 ? std::string() : std::string(std::strerror(error));
}

std::string json_of(const SessionRecord& record) {
  const bool refused = record.refused();
  ObjectLine line;
  line.add("time", iso_time(record.began + duration_cast<std::chrono::system_clock::duration>(record.lasted)))
      .add("level", "info")
      .add("event", refused ? "refused" : "session")
      .add("id", record.id)
      .add_if("reference", record.reference)
      .add("listener", record.listener)
      .add_if("route", record.route)
      .add("client", record.client.text())
      .add_if("user", record.user)
      .add_if("proof", record.proof)
      .add_if("service", record.service)
      .add_if("host", record.host)
      .add_if("path", record.path)
      .add_if("origin", record.origin)
      .add_if("subprotocol", record.subprotocol)
      .add_if("tls", record.tls)
      .add_if("status", static_cast<std::uint64_t>(record.refused_status))
      .add(refused ? "refusal" : "ending", record.ending)
      .add("ended_by", record.ended_by)
      .add("phase", word_of(record.phase));
  if (refused) { line.add("step", record.step); }
  line.add_if("place", record.place)
      .add_if("detail", record.detail)
      .add_if("error", error_text(record.error))
      .add_if("close_received", record.close_received)
      .add_if("close_sent", record.close_sent);
  if (record.phase == Phase::session) {
    line.add("from_client_bytes", record.from_client_bytes)
        .add("to_client_bytes", record.to_client_bytes)
        .add("from_client_messages", record.from_client_messages)
        .add("to_client_messages", record.to_client_messages);
  }
  if (record.dial_took != Duration::zero()) { line.add("dial_ms", record.dial_took); }
  return line.add("began", iso_time(record.began)).add("duration_ms", record.lasted).take();
}

std::string text_of(const SessionRecord& record) {
  const WallTime ended = record.began + duration_cast<std::chrono::system_clock::duration>(record.lasted);
  std::string line = fmt::format("{:%H:%M:%S} {}", fmt::gmtime(ended), record.client.text());
  const auto add = std::back_inserter(line);
  if (!record.route.empty()) { fmt::format_to(add, " {}", record.route); }
  if (record.refused()) {
    const std::string status = record.refused_status == 0 ? "unanswered" : std::to_string(record.refused_status);
    fmt::format_to(add, " refused {} {}", status, record.ending);
    if (!record.path.empty()) { fmt::format_to(add, " {}{}", record.host, record.path); }
    fmt::format_to(add, " ref {}", record.reference);
  } else {
    if (!record.service.empty()) { fmt::format_to(add, " -> {}", record.service); }
    fmt::format_to(add, " {} after {:.1f} s", record.ending, milliseconds_of(record.lasted) / 1000.0);
    if (record.phase == Phase::session) {
      fmt::format_to(add, ", {} in, {} out", size_text(record.from_client_bytes), size_text(record.to_client_bytes));
    } else {
      fmt::format_to(add, " in phase {}", word_of(record.phase));
    }
  }
  if (!record.detail.empty()) { fmt::format_to(add, ": {}", record.detail); }
  if (record.error != 0) { fmt::format_to(add, " ({})", error_text(record.error)); }
  return line;
}

}  // namespace

std::string_view word_of(Phase phase) {
  switch (phase) {
    case Phase::head: return "head";
    case Phase::judgement: return "judgement";
    case Phase::dial: return "dial";
    case Phase::answer: return "answer";
    case Phase::session: return "session";
  }
  return "";
}

std::string_view word_of(Level level) {
  switch (level) {
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "";
}

std::string iso_time(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<milliseconds>(at - day));
  std::string text;
  const auto add = [&text](auto number, std::size_t digits, char behind) {
    append_decimal(text, static_cast<std::uint64_t>(number), digits);
    text += behind;
  };
  text.reserve(std::string_view("2026-11-22T17:20:11.042Z").size());
  add(static_cast<int>(date.year()), 4, '-');
  add(static_cast<unsigned>(date.month()), 2, '-');
  add(static_cast<unsigned>(date.day()), 2, 'T');
  add(time.hours().count(), 2, ':');
  add(time.minutes().count(), 2, ':');
  add(time.seconds().count(), 2, '.');
  add(time.subseconds().count(), 3, 'Z');
  return text;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1024.0 && unit + 1 < units.size()) {
    amount /= 1024.0;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", amount, units[unit]);
}

std::string line_of(const SessionRecord& record, Format format) {
  return format == Format::json ? json_of(record) : text_of(record);
}

std::string line_of(const Note& note, Format format) {
  if (format == Format::text) {
    const bool routine = note.level == Level::info;
    return fmt::format("{:%H:%M:%S} {}{}", fmt::gmtime(note.at),
                       routine ? "" : fmt::format("{}: ", word_of(note.level)), note.text);
  }
  ObjectLine line;
  line.add("time", iso_time(note.at)).add("level", word_of(note.level)).add("event", note.event).add("text", note.text);
  for (const auto& [name, value] : note.fields) { line.add(name, value); }
  return line.take();
}

}  // namespace bascule::observe
