#include "proxy/observe/line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>

namespace bascule::observe {

namespace {

using Json = nlohmann::ordered_json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::string dumped(const Json& json) {
  // Bytes that are not UTF-8 become U+FFFD: a line must be valid JSON whatever a visitor sent.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

double milliseconds_of(Duration duration) {
  return static_cast<double>(duration_cast<std::chrono::microseconds>(duration).count()) / 1000.0;
}

std::string error_text(int error) {
  return error == 0 ? std::string() : std::string(std::strerror(error));
}

std::string json_of(const SessionRecord& record) {
  const bool refused = record.refused();
  Json json;
  json["time"] = iso_time(record.began + duration_cast<std::chrono::system_clock::duration>(record.lasted));
  json["level"] = "info";
  json["event"] = refused ? "refused" : "session";
  json["id"] = record.id;
  if (refused) { json["reference"] = record.reference; }
  json["listener"] = record.listener;
  if (!record.route.empty()) { json["route"] = record.route; }
  json["client"] = record.client.text();
  if (!record.user.empty()) { json["user"] = record.user; }
  if (!record.proof.empty()) { json["proof"] = record.proof; }
  if (!record.service.empty()) { json["service"] = record.service; }
  if (!record.host.empty()) { json["host"] = record.host; }
  if (!record.path.empty()) { json["path"] = record.path; }
  if (!record.origin.empty()) { json["origin"] = record.origin; }
  if (!record.subprotocol.empty()) { json["subprotocol"] = record.subprotocol; }
  if (!record.tls.empty()) { json["tls"] = record.tls; }
  if (record.refused_status != 0) { json["status"] = record.refused_status; }
  json[refused ? "refusal" : "ending"] = record.ending;
  json["ended_by"] = record.ended_by;
  json["phase"] = word_of(record.phase);
  if (refused) { json["step"] = record.step; }
  if (!record.place.empty()) { json["place"] = record.place; }
  if (!record.detail.empty()) { json["detail"] = record.detail; }
  if (record.error != 0) { json["error"] = error_text(record.error); }
  if (record.close_received != 0) { json["close_received"] = record.close_received; }
  if (record.close_sent != 0) { json["close_sent"] = record.close_sent; }
  if (record.phase == Phase::session) {
    json["from_client_bytes"] = record.from_client_bytes;
    json["to_client_bytes"] = record.to_client_bytes;
    json["from_client_messages"] = record.from_client_messages;
    json["to_client_messages"] = record.to_client_messages;
  }
  if (record.dial_took != Duration::zero()) { json["dial_ms"] = milliseconds_of(record.dial_took); }
  json["began"] = iso_time(record.began);
  json["duration_ms"] = milliseconds_of(record.lasted);
  return dumped(json);
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
  const auto since_epoch = duration_cast<milliseconds>(at.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(at), since_epoch.count() % 1000);
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
  Json json;
  json["time"] = iso_time(note.at);
  json["level"] = word_of(note.level);
  json["event"] = note.event;
  json["text"] = note.text;
  for (const auto& [name, value] : note.fields) { json[std::string(name)] = value; }
  return dumped(json);
}

}  // namespace bascule::observe
