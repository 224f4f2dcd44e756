// What is told of a session once it is over, and of everything else worth a line.
//
// Every session, refused or served, leaves one record. It holds no secrets: no header values but the Origin, no query
// strings, no payload.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/base/time.hpp"

namespace bascule::observe {

// How far a visitor had come when it ended.
enum class Phase : std::uint8_t { head, judgement, dial, answer, session };
std::string_view word_of(Phase phase);

struct SessionRecord {
  // Who and where.
  std::uint64_t id = 0;
  std::string reference;  // of a refusal: what the visitor was told to quote; empty for what was served
  std::string listener;
  std::string route;  // empty when none had matched
  std::string user;   // empty: nobody has proven to be anybody
  std::string proof;  // by what he has: "portal", "kiosk+staff"
  Address client;
  std::string service;  // the address that answered, or what was tried; empty before the dial
  std::string host;     // as asked for, safe to print
  std::string path;     // without its query, safe to print
  std::string origin;   // as sent, safe to print
  std::string subprotocol;
  std::string_view tls;  // "TLSv1.3", where it ends here; a constant

  // When.
  WallTime began;
  TimePoint began_at;
  Duration lasted{};
  Duration dial_took{};

  // How it ended: either refused with a status, or served.
  Phase phase = Phase::head;
  int refused_status = 0;     // of a refusal: what was answered; 0: nothing was, the connection was closed
  std::string_view ending;    // a constant word: "foreign_origin", "client_closed"
  std::string_view ended_by;  // "client", "service", "bascule"
  std::string_view step;      // of a refusal: the step of the judgement that said no; a constant word
  std::string place;          // and the rule that did: "rules.yaml:12:5"
  std::string detail;         // for people, safe to print
  int error = 0;              // errno, where the network said so
  std::uint16_t close_received = 0;
  std::uint16_t close_sent = 0;

  // What passed: payload only.
  std::uint64_t from_client_bytes = 0;
  std::uint64_t to_client_bytes = 0;
  std::uint64_t from_client_messages = 0;
  std::uint64_t to_client_messages = 0;

  bool refused() const { return !reference.empty(); }
};

enum class Level : std::uint8_t { info, warning, error };
std::string_view word_of(Level level);

// Anything else: a listener that opened, a shortage, the end of the process.
struct Note {
  Level level = Level::info;
  std::string_view event;                                        // a constant word: "listening"
  std::string text;                                              // for people
  std::vector<std::pair<std::string_view, std::string>> fields;  // for machines
  WallTime at;
};

}  // namespace bascule::observe
